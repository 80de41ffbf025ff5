"""Whole rollouts of ten checked commands, ours beside what one would pick else: `python -m bench.peers [ROLLOUTS]`.

All in one run and in turn, four at once. mini-swe-agent's environments and SWE-ReX run in virtual environments of their
own, made of the pinned versions beside this file on first use; each way is checked to have done its ten commands. The
rows of Docker need a daemon (DOCKER_HOST).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import statistics
import subprocess
import sys
import venv
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import docker
from bench.peers.peer import cpu_s
from sekft.cache import built
from sekft.errors import SandboxUnavailable
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.sandboxes.docker import DockerSandbox, chosen, client
from sekft.sandboxes.fork_server import close_all

HERE = Path(__file__).parent
ROUNDS = 3
FLOOR, OURS = "docker run, docker exec", "sekft, bubblewrap"
PEERS = {
    "mini-swe-agent, local": ("mini-swe-agent", "local", 10),
    "mini-swe-agent, bubblewrap": ("mini-swe-agent", "bubblewrap", 4),
    "mini-swe-agent, bubblewrap with our namespaces": ("mini-swe-agent", "bubblewrap, our namespaces", 4),
    "SWE-ReX, local": ("swe-rex", "swe-rex", 1),
}
"""By what is told: the package, its way in peer.py, and how many times as many rollouts."""
WITHOUT_ISOLATION = ("mini-swe-agent, local", "SWE-ReX, local")


def python_of(package: str) -> Path:
    """The interpreter of the package's virtual environment, made on first use."""
    pinned = HERE / f"constraints-{package}.txt"
    digest = hashlib.sha256(pinned.read_bytes()).hexdigest()[:8]
    return built(f"bench/{package}-{digest}", lambda folder: install(folder, pinned)) / "bin/python"


def install(folder: Path, pinned: Path) -> None:
    """All that its environments import, and nothing else of what the package may need."""
    venv.create(folder, with_pip=True)
    command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", str(pinned)]
    subprocess.run(command, check=True)


@dataclass(frozen=True)
class Measured:
    """cpu_s: of processor time a rollout; None where a daemon works, or a child that nobody waits for."""

    rate: float
    cpu_s: float | None


def peer(package: str, way: str, rollouts: int) -> Measured:
    command = [str(python_of(package)), str(HERE / "peer.py"), way, str(rollouts), str(docker.CONCURRENCY)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]})
    rate, spent = map(float, done.stdout.split())
    return Measured(rate, None if "bubblewrap" in way else spent)


async def ours(rollouts: int, one: Callable[[], Awaitable[None]], *, daemon: bool = True) -> Measured:
    await one()  # imports, and the fork server
    spent = cpu_s()
    rate = await docker.rate(rollouts, one)
    close_all()  # so that what its sandboxes took is told
    return Measured(rate, None if daemon else (cpu_s() - spent) / rollouts)


def ways(rollouts: int) -> dict[str, Callable[[], Awaitable[Measured]]]:
    bubblewrap = BubblewrapSandbox()
    found: dict[str, Callable[[], Awaitable[Measured]]] = {
        OURS: lambda: ours(10 * rollouts, lambda: docker.ours(bubblewrap), daemon=False)
    }
    for name, (package, way, times) in PEERS.items():
        found[name] = partial(asyncio.to_thread, peer, package, way, times * rollouts)
    try:
        engine = client()
        _, image = chosen(engine, docker.SPEC.userland)
    except SandboxUnavailable as error:
        print(f"no rows of Docker: {error}")
        return found
    sandbox = DockerSandbox()
    found["sekft, Docker"] = lambda: ours(2 * rollouts, lambda: docker.ours(sandbox))
    found[FLOOR] = lambda: ours(rollouts, lambda: asyncio.to_thread(docker.original, engine, image))
    return found


async def main(rollouts: int = 20) -> None:
    for package in sorted({package for package, _, _ in PEERS.values()}):
        python_of(package)
    tried = ways(rollouts)
    found: dict[str, list[Measured]] = {name: [] for name in tried}
    for _ in range(ROUNDS):
        for name, measure in tried.items():
            found[name].append(await measure())
    rates = {name: [each.rate for each in measured] for name, measured in found.items()}
    middle = {name: statistics.median(rates[name]) for name in found}
    fastest = max(middle[name] for name in WITHOUT_ISOLATION)
    print(f"load {os.getloadavg()[0]:.1f}")
    print("| way | rollouts/s | spread | against docker | against the fastest local | processor time |")
    for name, measured in found.items():
        against = f"{middle[name] / middle[FLOOR]:.2f} ×" if FLOOR in middle else ""
        spent = [each.cpu_s for each in measured if each.cpu_s is not None]
        cpu = f"{statistics.median(spent) * 1e3:.1f} ms" if spent else ""
        spread = f"{min(rates[name]):.2f} to {max(rates[name]):.2f}"
        print(f"| {name} | {middle[name]:.2f} | {spread} | {against} | {middle[name] / fastest:.2f} × | {cpu} |")


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
