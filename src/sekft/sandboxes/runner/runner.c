/* PID 1 of a sandbox: makes the writable tree, gives up its rights, then serves one frame at a time.
 * The end of the control stream ends PID 1, and with it every process of the sandbox. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WALK_S 4 /* of a walk beside the session's processes */

int child_events;

static void read_exact(unsigned char *to, size_t len) {
    while (len) {
        ssize_t n = read(0, to, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(0);
        to += n, len -= (size_t)n;
    }
}

/* Nothing of it is kept, and the next frame is served. */
static void refuse_frame(uint32_t len) {
    static unsigned char block[65536];
    static const char why[] = "frame too long";
    struct buf reply = {0};
    for (size_t part; len; len -= (uint32_t)part) read_exact(block, part = len < sizeof block ? len : sizeof block);
    put(&reply, why, sizeof why - 1);
    send_frame('F', &reply);
    free(reply.data);
}

static void reap_strays(void) {
    char skip[1024];
    (void)!read(child_events, skip, sizeof skip);
    reap();
}

/* Waits for the next frame while it keeps background jobs' pipes empty. */
static void await_frame(void) {
    struct pollfd fds[2 + DOOR_MAX + 1 + 64];
    for (;;) {
        fds[0] = (struct pollfd){0, POLLIN, 0};
        fds[1] = (struct pollfd){child_events, POLLIN, 0};
        int calls = door_fds(fds + 2), count = 2 + calls + idle_fds(fds + 2 + calls, 64);
        if (poll(fds, (nfds_t)count, watch(-1)) < 0 && errno != EINTR) die("cannot poll", "");
        serve_door(fds + 2, calls);
        if (fds[1].revents) reap_strays();
        drain_idle();
        if (fds[0].revents) return;
    }
}

static struct timespec walk_end;
static volatile sig_atomic_t overstayed;

/* The clock decides, for anybody may send this signal. Where there was nobody to kill, the walk simply goes on. */
static void end_walk(int number) {
    struct timespec now;
    (void)number;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (walk_end.tv_sec && now.tv_sec >= walk_end.tv_sec && !kill(-1, SIGKILL)) overstayed = 1;
}

/* Tells what the tree holds. Processes that keep it from that for too long are killed, and the harness is told so: it
 * may ask again. */
static void serve_walk(char type, void (*walk)(struct buf *)) {
    static const struct itimerval off, every_second = {{1, 0}, {WALK_S, 0}};
    static struct buf reply;
    reap(); /* who has ended is nobody to kill */
    overstayed = 0;
    clock_gettime(CLOCK_MONOTONIC, &walk_end);
    walk_end.tv_sec += WALK_S;
    setitimer(ITIMER_REAL, &every_second, 0);
    walk(&reply);
    setitimer(ITIMER_REAL, &off, 0);
    walk_end.tv_sec = 0;
    if (overstayed) kill_all(), drain_idle(), reply.len = 0;
    send_frame(overstayed ? 'K' : type, &reply);
    put_off(&reply);
}

static void serve(char type, struct cursor *in) {
    struct buf reply = {0};
    if (type == 'S') {
        setup(in);
        drop_rights();
        confine();
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
        put_u8(&reply, second_id ? 2 : 1);
        send_frame('R', &reply);
        free(reply.data);
    } else if (type == 'X') {
        run_command(in);
    } else if (type == 'P') {
        run_parse(in);
    } else if (type == 'C') {
        run_check(in);
    } else if (type == 'T') {
        serve_walk('T', walk_state);
    } else if (type == 'B') {
        kill_all();
        drain_idle();
        restore(in);
        walk_tree(&reply);
        send_frame('B', &reply);
        free(reply.data);
    } else if (type == 'G') {
        serve_walk('G', walk_tree);
    } else {
        die("unknown frame", "");
    }
}

/* What `ps` shows. */
static void rename_self(int argc, char **argv) {
    size_t room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
    prctl(PR_SET_NAME, "init", 0, 0, 0);
    memset(argv[0], 0, room);
    strncpy(argv[0], "init", room);
}

/* What it is outside a sandbox; -1 where it is PID 1 of one. */
static int outside(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "bounded") && argc > 3) {
        if (bounded(argv + 2)) return 126;
        if (!strcmp(argv[0], argv[3])) return outside(argc - 3, argv + 3);
        execvp(argv[3], argv + 3);
        return 127;
    }
    if (!strcmp(what, "launch") && argc > 5) return launch(argv + 2);
    if (!strcmp(what, "within") && argc > 4) return within(argv + 2);
    if (!strcmp(what, "share") && argc == 4) return share(argv + 2);
    if (!strcmp(what, "tidy") && argc == 4) return tidy(argv + 2);
    if (!strcmp(what, "door") && argc > 2) return knock(argc - 2, argv + 2);
    return getpid() == 1 ? -1 : 64;
}

int main(int argc, char **argv) {
    sigset_t set;
    int status = outside(argc, argv);
    if (status >= 0) return status;
    for (int fd = 3; fd < 64; fd++) close(fd); /* bwrap leaves its descriptor of the user namespace open */
    if (argc > 1 && !strcmp(argv[1], "forkserver")) serve_forks();
    open_score();
    if (argc > 1 && !strcmp(argv[1], "enter")) enter(), send_frame('H', &(struct buf){0});
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    rename_self(argc, argv);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL); /* what nohup ignores, we do not */
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = end_walk, .sa_flags = SA_RESTART}, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, 0);
    child_events = fcntl(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), F_DUPFD_CLOEXEC, 10);
    for (;;) {
        unsigned char head[5];
        await_frame();
        read_exact(head, sizeof head);
        uint32_t len = head[1] | (uint32_t)head[2] << 8 | (uint32_t)head[3] << 16 | (uint32_t)head[4] << 24;
        if (len > FRAME_LIMIT) {
            refuse_frame(len);
            continue;
        }
        unsigned char *payload = malloc(len + 1u);
        if (!payload) die("no memory", "");
        read_exact(payload, len);
        struct cursor in = {payload, len};
        serve((char)head[0], &in);
        free(payload);
    }
}
