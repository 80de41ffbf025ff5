/* What happens before bwrap, in its own process: host root is given up, and where a second id can be had the user
 * namespace is made here, because bwrap itself maps one id alone. */
#include "runner.h"
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT_ID "1000"

struct ids { unsigned uid, gid; const char *second_uid, *second_gid; };

static int give_up_root(const struct ids *ids) {
    if (geteuid() != 0) return 1;
    gid_t group = ids->gid;
    return !setgroups(1, &group) && !setgid(group) && !setuid(ids->uid);
}

static int note(pid_t pid, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) close(fd);
    return done;
}

static int map_as_root(pid_t pid, const char *name, unsigned first, const char *second) {
    char text[96];
    snprintf(text, sizeof text, AGENT_ID " %u 1\n%d %s 1\n", first, ROOT_ID, second);
    return note(pid, name, text);
}

/* An ordinary user's way: a program of the package uidmap, which reads /etc/subuid or /etc/subgid. */
static pid_t map_as_user(pid_t pid, const char *program, unsigned first, const char *second) {
    char whose[16], own[16], root[16];
    snprintf(whose, sizeof whose, "%d", (int)pid);
    snprintf(own, sizeof own, "%u", first);
    snprintf(root, sizeof root, "%d", ROOT_ID);
    pid_t child = fork();
    if (child) return child;
    execlp(program, program, whose, AGENT_ID, own, "1", root, second, "1", (char *)0);
    _exit(127);
}

static int succeeded(pid_t pid) {
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int map(pid_t pid, const struct ids *ids) {
    if (!note(pid, "setgroups", "deny")) return 0;
    if (geteuid() == 0)
        return map_as_root(pid, "uid_map", ids->uid, ids->second_uid) && map_as_root(pid, "gid_map", ids->gid, ids->second_gid);
    pid_t users = map_as_user(pid, "newuidmap", ids->uid, ids->second_uid);
    pid_t groups = map_as_user(pid, "newgidmap", ids->gid, ids->second_gid);
    int both = succeeded(users);
    return succeeded(groups) && both;
}

/* A user namespace of the launch user's that maps two ids; who owns one may enter it. -1 where it cannot be had. */
static int two_ids(const struct ids *ids) {
    char byte = 0, path[64];
    int made[2], mapped[2], space = -1;
    if (pipe2(made, O_CLOEXEC) || pipe2(mapped, O_CLOEXEC)) return -1;
    pid_t pid = fork();
    if (pid < 0) return -1;
    if (pid == 0) {
        close(mapped[1]);
        if (!give_up_root(ids) || unshare(CLONE_NEWUSER) || write(made[1], &byte, 1) != 1) _exit(1);
        _exit(read(mapped[0], &byte, 1) != 0);
    }
    close(made[1]), close(mapped[0]);
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    if (read(made[0], &byte, 1) == 1 && map(pid, ids)) space = open(path, O_RDONLY);
    close(made[0]), close(mapped[1]);
    return succeeded(pid) ? space : -1;
}

/* runner launch UID SECOND-UID SECOND-GID bwrap --unshare-user …: the program as UID, in a user namespace of two ids in
 * place of the one that bwrap would make; SECOND 0 leaves that to bwrap. */
int launch(char **argv) {
    struct ids ids = {(unsigned)atoi(argv[0]), getgid(), argv[1], argv[2]};
    char space[16], *command[256] = {argv[3], "--userns", space};
    if (ids.uid == 0) return 126;
    if (geteuid() == 0) ids.gid = ids.uid;
    if (atoi(ids.second_uid) == 0) {
        if (!give_up_root(&ids)) return 126;
        execvp(argv[3], argv + 3);
        return 127;
    }
    int fd = two_ids(&ids), count = 3;
    if (fd < 0 || !give_up_root(&ids)) {
        fprintf(stderr, "cannot map a second id\n");
        return 126;
    }
    snprintf(space, sizeof space, "%d", fd);
    for (char **rest = argv + 5; *rest; rest++)
        if (count < 255) command[count++] = *rest;
        else return 126;
    execvp(argv[3], command);
    return 127;
}
