#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/job_program.h"

static char base[64];

static void
path_of(char ret_path[256], const char *name)
{
    snprintf(ret_path, 256, "%s/%s", base, name);
}

static void
make_directory(const char *name)
{
    char path[256];
    path_of(path, name);
    cr_assert_eq(mkdir(path, 0755), 0);
}

/* The inode of the file made. */
static ino_t
make_file(const char *name, mode_t mode)
{
    char path[256];
    struct stat file;
    path_of(path, name);
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    cr_assert_geq(descriptor, 0);
    cr_assert_eq(fstat(descriptor, &file), 0);
    close(descriptor);
    return file.st_ino;
}

static ino_t
found_near(const char *name)
{
    char path[256];
    struct stat file = {0};
    path_of(path, name);
    const int program = job_program_open_near(path);
    if (program >= 0) {
        cr_assert_eq(fstat(program, &file), 0);
        close(program);
    }
    return file.st_ino;
}

Test(job_program, is_found_where_a_build_and_an_installation_have_it)
{
    char path[256];
    snprintf(base, sizeof base, "/tmp/gpulet-program-XXXXXX");
    cr_assert_not_null(mkdtemp(base));
    make_directory("bin");
    make_directory("libexec");
    make_directory("libexec/gpulet");
    cr_assert_eq(found_near("bin"), 0, "nowhere");
    make_directory("bin/gpulet-job");
    cr_assert_eq(found_near("bin"), 0, "a directory is no program");
    path_of(path, "bin/gpulet-job");
    cr_assert_eq(rmdir(path), 0);
    const ino_t installed = make_file("libexec/gpulet/gpulet-job", 0755);
    cr_assert_eq(found_near("bin"), installed);
    const ino_t beside = make_file("bin/gpulet-job", 0755);
    cr_assert_eq(found_near("bin"), beside, "a build uses its own");
    cr_assert_eq(unlink(path), 0);
    path_of(path, "libexec/gpulet/gpulet-job");
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert_eq(found_near("bin"), 0, "nobody may run it");
    cr_assert_eq(unlink(path), 0);
    static const char *const made[] = {"libexec/gpulet", "libexec", "bin", "."};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        path_of(path, i < 3 ? made[i] : "");
        cr_assert_eq(rmdir(path), 0, "%s", path);
    }
}
