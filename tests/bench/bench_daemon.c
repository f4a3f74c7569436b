/* Running nodes: a lease from end to end, streams, memory, start-up, size of the programs. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/codec.h"
#include "protocol/control.h"
#include "protocol/record.h"
#include "tests/bench/bench.h"
#include "tests/bench/daemon_lease.h"
#include "tests/bench/daemon_network.h"

enum { LISTINGS = 10000, STREAM_MIB = 200, STARTS = 5, SETTLE_MS = 20000, BLOCK = 1 << 16 };

static const double mib = 1048576;

static void
must(bool is_right, const char *what)
{
    if (!is_right) {
        (void)fprintf(stderr, "bench: %s\n", what);
        exit(EXIT_FAILURE); /* ends the network too */
    }
}

static void
join(char ret_path[NETWORK_PATH_SIZE], const char *directory, const char *name)
{
    must(snprintf(ret_path, NETWORK_PATH_SIZE, "%s/%s", directory, name) < NETWORK_PATH_SIZE,
         "a path is too long");
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void
bench_memory(struct bench *bench, pid_t pid, const char *when, double target)
{
    char name[80];
    const double anonymous = (double)daemon_network_kib(pid, "Anonymous:") / 1024;
    const double resident = (double)daemon_network_kib(pid, "Rss:") / 1024;
    snprintf(name, sizeof name, "resident memory of a node, %s", when);
    bench_add(bench, &(struct bench_row){.name = name,
                                         .value = resident,
                                         .unit = "MiB",
                                         .lower_is_better = true,
                                         .target = target,
                                         .reference = "of it anonymous",
                                         .reference_value = anonymous});
}

/* A peer brings so many listings; false when they do not all arrive. */
static bool
inject_listings(const struct daemon_network *network, const char *node_name)
{
    char attack[NETWORK_PATH_SIZE];
    char key[ID_HEX_SIZE];
    char count[16];
    const struct daemon_node node = daemon_network_node(network, node_name);
    struct connection *connection;
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    char network_name[64];
    must(connection_open(node.control, &connection) == STATUS_OK, "a node cannot be asked");
    daemon_network_ask(connection, CONTROL_STATUS, &answer);
    must(answer_row(&answer, ROW_STATUS, 0, &view) == STATUS_OK, "a status cannot be read");
    id_to_hex(view.status.channel_key.bytes, key);
    snprintf(network_name, sizeof network_name, "%.*s", (int)view.status.network.length,
             (const char *)view.status.network.data);
    answer_clear(&answer);
    join(attack, network->tests, "attack/peer_port");
    snprintf(count, sizeof count, "%d", LISTINGS);
    const char *words[] = {attack, "listings", node.endpoint, key, network_name, "21", count, NULL};
    bool is_complete = daemon_network_run(words, -1) == 0;
    const int64_t end_ms = connection_clock_ms() + SETTLE_MS;
    while (is_complete && daemon_network_status(connection).listings < LISTINGS) {
        usleep(20000);
        is_complete = connection_clock_ms() < end_ms;
    }
    connection_close(connection);
    return is_complete;
}

/* ---- Start-up -------------------------------------------------------------------------------- */

/* Starts the node anew as the network would; milliseconds until it says that it is ready. */
static double
start_ms(const char *program, const char *data, pid_t *ret_pid)
{
    int ends[2];
    char byte;
    char number[16];
    must(pipe(ends) == 0, "no pipe");
    snprintf(number, sizeof number, "%d", ends[1]);
    const uint64_t start = bench_now_ns();
    *ret_pid = fork();
    if (*ret_pid == 0) {
        const int nowhere = open("/dev/null", O_RDWR);
        dup2(nowhere, STDERR_FILENO);
        close(ends[0]);
        execl(program, program, "--data", data, "--ready-fd", number, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    must(read(ends[0], &byte, 1) == 1, "a node does not start again");
    const double took = (double)(bench_now_ns() - start) / 1e6;
    close(ends[0]);
    return took;
}

static void
bench_start(struct bench *bench, const struct daemon_network *network)
{
    char program[NETWORK_PATH_SIZE];
    char gpulet[NETWORK_PATH_SIZE];
    char data[NETWORK_PATH_SIZE];
    char net[NETWORK_PATH_SIZE];
    double ready[STARTS];
    double complete[STARTS];
    join(program, network->programs, "gpuletd");
    join(gpulet, network->programs, "gpulet");
    join(net, network->directory, "net");
    join(data, net, "renter-1");
    const char *stop[] = {gpulet, "testnet", "kill", "renter-1", "--dir", net, NULL};
    must(daemon_network_run(stop, -1) == 0, "a node does not end");
    for (size_t i = 0; i < STARTS; i++) {
        pid_t pid;
        struct connection *connection;
        const uint64_t start = bench_now_ns();
        ready[i] = start_ms(program, data, &pid);
        const struct daemon_node node = daemon_network_node(network, "renter-1");
        must(connection_open(node.control, &connection) == STATUS_OK, "a node cannot be asked");
        while (daemon_network_status(connection).listings < LISTINGS) {
            usleep(1000);
        }
        complete[i] = (double)(bench_now_ns() - start) / 1e6;
        connection_close(connection);
        kill(pid, SIGTERM);
        must(waitpid(pid, NULL, 0) == pid, "a node does not end");
    }
    bench_add(bench, &(struct bench_row){.name = "start to ready with 10,000 stored listings",
                                         .value = bench_median(ready, STARTS),
                                         .unit = "ms",
                                         .lower_is_better = true,
                                         .target = 50,
                                         .reference = "to a complete book",
                                         .reference_value = bench_median(complete, STARTS)});
}

/* ---- Streams --------------------------------------------------------------------------------- */

static void
bench_streams(struct bench *bench, const struct daemon_network *network)
{
    char gpulet[NETWORK_PATH_SIZE];
    char net[NETWORK_PATH_SIZE];
    char count[32];
    static char block[BLOCK];
    int ends[2];
    join(gpulet, network->programs, "gpulet");
    join(net, network->directory, "net");
    snprintf(count, sizeof count, "%lld", STREAM_MIB * 1048576LL);
    must(pipe(ends) == 0, "no pipe");
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_RDWR), STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(gpulet, gpulet, "--dir", net, "--node", "renter-1", "rent", "--no-input", "--wait",
              "20s", "--for", "5m", "--", "head", "-c", count, "/dev/zero", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    uint64_t bytes = 0;
    uint64_t start = 0;
    uint64_t last = 0;
    for (ssize_t got; (got = read(ends[0], block, sizeof block)) > 0;) {
        last = bench_now_ns();
        start = start == 0 ? last : start;
        bytes += (uint64_t)got;
    }
    close(ends[0]);
    must(waitpid(child, NULL, 0) == child && bytes == STREAM_MIB * 1048576ULL, "a stream was cut");
    bench_add(bench,
              &(struct bench_row){.name = "output of a job, streamed through rent",
                                  .value = (double)bytes / mib / ((double)(last - start) / 1e9),
                                  .unit = "MiB/s"});
}

/* ---- Size ------------------------------------------------------------------------------------ */

static void
bench_size(struct bench *bench, const struct daemon_network *network, const char *name)
{
    char path[NETWORK_PATH_SIZE];
    char stripped[NETWORK_PATH_SIZE];
    char row_name[64];
    struct stat file;
    join(path, network->programs, name);
    join(stripped, network->directory, "stripped");
    const char *words[] = {"/usr/bin/strip", "-o", stripped, path, NULL};
    if (daemon_network_run(words, -1) != 0 || stat(stripped, &file) != 0) {
        (void)fprintf(stderr, "bench: strip is not there, %s is not measured\n", name);
        return;
    }
    snprintf(row_name, sizeof row_name, "%s, stripped", name);
    bench_add(bench, &(struct bench_row){.name = row_name,
                                         .value = (double)file.st_size / mib,
                                         .unit = "MiB",
                                         .lower_is_better = true,
                                         .target = 1});
}

void
bench_daemon(struct bench *bench)
{
    struct daemon_network network;
    if (!daemon_network_up(&network)) {
        (void)fputs("bench: no test network, running nodes are not measured\n", stderr);
        return;
    }
    usleep(500000);
    bench_memory(bench, daemon_network_node(&network, "renter-1").pid, "idle", 12);
    bench_lease(bench, &network);
    bench_streams(bench, &network);
    if (inject_listings(&network, "renter-1")) {
        usleep(500000);
        bench_memory(bench, daemon_network_node(&network, "renter-1").pid, "with 10,000 listings",
                     50);
        bench_start(bench, &network);
    } else {
        (void)fputs("bench: 10,000 listings did not arrive\n", stderr);
    }
    bench_size(bench, &network, "gpuletd");
    bench_size(bench, &network, "gpulet");
    daemon_network_down(&network);
}
