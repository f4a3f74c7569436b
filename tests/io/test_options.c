#include "node/io/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/record.h"

static struct options options;
static char why_memory[1024];

/* Reads a command line of words; the rest is NULL. */
static enum status
read_line(const char *const *words)
{
    char *argv[24] = {NULL};
    int argc = 0;
    struct buffer why;
    argv[argc++] = strdup("gpuletd");
    for (size_t i = 0; words[i] != NULL; i++) {
        argv[argc++] = strdup(words[i]);
    }
    buffer_init(&why, why_memory, sizeof why_memory - 1);
    const enum status status = options_read(argc, argv, &options, &why);
    why_memory[why.length] = '\0';
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    return status;
}

#define READ(...) read_line((const char *const[]){__VA_ARGS__, NULL})

static char data_dir[64];

static void
make_data_dir(const char *config)
{
    char path[128];
    snprintf(data_dir, sizeof data_dir, "/tmp/gpulet-options-XXXXXX");
    cr_assert_not_null(mkdtemp(data_dir));
    if (config != NULL) {
        snprintf(path, sizeof path, "%s/gpuletd.conf", data_dir);
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file);
        fputs(config, file);
        fclose(file);
    }
}

static void
remove_data_dir(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/gpuletd.conf", data_dir);
    unlink(path);
    cr_assert_eq(rmdir(data_dir), 0);
}

Test(options, defaults_hold_when_nobody_says_otherwise)
{
    make_data_dir(NULL);
    cr_assert_eq(READ("--data", data_dir), STATUS_OK, "%s", why_memory);
    cr_assert_eq(options.mode, MODE_RUN);
    cr_assert_str_eq(options.network, "main");
    cr_assert(!options.is_test_network);
    cr_assert_str_eq(options.listen, "tcp://0.0.0.0:7700");
    cr_assert_eq(options.region, REGION_UNKNOWN);
    cr_assert_eq(options.up_mbit_s, 20);
    cr_assert_eq(options.first_uid, 65600);
    cr_assert_eq(options.inbound_per_address, 2);
    cr_assert_eq(options.handshakes, 5);
    cr_assert_eq(options.log_level, LOG_INFO);
    cr_assert_eq(options.peer_count, 0);
    cr_assert(!options.has_seed && !options.has_issuer);
    cr_assert_eq(options.ready_fd, -1);
    remove_data_dir();
}

Test(options, the_command_line_wins_over_the_file_and_the_file_over_the_default)
{
    make_data_dir("# a comment\nlabel = from-the-file\nup = 50Mbit/s\n\nregion=eu\n");
    cr_assert_eq(READ("--data", data_dir, "--label", "told"), STATUS_OK, "%s", why_memory);
    cr_assert_str_eq(options.label, "told");
    cr_assert_eq(options.up_mbit_s, 50);
    cr_assert_eq(options.region, REGION_EU);
    cr_assert_eq(options.down_mbit_s, 100);
    remove_data_dir();
}

Test(options, words_may_be_joined_by_an_equals_sign_and_peers_repeated)
{
    static const char peer[] = "127.0.0.1:7700#0101010101010101010101010101010101010101010101010101"
                               "010101010101";
    make_data_dir(NULL);
    char joined[256];
    snprintf(joined, sizeof joined, "--data=%s", data_dir);
    cr_assert_eq(READ(joined, "--network=test-x", "--seed=7", "--peer", peer, "--peer", peer,
                      "--ready-fd", "5"),
                 STATUS_OK, "%s", why_memory);
    cr_assert_str_eq(options.data_dir, data_dir);
    cr_assert(options.is_test_network);
    cr_assert(options.has_seed);
    cr_assert_eq(options.seed, 7);
    cr_assert_eq(options.peer_count, 2);
    cr_assert_eq(options.ready_fd, 5);
    remove_data_dir();
}

Test(options, a_test_network_has_no_limits_by_address_unless_it_is_told_some)
{
    make_data_dir(NULL);
    cr_assert_eq(READ("--data", data_dir, "--network", "test-x"), STATUS_OK);
    cr_assert_eq(options.inbound_per_address, 0);
    cr_assert_eq(options.inbound_per_net, 0);
    cr_assert_eq(options.handshakes, 0);
    cr_assert_eq(READ("--data", data_dir, "--network", "test-x", "--handshakes", "9"), STATUS_OK);
    cr_assert_eq(options.handshakes, 9);
    remove_data_dir();
}

Test(options, what_is_wrong_is_refused_with_the_name_and_what_was_meant)
{
    static const struct {
        const char *words[4];
        enum status status;
        const char *says;
    } cases[] = {
        {{"--lable", "x"}, STATUS_BAD_INPUT, "did you mean label"},
        {{"--completely-unknown", "x"}, STATUS_BAD_INPUT, "no setting \"completely-unknown\""},
        {{"--label"}, STATUS_BAD_INPUT, "--label needs a value"},
        {{"--data"}, STATUS_BAD_INPUT, "--data needs a value"},
        {{"label", "x"}, STATUS_BAD_INPUT, "does not know \"label\""},
        {{"--label", "a", "--label", "b"}, STATUS_BAD_INPUT, "label is given twice"},
        {{"--listen", "tcp://example.org:7700"}, STATUS_BAD_INPUT, "IPv4 address in digits"},
        {{"--listen", "ipc:///tmp/x"}, STATUS_BAD_INPUT, "tcp://127.0.0.1:7700"},
        {{"--listen", "tcp://127.0.0.1:77000"}, STATUS_BAD_INPUT, "listen"},
        {{"--region", "mars"}, STATUS_BAD_INPUT, "the names are unknown, eu, na"},
        {{"--log-level", "warn"}, STATUS_BAD_INPUT, "did you mean warning"},
        {{"--inbound-max", "161"}, STATUS_OUT_OF_RANGE, "inbound-max"},
        {{"--inbound-max", "-1"}, STATUS_BAD_INPUT, "inbound-max"},
        {{"--ram", "24GB"}, STATUS_BAD_INPUT, "ram"},
        {{"--peer", "nonsense"}, STATUS_BAD_INPUT, "peer"},
        {{"--simulate", "rtx4090"}, STATUS_REFUSED, "test networks only"},
        {{"--seed", "1"}, STATUS_REFUSED, "test networks only"},
        {{"--config", "/nonexistent/gpuletd.conf"}, STATUS_NOT_FOUND, "/nonexistent"},
    };
    make_data_dir(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const *w = cases[i].words;
        const char *const words[] = {w[0], w[1], w[2], w[3], NULL};
        const enum status status = read_line(words);
        cr_assert_eq(status, cases[i].status, "%s: %s", w[0], status_name(status));
        cr_assert_not_null(strstr(why_memory, cases[i].says), "%s says: %s", w[0], why_memory);
    }
    remove_data_dir();
}

Test(options, a_file_with_mistakes_is_refused_and_named)
{
    static const struct {
        const char *config;
        const char *says;
    } cases[] = {{"lable = x\n", "did you mean label"},     {"[section]\nlabel = x\n", "[section]"},
                 {"label = x\nlabel = y\n", "given twice"}, {"no sense\n", "line 1"},
                 {"seed = 3\n", "test networks only"},      {"up = fast\n", "up"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_data_dir(cases[i].config);
        cr_assert_neq(READ("--data", data_dir), STATUS_OK, "%s", cases[i].config);
        cr_assert_not_null(strstr(why_memory, cases[i].says), "%s", why_memory);
        remove_data_dir();
    }
}

Test(options, other_things_to_do_need_no_data_directory)
{
    cr_assert_eq(READ("--version"), STATUS_OK);
    cr_assert_eq(options.mode, MODE_VERSION);
    cr_assert_eq(READ("--help"), STATUS_OK);
    cr_assert_eq(options.mode, MODE_HELP);
    cr_assert_eq(READ("--supervise", "job", "/x"), STATUS_OK);
    cr_assert_eq(options.mode, MODE_SUPERVISE);
    cr_assert_eq(READ("--check", "--json", "--data", "/tmp/x"), STATUS_OK);
    cr_assert_eq(options.mode, MODE_CHECK);
    cr_assert(options.json);
}

Test(options, a_relative_data_directory_is_made_absolute)
{
    char here[4096];
    cr_assert_not_null(getcwd(here, sizeof here));
    cr_assert_eq(READ("--data", "some/where"), STATUS_OK);
    cr_assert_eq(options.data_dir[0], '/');
    cr_assert_eq(strncmp(options.data_dir, here, strlen(here)), 0);
}
