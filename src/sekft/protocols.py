"""The seams: what an author, a sandbox, an operator and an engine are to the rest.

A new member of a family satisfies its protocol and passes that family's contract suite. It is one
of ours, or an entry point of another package (`Family`). A class that inherits from `Author` or `Operator` gets
defaults for what it cannot do.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar, cast

from sekft.errors import UsageError
from sekft.folder.config import Config, option
from sekft.rejection import Rejected
from sekft.scenario import Cell, File, Login, Scenario
from sekft.trajectory import Check, Ending, OperatorInfo, SandboxInfo, State, Turn, Usage

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ItemT = TypeVar("ItemT", contravariant=True)
ResultT = TypeVar("ResultT", covariant=True)
MemberT = TypeVar("MemberT")


@dataclass(frozen=True)
class Family(Generic[MemberT]):
    """The members of one kind, found by name: those of sekft, and those that installed packages declare.

    noun:    what a member is called in messages: "operator".
    group:   the entry-point group in which other packages declare members: "sekft.operators".
    members: sekft's own, each as "module:attribute"; none is imported before it is loaded.
    """

    noun: str
    group: str
    members: Mapping[str, str]

    def names(self) -> list[str]:
        """Every name, plugins last, without importing one."""
        return [*self.members, *sorted({plugin.name for plugin in self._plugins()} - self.members.keys())]

    def load(self, name: str) -> MemberT:
        """The object behind a name.

        Raises UsageError for a name that is unknown or declared twice, or a plugin that cannot be imported.
        """
        plugins = [plugin for plugin in self._plugins() if plugin.name == name]
        packages = " and ".join(plugin.dist.name if plugin.dist else plugin.value for plugin in plugins)
        if plugins and name in self.members:
            raise UsageError(f"{self.noun} {name!r} is built in, and a plugin may not replace it: uninstall {packages}")
        if len(plugins) > 1:
            raise UsageError(f"{self.noun} {name!r} is declared by {packages}: uninstall all but one")
        if name in self.members:
            return cast(MemberT, resolve_name(self.members[name]))
        if not plugins:
            raise UsageError(f"unknown {self.noun} {name!r}, want one of: {', '.join(self.names())}")
        try:
            return cast(MemberT, plugins[0].load())
        except Exception as error:  # whatever a plugin's module raises when it is imported
            raise UsageError(
                f"{self.noun} {name!r}, a plugin of {packages}, cannot be imported: {type(error).__name__}: {error}"
            ) from error

    def _plugins(self) -> Sequence[EntryPoint]:
        return _declared(self.group, tuple((place, _changed_ns(place)) for place in sys.path))


@cache
def _declared(group: str, places: Sequence[tuple[str, int]]) -> Sequence[EntryPoint]:
    """places: where packages are looked for, and when each changed; with other places they are looked for again."""
    from importlib.metadata import entry_points  # takes 15 ms: only where a member is looked up

    return tuple(entry_points(group=group))


def _changed_ns(place: str) -> int:
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


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
    hidden:         paths that only the provider reaches; see scenario.Provider.
    """

    userland: str
    login: Login
    files: tuple[File, ...]
    limits: Limits = field(default_factory=Limits)
    clock_offset_s: int = 0
    mtime_offset_s: int = 0
    hostname: str | None = None
    hidden: tuple[str, ...] = ()

    @classmethod
    def of(cls, scenario: Scenario, limits: Limits = Limits()) -> SandboxSpec:
        """The sandbox in which a scenario starts."""
        return cls(scenario.userland, scenario.login, tuple(scenario.files), limits, hidden=scenario.hidden)


@dataclass(frozen=True, slots=True)
class ExecResult:
    """One command's effect on the terminal.

    output:    text as recorded, at most limits.output_bytes, invalid UTF-8 and NUL as U+FFFD.
    status:    what `$?` holds afterwards.
    ended:     set when this command ended the session.
    malformed: why the action was not run at all (an unterminated here-document …).
    calls:     how often the sandbox ran a hidden program of the provider meanwhile.
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
    calls: int = 0


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
        """Go back to a snapshot of this sandbox, with no process left. Raises InfraError if that fails."""
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


class ModelClient(Protocol):
    """The model that an author or an operator asks: a served one, or one that runs in this process."""

    model: str

    def cost_usd(self, usage: Usage) -> float | None:
        """What these tokens cost by the model's price; None where no price is known."""
        ...

    def attend(
        self, journal: Path | None, max_cost_usd: float | None, max_tokens: int | None, note: Callable[[str], None]
    ) -> None:
        """Write every answer to this journal, answer from it, and spend no more than this, earlier commands included.

        note: is called with what a person should read, for example that the service is down.
        """
        ...

    async def check(self) -> None:
        """Raises EndpointError where it cannot be asked."""
        ...

    async def close(self) -> None: ...


class AskingConfig(Config):
    """Someone who may ask a served model."""

    heading: ClassVar[str] = "Budget"

    timeout_s: float | None = option(
        None,
        "Wait at most X seconds for an answer of a served model; default: 600, plus 1 for every 4 tokens that it "
        "may write.",
        flag="--timeout",
        ge=1.0,
        allow_inf_nan=False,
        recorded=False,
    )


class AuthorConfig(AskingConfig):
    """Who authors, and how; each author takes what it knows of."""

    heading: ClassVar[str] = "Author"

    author: str | None = option(
        None, "Author; default: teacher if SEKFT_MODEL is set, else procedural.", metavar="NAME"
    )
    listed_interfaces: bool = option(
        False, "Use a fixed list of interfaces instead of composing new ones (an ablation).", recorded=False
    )
    repairs: int = option(2, "Let a model repair a rejected scenario up to N times.", ge=0, recorded=False)
    answer_tokens: int | None = option(
        None,
        "Limit each answer of the authoring model to N tokens; default: teacher 16000, hybrid 4000.",
        ge=1,
        recorded=False,
    )


class Author(Protocol):
    """Drafts candidate scenarios; the gate decides whether one is admitted.

    settings: what a folder records of it; a resume with other settings is refused.
    skins:    whether it can draw the same task with another surface, which twins and re-skins require.
    endpoint: the model that it asks, if any.
    usual:    the usual cost of one draw; None if it asks no model.
    """

    name: str
    settings: Mapping[str, str]
    skins: bool = False
    endpoint: ModelClient | None = None
    usual: Usage | None = None

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> Draft:
        """skin: the number of the surface. The task behind it and `family` depend only on cell and seed."""
        ...

    def trying(self, sandbox: Sandbox | None) -> None:
        """The sandbox in which it may try its drafts; None in a dry run. By default it tries nothing."""
        return

    def met(self, scenario: Scenario) -> None:
        """Called with each admitted scenario, so that later drafts can differ from it. By default it does nothing."""
        return


CONTEXT_FULL = "context full"
NOT_GROUNDED = "not grounded"
"""What a fault begins with that names what nothing has shown."""
REFUSED = "refused by the service"
"""What a fault begins with that names why a model's service withheld its answer."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is typed. fault: why the policy's answer held nothing that can be typed.

    Three faults leave the rollout unfinished: CONTEXT_FULL (no tokens are left), one that begins with NOT_GROUNDED (the
    next action would be a guess), and one that begins with REFUSED (the service gives no answer). Others are malformed.
    failing: the named deliberate failure that this action is part of.
    thoughts: the model's reasoning before it; never part of the trajectory.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    fault: str | None = None
    failing: str | None = None
    thoughts: str = ""


class Policy(Protocol):
    """One rollout's operator. It sees what a student would see: the turns so far."""

    async def act(self, turns: Sequence[Turn]) -> Action: ...


class OperatorConfig(AskingConfig):
    """Who acts, and how; each kind of operator takes what it knows of, and None means the kind's own default."""

    heading: ClassVar[str] = "Operator"

    operator: str | None = option(
        None,
        "Operator; default: student with --model, model if SEKFT_OP_MODEL is set, else explorer.",
        metavar="NAME",
        recorded=False,
    )
    model: str | None = option(
        None,
        "Student to run locally: a folder that transformers saved, or smollm2.",
        metavar="FOLDER|smollm2",
        recorded=False,
    )
    max_tokens: int | None = option(
        None, "Limit each answer of a model to N tokens, reasoning included; default: 256.", ge=1, recorded=False
    )
    temperature: float | None = option(
        None,
        "Sampling temperature of a model; default: 0.7 for a served one, 0 for a student.",
        ge=0.0,
        recorded=False,
    )
    top_p: float | None = option(None, "Top-p of a model's nucleus sampling.", ge=0.0, le=1.0, recorded=False)
    scaffold: str | None = option(
        None,
        "Instructions for an untrained model (a scaffold): default, brief, careful, or a file.",
        metavar="NAME|FILE",
        recorded=False,
    )
    no_scaffold: bool = option(
        False, "Give a model the orientation alone, as a deployed student gets it.", recorded=False
    )
    action_format: Literal["plain", "fenced"] = option(
        "plain", "Form of a model's answers: the bare command, or a code block.", recorded=False
    )
    recovery_share: float | None = option(
        None,
        "Share of rollouts with one deliberate mistake and its repair; default: explorer 0.25, model 0.",
        ge=0.0,
        le=1.0,
        recorded=False,
    )
    concurrency: int | None = option(
        None, "Rollouts in parallel; default: 2 per core, 16 for a student.", ge=1, recorded=False
    )


class Operator(Protocol):
    """endpoint: the model that it asks, if any. answer_tokens: the most that one answer of that model may have."""

    info: OperatorInfo
    endpoint: ModelClient | None = None
    answer_tokens: int | None = None

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        """A fresh policy. Scripted operators may read the scenario's plan; models may not."""
        ...

    def resume(self, scenario: Scenario, typed: Sequence[str], sample: int, seed: int) -> Policy:
        """A policy for a rollout in which these commands were typed before, whoever typed them.

        By default a fresh one: a model reads what was typed in the turns that it is shown.
        """
        return self.policy(scenario, sample, seed)


Land = Callable[[ItemT, ResultT], None]
"""What the driver does with an item's result as soon as it is there: it writes it down."""


class Task(Protocol[ItemT, ResultT]):
    """What is done to every item. Its pickle is a recipe: each worker opens it once, and builds what it needs.

    endpoint: the model that it asks, if any. A served one is asked by the driver on the workers' behalf.
    sandbox:  the backend that a worker must be able to use, if any.
    spreads:  whether workers come to the same results, in whatever order.
    tell:     takes what the driver should know before the result; whoever runs the task sets it.
    """

    endpoint: ModelClient | None
    sandbox: str | None
    spreads: bool
    tell: Callable[[Any], None]

    async def do(self, item: ItemT) -> ResultT: ...

    def lost(self, item: ItemT, why: str) -> ResultT:
        """The result of an item that no worker survives."""
        ...


class Engine(Protocol):
    """Runs a task over many items at once. Only the driver, which calls this, lands what comes of them."""

    def map(
        self, task: Task[ItemT, ResultT], items: Iterable[ItemT], concurrency: int, land: Land[ItemT, ResultT]
    ) -> AsyncGenerator[ResultT, None]:
        """Yield results as they finish, landed. An item is taken when a place is free for it.

        The first exception of a task goes on once the other items have been left and cleaned up.
        """
        ...


class Reporter(Protocol):
    """What a stage tells about its progress. note() is for things a person should read."""

    def begin(self, label: str, total: int, done: int) -> None: ...
    def step(self, detail: str = "") -> None: ...
    def note(self, text: str) -> None: ...

    def status(self, detail: str) -> None:
        """How things stand between two steps."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
