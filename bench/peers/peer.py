"""Rollouts of ten checked commands in a peer's own environment: `python peer.py WAY ROLLOUTS CONCURRENCY`.

Runs in the peer's virtual environment and knows nothing of sekft. Prints rollouts a second, and seconds of processor
time a rollout, its children's among them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LASTING = {
    "ls -la /": None, "cd {0}": "", "pwd": "{0}\n", "echo a > note": "", "cat note": "a\n", "export x=1": "",
    "export y=2": "", "echo $x $y": "1 2\n", "rm note": "", "ls": "",
}  # fmt: skip
"""What is typed into one shell, with what it shows; None where that differs from place to place."""
AFRESH = {
    "ls -la /": None, "cd {0}": "", "cd {0} && pwd": "{0}\n", "cd {0} && echo a > note": "",
    "cd {0} && cat note": "a\n", "export x=1": "", "export x=1 y=2": "", "x=1 y=2; echo $x $y": "1 2\n",
    "cd {0} && rm note": "", "cd {0} && ls": "",
}  # fmt: skip
"""The same work where every command has a shell of its own, as such an environment has its agents do it."""
OUR_NAMESPACES = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]


def check(command: str, status: int | None, output: str, shown: str | None) -> None:
    if status or (shown is not None and output.strip() != shown.strip()):
        raise RuntimeError(f"{command!r} ended with {status} and showed {output!r}, want 0 and {shown!r}")


def typed_afresh(environment: Any, folder: str) -> None:
    for command, shown in AFRESH.items():
        result = environment.execute({"command": command.format(folder)})
        check(command, result["returncode"], result["output"], shown and shown.format(folder))


def mini_local() -> None:
    from minisweagent.environments.local import LocalEnvironment  # type: ignore[import-not-found]

    folder = tempfile.mkdtemp()
    typed_afresh(LocalEnvironment(cwd=folder), folder)
    shutil.rmtree(folder)


def mini_bubblewrap(*namespaces: str) -> None:
    from minisweagent.environments.extra.bubblewrap import (  # type: ignore[import-not-found]
        BubblewrapEnvironment,
        BubblewrapEnvironmentConfig,
    )

    environment = BubblewrapEnvironment(wrapper_args=[*namespaces, *BubblewrapEnvironmentConfig().wrapper_args])
    typed_afresh(environment, str(environment.working_dir))
    environment.cleanup()


def swe_rex() -> None:
    asyncio.run(_swe_rex())


async def _swe_rex() -> None:
    from swerex.deployment.local import LocalDeployment  # type: ignore[import-not-found]
    from swerex.runtime.abstract import BashAction, CreateBashSessionRequest  # type: ignore[import-not-found]

    folder, deployment = tempfile.mkdtemp(), LocalDeployment()
    await deployment.start()
    await deployment.runtime.create_session(CreateBashSessionRequest(startup_timeout=30))
    for command, shown in LASTING.items():
        result = await deployment.runtime.run_in_session(BashAction(command=command.format(folder), check="silent"))
        check(command, result.exit_code, result.output, shown and shown.format(folder))
    await deployment.stop()
    shutil.rmtree(folder)


WAYS: dict[str, Callable[[], None]] = {
    "local": mini_local,
    "bubblewrap": mini_bubblewrap,
    "bubblewrap, our namespaces": lambda: mini_bubblewrap(*OUR_NAMESPACES),
    "swe-rex": swe_rex,
}


def main(way: str, rollouts: int, concurrency: int) -> None:
    one = WAYS[way]
    one()  # imports
    with ThreadPoolExecutor(concurrency) as pool:
        spent, started = cpu_s(), time.perf_counter()
        for done in [pool.submit(one) for _ in range(rollouts)]:
            done.result()
        print(rollouts / (time.perf_counter() - started), (cpu_s() - spent) / rollouts)


def cpu_s() -> float:
    """Spent so far by this process and by those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    os.environ["MSWEA_SILENT_STARTUP"] = "1"
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
