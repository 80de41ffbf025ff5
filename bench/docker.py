"""What a whole scripted rollout costs on each backend, and in the original's way: `python -m bench.docker [rollouts]`.

The original started a container for each rollout and ran `docker exec` for each command, with the working directory and
the environment replayed; here by docker-py, as well as that can be written: the client is kept, one exec a command.
Each way is checked to have done the work. Needs a docker daemon.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sekft.protocols import Sandbox, SandboxSpec
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.sandboxes.docker import DockerSandbox, chosen, client
from sekft.scenario import Login

SPEC = SandboxSpec("busybox", Login(user="ada", host="vault", home="/home/ada"), ())
COMMANDS = {
    "ls -la /": None, "cd /tmp": "", "pwd": "/tmp\n", "echo a > note": "", "cat note": "a\n", "export x=1": "",
    "export y=2": "", "echo $x $y": "1 2\n", "rm note": "", "ls": "",
}  # fmt: skip
"""What is typed, with what it shows; None where that differs from place to place."""
CONCURRENCY = 4
ORIGINAL = "docker run, docker exec"
REPLAY = "[ -f /tmp/.state ] && . /tmp/.state; {}\ns=$?; {{ echo \"cd '$PWD'\"; export -p; }} > /tmp/.state; exit $s"


async def ours(sandbox: Sandbox) -> None:
    async with sandbox.open(SPEC) as session:
        for command, shown in COMMANDS.items():
            result = await session.exec(command)
            check(command, result.status, result.output, shown)


def check(command: str, status: int, output: str, shown: str | None) -> None:
    if status or (shown is not None and output != shown):
        raise RuntimeError(f"{command!r} ended with {status} and showed {output!r}, want 0 and {shown!r}")


def original(engine: Any, image: str) -> None:
    host = engine.create_host_config(
        network_mode="none", cap_drop=["ALL"], tmpfs={"/tmp": "size=64m,uid=1000,gid=1000,mode=700"}
    )
    made = engine.create_container(image, ["sleep", "3600"], user="1000:1000", host_config=host)
    engine.start(made)
    for command, shown in COMMANDS.items():
        run = engine.exec_create(made, ["sh", "-c", REPLAY.format(command)])
        output = engine.exec_start(run).decode()
        check(command, engine.exec_inspect(run)["ExitCode"], output, shown)
    engine.remove_container(made, force=True)


async def rate(rollouts: int, one: Callable[[], Awaitable[None]]) -> float:
    gate = asyncio.Semaphore(CONCURRENCY)

    async def cycle() -> None:
        async with gate:
            await one()

    started = time.perf_counter()
    await asyncio.gather(*(cycle() for _ in range(rollouts)))
    return rollouts / (time.perf_counter() - started)


async def rates(rollouts: int) -> dict[str, list[float]]:
    """Rollouts a second by way, three times each, in turn. Raises SandboxUnavailable without a daemon."""
    engine, docker, bubblewrap = client(), DockerSandbox(), BubblewrapSandbox()
    _, image = await asyncio.to_thread(chosen, engine, SPEC.userland)
    ways: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
        ORIGINAL: (rollouts, lambda: asyncio.to_thread(original, engine, image)),
        "docker": (2 * rollouts, lambda: ours(docker)),
        "bubblewrap": (10 * rollouts, lambda: ours(bubblewrap)),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, (count, one) in ways.items():
            found[name].append(await rate(count, one))
    docker.drain()
    return found


async def main(rollouts: int) -> None:
    by_way = await rates(rollouts)
    floor = statistics.median(by_way[ORIGINAL])
    for name, found in by_way.items():
        middle = statistics.median(found)
        print(f"{name:<24}{middle:8.2f} rollouts/s ({min(found):.2f} to {max(found):.2f}){middle / floor:8.1f} x")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
