#include "tests/io/hostile_attempt.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int
open_to_read(const char *path)
{
    char byte;
    const int file = open(path, O_RDONLY | O_NONBLOCK);
    return file < 0 ? errno : hostile_outcome(read(file, &byte, 1));
}

static int
open_to_write(const char *path)
{
    return hostile_outcome(open(path, O_WRONLY | O_CREAT, 0600));
}

static int
read_shadow(void)
{
    return open_to_read("/etc/shadow");
}

static int
see_host_directories(void)
{
    static const char *const paths[] = {"/root",        "/home",       "/var/lib",
                                        "/boot",        "/sys/kernel", "/sys/fs/cgroup",
                                        "/run/systemd", "/mnt",        "/srv"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (access(paths[i], F_OK) == 0) {
            return 0;
        }
    }
    return ENOENT;
}

static int
see_host_environment(void)
{
    return open_to_read("/proc/1/environ");
}

static int
see_host_processes(void)
{
    unsigned count = 0;
    DIR *proc = opendir("/proc");
    if (proc == NULL) {
        return errno;
    }
    for (const struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? 1 : 0;
    }
    closedir(proc);
    return count > 6 ? 0 : ESRCH; /* the first process, this program and its try */
}

static int
write_first_process(void)
{
    return open_to_write("/proc/1/mem");
}

static int
write_usr(void)
{
    return open_to_write("/usr/bin/gpulet-was-here");
}

static int
write_etc(void)
{
    return open_to_write("/etc/gpulet-was-here");
}

static int
write_root(void)
{
    return open_to_write("/gpulet-was-here");
}

static int
write_dev(void)
{
    return open_to_write("/dev/gpulet-was-here");
}

static int
write_program(void)
{
    return open_to_write("/run/gpulet-init");
}

static int
write_sysctl(void)
{
    return hostile_outcome(open("/proc/sys/kernel/core_pattern", O_WRONLY));
}

static int
make_device(void)
{
    return hostile_outcome(mknod("/workspace/kmem", S_IFCHR | 0666, makedev(1, 1)));
}

static int
become_root(void)
{
    return hostile_outcome(setuid(0));
}

static int
become_root_by_program(void)
{
    /* su is setuid; with no-new-privileges this must not help. */
    if (chmod("/usr/bin/su", 06777) == 0) {
        return 0;
    }
    return errno;
}

static const struct hostile_attempt attempts[] = {
    {"read_shadow", read_shadow},
    {"see_host_directories", see_host_directories},
    {"see_host_environment", see_host_environment},
    {"see_host_processes", see_host_processes},
    {"write_first_process", write_first_process},
    {"write_usr", write_usr},
    {"write_etc", write_etc},
    {"write_root", write_root},
    {"write_dev", write_dev},
    {"write_program", write_program},
    {"write_sysctl", write_sysctl},
    {"make_device", make_device},
    {"become_root", become_root},
    {"become_root_by_program", become_root_by_program},
};
const struct hostile_list hostile_files = {attempts, sizeof attempts / sizeof attempts[0]};
