/* The door: PID 1 runs a hidden program for the stub that stands in its place, in the full view. A request is one packet
 * (knock.c) with the descriptors 0, 1 and 2. Whoever asks may be hostile: what is not a request is dropped. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* pid: 0 until the request has come. */
static struct { int socket; pid_t pid; } calls[DOOR_MAX];
static int open_calls, listener = -1;
static uint32_t begun;

void open_door(void) {
    struct sockaddr_un name;
    unsigned len = door_name(&name);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, len) || listen(fd, 2 * DOOR_MAX)) die("cannot open", "the door");
    listener = high(fd);
}

uint32_t calls_begun(int afresh) {
    uint32_t before = begun;
    if (afresh) begun = 0;
    return before;
}

static void forget(int i) {
    close(calls[i].socket);
    calls[i] = calls[--open_calls];
}

int door_fds(void *where) {
    struct pollfd *fds = where;
    if (listener < 0) return 0;
    for (int i = 0; i < open_calls; i++) fds[i] = (struct pollfd){calls[i].socket, calls[i].pid ? 0 : POLLIN, 0};
    fds[open_calls] = (struct pollfd){open_calls < DOOR_MAX ? listener : -1, POLLIN, 0};
    return open_calls + 1;
}

/* What would make the agent's text or program a part of the provider. */
static int is_kept(const char *variable) {
    static const char *const unwanted[] = {
        "PATH=*", "LD_*", "ENV=*", "BASH*", "SHELLOPTS=*", "CDPATH=*", "IFS=*", "PS4=*", "PYTHON*", "PERL*", "AWK*",
        "RUBY*", "NODE_*", "GCONV_PATH=*", "LOCPATH=*", "NLSPATH=*", "GLIBC_TUNABLES=*", "TAR_OPTIONS=*", "LESS*",
        "PAGER=*", "MANPAGER=*", "EDITOR=*", "VISUAL=*", 0};
    for (int i = 0; unwanted[i]; i++)
        if (!fnmatch(unwanted[i], variable, 0)) return 0;
    return 1;
}

/* text: u32 umask, u32 arguments, then strings, each ended by NUL: the folder, the program, arguments, environment. */
static pid_t run(char *text, size_t len, const int *fds) {
    uint32_t head[2];
    size_t strings = 0;
    if (len <= sizeof head || text[len - 1]) return 0;
    memcpy(head, text, sizeof head);
    for (size_t i = sizeof head; i < len; i++) strings += !text[i];
    if (strings < 3 || head[1] < 1 || head[1] > strings - 2) return 0;
    char *cwd = text + sizeof head, *path = cwd + strlen(cwd) + 1, *at = path + strlen(path) + 1;
    char **argv = calloc(strings + 3, sizeof *argv), **envp = argv + head[1] + 1, **next = envp;
    const char *program = program_at(path, at);
    if (!argv || !program) return free(argv), 0;
    for (uint32_t i = 0; i < head[1]; i++, at += strlen(at) + 1) argv[i] = at;
    *next++ = "PATH=/usr/bin:/bin:/usr/local/bin"; /* the agent's own folders may be among those of /usr/local */
    for (; at < text + len; at += strlen(at) + 1)
        if (is_kept(at)) *next++ = at;
    pid_t pid = spawn(&(struct program){
        .path = program, .cwd = cwd, .argv = argv, .envp = envp, .view = FULL, .mask = head[0] & 0777, .provider = 1,
        .fds = {[0] = fds[0], [1] = fds[1], [2] = fds[2]}});
    free(argv);
    return pid;
}

/* The descriptors of a packet: how many came. */
static int unpack(struct msghdr *packet, int *fds) {
    int came = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(packet); c; c = CMSG_NXTHDR(packet, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        came = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
        memcpy(fds, CMSG_DATA(c), (size_t)came * sizeof *fds);
        for (int i = 0; i < came; i++) fds[i] = high(fds[i]);
    }
    return came;
}

static pid_t answer(int socket) {
    static char text[REQUEST_LIMIT];
    union { struct cmsghdr head; char room[CMSG_SPACE(3 * sizeof(int))]; } control;
    struct iovec part = {text, sizeof text};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fds[4];
    ssize_t len = recvmsg(socket, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (len <= 0) return 0;
    int came = unpack(&packet, fds);
    pid_t pid = came == 3 && !(packet.msg_flags & MSG_TRUNC) ? run(text, (size_t)len, fds) : 0;
    for (int i = 0; i < came; i++) close(fds[i]);
    begun += pid > 0;
    return pid > 0 ? pid : 0;
}

/* fds: as door_fds() filled them, after a poll; nothing may have ended since. */
void serve_door(const void *where, int filled) {
    const struct pollfd *fds = where;
    for (int i = filled - 2; i >= 0; i--) {
        if (fds[i].revents & (POLLHUP | POLLERR)) {
            if (calls[i].pid) kill(-calls[i].pid, SIGKILL);
            forget(i);
        } else if (fds[i].revents && !(calls[i].pid = answer(calls[i].socket))) {
            forget(i);
        }
    }
    if (filled < 1 || !fds[filled - 1].revents) return;
    int fd = accept4(listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) calls[open_calls].socket = high(fd), calls[open_calls++].pid = 0;
}

void call_ended(pid_t pid, int status) {
    for (int i = 0; i < open_calls; i++) {
        if (calls[i].pid != pid) continue;
        (void)!send(calls[i].socket, &status, sizeof status, MSG_DONTWAIT | MSG_NOSIGNAL);
        forget(i);
        return;
    }
}

/* For when everybody is dead: a request may still lie at the door, and nothing must come of it. */
void clear_door(void) {
    while (open_calls) forget(0);
    for (int fd; listener >= 0 && (fd = accept4(listener, 0, 0, SOCK_CLOEXEC)) >= 0;) close(fd);
}
