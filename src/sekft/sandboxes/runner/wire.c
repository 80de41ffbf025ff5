#include "runner.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT (256u << 10) /* of a buffer between two answers */

void put(struct buf *b, const void *data, size_t len) {
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2 + 256;
        b->data = realloc(b->data, b->cap);
        if (!b->data) _exit(70);
    }
    if (len) memcpy(b->data + b->len, data, len);
    b->len += len;
}

void put_u8(struct buf *b, uint8_t value) { put(b, &value, 1); }

void put_u32(struct buf *b, uint32_t value) {
    unsigned char le[4] = {(unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16),
                           (unsigned char)(value >> 24)};
    put(b, le, 4);
}

void put_u64(struct buf *b, uint64_t value) {
    put_u32(b, (uint32_t)value);
    put_u32(b, (uint32_t)(value >> 32));
}

void put_str(struct buf *b, const void *data, size_t len) {
    put_u32(b, (uint32_t)len);
    put(b, data, len);
}

/* musl gives back what is freed to the kernel at once: that and new pages take longer than most answers. */
void put_off(struct buf *b) {
    b->len = 0;
    if (b->cap > KEPT) free(b->data), *b = (struct buf){0};
}

static void write_all(const unsigned char *data, size_t len) {
    while (len) {
        ssize_t n = write(1, data, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(0); /* the harness is gone */
        data += n, len -= (size_t)n;
    }
}

void send_frame(char type, const struct buf *b) {
    static struct buf whole;
    put_u8(&whole, (uint8_t)type);
    put_str(&whole, b->data, b->len);
    write_all(whole.data, whole.len);
    put_off(&whole);
}

static void need(struct cursor *c, size_t len) {
    if (c->left < len) die("frame too short", "");
}

uint8_t get_u8(struct cursor *c) {
    need(c, 1);
    c->left--;
    return *c->data++;
}

uint32_t get_u32(struct cursor *c) {
    uint32_t value = get_u8(c);
    value |= (uint32_t)get_u8(c) << 8;
    value |= (uint32_t)get_u8(c) << 16;
    return value | (uint32_t)get_u8(c) << 24;
}

uint64_t get_u64(struct cursor *c) {
    uint64_t low = get_u32(c);
    return low | (uint64_t)get_u32(c) << 32;
}

const unsigned char *get_bytes(struct cursor *c, uint32_t *len) {
    *len = get_u32(c);
    need(c, *len);
    const unsigned char *at = c->data;
    c->data += *len, c->left -= *len;
    return at;
}

char *get_path(struct cursor *c) {
    uint32_t len;
    const unsigned char *at = get_bytes(c, &len);
    char *copy = malloc(len + 1u);
    if (!copy) die("no memory", "");
    memcpy(copy, at, len);
    copy[len] = 0;
    return copy;
}

_Noreturn void die(const char *what, const char *about) {
    char text[512];
    int n = snprintf(text, sizeof text, "%s %s: %s", what, about, strerror(errno));
    struct buf b = {0};
    put(&b, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    send_frame('F', &b);
    _exit(70);
}
