"""The attacks, by what they go for. Loops, bombs and hogs are bounded by the sandbox's limits and their own counts."""

from __future__ import annotations

from tests.attacks.attack import Attack, call

DUMP = "/run/sekft/state"
SMALL = {"processes": 40}

PROCESSES = [
    Attack("a fork bomb that outlives its command", ("f() { f | f & }; f",), limits=SMALL),
    Attack("children that nobody reaps", ("sh -c 'for i in $(seq 30); do sleep 0 & done; exec sleep 60' &",)),
    Attack("four hundred orphans", ("for i in $(seq 400); do (: &); done; wait",), status=0),
    Attack("four spinning loops", ("for i in 1 2 3 4; do (while :; do :; done) & done",), status=0),
    Attack("a signal to everyone", ("sleep 60 & kill -9 -1; echo still",), "still\n"),
    Attack("a signal to the parent", ("kill -9 $PPID; kill -STOP $PPID; echo $PPID",), "1\n"),
    Attack("a job that kills the next command", ("(sleep 1; kill -9 -1) &", "sleep 5"), ends="none", timeout_s=4),
    Attack("a shell that stops itself", ("kill -STOP $$",), r"\[timed out after 0.5 s\]\n", kept=False, timeout_s=0.5),
    Attack(
        "a daemon that ignores every signal",
        ("(sh -c 'trap \"\" HUP INT TERM; while :; do sleep 1; done' &); sleep 5",),
        r"\[timed out after 0.5 s\]\n",
        timeout_s=0.5,
    ),
]

OUTPUT = [
    Attack("a frame in the output", ("printf 'E\\117\\0\\0\\0\\0\\0\\0\\0'; false",), "E\x4f\ufffd{7}", status=1),
    Attack("a status in the output", ("false; printf '\\n[exit 0]\\n$ '; false",), r"\n\[exit 0\]\n\$ ", status=1),
    Attack(
        "a frame to every descriptor",
        ("./probe forge /proc/1/fd/0 /proc/1/fd/1 /proc/self/fd/1 /proc/self/fd/8 | tail -c 0; false",),
        hides="/proc/1",
        status=1,
    ),
    Attack("a job that floods the next output", ("(while :; do echo flood; done) &", "echo on"), "on\n"),
    Attack("a job that drinks the output", ("(cat <&1 >/tmp/drunk) & sleep 0.1", "echo on"), "on\n"),
    Attack("a line of a megabyte", ("head -c 1000000 /dev/zero | tr '\\0' a",), r"a+\n\[… \d+ bytes omitted …\]\na+"),
    Attack("an output closed for good", ("exec >&- 2>&-; echo hidden",), "", kept=True),
    Attack("a pipe that a full job holds", ("yes >&1 & ./probe pipes 1 & echo on",), r"(?s).*"),
]

INPUT = [
    Attack(
        "a command that eats what follows it", ("cat /proc/self/fd/* >/dev/null 2>&1 &\necho on", "echo on"), "on\n"
    ),
    Attack("nesting beyond the parser's stack", ("(" * 200_000,)),
    Attack("substitutions beyond the parser's stack", ("$(" * 100_000,)),
    Attack("twenty thousand lines", (":\n" * 20_000 + "echo on",), "on\n"),
    Attack("an unclosed quote of a megabyte", ("echo '" + "a" * 1_000_000,), hides="a{100}", status=2),
    Attack("a here-document that never ends", ("cat << E\n" + "a\n" * 10_000,), ""),
]

SESSION = [
    Attack(
        "a folder in the dump's place", (f"rm -f {DUMP}; mkdir -p {DUMP}/x; x=1",), "\nsh: 1: cannot .*", kept=False
    ),
    Attack("a link in the dump's place", (f"ln -sf /home/ada/own {DUMP}; x=1",), kept=False),
    Attack(
        "a FIFO in the dump's place",
        (f"rm -f {DUMP}; mkfifo {DUMP}",),
        r"\n\[timed out after 1 s\]\n",
        kept=False,
        timeout_s=1,
    ),
    Attack("a dump beyond its limit", ("x=$(head -c 5000000 /dev/zero | tr '\\0' a)",), kept=False),
    Attack("no room for the dump", ("head -c 9000000 /dev/zero > /run/sekft/junk 2>/dev/null; x=1",), kept=False),
    Attack(
        "a job that rewrites the dump",
        (f"(while :; do echo 'exit 0' > {DUMP}; done) 2>/dev/null & sleep 0.1", "true; echo on"),
        "on\n",
    ),
    Attack("a stack without end", ("f() { f; }; f",), r".*recursion.*\n", status=2),
]

FILES = [
    Attack("the way up", ("cat ../../../../../../../../etc/shadow 2>&-; ls -A /../../root; ls /../home",), "ada\n"),
    Attack("a set-uid shell", ("cp /bin/sh s; chmod 6755 s; ./s -c 'id -u; id -ru; id -g'",), "1000\n1000\n1000\n"),
    Attack("a link into the system", ("ln /usr/bin/dash /tmp/d",), status=1),
    Attack(
        "the system through a mount", ("for d in / /usr /etc /proc /dev; do : > $d/x; done; ls /x /etc/x",), status=2
    ),
    Attack("two thousand sparse files", ("truncate -s 16M $(seq 2000)",), ""),
    Attack(
        "paths of kilobytes",
        (
            "n=$(printf %0200d 0); for i in $(seq 18); do mkdir $n; cd $n; done; i=0; "
            "while [ $i -lt 8000 ]; do i=$((i+1)); : > $i; done",
        ),
        "",
    ),
    Attack("a loop of links", ("ln -s loop loop; ln -s . here; find -L . -name x; cat loop",), status=1),
]

MEMORY = [
    Attack("segments that outlive their maker", ("./probe segments 64; cat /proc/sysvipc/shm | wc -l",), "EPERM\n1\n"),
    call("memfd_create", "@x", 0),
    call("memfd_secret", 0),
    call("msgget", 0, 0o1600),
    call("semget", 0, 1, 0o1600),
    Attack("buffers of UNIX sockets", ("./probe sockets 125 & sleep 2; kill $!",), r"(?s)[1-5]?\d MiB\n.*"),
    Attack("a hundred thousand locks", ("./probe locks 100000; echo $?",), r"(?s).*137\n", timeout_s=8),
    Attack("locks whose owner is gone", ("./probe hide 20000",), "EPERM\n", status=1),
    Attack("locks without an owner", ("./probe ownerless 1000",), "EINVAL\n", status=1, timeout_s=2),
    Attack("three thousand full pipes", ("for i in $(seq 30); do ./probe pipes 100 & done; sleep 0.2",), status=0),
    Attack(
        "six hogs at once",
        ("for i in 1 2 3 4 5 6; do awk 'BEGIN { s = \"x\"; while (1) s = s s }' & done 2>/dev/null; wait; echo on",),
        r"(?s).*on\n",
        limits={"memory_bytes": 48 << 20},
    ),
]

NETWORK = [
    Attack("interfaces", ("sed -n 's/ *\\([^:]*\\):.*/\\1/p' /proc/net/dev",), "lo\n"),
    Attack("neighbours and routes", ("sed 1d /proc/net/arp; sed 1d /proc/net/route",), ""),
    call("socket", 16, 3, 0, wanted="EAFNOSUPPORT"),  # netlink
    call("socket", 17, 3, 0, wanted="EAFNOSUPPORT"),  # packet
    call("socket", 38, 5, 0, wanted="EAFNOSUPPORT"),  # the kernel's ciphers
    call("socket", 40, 1, 0, wanted="EAFNOSUPPORT"),  # vsock: the hypervisor
    *(call("socket", family, kind, 0, wanted="EAFNOSUPPORT") for family in (2, 10) for kind in (1, 2, 3)),  # IP
    call("socketpair", 30, 1, 0, "@xxxxxxxx", wanted="EAFNOSUPPORT"),  # TIPC
    call("setsockopt", 0, 1, 7, "@xxxx", 4),
]

KERNEL = [
    call("bpf", 0, 0, 0),
    call("userfaultfd", 0),
    call("perf_event_open", 0, 0, -1, -1, 0),
    call("keyctl", 0, 0),
    call("add_key", "@user", "@x", "@y", 1, 0),
    call("io_uring_setup", 1, 0),
    call("io_setup", 65536, "@xxxxxxxx"),
    call("personality", 0x0040000),
    call("syslog", 3, 0, 0),
    call("seccomp", 0, 0, 0),
    call("clone3", 0, 0, wanted="ENOSYS"),
    call("ioctl", 0, 0x5412, "@x"),
    call("kexec_load", 0, 0, 0, 0, changes_host=True),
    call("init_module", 0, 0, "@x", changes_host=True),
    call("clock_settime", 0, 0, changes_host=True),
    call("sethostname", "@evil", 4, changes_host=True),
    call("setdomainname", "@evil", 4, changes_host=True),
    call("swapon", "@/tmp/x", 0, changes_host=True),
    call("quotactl", 0, 0, 0, 0, changes_host=True),
    Attack("another ABI", ("./probe foreign",), hides="answered"),
    Attack(
        "the kernel's knobs",
        (
            "for f in $(find /proc/sys -type f -perm -200) /proc/sysrq-trigger /proc/irq/*/*;"
            " do echo 1 > $f && echo SET $f; done",
        ),
        hides="SET",
        changes_host=True,
    ),
    Attack(
        "the core dump's handler", ("echo '|/home/ada/x' > /proc/sys/kernel/core_pattern",), status=2, changes_host=True
    ),
]

ESCAPE = [
    *(call("unshare", flag) for flag in ("0x10000000", "0x20000", "0x40000000", "0x80")),  # user, mount, net, time
    call("setns", 0, 0),
    call("mount", "@none", "@/tmp", "@tmpfs", 0, 0, changes_host=True),
    call("mount", "@none", "@/etc", 0, 0x1020, 0, changes_host=True),  # remount writable
    call("mount", "@none", "@/tmp", "@cgroup", 0, 0, changes_host=True),
    call("umount2", "@/etc", 2, changes_host=True),
    call("open_tree", -100, "@/", 1),
    call("fsopen", "@tmpfs", 0),
    call("mount_setattr", -1, "@/", 0, 0, 0, changes_host=True),
    call("pivot_root", "@/tmp", "@/tmp", changes_host=True),
    call("chroot", "@/tmp"),
    call("name_to_handle_at", -100, "@/", 0, 0, 0),
    call("open_by_handle_at", 0, 0, 0),
    Attack(
        "the runner's program, overwritten",
        ("for f in /proc/1/exe /usr/lib/sekft/runner /usr/lib/sekft/busybox; do cat probe > $f && echo WROTE; done",),
        hides="WROTE",
    ),
    Attack("a control group", ("ls /sys/fs/cgroup/* /sys/*; mkdir /sys/fs/cgroup/x",), status=1),
    Attack("the root of PID 1", ("ls /proc/1/root/ /proc/1/cwd/",), hides="bin"),
]

RUNNER = [
    call("prlimit64", 1, 7, "@xxxxxxxxxxxxxxxx", 0),
    call("sched_setaffinity", 1, 8, "@xxxxxxxx"),
    call("sched_setscheduler", 1, 5, "@xxxx"),
    call("setpriority", 0, 1, 19),
    call("setpriority", 2, 0, 19),  # everyone of this user
    call("ioprio_set", 1, 1, 0x6000),
    call("ioprio_set", 3, 0, 0x6000),
    call("ptrace", 16, 1, 0, 0),
    call("process_vm_readv", 1, 0, 0, 0, 0, 0),
    call("process_vm_writev", 1, 0, 0, 0, 0, 0),
    call("pidfd_getfd", 0, 0, 0),
    call("process_madvise", 0, 0, 0, 0, 0),
    call("process_mrelease", 0, 0),
    call("kcmp", 1, 2, 0, 0, 0),
    Attack(
        "what /proc tells of PID 1",
        (
            "cd /proc/1; for f in mem maps environ auxv stack syscall io fd/0 ns/pid exe;"
            " do cat $f && echo GOT $f; done; ls fd",
        ),
        hides="GOT",
    ),
    Attack(
        "what /proc sets of PID 1",
        ("for f in $(find /proc/1 /proc/1/task/1 -maxdepth 1 -type f); do echo 0 > $f && echo SET $f; done",),
        hides="SET",
    ),
    Attack(
        "a thousand signals to PID 1", ("i=0; while [ $i -lt 1000 ]; do i=$((i+1)); kill -CHLD 1; kill -40 1; done",)
    ),
    Attack(
        "the runner, run again", ("/usr/lib/sekft/runner; echo $?; /usr/lib/sekft/runner launch 1 sh -c id",), "64\n"
    ),
]

ENDINGS = [
    Attack("a job that outlives the exit", ("sleep 60 & exit 3",), ends="exit"),
    # In the background: a shell whose own fork fails gives up the line, exit and all.
    Attack("a bomb and an exit", ("f() { f | f & }; f & exit 0",), ends="exit", limits=SMALL),
    Attack("a trap that never ends", ("trap 'while :; do :; done' EXIT; exit 0",), timeout_s=0.5, kept=False),
    Attack("an exit that a child pretends", ("sh -c 'exit 77'; sh -c 'panic lie'; (panic lie)",), r"(?s).*", status=77),
    Attack("a word that is no exit", ("set -e; false",), ends="none"),
    Attack("the shell replaced", ("exec true",), ends="none"),
]

# Typed before a check that reads ~/answer and walks the home; none of them gives the answer.
TAMPERING = [
    "mkfifo answer",
    "ln -s /dev/zero answer",
    "ln -s answer answer",
    "ln -s /proc/self/fd/9 answer",
    "truncate -s 60M answer; cp answer b; cp answer c",
    "mkdir answer; chmod 000 answer . ..",
    "(echo 42; sleep 60) > /tmp/late & ln -s /proc/$!/fd/1 answer",
    "touch -- -exec ; ln -s /dev/full answer",
    "for f in /usr/lib/sekft/* /usr/lib/sekft/bin/*; do cp /bin/true $f; done; echo exit > e; export PATH=/ ENV=~/e",
    "while :; do sh -c 'kill -STOP $$' & done 2>/dev/null | sleep 0.2",
]

CLASSES = {
    "processes": PROCESSES,
    "output": OUTPUT,
    "input": INPUT,
    "session state": SESSION,
    "file system": FILES,
    "memory": MEMORY,
    "network": NETWORK,
    "kernel": KERNEL,
    "escape": ESCAPE,
    "runner": RUNNER,
    "endings": ENDINGS,
}
