/* runner door PROGRAM ARGUMENT…: what a stub runs in the agent's view. It asks PID 1 to run the program that it stands
 * for, waits, and ends in the same way. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

unsigned door_name(struct sockaddr_un *name) {
    static const char text[] = "\0sekft";
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(name->sun_path, text, sizeof text - 1);
    return (unsigned)(offsetof(struct sockaddr_un, sun_path) + sizeof text - 1);
}

static int fail(const char *program, int error) {
    fprintf(stderr, "%s: %s\n", program, strerror(error));
    return 126;
}

static void put_text(struct buf *b, const char *text) { put(b, text, strlen(text) + 1); }

static void request(struct buf *b, const char *path, int argc, char **argv) {
    char cwd[PATH_MAX];
    mode_t mask = umask(0);
    put_u32(b, mask), put_u32(b, (uint32_t)argc);
    put_text(b, getcwd(cwd, sizeof cwd) ? cwd : "/");
    put_text(b, path);
    for (int i = 0; i < argc; i++) put_text(b, argv[i]);
    for (char **at = environ; *at; at++) put_text(b, *at);
}

static int send_request(int to, struct buf *b) {
    union { struct cmsghdr head; char room[CMSG_SPACE(3 * sizeof(int))]; } control = {0};
    struct iovec part = {b->data, b->len};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    const int fds[3] = {0, 1, 2}, room = REQUEST_LIMIT;
    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fds), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), fds, sizeof fds);
    setsockopt(to, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return sendmsg(to, &packet, MSG_NOSIGNAL) < 0 ? errno : 0;
}

static int same_end(int status) {
    if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, WTERMSIG(status));
    signal(WTERMSIG(status), SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &one, 0);
    raise(WTERMSIG(status));
    return 128 + WTERMSIG(status);
}

/* What `ps` shows: the command line as it was typed, not that it went by the runner. */
static void show_as_typed(char *start, int argc, char **argv) {
    size_t len = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
    char *end = argv[0] + len;
    memmove(start, argv[0], len);
    memset(start + len, 0, (size_t)(end - start) - len);
}

int knock(int argc, char **argv) {
    struct sockaddr_un name;
    struct buf b = {0};
    int status, error;
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
    char *path = realpath(argv[0], 0);
    if (!path) return fail(argv[0], errno);
    request(&b, path, argc, argv);
    if (b.len > REQUEST_LIMIT) return fail(argv[0], E2BIG);
    int door = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (door < 0 || connect(door, (struct sockaddr *)&name, door_name(&name))) return fail(argv[0], errno);
    if ((error = send_request(door, &b))) return fail(argv[0], error == EMSGSIZE ? E2BIG : error);
    close(0), close(1);
    show_as_typed(argv[-2], argc, argv);
    ssize_t n;
    while ((n = recv(door, &status, sizeof status, 0)) < 0 && errno == EINTR) {}
    return n == sizeof status ? same_end(status) : fail(path, EAGAIN);
}
