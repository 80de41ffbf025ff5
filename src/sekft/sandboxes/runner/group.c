/* The control group of a sandbox, outside it: sekft/sandboxes/cgroup.py makes one. */
#include "runner.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* runner bounded FD COMMAND…: in the group to whose list of processes FD is open. 0: done. */
int bounded(char **argv) {
    int fd = atoi(argv[0]);
    if (write(fd, "0", 1) != 1) return perror("cannot enter the control group"), 1;
    return close(fd);
}

/* How many folders of that prefix are left. */
static int remove_groups(const char *folder, const char *prefix) {
    int left = 0;
    DIR *list = opendir(folder);
    if (!list) return 0;
    for (struct dirent *d; (d = readdir(list));)
        if (!strncmp(d->d_name, prefix, strlen(prefix))) left += unlinkat(dirfd(list), d->d_name, AT_REMOVEDIR) != 0;
    closedir(list);
    return left;
}

/* runner tidy FOLDER PREFIX: once the input ends, which it does with the harness, its sandboxes end, and their groups. */
int tidy(char **argv) {
    const struct timespec moment = {0, 50000000};
    char byte;
    while (read(0, &byte, 1) > 0) continue;
    for (int tries = 200; tries && remove_groups(argv[0], argv[1]); tries--) nanosleep(&moment, 0);
    return 0;
}
