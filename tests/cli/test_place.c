/* Where things are, small files, and programs started in the background. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/place.h"
#include "cli/process.h"
#include "cli/testnet.h"
#include "cli/word_list.h"

static char directory[] = "/tmp/gpulet-test-XXXXXX";

static void
make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
}

static void
remove_directory(void)
{
    cr_assert_eq(testnet_remove(directory), STATUS_OK);
}

static const char *
below(const char *name)
{
    static char path[PLACE_SIZE];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

Test(place, the_socket_is_in_the_data_directory_unless_a_file_names_another, .init = make_directory,
     .fini = remove_directory)
{
    char socket[PLACE_SIZE];
    cr_assert_eq(place_socket(directory, socket), STATUS_OK);
    cr_assert_str_eq(socket, below("run/control"));
    cr_assert_eq(place_write(below("control"), bytes_of_text("/run/elsewhere/control\n")),
                 STATUS_OK);
    cr_assert_eq(place_socket(directory, socket), STATUS_OK);
    cr_assert_str_eq(socket, "/run/elsewhere/control");
}

Test(place, small_files_are_private_and_come_back_whole, .init = make_directory,
     .fini = remove_directory)
{
    char memory[8];
    struct stat found;
    cr_assert_eq(place_read(below("none"), memory, sizeof memory), STATUS_NOT_FOUND);
    cr_assert_eq(place_write(below("file"), bytes_of_text("first")), STATUS_OK);
    cr_assert_eq(place_write(below("file"), bytes_of_text("second!")), STATUS_OK);
    cr_assert_eq(place_read(below("file"), memory, sizeof memory), STATUS_OK);
    cr_assert_str_eq(memory, "second!");
    cr_assert_eq(place_read(below("file"), memory, 7), STATUS_OUT_OF_RANGE);
    cr_assert_eq(stat(below("file"), &found), 0);
    cr_assert_eq(found.st_mode & 0777, 0600);
    cr_assert_eq(place_write(below("no/such/place"), bytes_of_text("x")), STATUS_SYSTEM);
}

Test(place, directories_are_made_with_those_above_and_for_their_owner, .init = make_directory,
     .fini = remove_directory)
{
    struct stat found;
    cr_assert_eq(place_make(below("a/b/c")), STATUS_OK);
    cr_assert_eq(place_make(below("a/b/c")), STATUS_OK);
    cr_assert_eq(stat(below("a/b"), &found), 0);
    cr_assert_eq(found.st_mode & 0777, 0700);
    cr_assert_eq(place_write(below("file"), bytes_of_text("x")), STATUS_OK);
    cr_assert_eq(place_make(below("file/under")), STATUS_SYSTEM);
}

Test(place, notes_of_others_are_not_trusted, .init = make_directory, .fini = remove_directory)
{
    char notes[PLACE_SIZE];
    cr_assert_eq(setenv("XDG_RUNTIME_DIR", directory, 1), 0);
    cr_assert_eq(place_notes(notes), STATUS_OK);
    cr_assert_str_eq(notes, below("gpulet"));
    cr_assert_eq(chmod(notes, 0777), 0);
    cr_assert_eq(place_notes(notes), STATUS_PERMISSION);
    cr_assert_eq(rmdir(notes), 0);
    cr_assert_eq(symlink("/tmp", below("gpulet")), 0);
    cr_assert_eq(place_notes(notes), STATUS_PERMISSION);
}

Test(place, the_test_network_started_last_is_remembered_until_it_is_gone, .init = make_directory,
     .fini = remove_directory)
{
    static const struct invocation plain = {.command = NULL};
    char path[PLACE_SIZE];
    char sentence[512];
    struct buffer why;
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(setenv("XDG_RUNTIME_DIR", directory, 1), 0);
    cr_assert_eq(place_testnet(&plain, path, &why), STATUS_NOT_FOUND);
    cr_assert(why.length > 0);
    cr_assert_eq(place_testnet_remember("/tmp/one"), STATUS_OK);
    cr_assert_eq(place_testnet_remember("/tmp/two"), STATUS_OK);
    cr_assert_eq(place_testnet(&plain, path, &why), STATUS_OK);
    cr_assert_str_eq(path, "/tmp/two");
    place_testnet_forget("/tmp/one"); /* not the one that is remembered */
    cr_assert_eq(place_testnet(&plain, path, &why), STATUS_OK);
    place_testnet_forget("/tmp/two");
    cr_assert_eq(place_testnet(&plain, path, &why), STATUS_NOT_FOUND);
}

Test(place, data_and_node_together_are_a_contradiction)
{
    static const struct invocation both = {
        .given = {{"data", "/tmp/x", false}, {"node", "host-1", false}}, .given_count = 2};
    static const struct invocation data = {.given = {{"data", "/tmp/x", false}}, .given_count = 1};
    char path[PLACE_SIZE];
    char sentence[512];
    struct buffer why;
    buffer_init(&why, sentence, sizeof sentence);
    cr_assert_eq(place_data(&both, path, &why), STATUS_BAD_INPUT);
    cr_assert_eq(place_data(&data, path, &why), STATUS_OK);
    cr_assert_str_eq(path, "/tmp/x");
}

Test(process, a_number_alone_names_no_process)
{
    struct process self;
    cr_assert_eq(process_find(getpid(), &self), STATUS_OK);
    cr_assert(process_runs(&self));
    struct process other = self;
    other.start_ticks++; /* the number was given to somebody else */
    cr_assert(!process_runs(&other));
    process_signal(&other, SIGKILL); /* so nobody is hit */
    cr_assert(process_wait_gone(&other, 0));
    cr_assert(!process_wait_gone(&self, 30));
    struct process none = {0, 0};
    process_signal(&none, SIGKILL);
}

static struct process
spawn(char *script)
{
    static char shell[] = "/bin/sh";
    static char option[] = "-c";
    char *const words[] = {shell, option, script, NULL};
    struct process process;
    cr_assert_eq(process_spawn(words, below("log"), &process), STATUS_OK);
    return process;
}

Test(process, what_is_started_has_nothing_of_ours_but_its_log, .init = make_directory,
     .fini = remove_directory)
{
    static char script[] = "echo out; echo err >&2; ls /proc/self/fd | tr '\\n' ' '; cat; "
                           "test \"$(ps -o sid= -p $$ | tr -d ' ')\" = $$ && echo alone";
    char log[512];
    const int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC, on purpose */
    struct process process = spawn(script);
    cr_assert(process_wait_gone(&process, 5000));
    cr_assert_eq(place_read(below("log"), log, sizeof log), STATUS_OK);
    cr_assert_str_eq(log, "out\nerr\n0 1 2 3 alone\n"); /* 3 is what ls itself opened */
    close(leaked);
}

Test(process, a_program_that_does_not_exist_is_gone_at_once, .init = make_directory,
     .fini = remove_directory)
{
    static char missing[] = "/nonexistent/program";
    char *const words[] = {missing, NULL};
    struct process process;
    cr_assert_eq(process_spawn(words, below("log"), &process), STATUS_OK);
    cr_assert(process_wait_gone(&process, 5000));
    cr_assert_eq(process_spawn(words, below("no/log"), &process), STATUS_SYSTEM);
}

Test(process, the_right_one_is_ended, .init = make_directory, .fini = remove_directory)
{
    static char script[] = "exec sleep 60";
    struct process process = spawn(script);
    cr_assert(process_runs(&process));
    process_signal(&process, SIGTERM);
    cr_assert(process_wait_gone(&process, 5000));
}

Test(word_list, words_are_kept_and_one_too_many_is_not_forgotten)
{
    struct word_list words = {.count = 0};
    for (int i = 0; i < WORDS_MAX; i++) {
        word_list_append(&words, "%d", i);
    }
    cr_assert_eq(word_list_status(&words), STATUS_OK);
    cr_assert_str_eq(words.words[17], "17");
    cr_assert_null(words.words[WORDS_MAX]);
    word_list_append(&words, "more");
    cr_assert_eq(word_list_status(&words), STATUS_LIMIT);
    word_list_clear(&words);
    cr_assert_null(words.words[0]);
}
