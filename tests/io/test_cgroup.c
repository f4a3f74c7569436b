#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/io/cgroup.h"
#include "node/io/cgroup_file.h"
#include "node/io/supervisor_file.h"

static struct cgroup own;
static struct cgroup group;

static const char v2_mounts[] =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

static const char hybrid_mounts[] =
    "30 25 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n"
    "31 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "35 30 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "36 30 0:32 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
    "37 30 0:33 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";

static const char v1_mounts[] =
    "33 30 0:29 / /cg/cpu rw master:1 propagate_from:2 - cgroup none rw,cpuacct,cpu\n"
    "34 30 0:30 /docker/abc /cg/memory rw - cgroup none rw,memory\n"
    "36 30 0:32 / /cg/freezer rw - cgroup none rw,freezer\n";

static void
assert_place(enum cgroup_controller controller, unsigned version, const char *path)
{
    cr_assert_eq(own.places[controller].version, version, "controller %d", controller);
    if (version != 0) {
        cr_assert_str_eq(own.places[controller].path, path);
    }
}

Test(cgroup, version_2_has_one_place_for_all)
{
    cgroup_parse_own(v2_mounts, "0::/user.slice/gpulet.service\n", &own);
    for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
        assert_place((enum cgroup_controller)i, 2, "/sys/fs/cgroup/user.slice/gpulet.service");
    }
    /* The daemon's own leaf is stepped over. */
    cgroup_parse_own(v2_mounts, "0::/user.slice/gpulet.service/gpuletd\n", &own);
    assert_place(CGROUP_PIDS, 2, "/sys/fs/cgroup/user.slice/gpulet.service");
    cgroup_parse_own(v2_mounts, "0::/\n", &own);
    assert_place(CGROUP_MEMORY, 2, "/sys/fs/cgroup");
    cgroup_parse_own(v2_mounts, "0::/gpuletd\n", &own);
    assert_place(CGROUP_MEMORY, 2, "/sys/fs/cgroup");
}

Test(cgroup, hybrid_limits_by_version_1_and_freezes_by_version_2)
{
    cgroup_parse_own(hybrid_mounts,
                     "9:pids:/a\n8:freezer:/b\n4:memory:/c/d\n2:cpu,cpuacct:/\n0::/e\n", &own);
    assert_place(CGROUP_MEMORY, 1, "/sys/fs/cgroup/memory/c/d");
    assert_place(CGROUP_PIDS, 1, "/sys/fs/cgroup/pids/a");
    assert_place(CGROUP_CPU, 1, "/sys/fs/cgroup/cpu,cpuacct");
    assert_place(CGROUP_FREEZER, 2, "/sys/fs/cgroup/unified/e");
}

Test(cgroup, version_1_in_a_container_starts_below_its_mount)
{
    cgroup_parse_own(v1_mounts, "8:freezer:/f\n4:memory:/docker/abc/d\n2:cpuacct,cpu:/x\n", &own);
    assert_place(CGROUP_MEMORY, 1, "/cg/memory/d");
    assert_place(CGROUP_CPU, 1, "/cg/cpu/x");
    assert_place(CGROUP_FREEZER, 1, "/cg/freezer/f");
    assert_place(CGROUP_PIDS, 0, "");
    /* A membership outside the mount cannot be named. */
    cgroup_parse_own(v1_mounts, "4:memory:/elsewhere\n", &own);
    assert_place(CGROUP_MEMORY, 1, "/cg/memory");
}

Test(cgroup, odd_texts_give_no_place)
{
    static const char *const texts[] = {
        "",    "\n",  "x",       "1 2 3 4 5 - ", " - cgroup2", "- - - -", "a b c d e f - cgroup\n",
        "0::", ":::", "9:memory"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            cgroup_parse_own(texts[i], texts[j], &own);
            for (int k = 0; k < CGROUP_CONTROLLERS - 1; k++) {
                assert_place((enum cgroup_controller)k, 0, "");
            }
        }
    }
}

Test(cgroup, saved_group_is_loaded_again_and_nonsense_is_not)
{
    static const char *const nonsense[] = {"memory",        "memory 1 /x",  "memory 3 /x\n",
                                           "memory 1 x\n",  "memory  /x\n", "disk 1 /x\n",
                                           "memory 1/x\n",  "\n",           "memory 1 \n",
                                           "memory 1 /x\ny"};
    char text[4096];
    struct buffer saved;
    cgroup_parse_own(hybrid_mounts, "9:pids:/a\n4:memory:/c/d\n0::/e\n", &own);
    buffer_init(&saved, text, sizeof text);
    cgroup_save(&own, &saved);
    cr_assert_eq(cgroup_load(buffer_bytes(&saved), &group), STATUS_OK);
    for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
        cr_assert_eq(group.places[i].version, own.places[i].version);
        cr_assert_str_eq(group.places[i].path, own.places[i].path);
    }
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        cr_assert_eq(cgroup_load(bytes_of_text(nonsense[i]), &group), STATUS_CORRUPT, "%s",
                     nonsense[i]);
    }
    cr_assert_eq(cgroup_load(bytes_of_text(""), &group), STATUS_OK);
    cr_assert(cgroup_is_empty(&group));
}

Test(cgroup, without_controllers_nothing_is_limited_and_nothing_fails)
{
    const struct cgroup_limits limits = {.memory_mib = 1, .pids_max = 1, .cpu_threads = 1};
    own = (struct cgroup){0};
    cr_assert_eq(cgroup_create(&own, "gpulet-test", &group), STATUS_OK);
    cr_assert_eq(cgroup_limit(&group, &limits), STATUS_OK);
    enum status entered = STATUS_SYSTEM;
    const pid_t child = cgroup_fork(&group, &entered);
    if (child == 0) {
        _exit(entered == STATUS_OK ? 0 : 1);
    }
    int ended = -1;
    cr_assert_eq(waitpid(child, &ended, 0), child);
    cr_assert_eq(ended, 0);
    cr_assert_eq(cgroup_freeze(&group, true), STATUS_UNAVAILABLE);
    cr_assert_eq(cgroup_kill(&group), STATUS_UNAVAILABLE);
    cr_assert_eq(cgroup_oom_kills(&group), 0);
    cr_assert_eq(cgroup_remove(&group), STATUS_OK);
}

/* A child in the group that makes children without end. */
static pid_t
start_storm(void)
{
    enum status entered = STATUS_SYSTEM;
    const pid_t child = cgroup_fork(&group, &entered);
    if (child == 0) {
        if (entered != STATUS_OK) {
            _exit(1);
        }
        signal(SIGTERM, SIG_IGN);
        for (;;) {
            fork();
        }
    }
    return child;
}

static void
await_empty(int within_ms)
{
    const int64_t deadline = clock_monotonic_ms() + within_ms;
    while (!cgroup_is_empty(&group)) {
        cr_assert_lt(clock_monotonic_ms(), deadline);
        cr_assert_eq(cgroup_kill(&group), STATUS_OK);
        usleep(2000);
    }
}

/* Both freezers, where this machine has them and lets us. */
static bool
make_group(unsigned freezer_version)
{
    char name[64];
    struct cgroup all;
    cgroup_find_own(&own);
    all = own;
    if (freezer_version == 1 && own.places[CGROUP_FREEZER].version == 2) {
        /* The version 1 freezer beside it, which is not chosen otherwise. */
        cgroup_parse_own("36 30 0:32 / /sys/fs/cgroup/freezer rw - cgroup none rw,freezer\n",
                         "6:freezer:/\n", &all);
        own.places[CGROUP_FREEZER] = all.places[CGROUP_FREEZER];
    }
    if (own.places[CGROUP_FREEZER].version != freezer_version ||
        access(own.places[CGROUP_FREEZER].path, W_OK) != 0 ||
        own.places[CGROUP_PIDS].version == 0) {
        return false;
    }
    snprintf(name, sizeof name, "gpulet-test-%ld-%u", (long)getpid(), freezer_version);
    cr_assert_eq(cgroup_create(&own, name, &group), STATUS_OK);
    const struct cgroup_limits limits = {.memory_mib = 64, .pids_max = 100, .cpu_threads = 2};
    cr_assert_eq(cgroup_limit(&group, &limits), STATUS_OK);
    return true;
}

static void
freeze_and_kill(unsigned freezer_version)
{
    for (int frozen = 0; frozen < 2; frozen++) {
        /* The second time it is there already, and was killed before. */
        if (!make_group(freezer_version)) {
            cr_skip_test();
        }
        const pid_t child = start_storm();
        cr_assert_gt(child, 0);
        usleep(100000);
        cr_assert_not(cgroup_is_empty(&group));
        struct cgroup second;
        char name[64];
        snprintf(name, sizeof name, "gpulet-test-%ld-%u", (long)getpid(), freezer_version);
        cr_assert_eq(cgroup_create(&own, name, &second), STATUS_BUSY);
        if (frozen == 1) {
            cr_assert_eq(cgroup_freeze(&group, true), STATUS_OK);
            usleep(50000);
        }
        await_empty(2000);
        waitpid(child, NULL, 0);
    }
    cr_assert_eq(cgroup_freeze(&group, false), STATUS_OK);
    cr_assert_eq(cgroup_remove(&group), STATUS_OK);
    cr_assert_neq(access(group.places[CGROUP_PIDS].path, F_OK), 0);
}

Test(cgroup, version_2_freezes_and_kills_a_fork_storm)
{
    freeze_and_kill(2);
}

Test(cgroup, version_1_freezes_and_kills_a_fork_storm)
{
    freeze_and_kill(1);
}

/* True when the control file of the place names the process. */
static bool
names_process(const struct cgroup_place *place, pid_t pid)
{
    char text[4096];
    char line[32];
    const size_t length = cgroup_file_read(place->path, "cgroup.procs", text, sizeof text - 1);
    text[length] = '\0';
    snprintf(line, sizeof line, "%ld\n", (long)pid);
    const char *at = strstr(text, line);
    return at != NULL && (at == text || at[-1] == '\n');
}

static void
fork_inside(unsigned freezer_version)
{
    int hold[2];
    char byte = 0;
    if (!make_group(freezer_version)) {
        cr_skip_test();
    }
    cr_assert_eq(pipe(hold), 0);
    enum status entered = STATUS_SYSTEM;
    const pid_t child = cgroup_fork(&group, &entered);
    if (child == 0) {
        byte = entered == STATUS_OK ? 'y' : 'n';
        (void)!write(hold[1], &byte, 1);
        pause();
    }
    cr_assert_gt(child, 0);
    cr_assert_eq(read(hold[0], &byte, 1), 1);
    cr_assert_eq(byte, 'y');
    for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
        const struct cgroup_place *place = &group.places[i];
        cr_assert(place->version == 0 || names_process(place, child), "%s", place->path);
        cr_assert(place->version == 0 || !names_process(place, getpid()), "%s", place->path);
    }
    await_empty(2000);
    waitpid(child, NULL, 0);
    cr_assert_eq(cgroup_remove(&group), STATUS_OK);
}

Test(cgroup, a_child_begins_in_every_group_and_its_parent_in_none)
{
    fork_inside(2);
}

Test(cgroup, a_child_begins_in_every_group_of_version_1)
{
    fork_inside(1);
}

/* Where the group went away, the child is told, and must not go on. */
Test(cgroup, a_child_outside_the_group_knows_it)
{
    for (unsigned version = 1; version <= 2; version++) {
        int ended = -1;
        group = (struct cgroup){0};
        group.places[CGROUP_PIDS] =
            (struct cgroup_place){.version = version, .path = "/nonexistent/gpulet-test"};
        enum status entered = STATUS_OK;
        const pid_t child = cgroup_fork(&group, &entered);
        if (child == 0) {
            _exit(entered == STATUS_OK ? 0 : 7);
        }
        cr_assert_eq(waitpid(child, &ended, 0), child);
        cr_assert_eq(WEXITSTATUS(ended), 7);
    }
}
