"""The seams: what an author, a sandbox, an operator and an engine are to the rest.

A new member of a family satisfies its protocol and passes that family's contract suite;
nothing else changes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar

from sekft.folder import Config, option
from sekft.rejection import Rejected
from sekft.scenario import Cell, File, Login, Scenario
from sekft.trajectory import Check, Ending, OperatorInfo, SandboxInfo, State, Turn, Usage

ItemT = TypeVar("ItemT", contravariant=True)
ResultT = TypeVar("ResultT", covariant=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may use. Bytes count what the agent may write, not the userland."""

    command_s: float = 10.0
    check_s: float = 10.0
    output_bytes: int = 32 * 1024
    flood_bytes: int = 64 << 20
    writable_bytes: int = 64 << 20
    writable_inodes: int = 16384
    memory_bytes: int = 512 << 20
    processes: int = 128
    file_bytes: int = 64 << 20
    open_files: int = 256


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What a fresh sandbox starts from.

    clock_offset_s: shifts what `date` tells, for the agent and the checker alike.
    hostname:       what the kernel tells; None takes login.host.
    mtime_offset_s: added to every fixture's mtime.
    """

    userland: str
    login: Login
    files: tuple[File, ...]
    limits: Limits = field(default_factory=Limits)
    clock_offset_s: int = 0
    mtime_offset_s: int = 0
    hostname: str | None = None

    @classmethod
    def of(cls, scenario: Scenario, limits: Limits = Limits()) -> SandboxSpec:
        """The sandbox in which a scenario starts."""
        return cls(scenario.userland, scenario.login, tuple(scenario.files), limits)


@dataclass(frozen=True, slots=True)
class ExecResult:
    """One command's effect on the terminal.

    output:    text as recorded, at most limits.output_bytes, invalid UTF-8 and NUL as U+FFFD.
    status:    what `$?` holds afterwards.
    ended:     set when this command ended the session.
    malformed: why the action was not run at all (an unterminated here-document …).
    """

    output: str
    status: int
    raw_sha256: str
    timed_out: bool = False
    truncated: bool = False
    dropped_bytes: int = 0
    state_kept: bool = True
    ended: Ending | None = None
    malformed: str | None = None


class Session(Protocol):
    """A shell that someone has landed in. All methods raise InfraError when the sandbox broke."""

    info: SandboxInfo
    greeting: str
    """What login printed (banner, motd, profiles' output), before the first prompt."""

    async def exec(self, command: str, timeout_s: float | None = None) -> ExecResult:
        """Run one typed message in the session's shell; state carries over to the next."""
        ...

    def prompt(self) -> str:
        """The prompt as displayed now: PS1 with $VAR expanded."""
        ...

    def cwd(self) -> str: ...

    async def state(self) -> State:
        """Every path under the writable roots that fixtures or commands can reach."""
        ...

    async def check(self, script: str) -> Check:
        """Kill everything of the agent, then run the script with trusted static tools."""
        ...

    async def snapshot(self) -> Any:
        """Files and shell state as they are now; an opaque value for rewind() and Sandbox.fork()."""
        ...

    async def rewind(self, at: Any) -> None:
        """Back to a snapshot of this sandbox, with no process left. Raises InfraError where that is not so."""
        ...

    async def close(self) -> None: ...


class Sandbox(Protocol):
    """A backend. open() yields a fresh session and removes every trace of it afterwards."""

    name: str

    def open(self, spec: SandboxSpec) -> AbstractAsyncContextManager[Session]: ...

    def fork(self, at: Any) -> AbstractAsyncContextManager[Session]:
        """A fresh sandbox that goes on from a session's snapshot; processes are lost."""
        ...

    async def run(self, spec: SandboxSpec, script: str) -> ExecResult:
        """One-shot: a fresh session, one command, gone."""
        ...


class Draft(Protocol):
    """One scenario in the making. exchange: what was said with a model, in order; kept beside a rejected draw."""

    exchange: list[dict[str, str]]

    async def next(self, refused: Rejected | None) -> Scenario | Rejected | None:
        """A candidate, why there is none this time, or None: no other will come.

        refused: why the last one was not admitted; None at first.
        Raises InfraError and EndpointError.
        """
        ...


class Author(Protocol):
    """Drafts candidate scenarios; the gate decides whether one is admitted.

    settings: what a folder made by it is made with. skins: whether it can redraw the surface of a latent task,
    which twins and re-skins want.
    """

    name: str
    settings: Mapping[str, str]
    skins: bool

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> Draft:
        """skin: which redrawing of the surface; the latent task hangs on cell and seed alone, and so does `family`."""
        ...

    def met(self, scenario: Scenario) -> None:
        """This one was admitted: later candidates may be made to differ from it."""
        ...


CONTEXT_FULL = "context full"


@dataclass(frozen=True, slots=True)
class Action:
    """What is typed. fault: why the policy's answer held nothing that can be typed.

    The fault CONTEXT_FULL means that tokens ran out: unfinished, where other faults are malformed.
    failing: the named failure, made on purpose, that this action is part of.
    thoughts: what a model reasoned before it; never part of the trajectory.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    fault: str | None = None
    failing: str | None = None
    thoughts: str = ""


class Policy(Protocol):
    """One rollout's operator. It sees what a student would see: the turns so far."""

    async def act(self, turns: Sequence[Turn]) -> Action: ...


class OperatorConfig(Config):
    """Who acts, and how; each kind of operator takes what it knows of, and None means the kind's own default."""

    operator: str | None = option(
        None,
        "explorer, saboteur, blind, reference, model, student; default: student with --model, model if SEKFT_OP_MODEL "
        "is set, else explorer.",
        recorded=False,
    )
    model: str | None = option(None, "A student's folder, as transformers saves it, or smollm2.", recorded=False)
    max_tokens: int | None = option(None, "Tokens a model may use for one action.", ge=1, recorded=False)
    temperature: float | None = option(None, "Sampling temperature of a model.", ge=0.0, recorded=False)
    top_p: float | None = option(None, "Nucleus of a model's sampling.", ge=0.0, le=1.0, recorded=False)
    scaffold: str | None = option(
        None, "What a model is told first: a shipped scaffold's name, or a file.", recorded=False
    )
    no_scaffold: bool = option(False, "Tell it nothing but the orientation, as a student is deployed.", recorded=False)
    action_format: Literal["plain", "fenced"] = option(
        "plain", "How a model is to answer: plain, or fenced.", recorded=False
    )
    recovery_share: float | None = option(
        None, "Share with a mistake to mend; default: explorer 0.25, model 0.", ge=0.0, le=1.0, recorded=False
    )
    concurrency: int | None = option(None, "At once; default 2 for each core.", ge=1, recorded=False)


class Operator(Protocol):
    info: OperatorInfo

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        """A fresh policy. Scripted operators may read the scenario's plan; models may not."""
        ...


class Engine(Protocol):
    """Runs many jobs at once; yields results as they finish. A job's exception propagates."""

    def map(
        self, job: Callable[[ItemT], Awaitable[ResultT]], items: Iterable[ItemT], concurrency: int
    ) -> AsyncIterator[ResultT]: ...


class Reporter(Protocol):
    """What a stage tells about its progress. note() is for things a person should read."""

    def begin(self, label: str, total: int, done: int) -> None: ...
    def step(self, detail: str = "") -> None: ...
    def note(self, text: str) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
