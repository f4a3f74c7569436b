#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/launch.h"
#include "cli/talk.h"
#include "cli/testnet.h"

enum { STOP_MS = 8000, JOBS_MS = 3000, COMMAND_LINE_SIZE = 8192, DESCRIPTORS = 16, POLL_MS = 20 };

/* True when a word of the process's command line lies below the directory. */
static bool
names_directory(const char *pid, const char *directory)
{
    char path[PLACE_SIZE];
    char line[COMMAND_LINE_SIZE];
    const size_t length = strlen(directory);
    if (place_format(path, "/proc/%s/cmdline", pid) != STATUS_OK) {
        return false;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const size_t got = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[got] = '\0';
    if (strcmp(line, "gpulet-job") != 0) { /* a supervisor is started under this name */
        return false;
    }
    for (size_t at = 0; at < got; at += strlen(line + at) + 1) {
        if (strncmp(line + at, directory, length) == 0 && line[at + length] == '/') {
            return true;
        }
    }
    return false;
}

/* Signals every supervisor of the directory's jobs; how many there are. */
static size_t
signal_supervisors(const char *directory, int signal_number)
{
    size_t count = 0;
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        const long pid = strtol(entry->d_name, NULL, 10);
        struct process process;
        if (pid > 1 && names_directory(entry->d_name, directory) &&
            process_find((pid_t)pid, &process) == STATUS_OK) {
            count++;
            process_signal(&process, signal_number);
        }
    }
    if (processes != NULL) {
        closedir(processes);
    }
    return count;
}

void
testnet_stop_jobs(const char *directory)
{
    const int64_t end_ms = connection_clock_ms() + JOBS_MS;
    size_t left = signal_supervisors(directory, SIGTERM);
    while (left > 0 && connection_clock_ms() < end_ms) {
        process_sleep_ms(POLL_MS);
        left = signal_supervisors(directory, 0);
    }
    if (left > 0) {
        signal_supervisors(directory, SIGKILL);
    }
}

bool
testnet_stop_all(struct network *network)
{
    bool all_gone = true;
    /* Renters first, so that their attached jobs end in order while the hosts still live. */
    for (size_t i = network->count; i > 0; i--) {
        const struct network_node *node = &network->nodes[i - 1];
        char data[PLACE_SIZE];
        if (node->process.pid != 0 && network_node_data(network, node, data) == STATUS_OK) {
            launch_ask_stop(data, &node->process);
        }
    }
    const int64_t end_ms = connection_clock_ms() + STOP_MS;
    for (size_t i = 0; i < network->count; i++) {
        struct network_node *node = &network->nodes[i];
        const int64_t left_ms = end_ms - connection_clock_ms();
        if (node->process.pid == 0 ||
            launch_wait_stopped(&node->process, left_ms < 0 ? 0 : (int)left_ms, true)) {
            node->process.pid = 0;
        } else {
            talk_say("%s (pid %ld) does not end", node->name, (long)node->process.pid);
            all_gone = false;
        }
    }
    testnet_stop_jobs(network->directory);
    return all_gone;
}

static int
remove_entry(const char *path, const struct stat *found, int type, struct FTW *place)
{
    (void)found;
    (void)place;
    const int result = type == FTW_DP || type == FTW_DNR ? rmdir(path) : unlink(path);
    return result == 0 || errno == ENOENT ? 0 : -1;
}

enum status
testnet_remove(const char *directory)
{
    return nftw(directory, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0
               ? STATUS_OK
               : STATUS_SYSTEM;
}
