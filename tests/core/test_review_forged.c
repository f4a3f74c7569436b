#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/node_fixture.h"

/* A record that claims to be by `author`, under a signature of nobody. */
static struct bytes
forge(const struct peer_id *author, const struct envelope *like, uint8_t *memory)
{
    struct envelope envelope = *like;
    struct buffer buffer;
    envelope.version = RECORD_VERSION;
    envelope.network = fixture_network;
    envelope.author = *author;
    buffer_init(&buffer, memory, COSIGNED_BYTES_MAX);
    cr_assert_eq(codec_encode(&envelope_schema, &envelope, &buffer), STATUS_OK);
    memset(memory + buffer.length, 1, 64);
    return bytes_of(memory, buffer.length + 64);
}

static struct bytes
request_body(uint8_t *memory)
{
    const struct request request = request_default();
    struct buffer buffer;
    buffer_init(&buffer, memory, RECORD_BODY_MAX);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    return buffer_bytes(&buffer);
}

static void
says_record(struct node *node, const struct stranger *stranger, struct bytes sealed)
{
    const struct records_message message = {.records = {.count = 1, .items = {sealed}}};
    stranger_says(node, stranger, &records_message_schema, &message);
}

/* Without a signature check it would burn our own slots, and fill the table of sequences. */
Test(review_forged, records_in_our_name_need_our_signature)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    uint8_t body[RECORD_BODY_MAX];
    struct node *node = node_new("node", 1);
    struct stranger liar;
    node_host(node, 200000);
    const uint64_t now_s = (uint64_t)node->now.wall.ms / 1000;
    for (uint32_t i = 0; i < SEQUENCES_MAX + 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "liar-%u", i % 64);
        stranger_init(&liar, name);
        stranger_connect(node, &liar);
        const struct envelope like = {.kind = RECORD_REQUEST,
                                      .seq = UINT64_MAX,
                                      .issued_at_s = now_s,
                                      .ttl_s = 60,
                                      .detail = i,
                                      .body = request_body(body)};
        says_record(node, &liar, forge(&node->options.keypair.identity, &like, memory));
        stranger_disconnect(node, &liar);
    }
    cr_assert_lt(node->core->sequence_count, 64u);
    node_free(node);
}

Test(review_forged, a_forged_node_record_does_not_burn_our_sequence)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    uint8_t body[RECORD_BODY_MAX];
    struct node *node = node_new("node", 1);
    struct stranger liar;
    struct stranger friend;
    struct record_view view;
    struct bytes sealed;
    struct buffer buffer;
    stranger_init(&liar, "liar");
    stranger_init(&friend, "friend");
    stranger_connect(node, &liar);
    stranger_connect(node, &friend);
    const struct node_record record = {.label = bytes_of_text("thief")};
    buffer_init(&buffer, body, sizeof body);
    cr_assert_eq(codec_encode(&node_record_schema, &record, &buffer), STATUS_OK);
    const struct envelope like = {.kind = RECORD_NODE,
                                  .seq = (uint64_t)node->now.wall.ms + 500000,
                                  .issued_at_s = (uint64_t)node->now.wall.ms / 1000,
                                  .ttl_s = 3600,
                                  .body = buffer_bytes(&buffer)};
    says_record(node, &liar, forge(&node->options.keypair.identity, &like, memory));
    cr_assert_not(stranger_is_connected(node, &liar), "it answers for what it passes on");
    node_wait(node, 13 * 3600 * 1000);
    stranger_connect(node, &friend);
    cr_assert(stranger_pulls(node, &friend, RECORD_NODE, &sealed));
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    cr_assert_leq(view.envelope.seq, (uint64_t)node->now.wall.ms);
    node_free(node);
}

/* An older life of ours, of which the disk knows nothing, is exceeded. */
Test(review_forged, a_signed_record_of_an_older_life_is_exceeded)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct node *node = node_new("node", 0);
    struct stranger friend;
    struct stranger self;
    struct bytes sealed;
    struct record_view view;
    stranger_init(&friend, "friend");
    stranger_connect(node, &friend);
    stranger_init(&self, "self");
    self.keypair = node->options.keypair;
    self.seq = 5000; /* ahead by so many ms */
    const struct node_record record = {.channel_key = node->options.keypair.channel_key,
                                       .label = bytes_of_text("older")};
    says_record(node, &friend, stranger_seals(node, &self, RECORD_NODE, &record, memory));
    cr_assert(stranger_is_connected(node, &friend));
    node_wait(node, 500);
    cr_assert(stranger_pulls(node, &friend, RECORD_NODE, &sealed));
    cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
    cr_assert_gt(view.envelope.seq, (uint64_t)node->now.wall.ms + 3000);
    node_free(node);
}

/* Two daemons under one key that exceed each other would flood the market and let a card twice. */
Test(review_forged, a_twin_is_noticed_and_no_holds_are_taken)
{
    uint8_t memory[COSIGNED_BYTES_MAX];
    struct node *node = node_new("node", 1);
    struct stranger friend;
    struct stranger self;
    struct bytes frame;
    struct refused_message refused;
    node_host(node, 200000);
    stranger_init(&friend, "friend");
    stranger_connect(node, &friend);
    stranger_init(&self, "self");
    self.keypair = node->options.keypair;
    node_wait(node, 120000);
    stranger_connect(node, &friend);
    self.seq = 5000;
    const struct node_record record = {.channel_key = node->options.keypair.channel_key};
    says_record(node, &friend, stranger_seals(node, &self, RECORD_NODE, &record, memory));
    node_forget_sent(node);
    node_wait(node, 3000);
    cr_assert_eq(node_count_sent(node, friend.link, MESSAGE_RECORDS), 0u, "it starts no fight");
    const struct hold hold = {.host = node->options.keypair.identity,
                              .listing = node->core->offers[0].listing,
                              .slots = 1,
                              .duration_s = 60,
                              .ask_max_uusd_per_hour = micro(200000),
                              .ttl_ms = 10000};
    stranger_says_signed(node, &friend, RECORD_HOLD, &hold);
    cr_assert(node_last_sent(node, friend.link, MESSAGE_REFUSED, &frame));
    cr_assert_eq(message_decode(&refused_message_schema, frame, &refused), STATUS_OK);
    cr_assert_eq(refused.reason, REFUSAL_PAUSED);
    node_free(node);
}

/* A machine that was years ahead is not silent for years once its clock is right. */
Test(review_forged, sequences_of_a_wrong_clock_are_left_behind)
{
    struct node *node = node_new("node", 1);
    struct stranger friend;
    struct bytes sealed;
    struct record_view view;
    node_host(node, 200000);
    node->now.wall.ms += INT64_C(400) * 86400 * 1000;
    node_wait(node, 13 * 3600 * 1000); /* node and listing are refreshed */
    node->now.wall.ms -= INT64_C(400) * 86400 * 1000;
    node_restart(node, false);
    node_wait(node, 2000);
    stranger_init(&friend, "friend");
    stranger_connect(node, &friend);
    static const uint8_t kinds[] = {RECORD_NODE, RECORD_LISTING};
    for (size_t i = 0; i < sizeof kinds; i++) {
        cr_assert(stranger_pulls(node, &friend, kinds[i], &sealed), "%s",
                  record_kind_name(kinds[i]));
        cr_assert_eq(record_parse(sealed, &fixture_network, &view), STATUS_OK);
        cr_assert_leq(view.envelope.seq, (uint64_t)node->now.wall.ms);
    }
    node_free(node);
}
