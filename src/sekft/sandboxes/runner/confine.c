/* The seccomp filter: what no process in the sandbox may ask of the kernel. */
#include "runner.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "no seccomp filter for this architecture"
#endif
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

/* Written as numbers where an older C library lacks the name; 424 and up are the same on every architecture. */
static const int denied[] = {
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_swapon, SYS_swapoff, SYS_reboot,
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_bpf, SYS_userfaultfd, SYS_perf_event_open,
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_acct, SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_syslog,
    SYS_sethostname, SYS_setdomainname, SYS_vhangup, SYS_move_pages, SYS_migrate_pages, SYS_fanotify_init,
    SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_personality, SYS_seccomp,
    SYS_shmget, SYS_msgget, SYS_semget, SYS_mq_open, /* they outlive their maker, and no limit counts them */
    425, 426, 427,           /* io_uring_setup, _enter, _register */
    428, 429, 430, 431, 432, /* open_tree, move_mount, fsopen, fsconfig, fsmount */
    433, 438, 440, 442, 448, /* fspick, pidfd_getfd, process_madvise, mount_setattr, process_mrelease */
    447,                     /* memfd_secret */
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_kexec_file_load, SYS_uselib, SYS_ustat, SYS_sysfs,
#endif
};

/* Calls that name a process: allowed on oneself, so that nobody can reach PID 1 through them. */
static const struct { int call, argument; uint32_t wanted; } own_only[] = {
    {SYS_prlimit64, 0, 0}, {SYS_sched_setaffinity, 0, 0}, {SYS_sched_setscheduler, 0, 0}, {SYS_sched_setparam, 0, 0},
    {SYS_sched_setattr, 0, 0}, {SYS_setpriority, 0, 0}, {SYS_setpriority, 1, 0}, /* of a process, of itself */
    {SYS_ioprio_set, 0, 1}, {SYS_ioprio_set, 1, 0},
};

#define NEW_NAMESPACE 0x7E020000 /* CLONE_NEWNS … CLONE_NEWNET */
#define MAX_FILTER 256
static struct sock_filter code[MAX_FILTER];
static unsigned short used;

static void op(uint16_t what, uint32_t k, uint8_t yes, uint8_t no) {
    if (used == MAX_FILTER) die("seccomp filter too long", "");
    code[used++] = (struct sock_filter){what, yes, no, k};
}

static void load(uint32_t offset) { op(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }
static void load_call(void) { load(offsetof(struct seccomp_data, nr)); }
static void load_argument(int n) { load((uint32_t)(offsetof(struct seccomp_data, args) + 8u * (unsigned)n)); }
static void answer(uint32_t what) { op(BPF_RET | BPF_K, what, 0, 0); }
static void refuse(int error) { answer(SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)); }

static int install(void) {
    struct sock_fprog program = {used, code};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

void confine(void) {
    load(offsetof(struct seccomp_data, arch));
    op(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0);
    answer(SECCOMP_RET_KILL_PROCESS);
    load_call();
#if defined(__x86_64__)
    op(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* the x32 calls */
    answer(SECCOMP_RET_KILL_PROCESS);
#endif
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
        op(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)denied[i], 0, 1);
        refuse(EPERM);
    }
    op(BPF_JMP | BPF_JEQ | BPF_K, 435, 0, 1); /* clone3: its flags cannot be seen, so C libraries must use clone */
    refuse(ENOSYS);
    for (size_t i = 0; i < sizeof own_only / sizeof *own_only; i++) {
        op(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)own_only[i].call, 0, 4);
        load_argument(own_only[i].argument);
        op(BPF_JMP | BPF_JEQ | BPF_K, own_only[i].wanted, 1, 0);
        refuse(EPERM);
        load_call();
    }
    op(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
    load_argument(0);
    op(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACE, 0, 1);
    refuse(EPERM);
    answer(SECCOMP_RET_ALLOW);
    op(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 6);
    load_argument(0);
    op(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 3, 0);
    op(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
    op(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
    refuse(EAFNOSUPPORT);
    answer(SECCOMP_RET_ALLOW);
    load_call();
    op(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4);
    load_argument(1);
    op(BPF_JMP | BPF_JEQ | BPF_K, 0x5412, 0, 1); /* TIOCSTI: types into a terminal */
    refuse(EPERM);
    answer(SECCOMP_RET_ALLOW);
    answer(SECCOMP_RET_ALLOW);
    if (install()) die("cannot install the seccomp filter", "");
}

int confine_child(void) {
    used = 0;
    load_call();
    op(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 1, 0);
    op(BPF_JMP | BPF_JEQ | BPF_K, SYS_setns, 0, 1);
    refuse(EPERM);
    answer(SECCOMP_RET_ALLOW);
    return install();
}
