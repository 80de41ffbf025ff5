/* The fork server: a process in namespaces and a root of bwrap's making, from which sandboxes are forked. Each sandbox has
 * all namespaces of its own, as one has that bwrap starts; what is saved is bwrap's own start and its mounts.
 *
 * On the control socket (packets) a request brings the harness's own pidfd (kept from the first one on), the sandbox's
 * stream and, where it has one, its control group's list of members. One of type 'H' wants a hello. The answer brings the
 * sandbox's pidfd, or says what failed. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL 0
#define SPACES \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD | SIGCHLD)

struct request { char what; int keeper, stream, members; };

static void close_from(int first) {
    for (int fd = first; fd < 64; fd++) close(fd);
}

/* 0 at the end of the control stream. Descriptors that are not brought are -1. */
static int receive(struct request *r) {
    int fds[3] = {-1, -1, -1};
    char byte, space[CMSG_SPACE(sizeof fds)];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    ssize_t n = recvmsg(CONTROL, &message, MSG_CMSG_CLOEXEC);
    if (n <= 0) return 0;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_type == SCM_RIGHTS) memcpy(fds, CMSG_DATA(head), head->cmsg_len - CMSG_LEN(0));
    *r = (struct request){byte, fds[0], fds[1], fds[2]};
    return 1;
}

static void answer(const char *text, int fd) {
    char space[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = space, message.msg_controllen = sizeof space;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    if (sendmsg(CONTROL, &message, MSG_NOSIGNAL) < 0) _exit(0);
}

/* The ids that there are here, each as itself: two, or the agent's alone. */
static int map_ids(pid_t pid) {
    char one[32], two[64];
    snprintf(one, sizeof one, "%d %d 1\n", AGENT_ID, AGENT_ID);
    snprintf(two, sizeof two, "%s%d %d 1\n", one, ROOT_ID, ROOT_ID);
    return write_proc(pid, "setgroups", "deny") && (write_proc(pid, "uid_map", two) || write_proc(pid, "uid_map", one)) &&
           (write_proc(pid, "gid_map", two) || write_proc(pid, "gid_map", one));
}

/* In the sandbox's first process: it becomes what bwrap would have started. */
static void begin(const struct request *r, int mapped) {
    char byte;
    if (read(mapped, &byte, 1) != 1) _exit(0); /* the fork server says why */
    dup2(r->stream, 1);
    if (r->members >= 0 && write(r->members, "0", 1) != 1) die("cannot enter", "the control group");
    dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 2);
    dup2(1, 0);
    close_from(3);
    setsid();
    if (unshare(CLONE_NEWCGROUP) && errno != EINVAL) die("cannot unshare", "the control group");
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0)) die("cannot mount", "/proc");
    if (r->what == 'H') send_frame('H', &(struct buf){0});
}

/* 1 in the sandbox. */
static int fork_one(const struct request *r) {
    int pidfd = -1, mapped[2];
    if (pipe2(mapped, O_CLOEXEC)) return answer(strerror(errno), -1), 0;
    pid_t pid = (pid_t)syscall(SYS_clone, SPACES, 0, &pidfd, 0, 0);
    if (pid == 0) {
        close(mapped[1]);
        begin(r, mapped[0]);
        return 1;
    }
    int done = pid > 0 && map_ids(pid) && write(mapped[1], "", 1) == 1;
    answer(done ? "+" : strerror(errno), done ? pidfd : -1);
    close(mapped[0]), close(mapped[1]);
    if (pid > 0) close(pidfd);
    return 0;
}

static void reap_sandboxes(int events) {
    char skip[1024];
    (void)!read(events, skip, sizeof skip);
    while (waitpid(-1, 0, WNOHANG) > 0) continue;
}

/* Returns in each sandbox, and never in the fork server itself. */
void serve_forks(void) {
    static const char *const covers[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", 0};
    int keeper = -1;
    sigset_t set;
    /* bwrap may have covered some of /proc. Where any of it is covered, the kernel gives nobody below a fresh one. */
    for (int i = 0; covers[i]; i++) umount2(covers[i], MNT_DETACH);
    prctl(PR_SET_NAME, "forkserver", 0, 0, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, 0);
    int events = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    for (struct request r;;) {
        struct pollfd fds[] = {{CONTROL, POLLIN, 0}, {events, POLLIN, 0}, {keeper, POLLIN, 0}};
        if (poll(fds, 3, -1) < 0 && errno != EINTR) _exit(70);
        if (fds[2].revents) _exit(0); /* the harness is gone, and with this process go its sandboxes */
        if (fds[1].revents) reap_sandboxes(events);
        if (!fds[0].revents) continue;
        if (!receive(&r)) _exit(0);
        if (fork_one(&r)) return;
        if (keeper < 0) keeper = r.keeper;
        else close(r.keeper);
        close(r.stream), close(r.members);
    }
}
