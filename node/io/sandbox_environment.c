#include "node/io/sandbox.h"

#include "protocol/environment.h"

enum status
sandbox_check_environment(const char *entry, char ret_reason[SANDBOX_REASON_SIZE])
{
    struct buffer why;
    buffer_init(&why, ret_reason, SANDBOX_REASON_SIZE - 1);
    const enum status status = environment_check(bytes_of_text(entry), &why);
    ret_reason[why.length] = '\0';
    return status;
}
