"""One meaning of a session on every backend: what a typed command does, shows and leaves behind.

A backend gives a Channel to a runner (runner/runner.h) that is PID 1 of a fresh sandbox. All else is here.
docs/sandbox.md describes the semantics and what is lost between commands.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import asdict, dataclass, replace

from sekft.errors import BundleError, InfraError
from sekft.protocols import ExecResult, SandboxSpec
from sekft.sandboxes import wire
from sekft.sandboxes.fixtures import DATE_SHIM, shifted_date, tree
from sekft.sandboxes.shell_state import (
    PROMPT_BYTES,
    Function,
    ShellState,
    candidates,
    is_unread,
    listed_traps,
    panic_reason,
    prologue,
    read_dump,
)
from sekft.sandboxes.userland import Userland
from sekft.sandboxes.wire import CommandReport
from sekft.scenario import Login
from sekft.trajectory import Check, Ending, SandboxInfo, State, closed

EMPTY_SHA256 = hashlib.sha256().hexdigest()
SETUP_S = 30.0
GRACE_S = 15.0
PACKET_BYTES = 4096
TIMED_OUT_STATUS = 124
FLOODED_STATUS = 137
TIMED_OUT = "[timed out after {:g} s]"
FLOODED = "[killed after {} bytes of output]"
UNTERMINATED = "unterminated here-document"
NUL_BYTE = "NUL byte in the command"
_PATH = "/usr/local/bin:/usr/bin:/bin"
_PROMPT_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_IGNORED_EOF = b'\nUse "exit" to leave shell.\n'
OMITTED = "[… {} bytes omitted …]"
_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a session stood: its files and its shell's state. Processes, FIFOs and sockets are lost.

    spec:   what the session started from; a fork has the same limits, login and clock.
    tree:   as the runner sent it. packed: the same with its binds, for a runner to make.
    whole:  nothing of the tree is lost.
    """

    spec: SandboxSpec
    tree: bytes
    packed: bytes
    whole: bool
    shell: ShellState
    greeting: str


@dataclass(frozen=True, slots=True)
class _Typed:
    """One message on its way to the shell. text: as fed, newline-terminated. before: the state it is typed in."""

    text: bytes
    functions: tuple[Function, ...]
    before: ShellState

    def words(self) -> frozenset[str]:
        """Of the text and of every function and alias that it could use."""
        hidden = [function.text for function in self.before.functions if function.name != "panic"]
        text = self.text.decode(errors="replace")
        return frozenset(_WORDS.findall(" ".join([text, *hidden, *self.before.aliases.values()])))


class ShellSession:
    """See protocols.Session. After an ending or a check only state(), check() and close() make sense."""

    def __init__(self, channel: wire.Channel, spec: SandboxSpec, info: SandboxInfo) -> None:
        self.info = info
        self.greeting = ""
        self._channel = channel
        self._spec = spec
        self._shell = login_state(spec.login, spec.hostname)
        self._over: str | None = None
        self._seen: tuple[bytes, State] = b"", {}
        self._entries: wire.Entries = {}
        self._tree = tree(spec)

    @classmethod
    async def begun(
        cls, channel: wire.Channel, spec: SandboxSpec, at: Snapshot | None, backend: str, userland: Userland
    ) -> ShellSession:
        """Make the fixtures, log in and run the profiles, or resume from a snapshot, in a fresh sandbox.

        Raises BundleError when a profile ends the shell.
        """
        limits = {name: int(value) for name, value in asdict(spec.limits).items()}
        info = SandboxInfo(backend=backend, userland=userland.name, userland_digest=userland.digest, limits=limits)
        session = cls(channel, spec, info)
        packed = wire.packed(session._tree) if at is None else at.packed
        setup = wire.setup(spec.limits, spec.hostname or spec.login.host, packed, spec.hidden)
        (uids,) = await channel.ask(setup, "R", SETUP_S)
        session.info = info.model_copy(update={"uids": uids})
        if at is None:
            greeting = closed(spec.login.banner) + closed(spec.login.motd) + await session._profiles()
            session.greeting = recorded(wire.whole(greeting.encode()), spec.limits.output_bytes).output
        else:
            session.greeting, session._shell = at.greeting, at.shell
        return session

    async def snapshot(self) -> Snapshot:
        """What fork() starts from; the session itself continues. Raises InfraError for a file over 16 MiB."""
        if self._over:
            raise InfraError(f"snapshot after the session's {self._over}")
        nodes = await self._channel.ask(wire.frame("G"), "G", SETUP_S)
        kinds = await wire.read_tree(nodes)
        binds = [bind for bind in self._tree.binds if bind.path in kinds]
        packed = wire.repacked(len(kinds), nodes, binds)
        return Snapshot(self._spec, nodes, packed, "o" not in kinds.values(), self._shell, self.greeting)

    async def rewind(self, at: Snapshot) -> None:
        """Kill every process and return to the snapshot, even after the session's end or a check.

        at: a snapshot of this session, or of one from an equal spec.
        Raises InfraError when any part of the tree does not come back; the session must then not be used.
        """
        if not at.whole:
            raise InfraError("rewind: the snapshot lacks a FIFO or a socket")
        if await self._channel.ask(wire.frame("B", at.packed), "B", SETUP_S) != at.tree:
            raise InfraError("rewind: the tree is not what it was")
        self._shell, self._over = at.shell, None

    async def _profiles(self) -> str:
        paths = {file.path for file in self._spec.files}
        profiles = ["/etc/profile"] * ("/etc/profile" in paths)
        if f"{self._spec.login.home}/.profile" in paths:
            profiles.append('"$HOME/.profile"')
        output = ""
        for profile in profiles:
            result = await self.exec(f". {profile}")
            if result.ended or result.timed_out:
                how = "does not end" if result.timed_out else "ends the session"
                raise BundleError(f"files: {profile} {how} at login, want it to go on")
            output += closed(result.output)
        self._shell = replace(self._shell, status=0)
        return output

    async def exec(self, command: str, timeout_s: float | None = None) -> ExecResult:
        """timeout_s: None takes limits.command_s. The session is over once a result has `ended`."""
        if self._over:
            raise InfraError(f"exec after the session's {self._over}")
        fault = await self._fault(command)
        if fault:
            return ExecResult("", self._shell.status, EMPTY_SHA256, malformed=fault)
        if max(map(len, _fed(command).splitlines()), default=0) >= PACKET_BYTES:
            error = await self._syntax_error(command)
            if error:
                return error
        if is_unread(command):
            self._count("functions")
        typed = _Typed(_fed(command), candidates(self._shell, command), self._shell)
        limit_s = self._spec.limits.command_s if timeout_s is None else timeout_s
        frame = wire.command(self._spec.limits, limit_s, prologue(self._shell, typed.functions), typed.text)
        report = wire.read_report(await self._channel.ask(frame, "E", limit_s + GRACE_S))
        if report.killed:
            return self._killed(report, limit_s)
        return self._finished(report, typed)

    async def _fault(self, command: str) -> str | None:
        """Why the message cannot be typed as it is."""
        if "\0" in command:
            return NUL_BYTE
        if "<<" not in command:
            return None
        # A here-document without its end swallows the stray parenthesis, and only then does the text parse.
        answer = await self._channel.ask(wire.parse(_fed(command) + b")\n"), "E", GRACE_S)
        return UNTERMINATED if wire.read_report(answer).wait_status == 0 else None

    async def _syntax_error(self, command: str) -> ExecResult | None:
        """A line of several packets must parse first: after an error the shell would run the rest of it."""
        report = wire.read_report(await self._channel.ask(wire.parse(_fed(command)), "E", GRACE_S))
        if report.wait_status == 0:
            return None
        self._shell = replace(self._shell, status=report.status)
        return recorded(report, self._spec.limits.output_bytes)

    def _killed(self, report: wire.CommandReport, limit_s: float) -> ExecResult:
        limits, timed_out = self._spec.limits, report.killed == "t"
        note = TIMED_OUT.format(limit_s) if timed_out else FLOODED.format(limits.flood_bytes)
        status = TIMED_OUT_STATUS if timed_out else FLOODED_STATUS
        self._shell = replace(self._shell, status=status)
        result = recorded(report, limits.output_bytes, note)
        return replace(result, status=status, timed_out=timed_out, state_kept=False)

    def _finished(self, report: wire.CommandReport, typed: _Typed) -> ExecResult:
        after = read_dump(report.dump, self._shell, typed.functions) if report.dump is not None else None
        report = report.changed(lambda output: _as_typed_at(output, report, typed, after))
        over = ending(report, typed, after)
        self._shell = after or replace(self._shell, status=report.status)
        self._over = over.kind if over else None
        if after is None and not over:
            self._count("state")
        return replace(recorded(report, self._spec.limits.output_bytes), state_kept=after is not None, ended=over)

    def prompt(self) -> str:
        """PS1 as given by the bundle or set since, with $VAR and ${VAR} expanded and nothing else; cut at its limit."""
        ps1 = self._shell.prompt if self._shell.prompt is not None else self._spec.login.prompt
        whole = _PROMPT_VARIABLE.sub(lambda match: self._shell.value(match[1] or match[2])[:PROMPT_BYTES], ps1)
        shown = decoded(_bytes(whole)).encode()
        if len(shown) > PROMPT_BYTES:
            self._count("prompt")
        return shown[:PROMPT_BYTES].decode("utf-8", "ignore")

    def _count(self, what: str) -> None:
        """One more time that something went beyond its cap."""
        capped = self.info.capped
        self.info = self.info.model_copy(update={"capped": {**capped, what: capped.get(what, 0) + 1}})

    def cwd(self) -> str:
        return decoded(_bytes(self._shell.cwd))

    async def state(self) -> State:
        payload = await self._channel.ask(wire.frame("T"), "T", SETUP_S)
        if payload != self._seen[0]:  # many commands change nothing
            self._seen = payload, await wire.read_state(payload, self._entries)
        state = dict(self._seen[1])
        if next(reversed(state), "").startswith(wire.OMITTED_PATHS):
            self._count("paths")
        if self._spec.clock_offset_s and all(file.path != DATE_SHIM for file in self._spec.files):
            state.pop(DATE_SHIM, None)
        return state

    async def check(self, script: str) -> Check:
        """Only the wait status counts: 0 passes; 126, 127, a signal or a time-out is no verdict."""
        self._over = self._over or "check"
        limits, offset_s = self._spec.limits, self._spec.clock_offset_s
        shim = f"date() {{ {shifted_date('busybox date', offset_s).replace('exec ', '')}; }}; " if offset_s else ""
        name = secrets.token_hex(16)
        frame = wire.check(limits, name, _bytes(shim + script))
        report = wire.read_report(await self._channel.ask(frame, "E", limits.check_s + GRACE_S))
        report = report.changed(lambda output: output.replace(name.encode(), b"self/fd/9"))
        status, output = report.status, recorded(report, limits.output_bytes).output
        if report.killed or status in (126, 127) or status > 128:
            status_seen = None if report.killed else status
            return Check(verdict="checker_error", passed=False, status=status_seen, output=output)
        return Check(verdict="fail" if status else "pass", passed=not status, status=status, output=output)

    async def close(self) -> None:
        self._over = self._over or "close"
        await self._channel.close()


def login_state(login: Login, hostname: str | None = None) -> ShellState:
    """The login shell's state before any profile: the base environment, then login.env over it."""
    exported = {
        "HOME": login.home,
        "LANG": "C.UTF-8",
        "LOGNAME": login.user,
        "PATH": _PATH,
        "SHELL": "/bin/sh",
        "TERM": "dumb",
        "TZ": "UTC",
        "USER": login.user,
        **login.env,
    }
    own = {"HOSTNAME": hostname or login.host, "IFS": " \t\n", "PS4": "+ "}
    return ShellState(login.home, {**own, **exported}, frozenset(exported))


def _as_typed_at(output: bytes, report: wire.CommandReport, typed: _Typed, after: ShellState | None) -> bytes:
    """The output as a terminal would have it: without our traps, our last packet and what the end of input brings."""
    if b"trap -- " in output:  # `trap` lists the harness's traps too
        for line in listed_traps(typed.functions):
            output = output.replace(line, b"")
    if report.left or not report.stripped:
        return output
    if "trap" in typed.words() if after is None else not after.heard or "i" not in after.options:
        return output + b"\n"  # the newline was the command's own
    if after and "v" in after.options:
        return output.removesuffix(b" ")
    if after and "I" in after.options:
        lines = output + b"\n"
        end = len(lines)
        while lines.endswith(_IGNORED_EOF, 0, end):
            end -= len(_IGNORED_EOF)
        return lines[:end]
    return output


def _fed(command: str) -> bytes:
    text = _bytes(command)
    return text if text.endswith(b"\n") else text + b"\n"


def _bytes(text: str) -> bytes:
    """UTF-8; what stands for a raw byte becomes that byte, any other lone surrogate a question mark."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def recorded(report: CommandReport, limit_bytes: int, note: str = "") -> ExecResult:
    """The output and, on a line of its own, the note; together at most limit_bytes of UTF-8.

    dropped_bytes of the result counts bytes as recorded where they are known, raw bytes elsewhere.
    """
    closing = f"{note}\n" if note else ""
    room = limit_bytes - len(closing.encode()) - 1
    if report.unseen:
        head, tail = decoded(report.head).encode(), decoded(report.tail).encode()
        total = len(head) + len(tail) + report.unseen
    else:
        text = decoded(report.head + report.tail)
        head = tail = text.encode()
        total = len(head)
        if total <= (room if note else limit_bytes):
            return ExecResult(_joined(text, closing), report.status, report.sha256, calls=report.calls)
    half = max(0, (room - len(OMITTED.encode()) - 20) // 2)
    first = head[:half].decode("utf-8", "ignore")
    last = tail[max(0, len(tail) - half) :].decode("utf-8", "ignore")
    dropped = total - len(first.encode()) - len(last.encode())
    output = _joined(_joined(first, OMITTED.format(dropped) + "\n") + last, closing)
    return ExecResult(output, report.status, report.sha256, truncated=True, dropped_bytes=dropped, calls=report.calls)


def decoded(raw: bytes) -> str:
    """UTF-8; invalid bytes and NUL become U+FFFD."""
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def _reason_in(dump: bytes | None) -> str | None:
    """What a panic gave as its reason, as text that can be recorded."""
    reason = panic_reason(dump) if dump is not None else None
    return None if reason is None else decoded(_bytes(reason))


def _joined(text: str, line: str) -> str:
    """The line after the text, at the beginning of a line."""
    return text + ("\n" if line and text and not text.endswith("\n") else "") + line


def ending(report: CommandReport, typed: _Typed, after: ShellState | None) -> Ending | None:
    """What ended the session, or None when the shell read to the end of what was typed.

    A shell that stopped early did so by exit, panic, errexit, exec, a top-level return or a signal.
    after: the state that the shell left, if it left one.
    """
    status = report.status
    shell_ended = Ending(kind="none", status=status, reason="shell_ended")
    if os.WIFSIGNALED(report.wait_status):
        return shell_ended
    if not report.left:
        return None
    if after is not None and "i" not in after.options and status in (126, 127):
        return shell_ended  # exec of what is not there: dash drops -i before it tries
    reason = _reason_in(report.dump)
    if reason is not None and status == 77:
        return Ending(kind="panic", status=status, reason=reason)
    words = typed.words()
    if after is None:
        # Only a user's own end trap still allows an exit: otherwise the shell was replaced by exec.
        return Ending(kind="exit", status=status) if "trap" in words else shell_ended
    errexit = "e" in after.options and status != 0
    if words & {"exit", "panic"} or not (errexit or "return" in words):
        return Ending(kind="exit", status=status)
    return shell_ended
