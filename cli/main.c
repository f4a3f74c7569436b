#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/manual.h"
#include "cli/talk.h"
#include "crypto/keypair.h"

static int
refuse(const struct invocation *invocation, const struct buffer *why)
{
    talk_say("%.*s", (int)why->length, (const char *)why->data);
    if (invocation->command != NULL) {
        talk_say("see: gpulet help %s", invocation->command->name);
    } else {
        talk_say("the commands are: gpulet help");
    }
    return EXIT_USAGE;
}

/* A standard stream that the caller closed would be the number of the next file that is opened, and
 * get what is not meant for it. Reading ends at once then, and writing fails. */
static void
hold_standard_streams(void)
{
    int file = open("/dev/null", O_RDONLY);
    while (file >= 0 && file <= STDERR_FILENO) {
        file = open("/dev/null", O_RDONLY);
    }
    if (file > STDERR_FILENO) {
        close(file);
    }
}

static bool
asks_version(int argc, char *const *argv)
{
    return argc == 2 && strcmp(argv[1], "--version") == 0;
}

int
main(int argc, char **argv)
{
    static char *const version[] = {"gpulet", "version"};
    struct invocation invocation;
    char memory[1024];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    hold_standard_streams();
    const bool is_version = asks_version(argc, argv);
    const enum status status =
        invocation_read(is_version ? 2 : argc, is_version ? version : argv, &invocation, &why);
    if (status != STATUS_OK) {
        return refuse(&invocation, &why);
    }
    if (option_is_given(&invocation, "help")) {
        if (invocation.command == NULL) {
            manual_overview(stdout);
        } else {
            manual_command(stdout, invocation.command);
        }
        return talk_flush();
    }
    if (invocation.command == NULL) {
        manual_overview(stderr);
        return EXIT_USAGE;
    }
    if (crypto_start() != STATUS_OK) {
        talk_say("this machine gives no random numbers");
        return EXIT_REFUSED;
    }
    return invocation.command->run(&invocation);
}
