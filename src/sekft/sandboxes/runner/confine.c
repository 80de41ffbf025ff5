/* The seccomp filter: what no process in the sandbox may ask of the kernel. */
#include "runner.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
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

/* Written as numbers where an older C library lacks the name; 424 and up are the same on every architecture. */
static const int denied[] = {
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_swapon, SYS_swapoff, SYS_reboot,
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_bpf, SYS_userfaultfd, SYS_perf_event_open,
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_acct, SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_syslog,
    SYS_sethostname, SYS_setdomainname, SYS_vhangup, SYS_move_pages, SYS_migrate_pages, SYS_fanotify_init,
    SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_personality, SYS_seccomp,
    SYS_shmget, SYS_msgget, SYS_semget, SYS_mq_open, /* they outlive their maker, and no limit counts them */
    SYS_io_setup, /* its contexts are counted for the whole machine */
    425, 426, 427,           /* io_uring_setup, _enter, _register */
    428, 429, 430, 431, 432, /* open_tree, move_mount, fsopen, fsconfig, fsmount */
    433, 438, 440, 442, 448, /* fspick, pidfd_getfd, process_madvise, mount_setattr, process_mrelease */
    447,                     /* memfd_secret */
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_kexec_file_load, SYS_uselib, SYS_ustat, SYS_sysfs,
#endif
};

/* Calls that are allowed with one value of one argument, and refused with every other. */
static const struct { int call, argument; uint32_t wanted; int error; } only_with[] = {
    /* What names a process may name oneself: nobody reaches PID 1 so. */
    {SYS_prlimit64, 0, 0, EPERM}, {SYS_sched_setaffinity, 0, 0, EPERM}, {SYS_sched_setscheduler, 0, 0, EPERM},
    {SYS_sched_setparam, 0, 0, EPERM}, {SYS_sched_setattr, 0, 0, EPERM}, {SYS_setpriority, 0, 0, EPERM},
    {SYS_setpriority, 1, 0, EPERM}, {SYS_ioprio_set, 0, 1, EPERM}, {SYS_ioprio_set, 1, 0, EPERM},
    /* What other families queue is in no process's memory, and there is no network to reach. */
    {SYS_socket, 0, AF_UNIX, EAFNOSUPPORT}, {SYS_socketpair, 0, AF_UNIX, EAFNOSUPPORT},
};

/* Calls that are refused with one value of one argument. */
static const struct { int call, argument; uint32_t unwanted; int error; } never_with[] = {
    {SYS_ioctl, 1, 0x5412, EPERM},           /* TIOCSTI: types into a terminal */
    {SYS_setsockopt, 2, SO_SNDBUF, EPERM},   /* with the default, descriptors bound what a process can queue */
    {SYS_fcntl, 1, F_OFD_SETLK, EINVAL},     /* locks that name no owner: locks.c could not tell whose they are */
    {SYS_fcntl, 1, F_OFD_SETLKW, EINVAL},
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

/* The call's number is loaded before and after. */
static void compare(int call, int argument, uint32_t value, int refuse_equal, int error) {
    op(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4);
    load_argument(argument);
    op(BPF_JMP | BPF_JEQ | BPF_K, value, !refuse_equal, refuse_equal);
    refuse(error);
    load_call();
}

/* Whose table of files is shared without being a thread outlives the owner that its locks name. */
static void check_clone(void) {
    op(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 6);
    load_argument(0);
    op(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACE, 3, 0);
    op(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
    op(BPF_JMP | BPF_JSET | BPF_K, CLONE_FILES, 1, 0);
    answer(SECCOMP_RET_ALLOW);
    refuse(EPERM);
}

void confine(void) {
    load(offsetof(struct seccomp_data, arch));
    op(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0);
    refuse(ENOSYS);
    load_call();
#if defined(__x86_64__)
    op(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* the x32 calls */
    refuse(ENOSYS);
#endif
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
        op(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)denied[i], 0, 1);
        refuse(EPERM);
    }
    op(BPF_JMP | BPF_JEQ | BPF_K, 435, 0, 1); /* clone3: its flags cannot be seen, so C libraries must use clone */
    refuse(ENOSYS);
    for (size_t i = 0; i < sizeof only_with / sizeof *only_with; i++)
        compare(only_with[i].call, only_with[i].argument, only_with[i].wanted, 0, only_with[i].error);
    for (size_t i = 0; i < sizeof never_with / sizeof *never_with; i++)
        compare(never_with[i].call, never_with[i].argument, never_with[i].unwanted, 1, never_with[i].error);
    check_clone();
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
