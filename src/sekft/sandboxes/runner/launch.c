/* What happens before bwrap, in its own process: host root is given up, and where a second id can be had the user
 * namespace is made here, because bwrap itself maps one id alone. */
#include "runner.h"
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* uid, gid: the agent's where the namespace is made. A second one of 0 is none. */
struct ids { unsigned uid, gid, second_uid, second_gid; };
typedef int mapper(pid_t, const struct ids *);

static int give_up_root(const struct ids *ids) {
    gid_t group = ids->gid;
    return geteuid() != 0 || (!setgroups(1, &group) && !setgid(group) && !setuid(ids->uid));
}

int write_proc(pid_t pid, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) close(fd);
    return done;
}

static int lines(pid_t pid, const char *name, unsigned first, unsigned second) {
    char text[96];
    snprintf(text, sizeof text, "%d %u 1\n%d %u 1\n", AGENT_ID, first, ROOT_ID, second);
    return write_proc(pid, name, text);
}

/* By who has the right to set ids where the namespace is made. */
static int map_directly(pid_t pid, const struct ids *ids) {
    return lines(pid, "uid_map", ids->uid, ids->second_uid) && lines(pid, "gid_map", ids->gid, ids->second_gid);
}

static int map_by(const char *program, pid_t pid, unsigned first, unsigned second) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        char text[5][16];
        const unsigned values[] = {(unsigned)pid, AGENT_ID, first, ROOT_ID, second};
        for (int i = 0; i < 5; i++) snprintf(text[i], sizeof text[i], "%u", values[i]);
        execlp(program, program, text[0], text[1], text[2], "1", text[3], text[4], "1", (char *)0);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* An ordinary user's way: the package uidmap, which reads /etc/subuid and /etc/subgid. */
static int map_by_ranges(pid_t pid, const struct ids *ids) {
    return map_by("newuidmap", pid, ids->uid, ids->second_uid) && map_by("newgidmap", pid, ids->gid, ids->second_gid);
}

/* A user namespace of the agent's that maps two ids; who owns one may enter it. -1 where it cannot be had. */
static int two_ids(const struct ids *ids, mapper *map) {
    char byte = 0, path[64];
    int made[2], mapped[2], space = -1, status;
    if (pipe2(made, O_CLOEXEC) || pipe2(mapped, O_CLOEXEC)) return -1;
    pid_t pid = fork();
    if (pid < 0) return -1;
    if (pid == 0) {
        close(mapped[1]);
        /* Dumpable, else its maps are root's to write. */
        if (!give_up_root(ids) || unshare(CLONE_NEWUSER) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) _exit(1);
        _exit(write(made[1], &byte, 1) != 1 || read(mapped[0], &byte, 1) != 0);
    }
    close(made[1]), close(mapped[0]);
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    if (read(made[0], &byte, 1) == 1 && write_proc(pid, "setgroups", "deny") && map(pid, ids)) space = open(path, O_RDONLY);
    close(made[0]), close(mapped[1]);
    return waitpid(pid, &status, 0) == pid && status == 0 ? space : -1;
}

/* command: bwrap --unshare-user …; the namespace is in place of the one that bwrap would make. */
static int enter_with(int space, char **command) {
    char text[16], *whole[256] = {command[0], "--userns", text};
    int count = 3;
    snprintf(text, sizeof text, "%d", space);
    for (char **rest = command + 2; *rest; rest++)
        if (count < 255) whole[count++] = *rest;
        else return 126;
    execvp(whole[0], whole);
    return 127;
}

static int complain(void) {
    fprintf(stderr, "cannot map a second id\n");
    return 126;
}

/* runner launch UID SECOND bwrap --unshare-user …: from host root. SECOND 0: one id. */
int launch(char **argv) {
    unsigned id = (unsigned)atoi(argv[0]), second = (unsigned)atoi(argv[1]);
    struct ids ids = {id, id, second, second};
    int space = id && second ? two_ids(&ids, map_directly) : -1;
    if (id == 0 || !give_up_root(&ids)) return 126;
    if (second) return space < 0 ? complain() : enter_with(space, argv + 2);
    execvp(argv[2], argv + 2);
    return 127;
}

/* runner share UID GID: from an ordinary user with ranges, whose second ids these are. A namespace of two ids, in which
 * others are made without newuidmap, which takes 10 ms. Prints its descriptor and holds it open until its input ends. */
int share(char **argv) {
    char byte;
    struct ids ids = {getuid(), getgid(), (unsigned)atoi(argv[0]), (unsigned)atoi(argv[1])};
    int space = two_ids(&ids, map_by_ranges);
    if (space < 0) return complain();
    printf("%d\n", space);
    fflush(stdout);
    return read(0, &byte, 1) != 0;
}

/* runner within SHARED bwrap --unshare-user …: in a namespace of its own, made in the shared one. */
int within(char **argv) {
    struct ids ids = {AGENT_ID, AGENT_ID, ROOT_ID, ROOT_ID};
    int shared = atoi(argv[0]);
    if (setns(shared, CLONE_NEWUSER)) return complain();
    close(shared);
    int space = two_ids(&ids, map_directly);
    return space < 0 ? complain() : enter_with(space, argv + 1);
}
