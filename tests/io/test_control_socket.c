#include "node/io/control_socket.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/clock.h"
#include "node/io/control_path.h"
#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/limits.h"

enum { HEARD_MAX = 256 };

/* A daemon's side with a book of what it was told, and one command's side. */
struct desk {
    char data_dir[256];
    void *zmq;
    struct control *control;
    void *command;
    size_t count;
    enum event_type types[HEARD_MAX];
    struct client clients[HEARD_MAX];
    size_t lengths[HEARD_MAX];
};

static void
take(void *context, const struct event *event)
{
    struct desk *desk = context;
    cr_assert_lt(desk->count, HEARD_MAX);
    desk->types[desk->count] = event->type;
    if (event->type == EVENT_CONTROL) {
        desk->clients[desk->count] = event->as.control.client;
        desk->lengths[desk->count] = event->as.control.bytes.length;
    } else {
        desk->clients[desk->count] = event->as.control_gone;
    }
    desk->count++;
}

static void *
new_command(struct desk *desk)
{
    char endpoint[256];
    const int linger = 0;
    void *command = zmq_socket(desk->zmq, ZMQ_DEALER);
    zmq_setsockopt(command, ZMQ_LINGER, &linger, sizeof linger);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", control_path(desk->control));
    cr_assert_eq(zmq_connect(command, endpoint), 0);
    return command;
}

static void
open_desk(struct desk *desk)
{
    memset(desk, 0, sizeof *desk);
    snprintf(desk->data_dir, sizeof desk->data_dir, "/tmp/gpulet-control-XXXXXX");
    cr_assert_not_null(mkdtemp(desk->data_dir));
    desk->zmq = zmq_ctx_new();
    cr_assert_eq(control_open(desk->zmq, desk->data_dir, &desk->control), STATUS_OK);
    desk->command = new_command(desk);
}

static void
close_desk(struct desk *desk)
{
    char path[512];
    zmq_close(desk->command);
    control_close(desk->control);
    zmq_ctx_term(desk->zmq);
    snprintf(path, sizeof path, "%s/run", desk->data_dir);
    cr_assert_eq(rmdir(path), 0, "the socket is removed");
    cr_assert_eq(rmdir(desk->data_dir), 0, "so is the note of its path");
}

static void
run(struct desk *desk, int milliseconds)
{
    const struct sink sink = {.take = take, .context = desk};
    const int64_t until = clock_boot_ms() + milliseconds;
    zmq_pollitem_t items[4];
    for (int64_t left = milliseconds; left > 0; left = until - clock_boot_ms()) {
        struct poll_set set = {.items = items, .capacity = 4};
        control_add_to_poll(desk->control, &set);
        int64_t wait = control_deadline_ms(desk->control) - clock_boot_ms();
        wait = wait > left ? left : wait < 0 ? 0 : wait;
        zmq_poll(items, (int)set.count, (long)wait);
        (void)control_receive(desk->control, &set, &sink);
    }
}

static size_t
say(uint8_t *memory, size_t size, uint8_t type)
{
    struct buffer buffer;
    const struct control_plain plain = {0};
    buffer_init(&buffer, memory, size);
    cr_assert_eq(message_encode(control_schema(type), &plain, &buffer), STATUS_OK);
    return buffer.length;
}

static void
ask(void *command, uint8_t type)
{
    uint8_t memory[64];
    const size_t length = say(memory, sizeof memory, type);
    cr_assert_eq(zmq_send(command, memory, length, 0), (int)length);
}

/* The type of the next frame that is no beat; 0 when none comes in time. */
static uint8_t
hear(struct desk *desk, void *command, void *ret_frame, int *ret_length)
{
    for (int i = 0; i < 40; i++) {
        uint8_t type = 0;
        const int length = zmq_recv(command, ret_frame, FRAME_BYTES_MAX, ZMQ_DONTWAIT);
        if (length > 0 && message_type(bytes_of(ret_frame, (size_t)length), &type) == STATUS_OK &&
            type != CONTROL_PING) {
            *ret_length = length;
            return type;
        }
        run(desk, 5);
    }
    return 0;
}

static struct bytes
done_frame(uint8_t *memory, size_t size)
{
    struct buffer buffer;
    const struct control_done done = {.status = STATUS_OK, .text = bytes_of_text("fine")};
    buffer_init(&buffer, memory, size);
    cr_assert_eq(message_encode(control_schema(CONTROL_DONE), &done, &buffer), STATUS_OK);
    return buffer_bytes(&buffer);
}

Test(control_socket, a_question_reaches_the_core_and_its_answer_the_command)
{
    struct desk desk;
    uint8_t memory[256];
    uint8_t frame[FRAME_BYTES_MAX];
    int length = 0;
    open_desk(&desk);
    ask(desk.command, CONTROL_STATUS);
    run(&desk, 100);
    cr_assert_eq(desk.count, 1);
    cr_assert_eq(desk.types[0], EVENT_CONTROL);
    cr_assert_eq(control_send(desk.control, desk.clients[0], done_frame(memory, sizeof memory)),
                 STATUS_OK);
    cr_assert_eq(hear(&desk, desk.command, frame, &length), CONTROL_DONE);
    struct control_done done;
    cr_assert_eq(
        message_decode(control_schema(CONTROL_DONE), bytes_of(frame, (size_t)length), &done),
        STATUS_OK);
    cr_assert(bytes_are_text(done.text, "fine"));
    close_desk(&desk);
}

Test(control_socket, beats_are_not_handed_on_and_garbage_is_ignored)
{
    struct desk desk;
    static const uint8_t garbage[][8] = {{0xc1}, {0xff, 0xff}, {0x91}, {0x93, 0xcd, 0, 1}, {0}};
    open_desk(&desk);
    ask(desk.command, CONTROL_PING);
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        zmq_send(desk.command, garbage[i], sizeof garbage[i], 0);
    }
    zmq_send(desk.command, "", 0, 0);
    zmq_send(desk.command, "part", 4, ZMQ_SNDMORE);
    zmq_send(desk.command, "part", 4, 0);
    run(&desk, 100);
    cr_assert_eq(desk.count, 0);
    ask(desk.command, CONTROL_GPUS);
    run(&desk, 100);
    cr_assert_eq(desk.count, 1, "it is heard all the same");
    close_desk(&desk);
}

Test(control_socket, a_silent_command_is_gone_after_three_seconds_and_one_that_beats_is_not)
{
    struct desk desk;
    open_desk(&desk);
    void *lively = new_command(&desk);
    ask(desk.command, CONTROL_STATUS);
    ask(lively, CONTROL_GPUS);
    run(&desk, 50);
    cr_assert_eq(desk.count, 2);
    const struct client silent = desk.clients[desk.lengths[0] == 0 ? 1 : 0];
    for (int i = 0; i < 10 && desk.count < 3; i++) {
        ask(lively, CONTROL_PING);
        run(&desk, 500);
    }
    cr_assert_eq(desk.count, 3);
    cr_assert_eq(desk.types[2], EVENT_CONTROL_GONE);
    cr_assert(desk.clients[2].number == silent.number ||
              desk.clients[2].number == desk.clients[1].number);
    ask(lively, CONTROL_GPUS);
    run(&desk, 50);
    cr_assert_eq(desk.count, 4);
    cr_assert_neq(desk.clients[3].number, desk.clients[2].number, "the lively one is still there");
    zmq_close(lively);
    close_desk(&desk);
}

Test(control_socket, a_command_that_ends_is_gone_with_the_next_beat)
{
    struct desk desk;
    open_desk(&desk);
    void *brief = new_command(&desk);
    ask(brief, CONTROL_STATUS);
    run(&desk, 50);
    cr_assert_eq(desk.count, 1);
    zmq_close(brief);
    run(&desk, 1300);
    cr_assert_eq(desk.count, 2);
    cr_assert_eq(desk.types[1], EVENT_CONTROL_GONE);
    cr_assert_eq(desk.clients[1].number, desk.clients[0].number);
    uint8_t memory[64];
    cr_assert_eq(control_send(desk.control, desk.clients[0], done_frame(memory, sizeof memory)),
                 STATUS_DISCONNECTED);
    close_desk(&desk);
}

Test(control_socket, questions_without_an_answer_fail_when_the_core_is_lost_and_others_do_not)
{
    struct desk desk;
    uint8_t memory[64];
    uint8_t frame[FRAME_BYTES_MAX];
    int length = 0;
    open_desk(&desk);
    void *answered = new_command(&desk);
    ask(answered, CONTROL_STATUS);
    run(&desk, 50);
    cr_assert_eq(control_send(desk.control, desk.clients[0], done_frame(memory, sizeof memory)),
                 STATUS_OK);
    cr_assert_eq(hear(&desk, answered, frame, &length), CONTROL_DONE);
    ask(desk.command, CONTROL_GPUS);
    run(&desk, 50);
    control_fail_all(desk.control, STATUS_DISK_FULL, "the disk is full");
    cr_assert_eq(hear(&desk, desk.command, frame, &length), CONTROL_DONE);
    struct control_done done;
    cr_assert_eq(
        message_decode(control_schema(CONTROL_DONE), bytes_of(frame, (size_t)length), &done),
        STATUS_OK);
    cr_assert_eq(done.status, STATUS_DISK_FULL);
    cr_assert_eq(hear(&desk, answered, frame, &length), 0);
    zmq_close(answered);
    close_desk(&desk);
}

Test(control_socket, more_commands_than_there_are_places_are_told_so)
{
    struct desk desk;
    uint8_t frame[FRAME_BYTES_MAX];
    int length = 0;
    void *commands[CONTROL_CLIENTS_MAX];
    open_desk(&desk);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        commands[i] = new_command(&desk);
        ask(commands[i], CONTROL_STATUS);
    }
    run(&desk, 200);
    cr_assert_eq(desk.count, CONTROL_CLIENTS_MAX);
    ask(desk.command, CONTROL_STATUS);
    cr_assert_eq(hear(&desk, desk.command, frame, &length), CONTROL_DONE);
    cr_assert_eq(desk.count, CONTROL_CLIENTS_MAX);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        zmq_close(commands[i]);
    }
    close_desk(&desk);
}

Test(control_socket, nobody_else_may_enter_the_directory_and_the_note_names_the_socket)
{
    struct desk desk;
    char path[512];
    char told[CONTROL_PATH_SIZE] = "";
    struct stat entry;
    open_desk(&desk);
    snprintf(path, sizeof path, "%s/run", desk.data_dir);
    cr_assert_eq(stat(path, &entry), 0);
    cr_assert_eq(entry.st_mode & 0777, 0700);
    snprintf(path, sizeof path, "%s/control", desk.data_dir);
    FILE *note = fopen(path, "r");
    cr_assert_not_null(note);
    cr_assert_not_null(fgets(told, sizeof told, note));
    fclose(note);
    cr_assert_str_eq(told, control_path(desk.control));
    close_desk(&desk);
}

Test(control_socket, a_path_that_is_too_long_lives_elsewhere_and_leaves_nothing_behind)
{
    char data_dir[300] = "/tmp/gpulet-control-XXXXXX";
    cr_assert_not_null(mkdtemp(data_dir));
    const size_t base = strlen(data_dir);
    memset(data_dir + base, 'x', 120);
    data_dir[base] = '/';
    cr_assert_eq(mkdir(data_dir, 0700), 0);
    struct control_path first;
    struct control_path second;
    cr_assert_eq(control_path_make(data_dir, &first), STATUS_OK);
    cr_assert(first.is_elsewhere);
    cr_assert_lt(strlen(first.socket), CONTROL_PATH_SIZE);
    cr_assert_eq(control_path_tell(&first), STATUS_OK);
    FILE *stands_for_socket = fopen(first.socket, "w");
    fclose(stands_for_socket);
    /* A killed daemon's directory: with a plain file in it, it is not ours to remove. */
    cr_assert_eq(control_path_make(data_dir, &second), STATUS_OK);
    cr_assert_eq(access(first.socket, F_OK), 0);
    control_path_remove(&first);
    cr_assert_neq(access(first.socket, F_OK), 0);
    *strrchr(first.socket, '/') = '\0';
    cr_assert_neq(access(first.socket, F_OK), 0);
    control_path_remove(&second);
    char run_dir[400];
    snprintf(run_dir, sizeof run_dir, "%s/run", data_dir);
    rmdir(run_dir);
    rmdir(data_dir);
    data_dir[base] = '\0';
    cr_assert_eq(rmdir(data_dir), 0);
}
