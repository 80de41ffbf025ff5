/* What bwrap does elsewhere, for a container engine's start: from an ordinary user without any right on the host into
 * namespaces of our own, and from the engine's root into the same root that bwrap gives. Rights that are held from here
 * until READY count only inside those namespaces. */
#include "runner.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOT "/.sekft" /* in the image: the root's links and mount points (images.py) */

static void note(const char *path, unsigned id, int is_map) {
    char text[64];
    int len = is_map ? snprintf(text, sizeof text, "%u %u 1", id, id) : snprintf(text, sizeof text, "deny");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, (size_t)len) != len) die("cannot write", path);
    close(fd);
}

static void bind(const char *from, const char *to) {
    if (mount(from, to, 0, MS_BIND | MS_REC, 0)) die("cannot mount", to);
}

static void devices(void) {
    static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty", 0};
    static const char *const links[][2] = {
        {"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"}};
    char from[64], to[64];
    if (mount("tmpfs", ROOT "/dev", "tmpfs", MS_NOSUID, "mode=0755,size=64k")) die("cannot mount", "/dev");
    for (int i = 0; nodes[i]; i++) {
        snprintf(from, sizeof from, "/dev/%s", nodes[i]);
        snprintf(to, sizeof to, ROOT "/dev/%s", nodes[i]);
        int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
        if (fd < 0) die("cannot make", to);
        close(fd);
        bind(from, to);
    }
    for (int i = 0; i < 4; i++) {
        snprintf(to, sizeof to, ROOT "/dev/%s", links[i][1]);
        if (symlink(links[i][0], to)) die("cannot make", to);
    }
    if (mount(0, ROOT "/dev", 0, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_RDONLY, 0)) die("cannot protect", "/dev");
}

void enter(void) {
    static const char *const parts[] = {"usr", "bin", "sbin", "lib", "lib64", "proc", 0};
    unsigned uid = getuid(), gid = getgid();
    if (uid == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS)) die("cannot unshare", "namespaces");
    note("/proc/self/setgroups", 0, 0);
    note("/proc/self/uid_map", uid, 1);
    note("/proc/self/gid_map", gid, 1);
    if (mount(0, "/", 0, MS_REC | MS_PRIVATE, 0)) die("cannot mount", "/");
    bind(ROOT, ROOT);
    for (int i = 0; parts[i]; i++) {
        struct stat st;
        char from[16], to[32];
        snprintf(from, sizeof from, "/%s", parts[i]);
        snprintf(to, sizeof to, ROOT "/%s", parts[i]);
        if (!lstat(to, &st) && S_ISDIR(st.st_mode)) bind(from, to);
    }
    devices();
    if (chdir(ROOT) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
        die("cannot enter", ROOT);
}
