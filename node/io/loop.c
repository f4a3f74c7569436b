#include "node/io/loop.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "node/io/clock.h"
#include "node/io/log.h"
#include "node/io/loop_state.h"
#include "node/io/owner_simulated.h"
#include "node/io/settings_answer.h"
#include "protocol/codec.h"
#include "protocol/control.h"

enum {
    HOUSEKEEPING_MS = 1000,
    EXPIRY_MS = 30000,
    EXPIRED_AT_ONCE = 500,
    REBUILDS_MAX = 5,
    REBUILD_PAUSE_MS = 200
};

bool
loop_has_room(const struct loop *loop, size_t length)
{
    return effects_have_room(loop->effects) && INBOX_BYTES - loop->inbox_used >= length + 16;
}

struct bytes
loop_keep(struct loop *loop, struct bytes bytes)
{
    assert(INBOX_BYTES - loop->inbox_used >= bytes.length);
    if (bytes.length == 0) {
        return bytes_of(NULL, 0);
    }
    uint8_t *copy = loop->inbox + loop->inbox_used;
    memcpy(copy, bytes.data, bytes.length);
    loop->inbox_used += (bytes.length + 15) & ~(size_t)15;
    return bytes_of(copy, bytes.length);
}

void
loop_step(struct loop *loop, struct event *event)
{
    if (loop->broken != STATUS_OK) {
        return; /* this core knows things that are not true */
    }
    event->now = clock_now();
    core_step(loop->core, event, loop->effects);
}

void
loop_flush(struct loop *loop)
{
    if (loop->broken == STATUS_OK) {
        const bool has_work = loop->effects->count > 0;
        loop->broken = carry_out(&loop->world, loop->effects);
        loop->rebuilds = loop->broken == STATUS_OK && has_work ? 0 : loop->rebuilds;
    }
    effects_clear(loop->effects);
    loop->inbox_used = 0;
    if (loop->world.checks != NULL) {
        checks_release(loop->world.checks);
    }
}

/* Copies what an event points at into the batch's memory. The records of checks stay where they are
 * until the batch is over. */
static void
keep_event(struct loop *loop, struct event *event)
{
    struct bytes *bytes = NULL;
    if (event->type == EVENT_FRAME) {
        bytes = &event->as.frame.bytes;
    } else if (event->type == EVENT_CONTROL) {
        bytes = &event->as.control.bytes;
    } else if (event->type == EVENT_LINK_UP) {
        bytes = &event->as.link_up.address;
    } else if (event->type == EVENT_DECIDED) {
        bytes = &event->as.decided.text;
    } else if (event->type == EVENT_WORKLOAD && event->as.workload.text != NULL) {
        const char *text = event->as.workload.text;
        const struct bytes kept = loop_keep(loop, bytes_of(text, strlen(text) + 1));
        event->as.workload.text = (const char *)kept.data;
    }
    if (bytes != NULL) {
        *bytes = loop_keep(loop, *bytes);
    }
}

static size_t
bytes_of_event(const struct event *event)
{
    if (event->type == EVENT_FRAME) {
        return event->as.frame.bytes.length;
    }
    return event->type == EVENT_CONTROL ? event->as.control.bytes.length : 4096;
}

/* What every source of events calls. */
static void
take(void *context, const struct event *given)
{
    struct loop *loop = context;
    uint8_t type = 0;
    if (given->type == EVENT_CONTROL && message_type(given->as.control.bytes, &type) == STATUS_OK &&
        type < CONTROL_STATUS) {
        streams_take_control(loop->world.streams, given->as.control.client,
                             given->as.control.bytes);
        return;
    }
    if (given->type == EVENT_CONTROL && type == CONTROL_SETTING) {
        settings_answer(loop->world.control, loop->options.options, given->as.control.client,
                        given->as.control.bytes);
        return;
    }
    if (given->type == EVENT_CONTROL_GONE) {
        streams_client_gone(loop->world.streams, given->as.control_gone);
    }
    struct event event = *given;
    if (!loop_has_room(loop, bytes_of_event(&event))) {
        loop_flush(loop);
    }
    keep_event(loop, &event);
    loop_step(loop, &event);
}

static struct sink
sink_of(struct loop *loop)
{
    return (struct sink){.take = take, .context = loop};
}

void
loop_step_bytes(struct loop *loop, struct bytes question)
{
    const struct event event = {.type = EVENT_CONTROL, .as.control.bytes = question};
    take(loop, &event);
}

static void
tell_owner(struct loop *loop, enum event_type type, uint64_t mask)
{
    if (mask != 0) {
        const struct event event = {.type = type, .as.owner_mask = mask};
        take(loop, &event);
        loop_flush(loop);
    }
}

/* Who plays on simulated cards is simulated, too; what uses a real card is found by the part that drives it. */
static void
watch_owner(struct loop *loop)
{
    const struct options *options = loop->options.options;
    if (loop->options.gpu_count == 0 || !loop->options.gpus[0].simulated) {
        return;
    }
    const uint64_t before = loop->owner_mask;
    loop->owner_mask = owner_simulated(options->data_dir, loop->options.gpu_count);
    tell_owner(loop, EVENT_OWNER_BACK, loop->owner_mask & ~before);
    tell_owner(loop, EVENT_OWNER_AWAY, before & ~loop->owner_mask);
}

void
loop_introduce_world(struct loop *loop)
{
    const struct sink sink = sink_of(loop);
    struct event event = {
        .type = EVENT_GPUS,
        .as.gpus = {.count = loop->options.gpu_count, .list = loop->options.gpus}};
    take(loop, &event);
    event = (struct event){.type = EVENT_SPACE, .as.space = (enum disk)loop->space};
    take(loop, &event);
    jobs_adopt(loop->world.jobs, &sink);
    tell_owner(loop, EVENT_OWNER_BACK, loop->owner_mask);
    peers_announce(loop->world.peers, &sink);
    loop_flush(loop);
}

/* The room that was kept for this hour goes to ends, receipts and the ledger. */
static void
watch_space(struct loop *loop)
{
    struct store_space space;
    store_space(loop->world.store, &space);
    if (space.state == STORE_FULL && space.has_ballast) {
        log_line(LOG_ERROR, "the disk is full: no new leases until there is room; what runs is "
                            "settled with the room that was kept");
        store_release_ballast(loop->world.store);
    } else if (!space.has_ballast && store_restore_ballast(loop->world.store) == STATUS_OK) {
        log_line(LOG_INFO, "there is room on the disk again");
        store_space(loop->world.store, &space);
    }
    if (space.state != loop->space) {
        loop->space = space.state;
        const struct event event = {.type = EVENT_SPACE, .as.space = (enum disk)space.state};
        take(loop, &event);
        loop_flush(loop);
    }
}

/* Crash-only: what could not be made durable has not happened. The core is built again from the disk,
 * as after a power cut, only that the connections stay. */
static enum status
rebuild(struct loop *loop)
{
    const enum status why = loop->broken;
    log_line(LOG_ERROR, "nothing of the last steps was kept: %s", status_text(why));
    if (++loop->rebuilds > REBUILDS_MAX && why != STATUS_DISK_FULL) {
        return why;
    }
    if (loop->rebuilds > 1) {
        const struct timespec pause = {.tv_nsec = REBUILD_PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    control_fail_all(loop->world.control, why,
                     why == STATUS_DISK_FULL
                         ? "the disk is full: nothing of this was done; make room and ask again"
                         : "the disk failed: nothing of this was done; see the log");
    if (why == STATUS_DISK_FULL) {
        loop->space = STORE_FULL;
        store_release_ballast(loop->world.store);
    }
    loop->broken = STATUS_OK;
    const enum status status = recovery_run(loop);
    if (status == STATUS_OK && loop->broken == STATUS_OK) {
        loop_introduce_world(loop);
    }
    return status;
}

static int64_t
earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static long
poll_wait_ms(const struct loop *loop, bool more)
{
    const struct world *world = &loop->world;
    if (more || !loop->cache.is_done || loop->broken != STATUS_OK ||
        checks_are_ready(world->checks)) {
        return 0;
    }
    int64_t due = earliest(core_next_deadline(loop->core).ms, loop->housekeeping_ms);
    due = earliest(due, peers_deadline_ms(world->peers));
    due = earliest(due, control_deadline_ms(world->control));
    due = earliest(due, jobs_deadline_ms(world->jobs));
    due = earliest(due, streams_deadline_ms(world->streams));
    due = earliest(due, decide_deadline_ms(world->decide));
    const int64_t wait = due - clock_boot_ms();
    return wait < 0 ? 0 : wait > HOUSEKEEPING_MS ? HOUSEKEEPING_MS : (long)wait;
}

static void
wait_for_world(struct loop *loop, bool more)
{
    struct world *world = &loop->world;
    loop->poll.count = 0;
    zap_add_to_poll(loop->zap, &loop->poll);
    peers_add_to_poll(world->peers, &loop->poll);
    control_add_to_poll(world->control, &loop->poll);
    checks_add_to_poll(world->checks, &loop->poll);
    jobs_add_to_poll(world->jobs, &loop->poll);
    streams_add_to_poll(world->streams, &loop->poll);
    decide_add_to_poll(world->decide, &loop->poll);
    loop->signal_place = poll_set_add_fd(&loop->poll, loop->signal_fd, ZMQ_POLLIN);
    if (zmq_poll(loop->poll.items, (int)loop->poll.count, poll_wait_ms(loop, more)) < 0) {
        for (size_t i = 0; i < loop->poll.count; i++) {
            loop->poll.items[i].revents = 0;
        }
    }
}

static void
take_signals(struct loop *loop)
{
    struct signalfd_siginfo info;
    while (poll_set_is_ready(&loop->poll, loop->signal_place) &&
           read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        log_line(LOG_INFO, "ends by signal %u; jobs go on under their supervisors", info.ssi_signo);
        loop->world.should_stop = true;
    }
}

static void
keep_house(struct loop *loop, int64_t now_ms)
{
    if (now_ms >= loop->housekeeping_ms) {
        loop->housekeeping_ms = now_ms + HOUSEKEEPING_MS;
        watch_space(loop);
        watch_owner(loop);
    }
    if (now_ms >= loop->expiry_ms) {
        uint32_t removed = 0;
        const uint64_t now_s = (uint64_t)clock_now().wall.ms / 1000;
        const enum status status =
            store_expire_records(loop->world.store, now_s, EXPIRED_AT_ONCE, &removed);
        if (status != STATUS_OK) {
            log_line(LOG_WARNING, "old records could not be removed: %s", status_text(status));
        }
        loop->expiry_ms = removed == EXPIRED_AT_ONCE ? now_ms : now_ms + EXPIRY_MS;
    }
}

/* One round: everything that waits, in one batch or a few. True when more waits. */
static bool
serve(struct loop *loop)
{
    struct world *world = &loop->world;
    const struct sink sink = sink_of(loop);
    zap_answer(loop->zap);
    bool more = checks_collect(world->checks, &sink);
    if (!checks_are_many(world->checks)) {
        more = peers_receive(world->peers, &loop->poll, &sink) || more;
    }
    more = control_receive(world->control, &loop->poll, &sink) || more;
    jobs_receive(world->jobs, &loop->poll, &sink);
    more = streams_receive(world->streams, &loop->poll, &sink) || more;
    decide_receive(world->decide, &sink);
    if (core_next_deadline(loop->core).ms <= clock_boot_ms()) {
        const struct event tick = {.type = EVENT_TICK};
        take(loop, &tick);
    }
    loop_flush(loop);
    return more;
}

enum status
loop_run(struct loop *loop)
{
    enum status status = STATUS_OK;
    bool more = false;
    while (status == STATUS_OK && !loop->world.should_stop) {
        wait_for_world(loop, more);
        take_signals(loop);
        more = serve(loop);
        if (loop->broken == STATUS_OK) {
            status = recovery_go_on(loop);
            loop_flush(loop);
        }
        keep_house(loop, clock_boot_ms());
        if (loop->broken != STATUS_OK && status == STATUS_OK) {
            status = rebuild(loop);
        }
    }
    loop_flush(loop);
    return status;
}

const char *
loop_endpoint(const struct loop *loop)
{
    return peers_endpoint(loop->world.peers);
}

const char *
loop_stream_endpoint(const struct loop *loop)
{
    return streams_endpoint(loop->world.streams);
}

const char *
loop_control_path(const struct loop *loop)
{
    return control_path(loop->world.control);
}
