"""Would a colleague have written this? Scenarios of two sources, shuffled and unnamed, for readers who score them.

    python -m bench.believable draw DESK OURS THEIRS --n 20 --seed 1   # DESK/read/01.txt …, DESK/key.json
    python -m bench.believable score DESK READER.csv …                 # means of each source, on each point

A reader gets DESK/read alone, and writes a line `number,place,people,tool,directive,files,seconds` for each text, each
point from 1 (no) to 5 (yes). Readers know neither the sources nor that there are two of them.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import statistics
from pathlib import Path

import sekft
from sekft.folder import load_scenarios
from sekft.scenario import Scenario
from sekft.scenario.bounds import SYSTEM_FILES

POINTS = ("place", "people", "tool", "directive", "files")
LINES_SHOWN = 20


async def told(scenario: Scenario) -> str:
    """What the account is told, the files that lie about, and the reference solution as a session."""
    own = [scenario.provider.command, *scenario.hidden]
    shown = [file for file in scenario.files if file.kind == "file" and file.path not in SYSTEM_FILES]
    shown = [file for file in shown if not any(name in file.path for name in own)]
    parts = [
        scenario.orientation,
        "\nFILES",
        *(f"\n== {file.path}\n{_top(file.data)}" for file in shown),
        "\nA SESSION\n",
    ]
    async with sekft.land(scenario) as shell:
        parts.append(shell.messages[-1]["content"].rstrip())
        for command in scenario.reference:
            if shell.over:
                break
            parts[-1] += f" {command}"
            parts.append((await shell.step(command) or "").rstrip())
    return "\n".join(parts) + "\n"


def _top(data: bytes) -> str:
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        return "(binary)"
    return "\n".join([*lines[:LINES_SHOWN], *(["…"] if len(lines) > LINES_SHOWN else [])])


def draw(desk: Path, sources: list[Path], count: int, seed: int) -> None:
    rng = random.Random(seed)
    chosen = [(str(at), one) for at, path in enumerate(sources) for one in rng.sample(load_scenarios(path), count)]
    rng.shuffle(chosen)
    (desk / "read").mkdir(parents=True)
    for number, (_, scenario) in enumerate(chosen, 1):
        (desk / "read" / f"{number:02}.txt").write_text(asyncio.run(told(scenario)))
    key = {f"{number:02}": {"source": source, "id": one.id} for number, (source, one) in enumerate(chosen, 1)}
    (desk / "key.json").write_text(json.dumps({"sources": list(map(str, sources)), "key": key}, indent=1) + "\n")


def score(desk: Path, readers: list[Path]) -> None:
    drawn = json.loads((desk / "key.json").read_text())
    for at, source in enumerate(drawn["sources"]):
        rows = [row for path in readers for row in csv.DictReader(path.open(), ["number", *POINTS, "seconds"])]
        rows = [row for row in rows if drawn["key"].get(row["number"].zfill(2), {}).get("source") == str(at)]
        means = ", ".join(f"{point} {statistics.mean(float(row[point]) for row in rows):.2f}" for point in POINTS)
        seconds = statistics.median(float(row["seconds"] or 0) for row in rows)
        print(f"{source}: {len(rows)} readings; {means}; {seconds:.0f} s each")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.believable", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    drawing, scoring = commands.add_parser("draw"), commands.add_parser("score")
    drawing.add_argument("desk", type=Path)
    drawing.add_argument("sources", type=Path, nargs=2)
    drawing.add_argument("--n", type=int, default=20)
    drawing.add_argument("--seed", type=int, default=1)
    scoring.add_argument("desk", type=Path)
    scoring.add_argument("readers", type=Path, nargs="+")
    given = parser.parse_args()
    if given.command == "draw":
        draw(given.desk, given.sources, given.n, given.seed)
    else:
        score(given.desk, given.readers)


if __name__ == "__main__":
    main()
