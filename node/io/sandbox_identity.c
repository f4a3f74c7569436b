#include "node/io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/io/supervisor_file.h"

/* A directory every system has; covered by a small file system in our own mount namespace only. */
static const char stage_path[] = "/run";
static const char stage_workspace[] = "/run/workspace";
static const char stage_init[] = "/run/init";

void
sandbox_staged_sources(struct sandbox_sources *ret)
{
    *ret = (struct sandbox_sources){.init_descriptor = -1};
    snprintf(ret->workspace, sizeof ret->workspace, "%s", stage_workspace);
    snprintf(ret->init, sizeof ret->init, "%s", stage_init);
}

/* A mount of what is open here, to be put somewhere in another mount namespace; -1 on failure. A
 * plain bind would not do: the kernel binds only what lies in the namespace itself. */
static int
clone_mount(int descriptor)
{
    return (int)syscall(SYS_open_tree, descriptor, "",
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

static bool
put_mount(int tree, const char *target)
{
    return syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

/* The stage with an empty directory and an empty file to mount on. */
static bool
make_stage(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("gpulet", stage_path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64k") != 0 ||
        mkdir(stage_workspace, 0755) != 0) {
        return false;
    }
    const int file = open(stage_init, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file >= 0) {
        close(file);
    }
    return file >= 0;
}

enum status
sandbox_stage(int workspace, int init, struct sandbox_sources *ret)
{
    enum status status = STATUS_OK;
    const int workspace_tree = clone_mount(workspace);
    const int init_tree = clone_mount(init);
    if (workspace_tree < 0 || init_tree < 0 || !make_stage() ||
        !put_mount(workspace_tree, stage_workspace) || !put_mount(init_tree, stage_init)) {
        status = status_from_errno();
    }
    if (workspace_tree >= 0) {
        close(workspace_tree);
    }
    if (init_tree >= 0) {
        close(init_tree);
    }
    if (status == STATUS_OK) {
        sandbox_staged_sources(ret);
    }
    return status;
}

/* Device nodes of GPUs often belong to a group (render); the job sees only the bound ones of it. */
static size_t
device_groups(const char *const *device_paths, size_t device_count, gid_t *ret_groups)
{
    size_t count = 0;
    for (size_t i = 0; i < device_count; i++) {
        struct stat node;
        if (stat(device_paths[i], &node) == 0 && S_ISCHR(node.st_mode) && node.st_gid != 0 &&
            (node.st_mode & (S_IROTH | S_IWOTH)) != (S_IROTH | S_IWOTH)) {
            ret_groups[count++] = node.st_gid;
        }
    }
    return count;
}

enum status
sandbox_become(uid_t uid, const char *const *device_paths, size_t device_count)
{
    gid_t groups[WORKLOAD_DEVICES_MAX];
    if (uid == 0 || uid == (uid_t)-1) {
        return STATUS_OUT_OF_RANGE;
    }
    if (device_count > WORKLOAD_DEVICES_MAX) {
        return STATUS_LIMIT;
    }
    const gid_t gid = (gid_t)uid;
    const size_t count = device_groups(device_paths, device_count, groups);
    if (setgroups(count, groups) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0) {
        return status_from_errno();
    }
    /* A kernel that said yes and did nothing would hand the host to a stranger. */
    uid_t real = 0;
    uid_t effective = 0;
    uid_t saved = 0;
    if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid ||
        saved != uid || getgid() != gid || getegid() != gid || setuid(0) == 0) {
        return STATUS_PERMISSION;
    }
    return STATUS_OK;
}
