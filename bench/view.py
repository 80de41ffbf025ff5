"""What reading a large run costs: `python -m bench.view RUN [ROLLOUTS]`, 10,000 copies of a run's rollouts.

Each copy has an id of its own, and so has its scenario. The index is built in a process of its own, over a tenth of the
copies and then over all: memory is flat where it does not grow between the two. Pages are asked for over HTTP.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from http.cookiejar import CookieJar
from itertools import count, cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.export import peak_kib
from sekft.folder import Layout
from sekft.folder.stored import Group, stored
from sekft.viewer.opening import opened
from sekft.viewer.query import Filters
from sekft.viewer.report import write_report
from sekft.viewer.server import application, bound

ROLLOUTS, IN_REPORT, TRIES = 10_000, 600, 15
TARGETS = {"index": 60.0, "first page": 1.0, "filter": 0.2, "search": 0.2, "rollout": 0.1}
"""Seconds at most."""


def copy(groups: Sequence[Group], root: Path, rollouts: int) -> Path:
    """So many rollouts under new ids, in scenarios of their own."""
    layout = Layout.of_run(root)
    layout.scenarios.mkdir(parents=True)
    (root / ".sekft").mkdir()
    texts = {one.trajectory.id: one.trajectory.to_json() for group in groups for one in group}
    left = rollouts
    for number, group in zip(count(), cycle(groups), strict=False):
        if not left:
            return root
        scenario = group[0].scenario.sealed(seed=number, family=f"copy-{number}")
        (layout.scenarios / f"{scenario.id}.json").write_text(scenario.to_json(), encoding="utf-8")
        (layout.trajectories / scenario.id).mkdir(parents=True)
        for at, one in enumerate(each.trajectory for each in group[:left]):
            made = texts[one.id].replace(one.id, f"{number:08x}{at:08x}").replace(one.scenario_id, scenario.id)
            place = layout.trajectories / scenario.id / f"{one.operator.kind}-{one.sample}.json"
            place.write_text(made, encoding="utf-8")
        left -= len(group[:left])
    return root


def indexed(root: Path) -> tuple[Seconds, int]:
    """What it takes, and the most memory held, in KiB, with the interpreter and its libraries."""
    return timed(lambda: opened([root]).pages.indexes.close()), peak_kib()


Seconds = tuple[float, float]
"""By the clock, and of processor time: on a busy machine the second is what the first would be on a quiet one."""


class Browser:
    """Asks a server on loopback, with its cookie."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.get(f"/?token={token}")

    def get(self, path: str) -> None:
        with self._opener.open(self._base + path) as answer:
            answer.read()


def timed(ask: Callable[[], Any]) -> Seconds:
    began, busy = time.monotonic(), time.process_time()
    ask()
    return time.monotonic() - began, time.process_time() - busy


def serve(root: Path, rollouts: int) -> None:
    """Rows for the pages: first what a start costs with the index there, then each kind of page."""
    import uvicorn

    began, busy = time.monotonic(), time.process_time()
    viewer, listening = opened([root]), bound(0)
    server = uvicorn.Server(uvicorn.Config(application(viewer), log_level="error", lifespan="off"))
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}).start()
    while not server.started:
        time.sleep(0.005)
    browser = Browser(f"http://127.0.0.1:{listening.getsockname()[1]}", viewer.token)
    tell("first page", [(time.monotonic() - began, time.process_time() - busy)])
    rows = viewer.pages.indexes.rows(Filters.of("sort=-actions"), TRIES)
    words = [row["asked"].split()[:3] for row in rows if row["asked"]]
    asked: dict[str, list[str]] = {
        "overview again": ["/"] * 5,
        "filter": ["/rollouts?outcome=solved", "/rollouts?lacks=executed", "/rollouts?axis=userland%3Dgnu&keep=yes"]
        * 5,
        "the list's end, other orders": [
            f"/rollouts?{sort}offset={rollouts - 100}" for sort in ("", "sort=-actions&", "sort=tool&")
        ],
        "search": [f"/rollouts?{urlencode({'q': ' '.join(some)})}" for some in words],
        "rollout": [f"/rollout?{urlencode({'run': row['run'], 'at': row['place']})}" for row in rows],
    }
    for name, paths in asked.items():
        tell(name, [timed(lambda path=path: browser.get(path)) for path in paths])  # type: ignore[misc]
    server.should_exit = True


def tell(what: str, seconds: Sequence[Seconds]) -> None:
    """A line: the median by the clock and of processor time, the slowest, and whether the clock's meets its target."""
    middle, busy = (statistics.median(each[at] for each in seconds) for at in (0, 1))
    slowest, target = max(each[0] for each in seconds), TARGETS.get(what)
    met = "" if target is None else "yes" if middle <= target else "no"
    wanted = "" if target is None else f"≤ {target * 1000:,.0f} ms"
    told = " | ".join(f"{value * 1000:,.0f} ms" for value in (middle, busy, slowest))
    print(f"| {what} | {wanted} | {told} | {met} |", flush=True)


def main(run: Path, rollouts: int = ROLLOUTS) -> None:
    groups = list(stored(Layout.found(run)))
    print(f"{os.cpu_count()} processors; load {os.getloadavg()[0]:.1f}; {rollouts:,} rollouts")
    print("| what | target | median | processor | slowest | met |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as scratch:
        peaks = []
        for number in (rollouts // 10, rollouts):
            root = copy(groups, Path(scratch) / str(number), number)
            with multiprocessing.get_context("spawn").Pool(1) as alone:
                taken, peak = alone.apply(indexed, (root,))
            peaks.append(peak)
        tell("index", [taken])
        size = sum(path.stat().st_size for path in (root / ".sekft").iterdir())
        told = " and ".join(f"{peak / 1024:.0f} MiB" for peak in peaks)
        print(f"| memory of indexing a tenth and all; index | flat | {told}; {size / 1e6:.0f} MB | | | |")
        serve(root, rollouts)
        small = copy(groups, Path(scratch) / "small", IN_REPORT)
        written = write_report(opened([small], one_file=True), Path(scratch) / "report.html")
        met = "yes" if written.size_bytes <= 3e6 and written.rollouts == IN_REPORT else "no"
        held = f"{written.size_bytes / 1e6:.2f} MB, {written.rollouts} held"
        print(f"| report of {IN_REPORT} rollouts | ≤ 3 MB | {held} | | | {met} |")
        shutil.rmtree(root)
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
