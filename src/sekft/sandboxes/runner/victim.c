/* What the kernel and we kill first, and that it is never PID 1. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100
#define LOCKS_MAX 4096
#define WORST "1000"

static int score = -1;
static char own[16];

/* While /proc/self is still ours to write. */
void open_score(void) {
    score = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (score < 0) return;
    score = high(score);
    ssize_t n = read(score, own, sizeof own - 1);
    own[n > 0 ? n : 0] = 0;
}

/* Where memory runs out, the kernel kills the process of the highest score. A child inherits ours at its fork, and its
 * own is not ours to write: so ours is the worst before the fork, and what it was as soon as there is a child. */
void victim(int yes) {
    const char *text = yes ? WORST : own;
    if (score >= 0) (void)!pwrite(score, text, strlen(text), 0);
}

/* No limit counts record locks, and no control group their memory: who holds those beyond LOCKS_MAX is killed. */
static void look_at_locks(void) {
    char line[256];
    FILE *locks = fopen("/proc/locks", "re"); /* those of this PID namespace */
    for (int seen = 0, pid; locks && seen < 8 * LOCKS_MAX && fgets(line, sizeof line, locks);)
        if (sscanf(line, "%*d: %*s %*s %*s %d", &pid) == 1 && ++seen > LOCKS_MAX && pid > 1) kill(pid, SIGKILL);
    if (locks) fclose(locks);
}

int watch(int64_t wait_ms) {
    static int64_t last;
    siginfo_t none;
    if (waitid(P_ALL, 0, &none, WEXITED | WNOHANG | WNOWAIT) && errno == ECHILD) return (int)wait_ms;
    int64_t now = now_ms();
    if (now - last >= LOOK_MS) look_at_locks(), last = now;
    return wait_ms < 0 || wait_ms > LOOK_MS ? LOOK_MS : (int)wait_ms;
}
