/* What the writable tree holds: type, mode, link target and content digest of every path, no link followed. */
#include "runner.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const roots[] = {WRITABLE_ROOTS, 0};

static off_t hashed;
static int64_t hash_until;
static uint32_t left_out;

static void put_digest(struct buf *out, int dir, const char *name, off_t size) {
    static unsigned char block[65536];
    unsigned char digest[32];
    struct sha256 sum;
    int untold = size > HASH_LIMIT || hashed + size > HASH_ALL_LIMIT;
    int fd = untold ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        hashed += size;
        sha256_init(&sum);
        for (ssize_t n, left = HASH_LIMIT; left > 0 && (n = read(fd, block, sizeof block)) > 0; left -= n) {
            if ((untold = now_ms() > hash_until)) break;
            sha256_add(&sum, block, (size_t)n);
        }
        close(fd);
    }
    if (fd < 0 || untold) {
        put_u8(out, untold ? 3 : 2);
        put_u64(out, (uint64_t)size);
        return;
    }
    sha256_end(&sum, digest);
    put_u8(out, 1);
    put(out, digest, sizeof digest);
}

static void put_entry(struct buf *out, int dir, const char *name, const char *path, const struct stat *st) {
    char target[PATH_MAX];
    ssize_t len = 0;
    char type = S_ISREG(st->st_mode) ? 'f' : S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : 'o';
    put_u8(out, (uint8_t)type);
    put_u32(out, st->st_mode & 07777);
    put_str(out, path, strlen(path));
    if (type == 'l') len = readlinkat(dir, name, target, sizeof target);
    put_str(out, target, len > 0 ? (size_t)len : 0);
    if (type == 'f') put_digest(out, dir, name, st->st_size);
    else put_u8(out, 0);
}

/* For a fork: what SETUP needs to make the path again. A type of 'x' is a file too large to carry. */
static void put_node(struct buf *out, int dir, const char *name, const char *path, const struct stat *st) {
    static char target[PATH_MAX];
    char type = S_ISREG(st->st_mode) ? 'f' : S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : 'o';
    unsigned char *body = 0;
    ssize_t len = 0;
    if (type == 'f' && (st->st_size > HASH_LIMIT || out->len + (size_t)st->st_size > FRAME_LIMIT)) type = 'x';
    if (type == 'f' && st->st_size) {
        int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (!(body = malloc((size_t)st->st_size))) die("no memory", "");
        for (ssize_t n; fd >= 0 && len < st->st_size && (n = read(fd, body + len, (size_t)(st->st_size - len))) > 0;) len += n;
        if (fd < 0 || len < st->st_size) type = 'x';
        if (fd >= 0) close(fd);
    }
    if (type == 'l') len = readlinkat(dir, name, target, sizeof target);
    put_u8(out, (uint8_t)type);
    put_u8(out, st->st_uid == ROOT_ID);
    put_u32(out, st->st_mode & 07777);
    put_u64(out, (uint64_t)st->st_mtime);
    put_str(out, path, strlen(path));
    put_str(out, type == 'l' ? (void *)target : body, type == 'x' || len < 0 ? 0 : (size_t)len);
    free(body);
}

/* Paths are taken relative to an open directory: an agent's deep tree may exceed PATH_MAX as a whole. */
typedef void teller(struct buf *, int, const char *, const char *, const struct stat *);

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Sorted: a tree that is made again in this order also lists in one order. */
static char **names_in(DIR *list, size_t *count) {
    char **names = 0;
    size_t room = 0;
    for (struct dirent *d; (d = readdir(list));) {
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
        if (*count == room && !(names = realloc(names, (room = 2 * room + 16) * sizeof *names))) die("no memory", "");
        if (!(names[(*count)++] = strdup(d->d_name))) die("no memory", "");
    }
    if (*count) qsort(names, *count, sizeof *names, by_name);
    return names;
}

static void walk(struct buf *out, int dir, const char *path, int depth, teller *tell) {
    DIR *list = fdopendir(dir);
    if (!list) {
        close(dir);
        return;
    }
    size_t count = 0;
    char **names = names_in(list, &count);
    for (size_t i = 0; i < count; free(names[i++])) {
        struct stat st;
        if (fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW)) continue;
        if (out->len >= (tell == put_entry ? STATE_LIMIT : FRAME_LIMIT)) {
            left_out++;
            continue;
        }
        size_t len = strlen(path) + strlen(names[i]) + 2;
        char *below = malloc(len);
        if (!below) die("no memory", "");
        snprintf(below, len, "%s/%s", path, names[i]);
        tell(out, dir, names[i], below, &st);
        if (S_ISDIR(st.st_mode) && depth < 200) {
            int fd = openat(dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (fd >= 0) walk(out, fd, below, depth + 1, tell);
        }
        free(below);
    }
    free(names);
    closedir(list);
}

static void walk_roots(struct buf *out, teller *tell) {
    for (int i = 0; roots[i]; i++) {
        struct stat st;
        int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st)) die("cannot read", roots[i]);
        tell(out, fd, ".", roots[i], &st);
        walk(out, fd, roots[i], 0, tell);
    }
}

void walk_state(struct buf *out) {
    static struct buf entries;
    hashed = 0, left_out = 0, hash_until = now_ms() + HASH_MS;
    walk_roots(&entries, put_entry);
    put_u32(out, left_out);
    put(out, entries.data, entries.len);
    put_off(&entries);
}

void walk_tree(struct buf *out) { walk_roots(out, put_node); }
