#include "node/io/carry_out.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/io/clock.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/limits.h"
#include "tests/support/sealed.h"

static const struct store_options defaults = {0};

/* A world of a real store and a real control socket, with one command that has asked something. */
struct stage {
    char data_dir[64];
    void *zmq;
    void *command;
    struct world world;
    struct effects *effects;
    struct client client;
};

static void
take(void *context, const struct event *event)
{
    struct stage *stage = context;
    if (event->type == EVENT_CONTROL) {
        stage->client = event->as.control.client;
    }
}

static void
serve(struct stage *stage)
{
    const struct sink sink = {.take = take, .context = stage};
    zmq_pollitem_t items[4];
    struct poll_set set = {.items = items, .capacity = 4};
    control_add_to_poll(stage->world.control, &set);
    zmq_poll(items, (int)set.count, 20);
    (void)control_receive(stage->world.control, &set, &sink);
}

static void
open_store(struct stage *stage, const struct store_options *options)
{
    char why[STORE_WHY_SIZE];
    cr_assert_eq(store_open(stage->data_dir, options, &stage->world.store, why), STATUS_OK, "%s",
                 why);
}

static void
open_stage(struct stage *stage, const struct store_options *options)
{
    memset(stage, 0, sizeof *stage);
    cr_assert_eq(crypto_start(), STATUS_OK);
    snprintf(stage->data_dir, sizeof stage->data_dir, "/tmp/gpulet-carry-XXXXXX");
    cr_assert_not_null(mkdtemp(stage->data_dir));
    open_store(stage, options);
    stage->zmq = zmq_ctx_new();
    stage->effects = effects_new();
    cr_assert_eq(control_open(stage->zmq, stage->data_dir, &stage->world.control), STATUS_OK);
    char endpoint[256];
    snprintf(endpoint, sizeof endpoint, "ipc://%s", control_path(stage->world.control));
    stage->command = zmq_socket(stage->zmq, ZMQ_DEALER);
    cr_assert_eq(zmq_connect(stage->command, endpoint), 0);
    uint8_t memory[64];
    struct buffer buffer;
    const struct control_plain plain = {0};
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(message_encode(control_schema(CONTROL_STATUS), &plain, &buffer), STATUS_OK);
    zmq_send(stage->command, buffer.data, buffer.length, 0);
    for (int i = 0; i < 100 && stage->client.number == 0; i++) {
        serve(stage);
    }
    cr_assert_neq(stage->client.number, 0);
}

static int
remove_entry(const char *path, const struct stat *entry, int kind, struct FTW *place)
{
    (void)entry;
    (void)kind;
    (void)place;
    return remove(path);
}

static void
remove_tree(const char *path)
{
    cr_assert_eq(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void
close_stage(struct stage *stage)
{
    const int linger = 0;
    zmq_setsockopt(stage->command, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(stage->command);
    control_close(stage->world.control);
    zmq_ctx_term(stage->zmq);
    store_close(stage->world.store);
    effects_free(stage->effects);
    remove_tree(stage->data_dir);
}

static struct row_key
key_of(uint64_t number)
{
    return (struct row_key){.number = number};
}

static void
add_row(struct stage *stage, uint64_t number, struct bytes value)
{
    struct effect *effect = effects_add(stage->effects, EFFECT_STORE_ROW);
    effect->as.row = (struct row){.table = TABLE_SEQUENCES,
                                  .key = key_of(number),
                                  .value = effects_copy(stage->effects, value)};
}

static void
add_answer(struct stage *stage, const char *text)
{
    uint8_t memory[256];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    const struct control_done done = {.text = bytes_of_text(text)};
    cr_assert_eq(message_encode(control_schema(CONTROL_DONE), &done, &buffer), STATUS_OK);
    struct effect *effect = effects_add(stage->effects, EFFECT_ANSWER);
    effect->as.answer.client = stage->client;
    effect->as.answer.bytes = effects_copy(stage->effects, buffer_bytes(&buffer));
}

/* The text of the next CONTROL_DONE that the command hears; false when none comes. */
static bool
command_hears(struct stage *stage, char ret_text[64])
{
    for (int i = 0; i < 20; i++) {
        uint8_t frame[1024];
        uint8_t type = 0;
        const int length = zmq_recv(stage->command, frame, sizeof frame, ZMQ_DONTWAIT);
        struct control_done done;
        if (length > 0 && message_type(bytes_of(frame, (size_t)length), &type) == STATUS_OK &&
            type == CONTROL_DONE &&
            message_decode(control_schema(type), bytes_of(frame, (size_t)length), &done) ==
                STATUS_OK) {
            snprintf(ret_text, 64, "%.*s", (int)done.text.length, (const char *)done.text.data);
            return true;
        }
        serve(stage);
    }
    return false;
}

static bool
is_stored(struct stage *stage, enum table table, const struct row_key *key)
{
    static uint8_t memory[ROW_VALUE_BYTES_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    return store_get(stage->world.store, table, key, &buffer) == STATUS_OK;
}

Test(carry_out, what_is_answered_is_on_the_disk_even_when_the_answer_stood_first)
{
    struct stage stage;
    char text[64] = "";
    open_stage(&stage, &defaults);
    add_answer(&stage, "done");
    add_row(&stage, 7, bytes_of_text("kept"));
    cr_assert_eq(carry_out(&stage.world, stage.effects), STATUS_OK);
    cr_assert(command_hears(&stage, text));
    cr_assert_str_eq(text, "done");
    store_close(stage.world.store);
    open_store(&stage, &defaults);
    const struct row_key key = key_of(7);
    cr_assert(is_stored(&stage, TABLE_SEQUENCES, &key));
    close_stage(&stage);
}

Test(carry_out, a_batch_that_cannot_be_stored_does_nothing_at_all)
{
    struct stage stage;
    char text[64] = "";
    static uint8_t large[60000];
    const struct store_options small = {.truth_quota_bytes = 1 << 20};
    open_stage(&stage, &small);
    enum status status = STATUS_OK;
    uint64_t number = 1;
    while (status == STATUS_OK && number < 100) {
        effects_clear(stage.effects);
        add_row(&stage, number++, bytes_of(large, sizeof large));
        status = carry_out(&stage.world, stage.effects);
    }
    cr_assert_eq(status, STATUS_DISK_FULL);

    effects_clear(stage.effects);
    add_row(&stage, 1000, bytes_of_text("small"));
    add_row(&stage, 1001, bytes_of(large, sizeof large));
    add_answer(&stage, "a promise that cannot be kept");
    effects_add(stage.effects, EFFECT_STOP);
    cr_assert_eq(carry_out(&stage.world, stage.effects), STATUS_DISK_FULL);
    cr_assert(!command_hears(&stage, text));
    cr_assert(!stage.world.should_stop);
    const struct row_key key = key_of(1000);
    cr_assert(!is_stored(&stage, TABLE_SEQUENCES, &key), "not even the part that would fit");

    /* The room that was kept is for this hour. */
    store_release_ballast(stage.world.store);
    effects_clear(stage.effects);
    add_row(&stage, 1000, bytes_of_text("an end"));
    add_answer(&stage, "ended");
    cr_assert_eq(carry_out(&stage.world, stage.effects), STATUS_OK);
    cr_assert(command_hears(&stage, text));
    cr_assert_str_eq(text, "ended");
    close_stage(&stage);
}

Test(carry_out, records_and_evidence_are_stored_and_deleted_under_their_names)
{
    struct stage stage;
    struct sealed_record sealed;
    static uint8_t memory[8192];
    struct sample sample;
    open_stage(&stage, &defaults);
    sample_init(&sample, 3, memory, sizeof memory);
    const struct keypair keypair = sealed_keypair("author");
    const struct network_id network = sealed_network("test");
    struct verified_record record;
    sealed_random(&sealed, RECORD_WITHDRAWAL, &keypair, &sample);
    cr_assert_eq(record_open(sealed_bytes(&sealed), &network, &record), STATUS_OK);
    const struct record_id hold = {{42}};

    effects_add(stage.effects, EFFECT_STORE_RECORD)->as.record = record;
    struct effect *evidence = effects_add(stage.effects, EFFECT_STORE_EVIDENCE);
    evidence->as.evidence.hold = hold;
    evidence->as.evidence.what = 3;
    evidence->as.evidence.record = record;
    cr_assert_eq(carry_out(&stage.world, stage.effects), STATUS_OK);
    struct row_key record_key = {.number = 0};
    struct row_key evidence_key = {.number = 3};
    memcpy(record_key.id, verified_id(&record)->bytes, ID_LENGTH);
    memcpy(evidence_key.id, hold.bytes, ID_LENGTH);
    cr_assert(is_stored(&stage, TABLE_RECORDS, &record_key));
    cr_assert(is_stored(&stage, TABLE_EVIDENCE, &evidence_key));

    effects_clear(stage.effects);
    effects_add(stage.effects, EFFECT_DELETE_RECORD)->as.record_id = *verified_id(&record);
    evidence = effects_add(stage.effects, EFFECT_DELETE_EVIDENCE);
    evidence->as.evidence.hold = hold;
    evidence->as.evidence.what = 3;
    cr_assert_eq(carry_out(&stage.world, stage.effects), STATUS_OK);
    cr_assert(!is_stored(&stage, TABLE_RECORDS, &record_key));
    cr_assert(!is_stored(&stage, TABLE_EVIDENCE, &evidence_key));
    close_stage(&stage);
}
