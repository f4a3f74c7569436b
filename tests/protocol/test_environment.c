#include "protocol/environment.h"

#include <criterion/criterion.h>
#include <string.h>

Test(environment, loader_driver_and_host_settings_are_refused)
{
    static const char *const refused[] = {
        "LD_PRELOAD=x", "LD_=",           "GLIBC_TUNABLES=a",
        "NVIDIA_X=1",   "GPULET_LEASE=1", "CUDA_VISIBLE_DEVICES=0"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char memory[200];
        struct buffer why;
        buffer_init(&why, memory, sizeof memory);
        cr_assert_eq(environment_check(bytes_of_text(refused[i]), &why), STATUS_REFUSED, "%s",
                     refused[i]);
        cr_assert_gt(why.length, 20);
        cr_assert_eq(environment_check(bytes_of_text(refused[i]), NULL), STATUS_REFUSED);
    }
}

Test(environment, other_names_are_allowed_and_need_a_name)
{
    static const char *const allowed[] = {"GPULET_GANG_RANK=1", "A=",        "LDX=1",
                                          "MY_LD_PRELOAD=x",    "PATH=/bin", "a=b=c"};
    static const char *const bad[] = {"", "=", "=x", "NAME"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        cr_assert_eq(environment_check(bytes_of_text(allowed[i]), NULL), STATUS_OK, "%s",
                     allowed[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(environment_check(bytes_of_text(bad[i]), NULL), STATUS_BAD_INPUT, "%s",
                     bad[i]);
    }
}
