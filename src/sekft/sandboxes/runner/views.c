/* Three views of one tree, each a mount namespace. The full view is PID 1's own and the provider's. In the agent's, each
 * hidden program is a stub that asks at the door (door.c), and the store cannot be opened; where nothing is hidden it is
 * the full one. In the checker's there is no /proc: no link leads to the checker's own text or descriptors. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define STUB "#!" TOOLS "/runner door\n"
#define MADE "/run/sekft" /* where stand-ins are made, under a mount of their own that does not stay */
#define NAMES TOOLS "/bin" /* in the full view alone: links to programs by other names */
#define WHOLE_LIMIT (1 << 20) /* of a stand-in: what is longer has a hole */

struct hidden { char *path; struct stat st; };
static struct hidden *all;
static size_t count;
static int namespaces[] = {-1, -1, -1};
static int scripts = -1; /* the folder that covers the checker's /proc */

static int runs(const struct stat *st) { return S_ISREG(st->st_mode) && st->st_mode & 0111; }

int is_any_hidden(void) { return namespaces[AGENT] >= 0; }

static const char *name_in(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Some programs go by the name that they are called by. A link of the agent's could be exchanged before it is read, so
 * one of that name is made where the agent reaches nothing. */
const char *program_at(const char *path, const char *called) {
    static char at[PATH_MAX];
    for (size_t i = 0; i < count; i++) {
        if (!runs(&all[i].st) || strcmp(all[i].path, path)) continue;
        if (!strcmp(name_in(called), name_in(path))) return all[i].path;
        snprintf(at, sizeof at, NAMES "/%zu", i);
        mkdir(at, 0755);
        snprintf(at, sizeof at, NAMES "/%zu/%s", i, name_in(called));
        return symlink(path, at) && errno != EEXIST ? all[i].path : at;
    }
    return 0;
}

int enter_view(enum view view) { return namespaces[view] < 0 ? 0 : setns(namespaces[view], CLONE_NEWNS); }

/* A mount point can be neither removed nor renamed. Whoever renamed a folder above a program could put another there. */
static void pin(const char *path) {
    static char **pinned;
    static size_t pins;
    struct statvfs fs;
    for (size_t i = 0; i < pins; i++)
        if (!strcmp(pinned[i], path)) return;
    if (statvfs(path, &fs)) die("cannot read", path);
    if (fs.f_flag & ST_RDONLY) return;
    if (mount(path, path, 0, MS_BIND | MS_REC, 0)) die("cannot mount", path);
    pinned = realloc(pinned, (pins + 1) * sizeof *pinned);
    if (!pinned || !(pinned[pins++] = strdup(path))) die("no memory", "");
}

static void pin_way(char *path) {
    static const char *const roots[] = {WRITABLE_ROOTS, 0};
    for (int i = 0; roots[i]; i++) {
        size_t len = strlen(roots[i]);
        if (strncmp(path, roots[i], len) || path[len] != '/') continue;
        for (char *end = path + len + 1; (end = strchr(end, '/')); *end++ = '/') *end = 0, pin(path);
    }
    pin(path);
}

/* What is not there needs no hiding. */
static void read_hidden(struct cursor *in, uint32_t given) {
    all = calloc(given, sizeof *all);
    if (!all) die("no memory", "");
    while (given--) {
        char *path = get_path(in);
        struct hidden *h = &all[count];
        if ((h->path = realpath(path, 0)) && !stat(h->path, &h->st)) pin_way(h->path), count++;
        free(path);
    }
}

static int branch(void) {
    if (unshare(CLONE_NEWNS)) die("cannot unshare", "a view");
    return high(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
}

static void memory_at(const char *path, const char *options) {
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options)) die("cannot mount", path);
}

static void fill(int fd, const struct stat *st) {
    off_t line = runs(st) ? (off_t)strlen(STUB) : 0, size = st->st_size > line ? st->st_size : line;
    if (write(fd, STUB, (size_t)line) != line) die("cannot write", "a stub");
    (void)!posix_fallocate(fd, 0, size < WHOLE_LIMIT ? size : WHOLE_LIMIT);
    if (ftruncate(fd, size)) die("cannot write", "a stand-in");
}

/* Size and time are the fixture's. The owner is root, where there is a second uid: nobody is to believe that chmod opens
 * what it cannot open. */
static void stand_in(const char *at, const struct stat *st) {
    const struct timespec times[2] = {st->st_mtim, st->st_mtim};
    if (S_ISDIR(st->st_mode)) {
        if (mkdir(at, 0)) die("cannot make", at);
    } else {
        int fd = open(at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) die("cannot make", at);
        fill(fd, st);
        close(fd);
    }
    /* The owner last: what is root's is no longer ours to change. */
    if (chmod(at, runs(st) ? 0111 : 0) || utimensat(AT_FDCWD, at, times, 0) ||
        (chown(at, ROOT_ID, ROOT_ID) && chown(at, st->st_uid, st->st_gid)))
        die("cannot make", at);
}

static void cover(const struct hidden *h, size_t number) {
    const unsigned long shut = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_RDONLY;
    char at[64];
    snprintf(at, sizeof at, MADE "/%zu", number);
    stand_in(at, &h->st);
    if (mount(at, h->path, 0, MS_BIND, 0)) {
        if (errno == ENOENT || errno == ENOTDIR) return; /* it lies in what is covered already */
        die("cannot mount", h->path);
    }
    if (mount(0, h->path, 0, shut, 0)) die("cannot protect", h->path);
}

static void leave(int full, const char *view) {
    if (setns(full, CLONE_NEWNS)) die("cannot leave", view);
}

static void make_agents(int full) {
    namespaces[AGENT] = branch();
    memory_at(MADE, "mode=0755");
    for (size_t i = 0; i < count; i++) cover(&all[i], i);
    if (umount2(MADE, MNT_DETACH)) die("cannot leave", MADE);
    leave(full, "the agent's view");
}

static void make_checkers(int full) {
    namespaces[CHECKER] = branch();
    memory_at("/proc", "mode=0111,size=64m");
    scripts = high(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    leave(full, "the checker's view");
}

/* The provider's scripts run our shell, which starts in a quarter of the time. */
static void quicker_shell(void) {
    char *shell = realpath("/bin/sh", 0);
    if (!access(TOOLS "/dash", F_OK) && (!shell || mount(TOOLS "/dash", shell, 0, MS_BIND, 0))) die("cannot mount", "/bin/sh");
    free(shell);
}

void make_views(struct cursor *in) {
    uint32_t given = get_u32(in);
    if (mount(0, "/", 0, MS_REC | MS_PRIVATE, 0)) die("cannot mount", "/");
    if (given) read_hidden(in, given);
    int full = high(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    if (given) make_agents(full);
    make_checkers(full);
    if (given) memory_at(NAMES, "mode=0755,size=1m,nr_inodes=1024"), quicker_shell();
    close(full);
}

/* The folder cannot be listed, and the name is drawn by the harness: nobody else can tell it. */
void put_script(const char *name, const unsigned char *text, size_t len) {
    fchmod(scripts, 0700);
    int fd = openat(scripts, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    fchmod(scripts, 0111);
    if (fd < 0) die("cannot make", name);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, text + done, len - done);
        if (n <= 0) die("cannot write", name);
        done += (size_t)n;
    }
    close(fd);
}

void remove_script(const char *name) {
    fchmod(scripts, 0700);
    unlinkat(scripts, name, 0);
    fchmod(scripts, 0111);
}
