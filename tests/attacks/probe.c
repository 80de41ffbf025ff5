/* What an agent with a compiler could bring: asks the kernel directly, where no tool of a userland does.
 *
 * probe call NAME ARG…     one system call; an argument is a number or @TEXT. Prints the value or the error's name.
 * probe tcp PORT           connects to 127.0.0.1:PORT
 * probe abstract NAME      connects to the abstract UNIX socket of that name
 * probe door PROGRAM       asks PID 1 in wrong ways to run it, with any number of descriptors
 * probe knocks N           holds N connections to PID 1 without a word until killed
 * probe segments N         makes N System V shared memory segments of 1 MiB, each filled and let go of
 * probe pipes N            holds N full pipes until killed
 * probe sockets N          fills N pairs of UNIX sockets, with buffers as large as can be had, says how much they hold,
 *                          and holds it until killed
 * probe locks N            takes N record locks in files ./locks-*, says so, and holds them until killed
 * probe ownerless N        the same by locks that belong to a descriptor
 * probe hide N             the same by processes that share a table of files with one that lives on
 * probe forge PATH…        writes a forged frame "the command ended with 0" to its descriptors and to these files
 * probe foreign            a system call of another ABI */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL(name) {#name, SYS_##name}
/* Numbers where an older C library lacks the name; 424 and up are the same on every architecture. */
static const struct { const char *name; long number; } calls[] = {
    CALL(add_key), CALL(bpf), CALL(chroot), CALL(clock_settime), CALL(fcntl), CALL(getpid), CALL(init_module),
    CALL(io_setup), CALL(ioctl), CALL(ioprio_set), CALL(kcmp), CALL(kexec_load), CALL(keyctl), CALL(memfd_create), CALL(mount), CALL(msgget),
    CALL(name_to_handle_at), CALL(open_by_handle_at), CALL(perf_event_open), CALL(personality), CALL(pivot_root),
    CALL(prlimit64), CALL(process_vm_readv), CALL(process_vm_writev), CALL(ptrace), CALL(quotactl),
    CALL(sched_setaffinity), CALL(sched_setscheduler), CALL(seccomp), CALL(semget), CALL(setdomainname),
    CALL(sethostname), CALL(setns), CALL(setpriority), CALL(setsockopt), CALL(shmget), CALL(socket), CALL(socketpair), CALL(swapon), CALL(syslog),
    CALL(umount2), CALL(unshare), CALL(userfaultfd),
    {"io_uring_setup", 425}, {"open_tree", 428}, {"fsopen", 430}, {"pidfd_open", 434}, {"clone3", 435},
    {"pidfd_getfd", 438}, {"process_madvise", 440}, {"mount_setattr", 442}, {"memfd_secret", 447},
    {"process_mrelease", 448},
};

static int tell(long value) {
    static const struct { int number; const char *name; } names[] = {
        {EPERM, "EPERM"}, {EACCES, "EACCES"}, {ENOSYS, "ENOSYS"}, {EAFNOSUPPORT, "EAFNOSUPPORT"}, {ENOMEM, "ENOMEM"},
        {ECONNREFUSED, "ECONNREFUSED"}, {ENETUNREACH, "ENETUNREACH"}, {ESRCH, "ESRCH"}, {EBADF, "EBADF"},
        {EINVAL, "EINVAL"}, {EFAULT, "EFAULT"}, {EPROTONOSUPPORT, "EPROTONOSUPPORT"},
    };
    if (value >= 0) return printf("%ld\n", value) < 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == errno) return puts(names[i].name), 1;
    return printf("errno %d\n", errno), 1;
}

static int call(int argc, char **argv) {
    long args[6] = {0};
    for (int i = 1; i < argc && i < 7; i++) args[i - 1] = *argv[i] == '@' ? (long)(argv[i] + 1) : strtol(argv[i], 0, 0);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!strcmp(calls[i].name, argv[0]))
            return tell(syscall(calls[i].number, args[0], args[1], args[2], args[3], args[4], args[5]));
    return puts("no such call"), 2;
}

static int tcp(const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return tell(fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof to));
}

static int abstract(const char *name) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(to.sun_path + 1, name, len);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
    return tell(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&to, size));
}

static int at_door(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0sekft"};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    return connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 6)) ? -1 : fd;
}

static int ask(const void *text, size_t len, const int *fds, size_t count) {
    union { struct cmsghdr head; char room[CMSG_SPACE(8 * sizeof(int))]; } control = {0};
    struct iovec part = {(void *)text, len};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    int to = at_door(), status = -1;
    if (count) {
        packet.msg_control = &control, packet.msg_controllen = CMSG_SPACE(count * sizeof *fds);
        control.head.cmsg_len = CMSG_LEN(count * sizeof *fds);
        control.head.cmsg_level = SOL_SOCKET, control.head.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.head), fds, count * sizeof *fds);
    }
    if (sendmsg(to, &packet, MSG_NOSIGNAL) < 0 || recv(to, &status, sizeof status, 0) != sizeof status) status = -1;
    close(to);
    return status;
}

static int door(const char *program) {
    static char text[300000];
    const int std[8] = {0, 1, 2, 0, 1, 2, 0, 1};
    int answered = 0;
    for (uint32_t count = 0; count < 6; count++) {
        uint32_t head[2] = {0, count == 4 ? 0xffffffff : count == 5 ? 0x7fffffff : count};
        memset(text, 0, sizeof text);
        memcpy(text, head, sizeof head);
        size_t at = sizeof head + (size_t)sprintf(text + sizeof head, "/") + 1;
        at += (size_t)sprintf(text + at, "%s", program) + 1;
        const size_t lengths[] = {0, 1, 4, 8, 9, 10, at - 1, at, sizeof text};
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (size_t fds = 0; fds < 9; fds++)
                if (fds != 3 || i < 6) answered += ask(text, lengths[i], std, fds) >= 0;
    }
    return printf("%d answered\n", answered) < 0;
}

static int knocks(int count) {
    while (count--) at_door();
    pause();
    return 0;
}

static int segments(int count) {
    for (int i = 0; i < count; i++) {
        int id = shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600);
        void *at = id < 0 ? (void *)-1 : shmat(id, 0, 0);
        if (at == (void *)-1) return tell(-1);
        memset(at, 1, 1 << 20);
        shmdt(at);
    }
    return tell(count);
}

static int pipes(int count) {
    static char block[65536];
    for (int i = 0; i < count; i++) {
        int ends[2];
        if (pipe2(ends, O_NONBLOCK)) break;
        while (write(ends[1], block, sizeof block) > 0) continue;
    }
    pause();
    return 0;
}

static int sockets(int count) {
    static char block[65536];
    int most = 1 << 30;
    long held = 0;
    while (count--) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends)) break;
        for (int i = 0; i < 2; i++) {
            setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
            for (ssize_t n; (n = write(ends[i], block, sizeof block)) > 0;) held += n;
        }
    }
    printf("%ld MiB\n", held >> 20);
    fflush(stdout);
    pause();
    return 0;
}

/* Few to a file: the kernel looks through all of a file's. */
static int locks(int count, int how) {
    char name[32];
    for (int i = 0, fd = -1; i < count; i++) {
        struct flock one = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2 * (i % 500), .l_len = 1};
        snprintf(name, sizeof name, "locks-%d-%d", (int)getpid(), i / 500);
        if (i % 500 == 0) fd = open(name, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || fcntl(fd, how, &one)) return tell(-1);
    }
    printf("%d locks\n", count);
    fflush(stdout);
    return 0;
}

static int hide(int count) {
    for (int i = 0; i < 10; i++) {
        long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
        if (pid < 0) return tell(pid);
        if (pid == 0) _exit(locks(count / 10, F_SETLK));
        waitpid((pid_t)pid, 0, 0);
    }
    pause();
    return 0;
}

static int forge(int argc, char **argv) {
    unsigned char frame[5 + 10 + 40 + 8 + 5] = {'E', sizeof frame - 5};
    for (int fd = 0; fd < 256; fd++) (void)!write(fd, frame, sizeof frame);
    for (int i = 0; i < argc; i++) {
        int fd = open(argv[i], O_WRONLY | O_NONBLOCK);
        if (fd < 0 || write(fd, frame, sizeof frame) < 0) continue;
        fprintf(stderr, "wrote to %s\n", argv[i]);
        close(fd);
    }
    return 0;
}

static int foreign(void) {
    long value = -1, x32 = -1; /* other machines have no second ABI to try */
#if defined(__x86_64__)
    x32 = syscall(0x40000000 + SYS_getpid);
    value = 20; /* getpid of the 32-bit table */
    __asm__ volatile("int $0x80" : "+a"(value) : : "memory", "r8", "r9", "r10", "r11");
#endif
    return puts(value < 0 && x32 < 0 ? "refused" : "answered") < 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "foreign")) return foreign();
    if (!strcmp(what, "forge")) return forge(argc - 2, argv + 2);
    if (argc < 3) return 2;
    if (!strcmp(what, "call")) return call(argc - 2, argv + 2);
    if (!strcmp(what, "tcp")) return tcp(argv[2]);
    if (!strcmp(what, "abstract")) return abstract(argv[2]);
    if (!strcmp(what, "door")) return door(argv[2]);
    if (!strcmp(what, "knocks")) return knocks(atoi(argv[2]));
    if (!strcmp(what, "segments")) return segments(atoi(argv[2]));
    if (!strcmp(what, "pipes")) return pipes(atoi(argv[2]));
    if (!strcmp(what, "sockets")) return sockets(atoi(argv[2]));
    if (!strcmp(what, "locks")) return locks(atoi(argv[2]), F_SETLK) || pause();
    if (!strcmp(what, "ownerless")) return locks(atoi(argv[2]), F_OFD_SETLK) || pause();
    if (!strcmp(what, "hide")) return hide(atoi(argv[2]));
    return 2;
}
