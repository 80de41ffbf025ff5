/* One command at a time: a fresh shell, its output, its wait status and the state that it leaves. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_MS 20
#define IDLE_MAX 64

/* Pipes that background jobs still hold: read and thrown away, so that their writers never block. */
static int idle[IDLE_MAX];
static int idle_count;

static struct {
    pid_t shell;
    int status, done, pipe_open, fd_out, fd_text_in, fd_text_out;
    const unsigned char *text;
    size_t text_left;
    int text_ended;
} job = {.fd_text_in = -1, .fd_text_out = -1};

int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* 1 while the pipe is open, 0 at its end. Reads more than a pipe holds, and no more: a flood must not keep it here. */
static int read_output(void) {
    static unsigned char block[65536];
    for (int blocks = 0; blocks < 4; blocks++) {
        ssize_t n = read(job.fd_out, block, sizeof block);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        if (n == 0) return 0;
        out_take(block, (size_t)n);
        if (n < (ssize_t)sizeof block) return 1;
    }
    return 1;
}

static void ended(pid_t pid, int status) {
    if (pid == job.shell) job.status = status, job.done = 1;
    call_ended(pid, status);
}

void reap(void) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        ended(pid, status);
}

void kill_all(void) {
    int status;
    pid_t pid;
    do {
        kill(-1, SIGKILL);
        while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
            ended(pid, status);
    } while (errno != ECHILD);
    clear_door();
}

int idle_fds(void *where, int limit) {
    struct pollfd *fds = where;
    int n = idle_count < limit ? idle_count : limit;
    for (int i = 0; i < n; i++) fds[i] = (struct pollfd){idle[i], POLLIN, 0};
    return n;
}

void drain_idle(void) {
    static unsigned char block[65536];
    for (int i = 0; i < idle_count;) {
        ssize_t n = read(idle[i], block, sizeof block);
        if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) {
            i++;
            continue;
        }
        close(idle[i]);
        idle[i] = idle[--idle_count];
    }
}

static void keep_idle(int fd) {
    if (idle_count == IDLE_MAX) {
        close(idle[0]);
        memmove(idle, idle + 1, (IDLE_MAX - 1) * sizeof *idle);
        idle_count--;
    }
    idle[idle_count++] = fd;
}

static void limit(int what, uint64_t value) {
    struct rlimit r = {value, value};
    setrlimit(what, &r);
}

static int memory_file(const void *data, size_t len) {
    int fd = (int)syscall(SYS_memfd_create, "sh", 1u /* MFD_CLOEXEC */);
    for (size_t done = 0; fd >= 0 && done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        if (n <= 0) die("cannot write", "memory file");
        done += (size_t)n;
    }
    if (fd < 0) die("cannot make", "memory file");
    return fd;
}

/* Moves a descriptor to its number in the child; dup2 clears close-on-exec. */
static void place(int from, int to) {
    if (from >= 0 && dup2(from, to) < 0) _exit(126);
}

/* What a shell does where a program cannot be run as it is. */
static int without_program(const struct program *p) {
    int error = errno, arguments = 0;
    while (p->argv[arguments]) arguments++;
    if (error == ENOEXEC) {
        char *script[arguments + 2];
        script[0] = "sh", script[1] = (char *)p->path;
        for (int i = 1; i <= arguments; i++) script[i + 1] = p->argv[i];
        execve("/bin/sh", script, p->envp);
    }
    dprintf(2, "%s: %s\n", p->argv[0], strerror(error));
    return error == ENOENT ? 127 : 126;
}

static _Noreturn void child(const struct program *p) {
    sigset_t none;
    victim(0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    setsid();
    int null = p->fds[0] ? p->fds[0] : open("/dev/null", O_RDONLY | O_CLOEXEC);
    place(null, 0);
    for (int i = 1; i < CHILD_FDS; i++)
        if (p->fds[i]) place(p->fds[i], i);
    limit(RLIMIT_AS, limits.memory);
    limit(RLIMIT_FSIZE, limits.file);
    limit(RLIMIT_NPROC, limits.processes);
    limit(RLIMIT_NOFILE, limits.open_files);
    limit(RLIMIT_CPU, limits.cpu_s);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_SIGPENDING, 1024); /* the kernel also counts those of all sandboxes together */
    umask(p->mask);
    if (enter_view(p->view) || (chdir(p->cwd) && chdir("/")) || limit_rights(p->provider) || confine_child()) _exit(126);
    execve(p->path, p->argv, p->envp);
    _exit(p->provider ? without_program(p) : 127);
}

/* The child changes nothing of ours before it execs: a fork would copy page tables for each command. */
pid_t spawn(const struct program *p) {
    victim(1);
    pid_t pid = vfork();
    if (pid == 0) child(p);
    if (pid < 0) victim(0);
    return pid;
}

int high(int fd) {
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    if (up < 0) die("cannot place", "a descriptor");
    close(fd);
    return up;
}

/* p: whose output is to be the job's. */
static void start(struct program *p) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) die("cannot make", "a pipe");
    job.fd_out = high(ends[0]);
    int fd_write = p->fds[1] = p->fds[2] = high(ends[1]);
    fcntl(job.fd_out, F_SETFL, O_NONBLOCK);
    job.done = 0, job.pipe_open = 1, job.status = 0;
    if ((job.shell = spawn(p)) < 0) kill_all(), job.shell = spawn(p); /* what is in the way is the agent's */
    if (job.shell < 0) die("cannot fork", "");
    close(fd_write);
}

/* The typed text, a line a packet as a terminal gives it (after an error a shell drops the packet at hand, so the
 * next line still runs), then a packet of one space. What is left in the pipe tells how far the shell read. */
static void feed(void) {
    while (job.text_left) {
        size_t room = job.text_left < PIPE_BUF ? job.text_left : PIPE_BUF;
        const unsigned char *end = memchr(job.text, '\n', room);
        ssize_t n = write(job.fd_text_in, job.text, end ? (size_t)(end - job.text) + 1 : room);
        if (n < 0) return;
        job.text += n, job.text_left -= (size_t)n;
    }
    if (!job.text_ended && write(job.fd_text_in, " ", 1) == 1) job.text_ended = 1;
    if (job.text_ended) close(job.fd_text_in), job.fd_text_in = -1;
}

static void open_text(const unsigned char *text, size_t len) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_DIRECT | O_NONBLOCK)) die("cannot make", "a pipe");
    job.fd_text_out = high(ends[0]), job.fd_text_in = high(ends[1]);
    job.text = text, job.text_left = len, job.text_ended = 0;
    feed();
}

static uint32_t close_text(void) {
    int left = 0;
    if (job.fd_text_out < 0) return 0;
    ioctl(job.fd_text_out, FIONREAD, &left);
    uint32_t sum = (uint32_t)left + (uint32_t)job.text_left + (job.text_ended ? 0u : 1u);
    close(job.fd_text_out);
    if (job.fd_text_in >= 0) close(job.fd_text_in);
    job.fd_text_out = job.fd_text_in = -1;
    return sum;
}

/* Waits for the shell. 0: it ended; 't': time-out; 'f': flood; everything is killed in the latter two. */
static char supervise(int64_t deadline, uint64_t flood) {
    struct pollfd fds[4 + DOOR_MAX + 1 + IDLE_MAX];
    char why = 0;
    while (!job.done && !why) {
        int64_t left = deadline - now_ms();
        fds[0] = (struct pollfd){0, 0, 0};
        fds[1] = (struct pollfd){child_events, POLLIN, 0};
        fds[2] = (struct pollfd){job.pipe_open ? job.fd_out : -1, POLLIN, 0};
        fds[3] = (struct pollfd){job.fd_text_in, POLLOUT, 0};
        int calls = door_fds(fds + 4), count = 4 + calls + idle_fds(fds + 4 + calls, IDLE_MAX);
        if (left > 0 && poll(fds, (nfds_t)count, watch(left)) > 0) serve_door(fds + 4, calls);
        if (fds[0].revents & (POLLHUP | POLLERR)) _exit(0);
        if (fds[2].revents) job.pipe_open = read_output();
        if (fds[3].revents) feed();
        drain_idle();
        if (fds[1].revents) {
            char skip[1024];
            (void)!read(child_events, skip, sizeof skip);
            reap();
        }
        if (!job.done && now_ms() >= deadline) why = 't';
        if (!job.done && out_total() > flood) why = 'f';
    }
    if (why) kill_all();
    return why;
}

static void drain(void) {
    int64_t deadline = now_ms() + DRAIN_MS;
    while (job.pipe_open) {
        int64_t left = deadline - now_ms();
        struct pollfd fd = {job.fd_out, POLLIN, 0};
        if (left <= 0 || poll(&fd, 1, (int)left) <= 0) break;
        job.pipe_open = read_output();
    }
    out_release();
    if (job.pipe_open) keep_idle(job.fd_out);
    else close(job.fd_out);
}

/* The agent could put anything in the state's place: only a small regular file is read. */
static void put_dump(struct buf *b) {
    struct stat st;
    int fd = open(STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    static unsigned char data[DUMP_LIMIT];
    ssize_t len = -1;
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= (off_t)DUMP_LIMIT)
        len = read(fd, data, (size_t)st.st_size);
    put_u8(b, len >= 0);
    put_str(b, data, len >= 0 ? (size_t)len : 0);
    if (fd >= 0) close(fd);
}

static void report(char why, uint32_t left, int stripped, int with_dump) {
    static struct buf b;
    put_u32(&b, (uint32_t)job.status);
    put_u8(&b, (uint8_t)why);
    put_u8(&b, (uint8_t)stripped);
    put_u32(&b, left);
    put_u32(&b, calls_begun(0));
    out_put(&b);
    if (with_dump) put_dump(&b);
    else put_u8(&b, 0), put_u32(&b, 0);
    send_frame('E', &b);
    put_off(&b);
}

/* An interactive dash ends its output with a newline when it reads the end of its input: it is taken off, and said.
 * in: u32 timeout_ms, u32 output bytes, u64 flood bytes, string prologue, string text. */
void run_command(struct cursor *in) {
    static char *const argv[] = {"sh", "-i", "+m", "sh", 0}, *const envp[] = {"ENV=/proc/self/fd/7", 0};
    uint32_t timeout_ms = get_u32(in), prologue_len, text_len;
    out_reset(get_u32(in));
    uint64_t flood = get_u64(in);
    const unsigned char *prologue = get_bytes(in, &prologue_len), *text = get_bytes(in, &text_len);
    unlink(STATE_FILE);
    calls_begun(1);
    open_text(text, text_len);
    int fd7 = high(memory_file(prologue, prologue_len));
    start(&(struct program){session_shell, TOOLS, argv, envp, AGENT, 022, 0, {[7] = fd7, [8] = job.fd_text_out}});
    close(fd7);
    char why = supervise(now_ms() + timeout_ms, flood);
    uint32_t left = close_text();
    if (job.pipe_open) job.pipe_open = read_output();
    int strip = !why && !left && WIFEXITED(job.status) && out_strip();
    drain();
    report(why, left, strip, !why);
}

/* in: string text. Does it parse? Tells by the wait status. */
void run_parse(struct cursor *in) {
    static char *const argv[] = {"sh", "-n", "sh", 0}, *const envp[] = {0};
    uint32_t text_len;
    const unsigned char *text = get_bytes(in, &text_len);
    out_reset(4096);
    open_text(text, text_len);
    start(&(struct program){session_shell, TOOLS, argv, envp, AGENT, 022, 0, {[8] = job.fd_text_out}});
    char why = supervise(now_ms() + 10000, 1 << 20);
    close_text();
    drain();
    report(why, 0, 0, 0);
}

/* in: u32 timeout_ms, u32 output bytes, string name, string script. Everything of the agent dies first. The script is a
 * file of that name, where the checker's view has no /proc. */
void run_check(struct cursor *in) {
    static char *const envp[] = {"HOME=/", "TZ=UTC", "LANG=C.UTF-8", "PATH=" TOOLS "/bin", 0};
    char at[64], *argv[] = {"sh", at, 0};
    struct program checker = {TOOLS "/busybox", "/", argv, envp, CHECKER, 022, 0, {0}};
    uint32_t timeout_ms = get_u32(in), len;
    out_reset(get_u32(in));
    char *name = get_path(in);
    const unsigned char *script = get_bytes(in, &len);
    kill_all();
    drain_idle();
    put_script(name, script, len);
    snprintf(at, sizeof at, "/proc/%s", name);
    start(&checker);
    char why = supervise(now_ms() + timeout_ms, 1 << 20);
    kill_all();
    drain();
    remove_script(name);
    free(name);
    report(why, 0, 0, 0);
}
