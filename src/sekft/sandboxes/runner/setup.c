/* What happens once, before any command: the writable tree, the fixtures, and giving up every right. */
#include "runner.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

struct limits limits;
int second_id;

static void tree(struct cursor *in) {
    char options[96], from[64];
    uint64_t bytes = get_u64(in);
    uint32_t inodes = get_u32(in);
    snprintf(options, sizeof options, "mode=0755,size=%llu,nr_inodes=%u", (unsigned long long)bytes, inodes);
    if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, options)) die("cannot mount", "/run");
    second_id = !chown("/run", ROOT_ID, ROOT_ID); /* nobody sees this folder again */
    uint32_t roots = get_u32(in);
    for (uint32_t i = 0; i < roots; i++) {
        char *root = get_path(in);
        snprintf(from, sizeof from, "/run/%u", i);
        if (mkdir(from, 0755) || mount(from, root, 0, MS_BIND, 0)) die("cannot mount", root);
        free(root);
    }
    /* The tree lives on in its binds. The state that a shell leaves lies apart, so that a full tree loses no state. */
    if (umount2("/run", MNT_DETACH) ||
        mount("tmpfs", "/run/sekft", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=8m,nr_inodes=16"))
        die("cannot mount", "/run/sekft");
}

/* A shell that nobody may read: the kernel shuts /proc/PID of whoever runs it. Else a job in the background could open a
 * later shell's descriptor of what was typed, and type into it. Ours is such a file; the userland's is copied. */
const char *session_shell = TOOLS "/dash";

static void own_shell(void) {
    static char block[1 << 16];
    if (!access(session_shell, F_OK)) return;
    session_shell = TOOLS "/own/sh";
    if (mount("tmpfs", TOOLS "/own", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m,nr_inodes=4"))
        die("cannot mount", TOOLS "/own");
    int from = open("/bin/sh", O_RDONLY | O_CLOEXEC), to = open(session_shell, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (from < 0 || to < 0) die("cannot copy", "/bin/sh");
    for (ssize_t n; (n = read(from, block, sizeof block)) != 0;)
        if (n < 0 || write(to, block, (size_t)n) != n) die("cannot copy", "/bin/sh");
    if (fchmod(to, 0111)) die("cannot set the mode of", session_shell);
    close(from), close(to);
    if (mount(0, TOOLS "/own", 0, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_RDONLY, 0))
        die("cannot protect", TOOLS "/own");
}

struct entry { char kind; uint8_t roots; uint32_t mode; int64_t mtime; char *path; const unsigned char *data; uint32_t len; };

/* Whether this is a path that no rewind need touch, because the agent cannot: it is root's, or under a read-only bind. */
static int kept(int again) { return again && (errno == EROFS || errno == EPERM); }

static void make(const struct entry *e, int again) {
    if (e->kind == 'o') return; /* a FIFO or socket of a snapshot: lost */
    if (e->kind == 'd') {
        if (mkdir(e->path, 0700) && errno != EEXIST) die("cannot make directory", e->path);
    } else if (e->kind == 'l') {
        char *target = strndup((const char *)e->data, e->len);
        if (!target || (symlink(target, e->path) && !(again && errno == EEXIST))) die("cannot make symlink", e->path);
        free(target);
    } else {
        int fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && again && errno == EEXIST) { /* a bind's own file */
            if (chmod(e->path, 0600) && kept(again)) return;
            fd = open(e->path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        }
        if (fd < 0) die("cannot make file", e->path);
        for (uint32_t done = 0; done < e->len;) {
            ssize_t n = write(fd, e->data + done, e->len - done);
            if (n <= 0) die("cannot write", e->path);
            done += (uint32_t)n;
        }
        if (fchmod(fd, e->mode)) die("cannot set the mode of", e->path);
        close(fd);
    }
}

static void stamp(const struct entry *e, int again) {
    struct timespec times[2] = {{e->mtime, 0}, {e->mtime, 0}};
    if (e->kind == 'o') return;
    if (e->kind == 'd' && chmod(e->path, e->mode) && !kept(again)) die("cannot set the mode of", e->path);
    if (utimensat(AT_FDCWD, e->path, times, AT_SYMLINK_NOFOLLOW) && !kept(again)) die("cannot set the time of", e->path);
    if (e->roots && second_id && !again && lchown(e->path, ROOT_ID, ROOT_ID)) die("cannot give to root", e->path);
}

/* Entries come parents first; times, directory modes and owners are set children first, so that they stay. */
static void fixtures(struct cursor *in, int again) {
    uint32_t count = get_u32(in);
    struct entry *all = calloc(count + 1u, sizeof *all);
    if (!all) die("no memory", "");
    for (uint32_t i = 0; i < count; i++) {
        all[i].kind = (char)get_u8(in);
        all[i].roots = get_u8(in);
        all[i].mode = get_u32(in);
        all[i].mtime = (int64_t)get_u64(in);
        all[i].path = get_path(in);
        all[i].data = get_bytes(in, &all[i].len);
        make(&all[i], again);
    }
    for (uint32_t i = count; i-- > 0;) stamp(&all[i], again), free(all[i].path);
    free(all);
}

/* how: bit 0: read-only; bit 1: it is a mount already; bit 2: not read-only where its owner shows and protects it */
static int is_read_only(uint8_t how) { return (how & 1) && !(second_id && how & 4); }

static void binds(struct cursor *in) {
    for (uint32_t count = get_u32(in); count > 0; count--) {
        uint8_t how = get_u8(in);
        unsigned long read_only = is_read_only(how) ? MS_RDONLY : 0;
        char *path = get_path(in);
        if ((!(how & 2) && mount(path, path, 0, MS_BIND, 0)) ||
            mount(0, path, 0, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | read_only, 0))
            die("cannot protect", path);
        free(path);
    }
}

/* A folder may have been renamed with a bind in it: every path must have the rights that it had. */
static void same_binds(struct cursor *in) {
    for (uint32_t count = get_u32(in); count > 0; count--) {
        struct statvfs fs;
        unsigned long read_only = is_read_only(get_u8(in)) ? ST_RDONLY : 0;
        char *path = get_path(in);
        if (statvfs(path, &fs) || (fs.f_flag & ST_RDONLY) != read_only) die("another bind at", path);
        free(path);
    }
}

static void clear(int dir) {
    DIR *list = fdopendir(dir);
    if (!list) {
        close(dir);
        return;
    }
    fchmod(dir, 0700);
    for (struct dirent *d; (d = readdir(list));) {
        struct stat st;
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
        /* Root's links lie under no bind, and made again they would be the agent's. */
        if (d->d_type == DT_LNK && !fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) && st.st_uid != getuid()) continue;
        if (!unlinkat(dir, d->d_name, 0)) continue;
        int below = openat(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0) clear(below), unlinkat(dir, d->d_name, AT_REMOVEDIR);
    }
    closedir(list);
}

/* Without any right: what the agent can change is removed and made again; what it cannot is as it was. The harness
 * compares the tree. in: the nodes and binds of a SETUP. */
void restore(struct cursor *in) {
    static const char *const roots[] = {WRITABLE_ROOTS, "/run/sekft", 0};
    for (int i = 0; roots[i]; i++) {
        int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) clear(fd);
    }
    umask(0);
    fixtures(in, 1);
    same_binds(in);
    umask(022);
}

static void mask(void) {
    static const char *const hidden[] = {"/proc/keys", "/proc/key-users", "/proc/cmdline", 0};
    for (int i = 0; hidden[i]; i++) mount("/dev/null", hidden[i], 0, MS_BIND, 0);
    /* A second lock behind the seccomp filter: no user namespace can be made in here at all. Some versions of bwrap have
     * bound /proc/sys read-only already, others have not. */
    const unsigned long again = MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    mount("/proc/sys", "/proc/sys", 0, MS_BIND, 0);
    mount(0, "/proc/sys", 0, again, 0);
    int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) (void)!write(fd, "0", 1), close(fd);
    if (mount(0, "/proc/sys", 0, again | MS_RDONLY, 0)) die("cannot protect", "/proc/sys");
    /* All of it, so that nobody gives back the standing that victim() gave it. */
    if (mount("/proc", "/proc", 0, MS_BIND | MS_REC, 0) || mount(0, "/proc", 0, again | MS_RDONLY, 0))
        die("cannot protect", "/proc");
}

void setup(struct cursor *in) {
    umask(0);
    limits.memory = get_u64(in);
    limits.file = get_u64(in);
    limits.processes = get_u32(in);
    limits.open_files = get_u32(in);
    limits.cpu_s = get_u32(in);
    char *host = get_path(in);
    if (sethostname(host, strlen(host))) die("cannot set the host's name", host);
    free(host);
    tree(in);
    fixtures(in, 0);
    binds(in);
    mask();
    own_shell();
    make_views(in);
    if (is_any_hidden()) open_door();
    umask(022);
}

#define BIT(cap) (1ull << (cap))
#define OWN BIT(CAP_DAC_READ_SEARCH)                    /* state() sees what the agent made unreadable */
#define VIEWS (BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT)) /* what it takes to put a child into a view */
#define PROVIDERS CAP_WAKE_ALARM /* it allows nothing here, but who lacks it cannot look into a process that has it */

static int set_rights(uint64_t held, uint64_t inheritable) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2];
    for (int i = 0; i < 2; i++) {
        uint32_t now = (uint32_t)(held >> 32 * i), later = (uint32_t)(inheritable >> 32 * i);
        caps[i] = (struct __user_cap_data_struct){now, now, later};
    }
    return (int)syscall(SYS_capset, &head, caps);
}

/* In a child, before it execs: with the right to read everything, its shell would not be shut (own_shell). */
int limit_rights(int provider) {
    uint64_t rights = provider ? BIT(PROVIDERS) : 0;
    return set_rights(rights, rights) || (provider && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PROVIDERS, 0, 0));
}

/* What PID 1 keeps, it keeps for itself alone. */
void drop_rights(void) {
    uint64_t later = is_any_hidden() ? BIT(PROVIDERS) : 0, keep = OWN | VIEWS | later;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (set_rights(keep | BIT(CAP_SETPCAP), later)) die("cannot drop capabilities", "");
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EPERM) die("cannot drop capability", "");
    if (set_rights(keep, later)) die("cannot drop capabilities", "");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) die("cannot lock down", "");
}
