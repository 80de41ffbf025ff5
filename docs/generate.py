"""Writes the pages that hold real output: run it after a change to the author or the explorer.

.venv/bin/python docs/generate.py          # writes docs/trajectories.md and the excerpts in README and guide
.venv/bin/python docs/generate.py --check  # exits 1 when they are not current, 3 when it cannot tell
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from sekft import sandboxes
from sekft.authors.procedural.author import compose
from sekft.operators.explorer import ExplorerOperator
from sekft.record import record
from sekft.rollout import rollout
from sekft.scenario import Scenario
from sekft.screen import plain
from sekft.seeds import derive
from sekft.taxonomy import load
from sekft.trajectory import Trajectory
from sekft.transcript import trajectory_text
from sekft.verify import judge

ROOT = Path(__file__).resolve().parent.parent
SEED = 7
ENDINGS = {
    "work": "Work, then `exit`",
    "empty": "An empty queue, then `exit`",
    "blocked": "Blocked, then `panic`",
}
HEAD = """\
# Three trajectories

One for each ending, as the explorer recorded them: the orientation (the system message), then the terminal. What
follows a prompt was typed. The marks say at which turn the announcement was seen and first used, the documentation
shown, the directives (or what shows that there are none, or that they are blocked) retrieved, the work done, and the
session ended; turn 0 is the login.

Made by `docs/generate.py` from seed 7, and tested to be current.
"""


def scenario(slot: int) -> Scenario:
    """What `sekft generate --seed 7` draws first for that slot."""
    return compose(load().cell(SEED, slot), derive(SEED, "author", slot, 0))


async def recorded(one: Scenario) -> Trajectory:
    observed = await rollout(one, sandboxes.pick("auto"), ExplorerOperator(), 0, derive(SEED, "docs", one.id))
    return record(one, observed, judge(one, observed))


def terminal(trajectory: Trajectory) -> str:
    """The session as it stood on the screen."""
    shown = "".join(turn.content + ("\n" if turn.role == "action" else "") for turn in trajectory.turns)
    return f"```console\n{shown.rstrip()}\n```\n"


def section(title: str, trajectory: Trajectory) -> str:
    marks = ", ".join(f"{name} {at}" for name, at in trajectory.mechanism.model_dump().items() if at is not None)
    orientation = trajectory.turns[0].orientation
    place = f"{trajectory.sandbox.userland} userland {trajectory.sandbox.userland_digest}"
    told = f"Outcome: `{trajectory.outcome}`. Marks: {marks}. Recorded in the {place}."
    return f"## {title}\n\n> {orientation}\n\n{terminal(trajectory)}\n{told}\n"


def pages() -> dict[Path, str]:
    """Every generated page, as it should read."""
    drawn = [scenario(slot) for slot in range(60)]
    easy = [one for one in drawn if one.cell["difficulty"] == "plain" and one.cell["documentation"] != "manual"]
    shown = {kind: next(one for one in easy if one.expected.kind == kind) for kind in ENDINGS}
    rolled = {kind: asyncio.run(recorded(one)) for kind, one in shown.items()}
    sections = [section(title, rolled[kind]) for kind, title in ENDINGS.items()]
    shown_empty = f"```console\n{plain(trajectory_text(rolled['empty']))}```\n"
    return {
        ROOT / "docs/trajectories.md": HEAD + "\n" + "\n".join(sections),
        ROOT / "README.md": filled(ROOT / "README.md", "excerpt", terminal(rolled["work"])),
        ROOT / "docs/guide.md": filled(ROOT / "docs/guide.md", "shown", shown_empty),
    }


def filled(page: Path, name: str, text: str) -> str:
    """The page with this text between its two marks."""
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    return re.sub(
        "(?s){}.*{}".format(*marks), lambda _: f"{marks[0]}\n{text}{marks[1]}", page.read_text(encoding="utf-8")
    )


def userlands(text: str) -> list[str]:
    """Which userlands a page was recorded in: another Debian prints some things differently."""
    return re.findall(r"Recorded in the (\w+ userland \w+)\.", text)


def main() -> int:
    made = pages()
    stale = [path for path, text in made.items() if path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        shown = ROOT / "docs/trajectories.md"
        if userlands(shown.read_text(encoding="utf-8")) != userlands(made[shown]):
            print("not compared: the pages were recorded in other userlands than this machine's", file=sys.stderr)
            return 3
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not current: run docs/generate.py", file=sys.stderr)
        return bool(stale)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
