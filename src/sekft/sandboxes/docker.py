"""The docker backend: one hardened container a session, with the runner as its entry point.

docs/sandbox.md gives the reason of each setting. The engine is asked to create, attach and start, nothing else. The
session's frames go over the attached stream. The end of that stream, for whatever reason, ends PID 1 and the container,
which the engine then removes. The client library is imported on first use.

The engine keeps an image of each userland: the root file system as one layer, found again by its digest. Everything
else ends with the harness, but for containers that were made and never started (no stream of theirs can end) and images
that others replaced; `clean` removes these.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sekft.cache import built
from sekft.errors import InfraError, ResourcesExhausted, SandboxUnavailable, installing
from sekft.protocols import SandboxSpec
from sekft.sandboxes.fixtures import AGENT_ID
from sekft.sandboxes.pool import STARTERS, PooledSandbox, alive, memory_of
from sekft.sandboxes.userland import Userland, tools, userland
from sekft.sandboxes.wire import FrameStream, StreamEnded

T = TypeVar("T")
WARM = 2 * (os.cpu_count() or 1)
"""How many started containers wait for a session, once there was a first."""

START_S, CLOSE_S = 60.0, 5.0
RUNNER_PROCESSES = 16
"""What the runner may have beside what limits give the agent."""

# Until READY the runner needs mount, unshare, setns and sethostname, in its own namespaces; then its own filter denies
# them, and setns to all but PID 1.
_DENIED = (
    "acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module fanotify_init finit_module fsconfig "
    "fsmount fsopen fspick init_module io_setup io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp "
    "kexec_file_load kexec_load keyctl lookup_dcookie migrate_pages modify_ldt mount_setattr move_mount move_pages "
    "name_to_handle_at open_by_handle_at open_tree perf_event_open personality pidfd_getfd process_madvise "
    "process_mrelease "
    "process_vm_readv process_vm_writev ptrace quotactl reboot request_key setdomainname settimeofday swapoff "
    "swapon sysfs syslog uselib userfaultfd ustat vhangup"
)
SECCOMP = json.dumps(
    {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": _DENIED.split(), "action": "SCMP_ACT_ERRNO"}]}
)
# As the engine's own, but for /proc/sys: the runner first sets user/max_user_namespaces to 0, then protects it itself.
_READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger"]
LABEL = "sekft"
"""On every container: the harness's pid."""
BORN = "sekft.born"
"""On every container: what tells its harness from a later process of the same pid."""
REPOSITORY = "sekft-dash"
DIGEST_LABEL = "sekft.userland.digest"
SKELETON = ".sekft"
"""A folder of the image that holds the root's links and mount points: the runner enters it (runner/enter.c), so that
what an engine adds to a root (/.dockerenv, /etc/resolv.conf, /sys, /dev/shm) is not there for the agent."""


Image = tuple[str, str | None]
"""Its id, and the version of its shell where that is known."""


@dataclass(frozen=True, slots=True)
class ContainerKind:
    """What a container must have from its start; all else comes with SETUP. dash: the version of its shell."""

    image_id: str
    dash: str | None
    memory_bytes: int
    processes: int

    @classmethod
    def of(cls, spec: SandboxSpec, image: Image) -> ContainerKind:
        return cls(*image, memory_of(spec.limits), spec.limits.processes + RUNNER_PROCESSES)


@dataclass(frozen=True, slots=True)
class StartedContainer:
    """Satisfies pool.Started."""

    id: str
    stream: socket.socket

    def alive(self) -> bool:
        return alive(self.stream)

    def close(self) -> None:
        self.stream.close()


class DockerSandbox(PooledSandbox[Image, ContainerKind, StartedContainer]):
    """See protocols.Sandbox. Images, runner and pool are made on first use."""

    name = "docker"

    def __init__(self, warm: int = WARM) -> None:
        super().__init__(warm, slow=True)
        self._worked = False

    def _root(self, name: str) -> tuple[Userland, Image]:
        ours, image_id = self._ask_engine(chosen, client(), name)
        return ours, (image_id, ours.dash)

    def _kind(self, spec: SandboxSpec, root: Image) -> ContainerKind:
        return ContainerKind.of(spec, root)

    def _start(self, kind: ContainerKind) -> StartedContainer:
        started = self._ask_engine(start, client(), kind)
        self._worked = True
        return started

    def _channel(
        self, started: StartedContainer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> _Container:
        return _Container(started.id, reader, writer)

    def _ask_engine(self, call: Callable[..., T], *arguments: Any) -> T:
        """An engine that has worked before and fails now is broken, not missing: that rollout is tried again."""
        try:
            return engine_says(call, *arguments)
        except SandboxUnavailable as error:
            if self._worked:
                raise InfraError(str(error)) from error
            raise


class _Container(FrameStream):
    """One container and its attached stream. Satisfies wire.Channel."""

    def __init__(self, container: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__("docker", _Stdout(reader), writer)
        self._id, self._reader = container, reader

    async def ask(self, frame: bytes, expected: str, timeout_s: float) -> bytes:
        try:
            return await super().ask(frame, expected, timeout_s)
        except StreamEnded as error:
            if await asyncio.to_thread(_ran_out_of_memory, self._id):
                raise ResourcesExhausted("docker: the sandbox ran out of memory, and ended") from error
            raise

    async def close(self) -> None:
        """Wait until PID 1 is gone, and kill the container when it does not go; the engine removes it."""
        try:
            with suppress(OSError):
                self._writer.write_eof()
                async with asyncio.timeout(CLOSE_S):
                    while await self._reader.read(1 << 16):
                        pass
                return
            await asyncio.shield(asyncio.to_thread(_kill, self._id))
        finally:
            self._writer.transport.abort()


class _Stdout:
    """The runner's side of a stream in which the engine mixes stdout and stderr, each piece with a head of 8 bytes."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._held = bytearray()
        self._head = b""  # of a piece that is yet to come

    async def readexactly(self, n: int, /) -> bytes:
        while len(self._held) < n:
            self._head = self._head or await self._reader.readexactly(8)
            piece = await self._reader.readexactly(int.from_bytes(self._head[4:], "big"))
            if self._head[0] == 1:
                self._held += piece
            self._head = b""
        data = bytes(self._held[:n])
        del self._held[:n]
        return data


def start(engine: Any, kind: ContainerKind) -> StartedContainer:
    """Create, attach to and start one container. Raises SandboxUnavailable when its runner cannot begin."""
    container = engine.create_container(
        kind.image_id,
        entrypoint=["/usr/lib/sekft/runner", "enter"],
        command=[],
        user=f"{AGENT_ID}:{AGENT_ID}",
        environment={},
        working_dir="/",
        labels=labels(),
        stop_signal="SIGKILL",  # PID 1 heeds no other: the engine would wait 10 s for it
        stdin_open=True,
        network_disabled=True,
        host_config=_host_config(engine, kind),
    )["Id"]
    try:
        attached = engine.attach_socket(container, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        stream = socket.socket(fileno=os.dup(attached.fileno()))
        attached._response.close()  # the library's own connection; ours is a copy of its descriptor
        engine.start(container)
        _await_hello(stream)
    except BaseException:
        engine.remove_container(container, force=True)
        raise
    return StartedContainer(container, stream)


def _await_hello(stream: socket.socket) -> None:
    """The runner says that it has entered its namespaces, or what kept it from that."""
    stream.settimeout(START_S)
    hello = stream.recv(4096)[8:]  # one write of the runner is one piece, with the engine's head of 8 bytes
    if hello[:1] != b"H":
        reason = hello[5:].decode(errors="replace") or "the runner ended at once"
        raise SandboxUnavailable(f"docker: {reason}; the engine's host must allow unprivileged user namespaces")


def _host_config(engine: Any, kind: ContainerKind) -> dict[str, Any]:
    """No right, no network, nothing writable."""
    mounts = [{"Type": "bind", "Source": str(tools(kind.dash)), "Target": "/usr/lib/sekft", "ReadOnly": True}]
    config: dict[str, Any] = engine.create_host_config(
        auto_remove=True,
        cap_drop=["ALL"],
        init=False,
        ipc_mode="none",
        log_config={"Type": "none", "Config": {}},
        mem_limit=kind.memory_bytes,
        memswap_limit=kind.memory_bytes,
        mounts=mounts,
        network_mode="none",
        pids_limit=kind.processes,
        read_only=True,
        security_opt=["no-new-privileges", f"seccomp={_profile(engine)}", "apparmor=unconfined", "label=disable"],
    )
    return {**config, "CgroupnsMode": "private", "ReadonlyPaths": _READ_ONLY}


@cache
def _profile(engine: Any) -> str:
    """The filter as the engine wants it: Docker its text, podman a file's path."""
    if not any("Podman" in part["Name"] for part in engine.version().get("Components") or ()):
        return SECCOMP
    key = f"seccomp/{hashlib.sha256(SECCOMP.encode()).hexdigest()[:16]}"
    return str(built(key, _write_profile) / "profile.json")


def _write_profile(folder: Path) -> None:
    profile = folder / "profile.json"
    profile.write_text(SECCOMP)
    profile.chmod(0o644)


def engine_says(call: Callable[..., T], *arguments: Any) -> T:
    """Call the engine. Raises SandboxUnavailable with the engine's words when it refuses or cannot be reached."""
    from docker.errors import DockerException

    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if host.startswith("unix://"):  # tried first: the library leaves a socket open when nobody listens
        with socket.socket(socket.AF_UNIX) as trial:
            try:
                trial.connect(host.removeprefix("unix://"))
            except OSError as error:
                raise SandboxUnavailable(f"docker: {host}: {error.strerror}; {_hint()}") from error
    try:
        return call(*arguments)
    except (DockerException, OSError) as error:  # OSError: also what its HTTP library raises
        raise SandboxUnavailable(f"docker: {str(error)[-400:]}; {_hint()}") from error


@cache
def client() -> Any:
    """The engine's low-level client, from DOCKER_HOST and its like. Raises SandboxUnavailable."""
    try:
        import docker
    except ImportError as error:
        raise SandboxUnavailable(f"docker: {error}; {_hint()}") from error
    return engine_says(lambda: docker.from_env(version="auto", max_pool_size=2 * STARTERS, timeout=START_S).api)


def _kill(container: str) -> None:
    with suppress(SandboxUnavailable):  # gone already, or the engine is: nothing more can be done
        engine_says(lambda: client().remove_container(container, force=True))


def _ran_out_of_memory(container: str) -> bool:
    """Whether the engine saw that happen to it; waits for half a second, for it is told a little later."""

    def told() -> bool:
        until = f"{time.time() + 0.5:.3f}"
        filters = {"container": container, "event": "oom"}
        return any(True for _ in client().events(since="1", until=until, filters=filters))

    try:
        return engine_says(told)
    except SandboxUnavailable:
        return False


@cache
def backend() -> DockerSandbox:
    return DockerSandbox()


def probe() -> str | None:
    """Why the engine cannot be used; None when it answers and can filter system calls."""
    try:
        options = engine_says(client().info)["SecurityOptions"]
    except SandboxUnavailable as error:
        return str(error)
    if not any("seccomp" in option for option in options):
        return f"docker: the engine has no seccomp; {_hint()}"
    return None


def clean() -> list[str]:
    """Remove what killed harnesses left with the engine, and say what. Raises SandboxUnavailable without an engine."""
    return engine_says(lambda: [*_remove_containers(client()), *_remove_images(client())])


def chosen(engine: Any, name: str) -> tuple[Userland, str]:
    """The userland and the id of its image: SEKFT_IMAGE, which docker build made, else our own of that name.

    Raises SandboxUnavailable when our own cannot be built.
    """
    if tag := os.environ.get("SEKFT_IMAGE"):
        image_id = str(engine.inspect_image(tag)["Id"])
        return Userland(tag, Path("/"), image_id.removeprefix("sha256:")), image_id
    ours = userland(name)
    return ours, _image(engine, ours)


def _image(engine: Any, ours: Userland) -> str:
    """The id of sekft-dash:<userland> with that digest; imported when it is not there yet."""
    if not (image_id := _found(engine, ours.digest)):
        changes = [f"LABEL {DIGEST_LABEL}={ours.digest}", 'CMD ["/bin/sh"]', "ENV LANG=C.UTF-8 TZ=UTC"]
        with tempfile.TemporaryFile() as layer:  # without a name: nothing of it outlives this process
            with tarfile.open(fileobj=layer, mode="w") as tar:
                write_root(tar, ours.rootfs)
            layer.seek(0)
            engine.import_image_from_data(layer, repository=f"{REPOSITORY}:{ours.name}", changes=changes)
        image_id = _found(engine, ours.digest)
    return image_id


def _found(engine: Any, digest: str) -> str:
    """The id of the image of that digest, "" without one. Not by its tag: podman puts a registry before it."""
    matches = engine.images(filters={"label": f"{DIGEST_LABEL}={digest}"})
    return str(matches[0]["Id"]) if matches else ""


def write_root(tar: tarfile.TarFile, rootfs: Path) -> None:
    """Everything belongs to root. The skeleton is the root again, without what lies in its folders."""
    tar.add(rootfs, arcname=".", filter=owned_by_root)
    tar.add(rootfs, arcname=SKELETON, filter=owned_by_root, recursive=False)
    for path in sorted(rootfs.iterdir()):
        tar.add(path, arcname=f"{SKELETON}/{path.name}", filter=owned_by_root, recursive=path.name == "run")


def owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def labels() -> dict[str, str]:
    return {LABEL: str(os.getpid()), BORN: _born(os.getpid())}


def _born(pid: int) -> str:
    """A living process's PID namespace and start, in clock ticks since boot; without /proc nothing but its pid."""
    try:
        if not Path("/proc/self/stat").exists():
            os.kill(pid, 0)
            return f":{pid}"
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{Path('/proc/self/ns/pid').readlink()}:{ticks}"
    except OSError:
        return ""


def _remove_containers(engine: Any) -> Iterator[str]:
    from docker.errors import APIError

    for container in engine.containers(all=True, filters={"label": LABEL}):
        if _needed(container):
            continue
        try:
            engine.remove_container(container["Id"], force=True)
        except APIError:  # it is ending by itself
            continue
        harness = container["Labels"][LABEL] or "unknown"
        yield f"container {container['Id'][:12]}, {container['State']}; its harness, pid {harness}, is gone"


def _needed(container: Any) -> bool:
    """A harness of another PID namespace cannot be looked for; what it has started ends with it."""
    pid, birth = container["Labels"][LABEL], container["Labels"].get(BORN, "")
    if birth and birth.partition(":")[0] != _born(os.getpid()).partition(":")[0]:
        return bool(container["State"] == "running")
    return pid.isdigit() and bool(birth) and _born(int(pid)) == birth


def _remove_images(engine: Any) -> Iterator[str]:
    from docker.errors import APIError

    for image in engine.images(filters={"label": DIGEST_LABEL, "dangling": True}):
        try:
            engine.remove_image(image["Id"])
        except APIError:  # a container still needs it
            continue
        yield f"image {image['Id'].removeprefix('sha256:')[:12]} of a replaced userland"


def _hint() -> str:
    return f"install Docker, start its daemon and let this user reach it; {installing('docker')}"
