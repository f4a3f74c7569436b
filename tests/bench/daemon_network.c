#include "tests/bench/daemon_network.h"

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

enum { ANSWER_MS = 5000, LINE_SIZE = 1024 };

/* What is to be ended when the program ends before it has; "" when nothing is. */
static struct daemon_network running;

static void
end_running(void)
{
    if (running.directory[0] != '\0') {
        daemon_network_down(&running);
    }
}

static void
must(bool is_right, const char *what)
{
    if (!is_right) {
        (void)fprintf(stderr, "bench: %s\n", what);
        exit(EXIT_FAILURE); /* ends the network too */
    }
}

int
daemon_network_run(const char *const *words, int output)
{
    char *arguments[NETWORK_WORDS_MAX + 1] = {NULL};
    int status = 0;
    for (size_t i = 0; i < NETWORK_WORDS_MAX && words[i] != NULL; i++) {
        arguments[i] = strdup(words[i]);
    }
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = open("/dev/null", O_RDWR);
        dup2(nowhere, STDIN_FILENO);
        dup2(output < 0 ? nowhere : output, STDOUT_FILENO);
        execv(arguments[0], arguments);
        _exit(127);
    }
    for (size_t i = 0; i < NETWORK_WORDS_MAX; i++) {
        free(arguments[i]);
    }
    must(child > 0 && waitpid(child, &status, 0) == child, "a program could not be run");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool
place_of(const char *variable, const char *fallback, char ret_path[NETWORK_PATH_SIZE])
{
    const char *told = getenv(variable);
    char *found = realpath(told == NULL ? fallback : told, NULL);
    const bool fits = found != NULL && strlen(found) < NETWORK_PATH_SIZE;
    if (fits) {
        memcpy(ret_path, found, strlen(found) + 1);
    }
    free(found);
    return fits;
}

static void
join(char ret_path[NETWORK_PATH_SIZE], const char *directory, const char *name)
{
    must(snprintf(ret_path, NETWORK_PATH_SIZE, "%s/%s", directory, name) < NETWORK_PATH_SIZE,
         "a path is too long");
}

bool
daemon_network_up(struct daemon_network *network)
{
    char gpulet[NETWORK_PATH_SIZE];
    char net[NETWORK_PATH_SIZE];
    char runtime[NETWORK_PATH_SIZE];
    *network = (struct daemon_network){.directory = "/tmp/gpulet-bench.XXXXXX"};
    if (!place_of("BIN", "build/release/bin", network->programs) ||
        !place_of("TESTS", "build/release/tests", network->tests) ||
        mkdtemp(network->directory) == NULL) {
        (void)fputs("bench: BIN and TESTS do not say where the programs are\n", stderr);
        return false;
    }
    join(gpulet, network->programs, "gpulet");
    join(net, network->directory, "net");
    join(runtime, network->directory, "runtime");
    running = *network;
    must(atexit(end_running) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR, "no clean end");
    must(mkdir(runtime, 0700) == 0 && setenv("XDG_RUNTIME_DIR", runtime, 1) == 0, "no directory");
    const char *words[] = {gpulet, "testnet",   "up", "--dir",  net,  "--hosts",
                           "1",    "--renters", "1",  "--seed", "21", NULL};
    if (daemon_network_run(words, -1) != 0) {
        daemon_network_down(network);
        return false;
    }
    return true;
}

void
daemon_network_down(struct daemon_network *network)
{
    char gpulet[NETWORK_PATH_SIZE];
    char net[NETWORK_PATH_SIZE];
    join(gpulet, network->programs, "gpulet");
    join(net, network->directory, "net");
    const char *down[] = {gpulet, "testnet", "down", "--dir", net, NULL};
    const char *clear[] = {"/bin/rm", "-rf", network->directory, NULL};
    (void)daemon_network_run(down, -1);
    (void)daemon_network_run(clear, -1);
    running.directory[0] = '\0';
}

struct daemon_node
daemon_network_node(const struct daemon_network *network, const char *name)
{
    struct daemon_node node = {0};
    char path[NETWORK_PATH_SIZE];
    char line[LINE_SIZE] = "";
    char *words[5] = {NULL};
    must(snprintf(path, sizeof path, "%s/net/%s/ready", network->directory, name) <
             (int)sizeof path,
         "a path is too long");
    FILE *file = fopen(path, "re");
    must(file != NULL && fgets(line, sizeof line, file) != NULL, "a node is not ready");
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    char *at = line;
    for (size_t i = 0; i < 5 && at != NULL; i++) {
        words[i] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    must(words[4] != NULL, "a node's file \"ready\" cannot be read");
    node.pid = (pid_t)strtol(words[1], NULL, 10);
    must(snprintf(node.endpoint, sizeof node.endpoint, "%s", words[2]) < 128 &&
             snprintf(node.control, sizeof node.control, "%s", words[4]) < NETWORK_PATH_SIZE,
         "a node's places are too long");
    return node;
}

void
daemon_network_ask(struct connection *connection, uint8_t question, struct answer *answer)
{
    const struct control_plain plain = {0};
    const int64_t end_ms = connection_clock_ms() + ANSWER_MS;
    bool is_done = false;
    must(connection_send(connection, control_schema(question), &plain) == STATUS_OK, "no question");
    while (!is_done) {
        struct bytes frame;
        struct control_row row;
        uint8_t type;
        must(connection_clock_ms() < end_ms, "a node does not answer");
        if (connection_wait(connection, NULL, 0, 100) != STATUS_OK ||
            connection_receive(connection, &frame) != STATUS_OK ||
            message_type(frame, &type) != STATUS_OK) {
            continue;
        }
        is_done = type == CONTROL_DONE;
        if (type == CONTROL_ROW && message_decode(control_schema(type), frame, &row) == STATUS_OK) {
            must(answer_keep(answer, row.row, row.value) == STATUS_OK, "memory is missing");
        }
    }
}

struct status_view
daemon_network_status(struct connection *connection)
{
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    daemon_network_ask(connection, CONTROL_STATUS, &answer);
    must(answer_row(&answer, ROW_STATUS, 0, &view) == STATUS_OK, "a status cannot be read");
    view.status.label = view.status.version = view.status.network = bytes_of(NULL, 0);
    view.status.listen = view.status.stream_listen = view.status.control = bytes_of(NULL, 0);
    view.status.data_dir = view.status.space = bytes_of(NULL, 0); /* they would borrow */
    answer_clear(&answer);
    return view.status;
}

long
daemon_network_kib(pid_t pid, const char *what)
{
    char path[64];
    char line[LINE_SIZE];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, what, strlen(what)) == 0) {
            kib = strtol(line + strlen(what), NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}
