#include "node/io/checks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    PLACES = 32768, /* a batch has fewer than half of that */
    MANY = 8192,
    THREADS_MAX = 8,
    INLINE_MAX = 4, /* so few are checked faster than a thread wakes up */
    TAKE_AT_ONCE = 16,
    GIVE_AT_ONCE = 256
};

struct check {
    struct link link;
    bool is_done; /* under the lock */
    enum status status;
    struct verified_record record;
    size_t length;
    uint8_t sealed[]; /* what the record views */
};

/* A ring: released <= given <= taken <= added, in counts since the start. */
struct checks {
    struct network_id network;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool should_end;
    int event_fd;
    unsigned thread_count;
    pthread_t threads[THREADS_MAX];
    uint64_t released;          /* the loop's */
    uint64_t given;             /* the loop's */
    uint64_t taken;             /* under the lock */
    uint64_t added;             /* under the lock, as far as the threads know */
    uint64_t filled;            /* the loop's: added, and not started yet */
    struct check *ring[PLACES]; /* owned, from released to filled */
};

static void
do_check(const struct checks *checks, struct check *check)
{
    check->status =
        record_open(bytes_of(check->sealed, check->length), &checks->network, &check->record);
}

static void *
work(void *argument)
{
    struct checks *checks = argument;
    pthread_mutex_lock(&checks->lock);
    while (!checks->should_end) {
        if (checks->taken == checks->added) {
            pthread_cond_wait(&checks->wake, &checks->lock);
            continue;
        }
        const uint64_t from = checks->taken;
        const uint64_t left = checks->added - from;
        const uint64_t to = from + (left < TAKE_AT_ONCE ? left : TAKE_AT_ONCE);
        checks->taken = to;
        pthread_mutex_unlock(&checks->lock);
        for (uint64_t i = from; i < to; i++) {
            do_check(checks, checks->ring[i % PLACES]);
        }
        pthread_mutex_lock(&checks->lock);
        for (uint64_t i = from; i < to; i++) {
            checks->ring[i % PLACES]->is_done = true;
        }
        const uint64_t one = 1;
        if (write(checks->event_fd, &one, sizeof one) < 0) {
            continue; /* the counter is full: the loop is awake anyhow */
        }
    }
    pthread_mutex_unlock(&checks->lock);
    return NULL;
}

struct checks *
checks_new(const struct network_id *network, unsigned threads)
{
    struct checks *checks = calloc(1, sizeof *checks);
    if (checks == NULL) {
        return NULL;
    }
    checks->network = *network;
    checks->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&checks->lock, NULL);
    pthread_cond_init(&checks->wake, NULL);
    const unsigned wanted = threads > THREADS_MAX ? THREADS_MAX : threads;
    while (checks->thread_count < wanted &&
           pthread_create(&checks->threads[checks->thread_count], NULL, work, checks) == 0) {
        checks->thread_count++;
    }
    if (checks->event_fd < 0 || checks->thread_count < wanted) {
        checks_free(checks);
        return NULL;
    }
    return checks;
}

void
checks_free(struct checks *checks)
{
    if (checks == NULL) {
        return;
    }
    pthread_mutex_lock(&checks->lock);
    checks->should_end = true;
    pthread_cond_broadcast(&checks->wake);
    pthread_mutex_unlock(&checks->lock);
    for (unsigned i = 0; i < checks->thread_count; i++) {
        pthread_join(checks->threads[i], NULL);
    }
    for (uint64_t i = checks->released; i < checks->filled; i++) {
        free(checks->ring[i % PLACES]);
    }
    if (checks->event_fd >= 0) {
        close(checks->event_fd);
    }
    pthread_cond_destroy(&checks->wake);
    pthread_mutex_destroy(&checks->lock);
    free(checks);
}

/* Does waiting checks in the loop's own thread, `most` at most. */
static void
do_some(struct checks *checks, uint64_t most)
{
    pthread_mutex_lock(&checks->lock);
    while (most-- > 0 && checks->taken < checks->added) {
        struct check *check = checks->ring[checks->taken++ % PLACES];
        pthread_mutex_unlock(&checks->lock);
        do_check(checks, check);
        pthread_mutex_lock(&checks->lock);
        check->is_done = true;
    }
    pthread_mutex_unlock(&checks->lock);
}

void
checks_add(struct checks *checks, struct link link, struct bytes sealed)
{
    struct check *check = malloc(sizeof *check + sealed.length);
    if (check == NULL || checks->filled - checks->released == PLACES) {
        free(check);
        return;
    }
    memset(check, 0, sizeof *check);
    check->link = link;
    check->length = sealed.length;
    memcpy(check->sealed, sealed.data, sealed.length);
    checks->ring[checks->filled++ % PLACES] = check;
}

void
checks_start(struct checks *checks)
{
    pthread_mutex_lock(&checks->lock);
    checks->added = checks->filled;
    const uint64_t waiting = checks->added - checks->taken;
    if (waiting > INLINE_MAX && checks->thread_count > 0) {
        pthread_cond_broadcast(&checks->wake);
    }
    pthread_mutex_unlock(&checks->lock);
    if (waiting <= INLINE_MAX) {
        do_some(checks, waiting);
    }
}

void
checks_add_to_poll(struct checks *checks, struct poll_set *set)
{
    (void)poll_set_add_fd(set, checks->event_fd, ZMQ_POLLIN);
}

/* How many may be given now: finished ones, up to the first unfinished. */
static uint64_t
count_ready(struct checks *checks)
{
    uint64_t ready = 0;
    pthread_mutex_lock(&checks->lock);
    while (ready < GIVE_AT_ONCE && checks->given + ready < checks->added &&
           checks->ring[(checks->given + ready) % PLACES]->is_done) {
        ready++;
    }
    pthread_mutex_unlock(&checks->lock);
    return ready;
}

bool
checks_collect(struct checks *checks, const struct sink *sink)
{
    uint64_t counter = 0;
    if (read(checks->event_fd, &counter, sizeof counter) < 0) {
        counter = 0; /* nobody has rung: there may be inline ones all the same */
    }
    if (checks->thread_count == 0) {
        do_some(checks, GIVE_AT_ONCE);
    }
    uint64_t ready = count_ready(checks);
    while (ready-- > 0) {
        const struct check *check = checks->ring[checks->given % PLACES];
        struct event event = {.type = EVENT_RECORD_REFUSED,
                              .as.checked = {.link = check->link, .status = check->status}};
        if (check->status == STATUS_OK) {
            event.type = EVENT_RECORD_VERIFIED;
            event.as.checked.record = check->record;
        }
        sink->take(sink->context, &event);
        checks->given++; /* not before: the taker may release what belongs to an older batch */
    }
    return checks_are_ready(checks);
}

bool
checks_are_ready(struct checks *checks)
{
    return count_ready(checks) > 0 || (checks->thread_count == 0 && checks->given < checks->added);
}

bool
checks_are_many(const struct checks *checks)
{
    return checks->filled - checks->released > MANY;
}

void
checks_release(struct checks *checks)
{
    while (checks->released < checks->given) {
        free(checks->ring[checks->released++ % PLACES]);
    }
}
