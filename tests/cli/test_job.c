#include "cli/job.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int
watch(int number)
{
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, number);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

Test(job, an_interrupt_that_comes_twice_at_once_is_one)
{
    const int signals = watch(SIGINT);
    int64_t last_ms = 0;
    cr_assert_geq(signals, 0);
    cr_assert_eq(job_read_signal(signals, &last_ms), 0);
    raise(SIGINT);
    cr_assert_eq(job_read_signal(signals, &last_ms), SIGINT);
    raise(SIGINT);
    cr_assert_eq(job_read_signal(signals, &last_ms), 0);
    usleep(400000);
    cr_assert_eq(job_read_signal(signals, &last_ms), 0, "the echo is gone");
    raise(SIGINT);
    cr_assert_eq(job_read_signal(signals, &last_ms), SIGINT);
    close(signals);
}

Test(job, without_signals_none_comes)
{
    int64_t last_ms = 0;
    cr_assert_eq(job_read_signal(-1, &last_ms), 0);
}
