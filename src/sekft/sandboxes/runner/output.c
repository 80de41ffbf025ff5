/* What a command has output: counted and digested whole, kept at its head and its tail. */
#include "runner.h"
#include <stdlib.h>
#include <string.h>

/* Output kept: the first and the last `half` bytes. The newest byte is held back, because it may be stripped. */
static struct {
    unsigned char *head, *tail;
    size_t half, head_len;
    uint64_t total;
    struct sha256 sum;
    int held;
} out;

static void out_store(const unsigned char *data, size_t len) {
    sha256_add(&out.sum, data, len);
    out.total += len;
    if (out.head_len < out.half) {
        size_t n = out.half - out.head_len < len ? out.half - out.head_len : len;
        memcpy(out.head + out.head_len, data, n);
        out.head_len += n, data += n, len -= n;
    }
    uint64_t at = out.total - out.half - len; /* offset in the stream behind the head */
    if (len > out.half) at += len - out.half, data += len - out.half, len = out.half;
    for (size_t i = 0; i < len; i++) out.tail[(at + i) % out.half] = data[i];
}

void out_release(void) {
    unsigned char byte = (unsigned char)out.held;
    if (out.held >= 0) out_store(&byte, 1);
    out.held = -1;
}

void out_reset(uint32_t cap) {
    size_t half = cap / 2 > 0 ? cap / 2 : 1;
    if (half != out.half) {
        free(out.head), free(out.tail);
        out.head = malloc(half), out.tail = malloc(half);
        if (!out.head || !out.tail) die("no memory", "");
        out.half = half;
    }
    out.head_len = 0, out.total = 0, out.held = -1;
    sha256_init(&out.sum);
}

void out_take(const unsigned char *data, size_t len) {
    out_release();
    out_store(data, len - 1);
    out.held = data[len - 1];
}

uint64_t out_total(void) { return out.total; }

int out_strip(void) {
    if (out.held != '\n') return 0;
    out.held = -1;
    return 1;
}

static void put_tail(struct buf *b) {
    uint64_t behind = out.total - out.head_len;
    size_t len = behind < out.half ? (size_t)behind : out.half, at = (size_t)(behind % out.half);
    put_u32(b, (uint32_t)len);
    if (behind > out.half) {
        put(b, out.tail + at, out.half - at);
        put(b, out.tail, at);
    } else {
        put(b, out.tail, len);
    }
}

void out_put(struct buf *b) {
    unsigned char digest[32];
    sha256_end(&out.sum, digest);
    put_u64(b, out.total);
    put(b, digest, sizeof digest);
    put_str(b, out.head, out.head_len);
    put_tail(b);
}
