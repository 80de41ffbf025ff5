"""One hardened container for the docker backend: how it is made and started, and until when it holds what.

docs/docker.md gives the reason of each setting. The library is imported on first use.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from sekft.errors import SandboxUnavailable
from sekft.protocols import SandboxSpec
from sekft.sandboxes.fixtures import AGENT_ID
from sekft.sandboxes.leftovers import labels
from sekft.sandboxes.pool import STARTERS, alive
from sekft.sandboxes.userland import tools

T = TypeVar("T")
HINT = "install Docker, start its daemon and let this user reach it; pip install 'sekft[docker]'"
START_S = 60.0
RUNNER_BYTES, RUNNER_PROCESSES = 32 << 20, 16
"""What the runner and the kernel's own tables may take beside what limits give the agent."""

# Until READY the runner needs mount, unshare and sethostname, in its own namespaces; then its own filter denies them.
_DENIED = (
    "acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module fanotify_init finit_module fsconfig "
    "fsmount fsopen fspick init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp "
    "kexec_file_load kexec_load keyctl lookup_dcookie migrate_pages modify_ldt mount_setattr move_mount move_pages "
    "name_to_handle_at open_by_handle_at open_tree perf_event_open personality pidfd_getfd process_madvise "
    "process_mrelease "
    "process_vm_readv process_vm_writev ptrace quotactl reboot request_key setdomainname setns settimeofday swapoff "
    "swapon sysfs syslog uselib userfaultfd ustat vhangup"
)
SECCOMP = json.dumps(
    {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": _DENIED.split(), "action": "SCMP_ACT_ERRNO"}]}
)
# As the engine's own, but for /proc/sys: the runner first sets user/max_user_namespaces to 0, then protects it itself.
_READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger"]


@dataclass(frozen=True, slots=True)
class ContainerKind:
    """What a container must have from its start; all else comes with SETUP."""

    userland: str
    memory_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class Started:
    """A container whose runner waits for SETUP. The socket belongs to no event loop yet."""

    id: str
    stream: socket.socket

    def alive(self) -> bool:
        return alive(self.stream)

    def close(self) -> None:
        self.stream.close()


def kind_of(spec: SandboxSpec) -> ContainerKind:
    limits = spec.limits
    memory = limits.memory_bytes + limits.writable_bytes + RUNNER_BYTES
    return ContainerKind(spec.userland, memory, limits.processes + RUNNER_PROCESSES)


def start(engine: Any, image_id: str, kind: ContainerKind) -> Started:
    made = engine.create_container(
        image_id,
        entrypoint=["/usr/lib/sekft/runner", "enter"],
        command=[],
        user=f"{AGENT_ID}:{AGENT_ID}",
        environment={},
        working_dir="/",
        labels=labels(),
        stop_signal="SIGKILL",  # PID 1 heeds no other: the engine would wait 10 s for it
        stdin_open=True,
        network_disabled=True,
        host_config=host_config(engine, kind.memory_bytes, kind.processes),
    )
    try:
        held = engine.attach_socket(made["Id"], {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        stream = socket.socket(fileno=os.dup(held.fileno()))
        held._response.close()  # the library's own connection; ours is a copy of its descriptor
        engine.start(made["Id"])
        _await_hello(stream)
    except BaseException:
        engine.remove_container(made["Id"], force=True)
        raise
    return Started(made["Id"], stream)


def _await_hello(stream: socket.socket) -> None:
    """The runner says that it has entered its namespaces, or what kept it from that."""
    stream.settimeout(START_S)
    said = stream.recv(4096)[8:]  # one write of the runner is one piece, with the engine's head of 8 bytes
    if said[:1] != b"H":
        reason = said[5:].decode(errors="replace") or "the runner ended at once"
        raise SandboxUnavailable(f"docker: {reason}; the engine's host must allow unprivileged user namespaces")


def host_config(engine: Any, memory_bytes: int, processes: int) -> dict[str, Any]:
    """No right, no network, nothing writable; docs/docker.md gives the reason of each."""
    mounts = [{"Type": "bind", "Source": str(tools()), "Target": "/usr/lib/sekft", "ReadOnly": True}]
    config: dict[str, Any] = engine.create_host_config(
        auto_remove=True,
        cap_drop=["ALL"],
        init=False,
        ipc_mode="none",
        log_config={"Type": "none", "Config": {}},
        mem_limit=memory_bytes,
        memswap_limit=memory_bytes,
        mounts=mounts,
        network_mode="none",
        pids_limit=processes,
        read_only=True,
        security_opt=["no-new-privileges", f"seccomp={SECCOMP}", "apparmor=unconfined", "label=disable"],
    )
    return {**config, "CgroupnsMode": "private", "ReadonlyPaths": _READ_ONLY}


def engine_says(call: Callable[..., T], *arguments: Any) -> T:
    """The engine's refusals in words. Raises SandboxUnavailable."""
    from docker.errors import DockerException

    _reach(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    try:
        return call(*arguments)
    except (DockerException, OSError) as error:  # OSError: also what its HTTP library raises
        raise SandboxUnavailable(f"docker: {str(error)[-400:]}; {HINT}") from error


def _reach(host: str) -> None:
    """The library leaves a socket open when nobody listens."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as trial:
            try:
                trial.connect(host.removeprefix("unix://"))
            except OSError as error:
                raise SandboxUnavailable(f"docker: {host}: {error.strerror}; {HINT}") from error


@cache
def client() -> Any:
    """The engine's low-level client, from DOCKER_HOST and its like. Raises SandboxUnavailable."""
    try:
        import docker
    except ImportError as error:
        raise SandboxUnavailable(f"docker: {error}; {HINT}") from error
    return engine_says(lambda: docker.from_env(version="auto", max_pool_size=2 * STARTERS, timeout=START_S).api)
