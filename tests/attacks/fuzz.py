"""Random bundles and random messages, for a time: `python -m tests.attacks.fuzz [--seconds N] [--seed N]`.

What should not be is printed as a line that repeats it: `python -m tests.attacks.fuzz --seed N --case M`.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import faulthandler
import os
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from bench.endurance import PR_SET_CHILD_SUBREAPER, left
from sekft import sandboxes
from sekft.errors import BundleError
from sekft.protocols import Sandbox, SandboxSpec
from sekft.rollouts.record import record, replay
from sekft.rollouts.rollout import RESOURCES, Rollout, RolloutLimits, RolloutResult
from sekft.rollouts.verify import judge
from sekft.sandboxes.docker import LABEL, DockerSandbox, client
from sekft.scenario import Scenario
from sekft.trajectory import KEPT, OperatorInfo, Trajectory
from tests.attacks import health
from tests.attacks.drawn import Case, case
from tests.bundles import sealed, work

LIMITS = RolloutLimits(session=replace(RolloutLimits().session, command_s=2, check_s=2))
HANG_S = 2 * (2.0 + 2.0 + 4.0 + 4.0)
"""Twice what a message may take: the command, the check, a walk beside its processes and one without them."""
STALL_S = 1.0
"""The longest that the event loop may be kept from others."""
GROWN_BYTES = 512 << 20
ADDRESS_BYTES = 8 << 30
INFO = OperatorInfo(kind="fuzzer")
_VARYING = re.compile(r"(?<!\|)\|(?!\|)|/proc|cp -r|find")
"""What may show otherwise when it is typed again: commands side by side in a pipe, and walks that may meet /proc."""


@dataclass
class Fuzzer:
    """seed: of every case. report: each finding, once as it comes, to the screen."""

    sandbox: Sandbox
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def finds(self, number: int, kind: str, detail: str) -> None:
        again = f"python -m tests.attacks.fuzz --sandbox {self.sandbox.name} --seed {self.seed} --case {number}"
        self.findings.append(kind)
        print(f"{kind}: {detail[:300]}\n    {again}", flush=True)

    async def play(self, number: int) -> None:
        """One case, and everything about it that should not be."""
        try:
            drawn = case(self.seed, number)
        except ValueError:
            self.counts["no bundle"] += 1
            return
        before, others = (health.host(self.sandbox), left().processes), containers(self.sandbox)
        Path("/proc/self/clear_refs").write_text("5")  # the peak of the resident memory begins again
        start_bytes = peak_bytes()
        async with stalls() as longest:
            for kind, detail in [found async for found in self._faults(drawn)]:
                self.finds(number, kind, detail)
        if longest[0] > STALL_S:
            self.finds(number, "stall", f"the event loop stood still for {longest[0]:.1f} s")
        if peak_bytes() - start_bytes > GROWN_BYTES:
            self.finds(number, "memory", f"grew by {peak_bytes() - start_bytes >> 20} MiB")
        if not health.until(lambda: left().processes <= before[1]):
            self.finds(number, "leftover", f"{left().processes - before[1]} processes")
        if not health.until(lambda: containers(self.sandbox) <= others):
            self.finds(number, "leftover", f"containers {containers(self.sandbox) - others}")
        if health.host(self.sandbox) != before[0]:
            self.finds(number, "leftover", f"{health.host(self.sandbox)}, was {before[0]}")

    async def _faults(self, drawn: Case) -> AsyncIterator[tuple[str, str]]:
        try:
            result, slowest_s = await typed(drawn, self.sandbox)
            made = record(drawn.scenario, result, judge(drawn.scenario, result))
            self.counts["resources" if made.ending.reason == RESOURCES else made.outcome] += 1
            for fault in told(drawn, result, made):
                yield fault
            if made.outcome == "infra_error" and (result.infra or await self._judges(drawn.scenario)):
                yield ("infra" if made.turns else "bundle"), f"{result.infra or made.check}"
            if slowest_s > HANG_S:
                yield "hang", f"a message took {slowest_s:.0f} s, want {HANG_S:g} at most"
            if made.outcome != "infra_error" and (drawn.kind == "plain" or made.keep):
                async for fault in self._again(drawn.scenario, made, same=repeatable(drawn, made)):
                    yield fault
        except BundleError:
            self.counts["bad bundle"] += 1
        except Exception as error:
            yield "exception", f"{type(error).__name__}: {error}"

    async def _judges(self, scenario: Scenario) -> bool:
        """Whether the checker reaches a verdict where nothing was typed: of a twisted bundle no gate saw that."""
        async with self.sandbox.open(SandboxSpec.of(scenario, LIMITS.session)) as session:
            return (await session.check(scenario.checker)).verdict != "checker_error"

    async def _again(self, scenario: Scenario, made: Trajectory, same: bool) -> AsyncIterator[tuple[str, str]]:
        again = await replay(scenario, made, self.sandbox)
        if same and again.difference is not None:
            yield "replay", again.difference
        if made.keep and not again.trajectory.check.passed:
            yield "verdict", f"kept, and its check fails when it is played again: {again.trajectory.check}"


async def typed(drawn: Case, sandbox: Sandbox) -> tuple[RolloutResult, float]:
    """What the messages came to, and how long the slowest took."""
    slowest_s = 0.0
    async with Rollout(drawn.scenario, sandbox, INFO, 0, 0, LIMITS) as session:
        for message in drawn.script:
            began = time.monotonic()
            if not session.over:
                await session.step(message)
            slowest_s = max(slowest_s, time.monotonic() - began)
    return session.result, slowest_s


def told(drawn: Case, result: RolloutResult, made: Trajectory) -> Iterator[tuple[str, str]]:
    """What the record itself shows to be wrong."""
    if made.outcome in KEPT and drawn.scenario.expected.kind == "work" and not drawn.earnest:
        yield "verdict", f"{made.outcome}, and nobody did the work"
    if any(len(turn.content.encode()) > 32 * 1024 for turn in made.turns):
        yield "turn", f"{max(len(turn.content.encode()) for turn in made.turns)} bytes, want 32 KiB at most"


def repeatable(drawn: Case, made: Trajectory) -> bool:
    """Whether the same must be seen again: nothing was cut short, nothing runs beside, and nothing read /proc."""
    cut = any(turn.timed_out or turn.truncated for turn in made.turns) or made.ending.reason == RESOURCES
    typed = "\n".join(turn.content for turn in made.turns if turn.role == "action")
    return drawn.kind == "plain" and not cut and not _VARYING.search(typed)


@asynccontextmanager
async def stalls() -> AsyncIterator[list[float]]:
    """How long, at most, the event loop kept others waiting meanwhile, in seconds of its processor time."""
    longest = [0.0]

    async def tick() -> None:
        while True:
            began_s = time.thread_time()
            await asyncio.sleep(0.05)
            longest[0] = max(longest[0], time.thread_time() - began_s)

    ticking = asyncio.create_task(tick())
    try:
        yield longest
    finally:
        ticking.cancel()


def peak_bytes() -> int:
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) << 10


def containers(sandbox: Sandbox) -> set[str]:
    if sandbox.name != "docker":
        return set()
    return {each["Id"] for each in client().containers(all=True, filters={"label": f"{LABEL}={os.getpid()}"})}


async def fuzz(fuzzer: Fuzzer, numbers: Iterator[int], seconds: float) -> None:
    await fuzzer.sandbox.run(SandboxSpec.of(sealed(work())), "true")  # what is made once is made now
    end = time.monotonic() + seconds
    for number in numbers:
        if time.monotonic() > end:
            return
        await fuzzer.play(number)
        fuzzer.counts["cases"] += 1
        if fuzzer.counts["cases"] % 50 == 0:
            print(f"  case {number}: {dict(fuzzer.counts)}", file=sys.stderr, flush=True)


def picked(name: str) -> Sandbox:
    """No container waits, so that every one that is left is left over."""
    chosen = sandboxes.pick(name)
    return DockerSandbox(warm=0) if chosen.name == "docker" else chosen


def main() -> int:
    parser = argparse.ArgumentParser(description="Random bundles and random messages, for a time.")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--case", type=int, help="this one alone")
    parser.add_argument("--begin", type=int, default=0, help="the first case")
    parser.add_argument("--sandbox", default="auto")
    given = parser.parse_args()
    faulthandler.enable()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    fuzzer = Fuzzer(picked(given.sandbox), given.seed)
    if given.case is not None:
        print(*case(given.seed, given.case).script, sep="\n--\n")
    numbers = iter([given.case]) if given.case is not None else count(given.begin)
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        asyncio.run(fuzz(fuzzer, numbers, given.seconds))
    print(f"{dict(fuzzer.counts)}; findings: {dict(Counter(fuzzer.findings)) or 'none'}")
    return bool(fuzzer.findings)


if __name__ == "__main__":
    sys.exit(main())
