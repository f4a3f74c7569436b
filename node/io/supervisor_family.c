#include "node/io/supervisor_family.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "node/io/supervisor_file.h"

enum { PROCESSES_MAX = 32768 };

struct kin {
    pid_t pid;
    pid_t parent;
    bool is_family;
};

/* All processes of this machine with their parents; how many. */
static size_t
list_processes(struct kin *kin, size_t most)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    if (proc == NULL) {
        return 0;
    }
    for (const struct dirent *entry = readdir(proc); entry != NULL && count < most;
         entry = readdir(proc)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') {
            continue;
        }
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        const pid_t parent = process_parent(pid);
        if (parent > 0) {
            kin[count++] = (struct kin){.pid = pid, .parent = parent};
        }
    }
    closedir(proc);
    return count;
}

static bool
is_known(const struct kin *kin, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (kin[i].is_family && kin[i].pid == pid) {
            return true;
        }
    }
    return false;
}

size_t
family_signal(pid_t ancestor, int signal_number)
{
    size_t sent = 0;
    bool has_more = true;
    struct kin *kin = ancestor > 1 ? malloc(PROCESSES_MAX * sizeof *kin) : NULL;
    if (kin == NULL) {
        return 0;
    }
    const size_t count = list_processes(kin, PROCESSES_MAX);
    /* Parents are mostly listed before their children: two rounds as a rule. */
    while (has_more) {
        has_more = false;
        for (size_t i = 0; i < count; i++) {
            if (!kin[i].is_family &&
                (kin[i].parent == ancestor || is_known(kin, count, kin[i].parent))) {
                kin[i].is_family = has_more = true;
                kill(kin[i].pid, signal_number);
                sent++;
            }
        }
    }
    free(kin);
    return sent;
}
