/* The heap of the static dash: blocks of powers of two, kept for the next of their size. musl's own heap asks the kernel
 * for pages, and gives them back, some thirty times in a shell that lives for a millisecond: a third of its time.
 * Compiled with -fno-builtin, or calloc would be made to call itself. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK (64u << 10)
#define LIMIT ((size_t)1 << 40)

union head { struct { unsigned char order; } of; max_align_t aligned; };
struct rest { struct rest *next; };

static struct rest *unused[41];
static char *at, *end;

static unsigned char order_of(size_t size) {
    unsigned char order = 4;
    while (((size_t)1 << order) < size) order++;
    return order;
}

static char *taken(size_t size) {
    if (size > (size_t)(end - at)) {
        size_t room = size > CHUNK ? size : CHUNK;
        char *chunk = mmap(0, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED) return 0;
        at = chunk, end = chunk + room;
    }
    at += size;
    return at - size;
}

void *malloc(size_t size) {
    unsigned char order = order_of(size < LIMIT ? size : LIMIT);
    struct rest *kept = unused[order];
    if (size > LIMIT) return errno = ENOMEM, (void *)0;
    if (kept) return unused[order] = kept->next, kept;
    union head *block = (union head *)taken(sizeof *block + ((size_t)1 << order));
    if (!block) return errno = ENOMEM, (void *)0;
    block->of.order = order;
    return block + 1;
}

void free(void *data) {
    if (!data) return;
    unsigned char order = ((union head *)data - 1)->of.order;
    ((struct rest *)data)->next = unused[order];
    unused[order] = data;
}

void *realloc(void *data, size_t size) {
    size_t had = data ? (size_t)1 << ((union head *)data - 1)->of.order : 0;
    if (data && size <= had) return data;
    void *more = malloc(size);
    if (more && data) memcpy(more, data, had), free(data);
    return more;
}

void *calloc(size_t count, size_t size) {
    size_t all;
    if (__builtin_mul_overflow(count, size, &all)) return errno = ENOMEM, (void *)0;
    void *data = malloc(all);
    return data ? memset(data, 0, all) : 0;
}
