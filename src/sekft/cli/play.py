"""A person lands in a scenario, in their own terminal, and is judged and recorded as any operator is."""

from __future__ import annotations

import asyncio
import math
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import FrameType

from sekft.cli.show import judgement
from sekft.cli.tables import bold, dim, ruled, visible, write
from sekft.errors import InfraError
from sekft.folder import Folder, Layout
from sekft.folder.entries import entry_at
from sekft.protocols import Action, Operator, Policy, Sandbox
from sekft.rollouts.record import record
from sekft.rollouts.rollout import RolloutLimits, rollout
from sekft.rollouts.verify import judge
from sekft.runs.rollout import RolloutJob, forbidden
from sekft.scenario import Scenario
from sekft.shell.syntax import still_open
from sekft.trajectory import OperatorInfo, Trajectory, Turn, closed

LIMITS = RolloutLimits(wall_s=math.inf)
"""Nobody is hurried; the turns are limited as for a model."""
HINT = (
    "sekft: what a model is told, then the terminal. `exit` or `panic REASON` ends it; "
    f"Ctrl-D is exit, Ctrl-C drops a line; {LIMITS.turns} commands at most."
)
Handler = Callable[[int, FrameType | None], object]


class HumanOperator(Operator):
    info = OperatorInfo(kind="human")

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return _Keyboard()


@dataclass(slots=True)
class _Keyboard:
    """Waiting for a key blocks the event loop on purpose: nothing else runs in it meanwhile."""

    shown: int = 0

    async def act(self, turns: Sequence[Turn]) -> Action:
        output, prompt = turns[-1].content.rpartition("\n")[::2]
        if not self.shown:
            write(dim(HINT) + "\n" + ruled("orientation") + closed(visible(turns[0].orientation or "")))
            write(ruled("session"))
        self.shown = len(turns)
        write(closed(visible(output)))
        return Action(_message(visible(prompt)))


def play(scenario: Scenario, layout: Layout, sandbox: Sandbox, source: Path) -> Trajectory:
    """One session, told what it was worth at its end. It is kept under the next free number.

    source: the folder of the scenario, to be found again later.
    Raises StoreError, before anything is played, when the folder cannot be written, and
    InfraError when the sandbox broke on the way; what was typed is then in layout.errors.
    """
    operator = HumanOperator()
    with Folder(layout.root).writing() as folder, _on_interrupt(_ignored):
        job = _next_job(scenario, layout)
        folder.take_from(source)
        observed = asyncio.run(rollout(scenario, sandbox, operator, job.sample, seed=0, limits=LIMITS))
        made = record(scenario, observed, judge(scenario, observed), forbidden())
        job.keep(folder, made)
    if observed.infra is not None:
        raise InfraError(f"{observed.infra}; what was typed is in {job.path(made)}")
    write(ruled("judgement") + judgement(made) + f"{dim('recorded')}  {bold(str(job.path(made)))}\n")
    return made


def _next_job(scenario: Scenario, layout: Layout) -> RolloutJob:
    jobs = (RolloutJob.of(scenario, sample, HumanOperator.info.kind, layout) for sample in count())
    return next(
        each for each in jobs if not any(entry_at(place / each.name) for place in (each.trajectories, each.errors))
    )


def _message(prompt: str) -> str:
    """What is typed up to an Enter that leaves nothing open: no quote, here-document, continued line or construct."""
    lines: list[str] = []
    while True:
        try:
            lines.append(_line("> " if lines else prompt))
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
            write("^C\n")
            lines.clear()
            continue
        except EOFError:
            write("\n" if lines else "exit\n")
            if not lines:
                return "exit"
            lines.clear()
            continue
        text = "\n".join(lines)
        if not text.strip():
            lines.clear()
        elif not still_open(text):
            return text


def _line(prompt: str) -> str:
    """One line, edited where there is a terminal, echoed where there is none. Raises EOFError, KeyboardInterrupt."""
    with _on_interrupt(signal.default_int_handler):
        text = input(prompt)
    if not sys.stdin.isatty():
        write(f"{text}\n")
    return text


@contextmanager
def _on_interrupt(handler: Handler) -> Iterator[None]:
    """Ctrl-C means this for a while; asyncio leaves a handler alone that is not Python's own."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ignored(number: int, frame: FrameType | None) -> None:
    """A running command is not cut short: it has its time limit. SIG_IGN would reach the sandbox."""


def edit_lines() -> None:
    """Line editing and this session's history, where stdin is a terminal and Python has readline."""
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
    if sys.stdin.isatty():
        try:
            import readline
        except ImportError:
            return
        readline.clear_history()
