/* The threads beside the loop: removal of job directories, and the measure of a workspace that changes. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/job_worker.h"
#include "node/io/supervisor_disk.h"

enum { TASKS = 200, FILES = 20, ITEMS = 8, WATCHES = 50 };

static void
write_file(const char *path)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert(file >= 0);
    const ssize_t written = write(file, path, strlen(path));
    assert(written > 0);
    close(file);
}

static void
make_directory(const char *path)
{
    const int made = mkdir(path, 0700);
    assert(made == 0);
    for (int i = 0; i < FILES; i++) {
        char name[4200];
        snprintf(name, sizeof name, "%s/file-%d", path, i);
        write_file(name);
    }
}

/* Every second one names a directory that is not there. */
static void
give(struct job_worker *worker, const char *top, unsigned number)
{
    struct job_task *task = calloc(1, sizeof *task);
    assert(task != NULL);
    task->kind = JOB_TASK_DESTROY;
    memcpy(task->lease.bytes, &number, sizeof number);
    snprintf(task->path, sizeof task->path, "%s/job-%u", top, number);
    if (number % 2 == 0) {
        make_directory(task->path);
    }
    job_worker_give(worker, task);
}

/* Tasks come back in the order given, each done. */
static void
remove_directories(const char *top)
{
    struct job_worker *worker = job_worker_new();
    assert(worker != NULL);
    zmq_pollitem_t items[ITEMS];
    unsigned given = 0;
    for (unsigned taken = 0; taken < TASKS;) {
        for (unsigned i = 0; i < 7 && given < TASKS; i++) {
            give(worker, top, given++);
        }
        struct poll_set set = {.items = items, .capacity = ITEMS};
        job_worker_add_to_poll(worker, &set);
        zmq_poll(items, (int)set.count, 20);
        struct job_task *task = job_worker_take(worker);
        while (task != NULL) {
            unsigned number;
            memcpy(&number, task->lease.bytes, sizeof number);
            assert(number == taken);
            assert(task->status == (number % 2 == 0 ? STATUS_OK : STATUS_NOT_FOUND));
            assert(access(task->path, F_OK) != 0 && errno == ENOENT);
            taken++;
            job_task_free(task);
            task = job_worker_take(worker);
        }
    }
    for (unsigned i = 0; i < 10; i++) {
        give(worker, top, TASKS + i);
    }
    job_worker_free(worker); /* with tasks waiting, in hand and done */
}

/* Watches start and end while files come and go. */
static void
watch_changes(const char *top)
{
    char workspace[4100];
    snprintf(workspace, sizeof workspace, "%s/workspace", top);
    make_directory(workspace);
    const int directory = open(workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert(directory >= 0);
    for (unsigned i = 0; i < WATCHES; i++) {
        struct disk_watch *watch;
        const enum status status = disk_watch_start(directory, &watch);
        assert(status == STATUS_OK);
        char name[4200];
        snprintf(name, sizeof name, "%s/more-%u", workspace, i);
        struct disk_use use = disk_watch_last(watch);
        for (unsigned waited = 0; use.files == 0; waited++) {
            assert(waited < 5000);
            usleep(1000);
            use = disk_watch_last(watch);
        }
        write_file(name);
        assert(use.files >= FILES + i && use.files <= FILES + i + 2);
        disk_watch_stop(watch);
    }
    close(directory);
}

int
main(void)
{
    char top[] = "/tmp/gpulet-stress-XXXXXX";
    const char *made = mkdtemp(top);
    assert(made != NULL);
    remove_directories(top);
    watch_changes(top);
    const enum status status = workload_destroy(top);
    assert(status == STATUS_OK);
    assert(access(top, F_OK) != 0);
    printf("workers: %d tasks, %d watches\n", TASKS, WATCHES);
    return 0;
}
