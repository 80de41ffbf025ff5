/* The PID-1 program of a sandbox. Frames on fd 0 (in) and fd 1 (out): u8 type, u32 length, payload;
 * integers little-endian, a string is u32 length + bytes. sekft/sandboxes/wire.py is the other end. */
#ifndef SEKFT_RUNNER_H
#define SEKFT_RUNNER_H
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#define TOOLS "/usr/lib/sekft"
#define WRITABLE_ROOTS "/etc", "/home", "/opt", "/srv", "/tmp", "/usr/local", "/var"
#define AGENT_ID 1000
#define ROOT_ID 65534 /* what the sandbox's passwd and group call root */
#define STATE_FILE "/run/sekft/state"
#define FRAME_LIMIT (64u << 20)
#define DOOR_MAX 32                /* calls at once; who comes later waits */
#define REQUEST_LIMIT (256 << 10)  /* of a call: arguments and environment */
#define DUMP_LIMIT (1u << 20)      /* shell_state.py: STATE_BYTES */
#define HASH_LIMIT (16 << 20)      /* of one file */
#define HASH_ALL_LIMIT (96 << 20)  /* of one state: holes cost an agent nothing, but reading them costs us time */
#define HASH_MS 5000               /* of one state: an agent's loops may leave us little of the processor */
#define STATE_LIMIT (4u << 20)     /* of the answer: paths can be tens of thousands of bytes long */

struct buf { unsigned char *data; size_t len, cap; };
void put(struct buf *b, const void *data, size_t len);
void put_u8(struct buf *b, uint8_t value);
void put_u32(struct buf *b, uint32_t value);
void put_u64(struct buf *b, uint64_t value);
void put_str(struct buf *b, const void *data, size_t len);
void put_off(struct buf *b); /* empties it; what the next answer can use is kept */
void send_frame(char type, const struct buf *b);

struct cursor { const unsigned char *data; size_t left; };
uint8_t get_u8(struct cursor *c);
uint32_t get_u32(struct cursor *c);
uint64_t get_u64(struct cursor *c);
const unsigned char *get_bytes(struct cursor *c, uint32_t *len);
char *get_path(struct cursor *c); /* NUL-terminated copy; the caller frees it */

/* Tell the harness what failed and end, which ends everything in the sandbox. */
_Noreturn void die(const char *what, const char *about);

struct limits { uint64_t memory, file; uint32_t processes, open_files, cpu_s; };
extern struct limits limits;
extern const char *session_shell; /* see setup.c */
extern int second_id; /* whether ROOT_ID is mapped, so that fixtures of root are root's */

void out_reset(uint32_t cap);                            /* cap: bytes to keep of the next command's output */
void out_take(const unsigned char *data, size_t len);    /* len > 0 */
void out_release(void);                                  /* the byte held back counts as output after all */
int out_strip(void);                                     /* drops the byte held back if it is a newline; tells so */
uint64_t out_total(void);
void out_put(struct buf *b);                             /* u64 total, digest, string head, string tail */

int write_proc(pid_t pid, const char *name, const char *text); /* to /proc/PID/NAME; 1: done */
int launch(char **argv);
int within(char **argv);
int share(char **argv);
int bounded(char **argv);
int tidy(char **argv);
void enter(void);
void serve_forks(void);
void setup(struct cursor *in);
void restore(struct cursor *in);
void drop_rights(void);
void confine(void);
int limit_rights(int provider); /* 0: done */
void open_score(void);
void victim(int yes);
int watch(int64_t wait_ms); /* how long a poll may wait until it must be called again; negative: for ever */
int confine_child(void); /* what PID 1 alone may do: make memory files, which no limit counts, and change its view */
void walk_state(struct buf *out); /* u32 paths left out, then the entries */
void walk_tree(struct buf *out);
void kill_all(void);
void reap(void);

enum view { FULL, AGENT, CHECKER };
void make_views(struct cursor *in); /* in: u32 count, hidden paths; without any the agent's view is the full one */
int is_any_hidden(void);
const char *program_at(const char *path, const char *called); /* what to run for it; 0 where it is no hidden program */
int enter_view(enum view view);
void put_script(const char *name, const unsigned char *text, size_t len);
void remove_script(const char *name);

#define CHILD_FDS 10 /* descriptors 0 to 9 are the child's; whatever the runner opens for itself must lie above */
struct program {
    const char *path, *cwd;
    char *const *argv, *const *envp;
    enum view view;
    mode_t mask;
    int provider, fds[CHILD_FDS]; /* 0: /dev/null as number 0, else nothing */
};
pid_t spawn(const struct program *p); /* negative: it cannot fork */
int high(int fd);

void open_door(void);
uint32_t calls_begun(int afresh);
int door_fds(void *pollfds);
void serve_door(const void *pollfds, int filled);
void call_ended(pid_t pid, int status);
void clear_door(void);
int knock(int argc, char **argv);
unsigned door_name(struct sockaddr_un *name);

extern int child_events; /* signalfd of SIGCHLD */
int64_t now_ms(void);
void run_command(struct cursor *in);
void run_parse(struct cursor *in);
void run_check(struct cursor *in);
int idle_fds(void *pollfds, int limit);
void drain_idle(void);

struct sha256 { uint32_t h[8]; uint64_t len; unsigned char block[64]; size_t used; };
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const unsigned char *data, size_t len);
void sha256_end(struct sha256 *s, unsigned char digest[32]);
#endif
