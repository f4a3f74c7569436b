#include "node/io/job_worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/io/job_program.h"
#include "node/io/sandbox.h"

struct job_queue {
    struct job_task *first;
    struct job_task *last;
};

struct job_worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool should_end;
    int event_fd;
    struct job_queue waiting; /* this and the next under the lock */
    struct job_queue done;
    int program;           /* -1: it is not there */
    char program_path[32]; /* the descriptor's own name */
    struct buffer filter;  /* of the thread alone; empty before the first job */
    uint8_t filter_memory[WORKLOAD_FILTER_BYTES_MAX];
};

static void
append(struct job_queue *queue, struct job_task *task)
{
    task->next = NULL;
    if (queue->last == NULL) {
        queue->first = task;
    } else {
        queue->last->next = task;
    }
    queue->last = task;
}

static struct job_task *
take_first(struct job_queue *queue)
{
    struct job_task *task = queue->first;
    if (task != NULL) {
        queue->first = task->next;
        queue->last = queue->first == NULL ? NULL : queue->last;
        task->next = NULL;
    }
    return task;
}

static enum status
start(struct job_worker *worker, struct job_spec *spec)
{
    if (worker->filter.length == 0) {
        const enum status status = sandbox_filter(&worker->filter);
        if (status != STATUS_OK) {
            return status;
        }
    }
    job_spec_equip(spec, worker->program < 0 ? NULL : worker->program_path,
                   buffer_bytes(&worker->filter));
    return workload_start(job_spec_workload(spec));
}

static void
do_task(struct job_worker *worker, struct job_task *task)
{
    switch (task->kind) {
    case JOB_TASK_START:
        task->status = start(worker, task->spec);
        break;
    case JOB_TASK_DESTROY:
        task->status = workload_destroy(task->path);
        break;
    }
}

static void *
work(void *argument)
{
    struct job_worker *worker = argument;
    pthread_mutex_lock(&worker->lock);
    while (!worker->should_end) {
        struct job_task *task = take_first(&worker->waiting);
        if (task == NULL) {
            pthread_cond_wait(&worker->wake, &worker->lock);
            continue;
        }
        pthread_mutex_unlock(&worker->lock);
        do_task(worker, task);
        pthread_mutex_lock(&worker->lock);
        append(&worker->done, task);
        const uint64_t one = 1;
        if (write(worker->event_fd, &one, sizeof one) < 0) {
            continue; /* the counter is full: the loop is awake anyhow */
        }
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static void
close_files(const struct job_worker *worker)
{
    if (worker->event_fd >= 0) {
        close(worker->event_fd);
    }
    if (worker->program >= 0) {
        close(worker->program);
    }
}

struct job_worker *
job_worker_new(void)
{
    struct job_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return NULL;
    }
    worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->program = job_program_open();
    snprintf(worker->program_path, sizeof worker->program_path, "/proc/self/fd/%d",
             worker->program);
    buffer_init(&worker->filter, worker->filter_memory, sizeof worker->filter_memory);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->wake, NULL);
    if (worker->event_fd < 0 || pthread_create(&worker->thread, NULL, work, worker) != 0) {
        close_files(worker);
        free(worker);
        return NULL;
    }
    return worker;
}

void
job_task_free(struct job_task *task)
{
    if (task != NULL) {
        job_spec_free(task->spec);
        free(task);
    }
}

static void
free_all(struct job_queue *queue)
{
    struct job_task *task = take_first(queue);
    while (task != NULL) {
        job_task_free(task);
        task = take_first(queue);
    }
}

void
job_worker_free(struct job_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->should_end = true;
    pthread_cond_broadcast(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    free_all(&worker->waiting);
    free_all(&worker->done);
    close_files(worker);
    pthread_cond_destroy(&worker->wake);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

void
job_worker_give(struct job_worker *worker, struct job_task *task)
{
    pthread_mutex_lock(&worker->lock);
    append(&worker->waiting, task);
    pthread_cond_signal(&worker->wake);
    pthread_mutex_unlock(&worker->lock);
}

void
job_worker_add_to_poll(struct job_worker *worker, struct poll_set *set)
{
    (void)poll_set_add_fd(set, worker->event_fd, ZMQ_POLLIN);
}

struct job_task *
job_worker_take(struct job_worker *worker)
{
    uint64_t counter = 0;
    pthread_mutex_lock(&worker->lock);
    struct job_task *task = take_first(&worker->done);
    if (worker->done.first == NULL && read(worker->event_fd, &counter, sizeof counter) < 0) {
        counter = 0; /* nobody has rung */
    }
    pthread_mutex_unlock(&worker->lock);
    return task;
}
