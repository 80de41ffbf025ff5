"""What eight hostile sessions cost eight ordinary ones: `python -m bench.hostile [SECONDS]`.

`python -m bench.hostile attacks [BACKEND]` rolls out every attack of tests/attacks instead, eight at once, judged and
recorded, and tells the harness's peak memory.

The hostile ones go for the harness: a prompt that expands, thousands of functions, an alias in many functions, hundreds
of aliases and variables, a tree of files whose state is read, long paths, a flood of lines. All type again soon after
an answer, as a model does; the time that hostile programs run in their own sandbox is theirs (docs/security.md: fair
shares). The ordinary ones' median exec beside them is set against that beside eight more ordinary ones.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import cycle
from pathlib import Path

from sekft import sandboxes
from sekft.errors import InfraError
from sekft.protocols import Limits, Sandbox, SandboxSpec, Session
from sekft.rollouts.record import record
from sekft.rollouts.rollout import Rollout, RolloutLimits
from sekft.rollouts.verify import judge
from sekft.runs.engines.local import at_once
from sekft.scenario import Login
from tests.attacks.attack import Attack, compiled
from tests.attacks.cases import CLASSES
from tests.bundles import sealed, work

EACH = 8
PAUSE_S = 0.4
LIMIT = 1.5
LOGIN = Login(user="ada", host="vault", home="/home/ada")
ORDINARY = ("ls -la", "cd /tmp; pwd", "x=1; echo $x > f; cat f", "cd; grep -c ada /etc/passwd", "true")
FUNCTIONS = "".join(f"f{number}()(:);" for number in range(2400))
FEW = "".join(f"g{number}(){{ : zz;}}\n" for number in range(180))
HOSTILE = (
    ("x=; PS1=$(printf '$x%.0s' $(seq 1000))", "x=$(head -c 400000 /dev/zero | tr '\\0' y)"),
    (FUNCTIONS,),
    ("alias zz=$(head -c 300 /dev/zero | tr '\\0' z)", FEW, "echo on"),
    ("i=0; while [ $i -lt 400 ]; do i=$((i+1)); alias a$i=x; export v$i=y; done", "echo on"),
    ("mkdir -p t; cd t; seq 4000 | xargs touch", "cd"),
    (f"for i in 1 2 3 4 5 6 7 8 9; do mkdir -p {'d' * 200}; cd {'d' * 200}; done; seq 900 | xargs touch", "cd"),
    ("set -- $(seq 900); v=$(head -c 300000 /dev/zero | tr '\\0' v)", "echo $#"),
    ("head -c 900000 /dev/zero | tr '\\0' '\\n'", "head -c 9000 /dev/zero"),
)
Typing = Callable[[Session, float], Coroutine[None, None, list[float]]]


async def ordinary(session: Session, until: float) -> list[float]:
    """Milliseconds of each exec."""
    taken: list[float] = []
    for command in cycle(ORDINARY):
        if time.perf_counter() > until:
            return taken
        began = time.perf_counter()
        await session.exec(command)
        taken.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(PAUSE_S)
    return taken


def hostile(commands: tuple[str, ...]) -> Typing:
    async def typing(session: Session, until: float) -> list[float]:
        for command in cycle(commands):
            if time.perf_counter() > until:
                break
            await session.exec(command)
            session.prompt()
            await session.state()
            await asyncio.sleep(PAUSE_S)
        return []

    return typing


async def medians(sandbox: Sandbox, others: list[Typing], seconds: float) -> list[float]:
    """Each ordinary session's median exec in milliseconds, beside the others. A session that breaks is an error."""

    async def one(typing: Typing) -> list[float]:
        async with sandbox.open(SandboxSpec("busybox", LOGIN, ())) as session:
            return await typing(session, time.perf_counter() + seconds)

    taken = await asyncio.gather(*(one(typing) for typing in [ordinary] * EACH + others), return_exceptions=True)
    broken = [error for error in taken if isinstance(error, BaseException)]
    for error in broken:
        print(f"broken: {type(error).__name__}: {error}")
    if any(not isinstance(error, InfraError) for error in broken):
        raise ExceptionGroup("the benchmark itself", [error for error in broken if isinstance(error, Exception)])
    return [statistics.median(times) for times in taken if isinstance(times, list) and times]


async def attacks(backend: str = "auto") -> None:
    sandboxes.prepare()
    sandbox = sandboxes.pick(backend)
    body = work()
    with tempfile.TemporaryDirectory() as folder:
        probe = compiled(Path(folder)).model_copy(update={"path": "/home/ana/probe"})
    body["files"].append(probe.model_dump(exclude_unset=True))
    scenario = sealed(body)

    async def attacked(attack: Attack) -> str:
        limits = RolloutLimits(session=Limits(**attack.limits))
        async with Rollout(scenario, sandbox, limits=limits) as session:
            for command in (*attack.commands, "exit"):
                if not session.over:
                    await session.step(command)
        observed = session.result
        return (await asyncio.to_thread(lambda: record(scenario, observed, judge(scenario, observed)))).outcome

    cases = [attack for kind in CLASSES.values() for attack in kind]
    outcomes = Counter([outcome async for outcome in at_once(attacked, cases, EACH)])
    print(f"{sandbox.name}: {len(cases)} attacks, {EACH} at once: {dict(outcomes)}")
    print(f"peak memory of the harness: {peak_mib():.0f} MiB")


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main(seconds: float = 8.0) -> None:
    sandboxes.prepare()
    sandbox = sandboxes.pick("auto")
    alone = statistics.median(await medians(sandbox, [ordinary] * EACH, seconds))
    beside = statistics.median(await medians(sandbox, [hostile(commands) for commands in HOSTILE], seconds))
    met = "yes" if beside <= LIMIT * alone else "no"
    print(f"{sandbox.name}: median exec of {EACH} ordinary sessions beside {EACH} other ordinary ones: {alone:.2f} ms")
    print(f"beside {EACH} hostile ones: {beside:.2f} ms, {beside / alone:.2f} times (at most {LIMIT}: {met})")
    print(f"peak memory of the harness: {peak_mib():.0f} MiB")


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(attacks(*given[1:]) if given[:1] == ["attacks"] else main(*map(float, given)))
