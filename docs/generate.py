"""Writes the pages that hold real output, and the golden ids: run it after a change to the author or the explorer.

.venv/bin/python docs/generate.py          # writes docs/examples/, the excerpts in README and quickstart, and the ids
.venv/bin/python docs/generate.py --check  # exits 1 when they are not current, 3 when it cannot tell
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

from sekft import sandboxes
from sekft.authors import GRAMMAR
from sekft.authors.procedural.author import compose
from sekft.cli.show import look, scenario_text, trajectory_text
from sekft.cli.tables import plain
from sekft.gate import admit
from sekft.operators.explorer import ExplorerOperator
from sekft.operators.replayed import ReferenceOperator
from sekft.rejection import Admitted
from sekft.rollouts.record import record
from sekft.rollouts.rollout import rollout
from sekft.rollouts.verify import judge
from sekft.runs.generate import ATTEMPTS
from sekft.scenario import Scenario, load_scenario
from sekft.seeds import derive, stream
from sekft.taxonomy import load
from sekft.trajectory import Trajectory

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "docs/examples/gallery.md"
GOLDEN = ROOT / "tests/authors/golden/seed-7.txt"
SEED = 7
_NEW = re.compile(r"(?m)([-dl][-rwx]{9} .* )[A-Z][a-z]{2} [ \d]\d \d\d:\d\d(?= )")
ENDINGS = {
    "work": "Work, then `exit`",
    "empty": "An empty queue, then `exit`",
    "blocked": "Blocked, then `panic`",
}
HEAD = """\
# Three trajectories

One for each ending, as the explorer recorded them: the orientation (the system message), then the terminal. The text
after a prompt was typed. The [marks](../outcomes.md#marks-of-the-mechanism) below each session name the turn at which
the session reached each step. Turn 0 is the login.

Ten random scenarios, each with all that a bundle holds, are in the [gallery](gallery.md). Made by `docs/generate.py`
from seed 7, and tested to be current.
"""

SHOWN, SLOTS = 10, 5000
GALLERY_HEAD = f"""\
# Gallery

Ten scenarios drawn at random from the first {SLOTS:,} of seed {SEED}, in full: the cell, what login shows, the tool's
documentation as a sandbox prints it, the directives, the reference, the checker, every fixture, what the gate proved.
Below each, one trajectory of the explorer. They are here to be read as an operator would read them.

Made by `docs/generate.py`, and tested to be current; files that a session made bear the time Jan 1 00:00. `sekft show
FILE` prints any scenario or trajectory like this.
"""


def scenario(slot: int, attempt: int = 0) -> Scenario:
    """What `sekft generate --seed 7` draws for that slot."""
    return compose(load().cell(SEED, slot), derive(SEED, "author", slot, attempt))


async def recorded(one: Scenario) -> Trajectory:
    observed = await rollout(one, sandboxes.pick("auto"), ExplorerOperator(), 0, derive(SEED, "docs", one.id))
    return record(one, observed, judge(one, observed))


async def plain_session() -> Trajectory:
    """A session in a host of plain words: a bundle that a model wrote, acted by its reference."""
    one = load_scenario(ROOT / "tests/authors/bundles/bb7f3ae1e46ea71f.json")
    observed = await rollout(one, sandboxes.pick("auto"), ReferenceOperator(), 0, 0)
    return record(one, observed, judge(one, observed))


def terminal(trajectory: Trajectory) -> str:
    """The session as it stood on the screen."""
    shown = "".join(turn.content + ("\n" if turn.role == "action" else "") for turn in trajectory.turns)
    return f"```console\n{undated(shown).rstrip()}\n```\n"


def undated(text: str) -> str:
    """The text with one time for every file that the session made: `ls -l` shows the hour of what is new."""
    return _NEW.sub(r"\g<1>Jan  1 00:00", text)


def section(title: str, trajectory: Trajectory) -> str:
    marks = ", ".join(f"{name} {at}" for name, at in trajectory.mechanism.model_dump().items() if at is not None)
    orientation = trajectory.turns[0].orientation
    place = f"{trajectory.sandbox.userland} userland {trajectory.sandbox.userland_digest}"
    told = f"Outcome: `{trajectory.outcome}`. Marks: {marks}. Recorded in the {place}."
    return f"## {title}\n\n> {orientation}\n\n{terminal(trajectory)}\n{told}\n"


def pages() -> dict[Path, str]:
    """Every generated page, as it should read, however wide the terminal is."""
    os.environ["COLUMNS"] = "1000"
    shown = {kind: asyncio.run(admitted(plainest(kind))) for kind in ENDINGS}
    rolled = {kind: asyncio.run(recorded(one)) for kind, one in shown.items()}
    sections = [section(title, rolled[kind]) for kind, title in ENDINGS.items()]
    shown_empty = f"```console\n{undated(plain(trajectory_text(rolled['empty'])))}```\n"
    return {
        ROOT / "docs/examples/trajectories.md": HEAD + "\n" + "\n".join(sections),
        GALLERY: gallery(),
        ROOT / "README.md": filled(ROOT / "README.md", "excerpt", terminal(asyncio.run(plain_session()))),
        ROOT / "docs/quickstart.md": filled(ROOT / "docs/quickstart.md", "shown", shown_empty),
    }


def plainest(ending: str) -> int:
    """The first slot with that ending and nothing on the way: what a newcomer can read at once."""
    easy = {"ending": {ending}, "difficulty": {"plain"}, "decoy": {"none"}, "documentation": {"full", "terse"}}
    axes = load()
    return next(n for n in range(SLOTS) if all(axes.cell(SEED, n)[axis] in few for axis, few in easy.items()))


def gallery() -> str:
    """Ten random slots, each with its first draw that the gate admits and one rollout."""
    slots = sorted(stream(SEED, "gallery").sample(range(SLOTS), SHOWN))
    return "".join([GALLERY_HEAD, *(exhibit(number, slot) for number, slot in enumerate(slots, 1))])


def exhibit(number: int, slot: int) -> str:
    one = asyncio.run(admitted(slot))
    rolled = asyncio.run(recorded(one))
    cell, place = one.cell, rolled.sandbox
    title = f"{number}. Task {cell['task']}, provider {cell['provider']}, ending {cell['ending']}"
    told = f"Recorded in the {place.userland} userland {place.userland_digest}."
    return f"\n## {title}\n\n{block(scenario_text(one, look(one)))}\n{block(trajectory_text(rolled))}\n{told}\n"


def block(text: str) -> str:
    """The text as it is on a screen, fenced by more backticks than it holds."""
    fence = "`" * (max(map(len, re.findall("`{3,}", text)), default=2) + 1)
    return f"{fence}text\n{undated(plain(text)).rstrip()}\n{fence}\n"


async def admitted(slot: int) -> Scenario:
    """What `sekft generate --seed 7` keeps for that slot."""
    for attempt in range(ATTEMPTS):
        result = await admit(scenario(slot, attempt), sandboxes.pick("auto"))
        if isinstance(result, Admitted):
            return result.scenario
    raise SystemExit(f"slot {slot}: none of {ATTEMPTS} draws passes the gate")


def filled(page: Path, name: str, text: str) -> str:
    """The page with this text between its two marks."""
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    return re.sub(
        "(?s){}.*{}".format(*marks), lambda _: f"{marks[0]}\n{text}{marks[1]}", page.read_text(encoding="utf-8")
    )


def golden() -> str:
    """The golden file as this version makes it. Raises SystemExit where ids changed and GRAMMAR did not."""
    axes = load()
    recorded, *rows = GOLDEN.read_text(encoding="utf-8").splitlines()
    made = [f"grammar {GRAMMAR}"]
    for row in rows:
        slot, skin, _ = row.split()
        one = compose(axes.cell(SEED, int(slot)), derive(SEED, "author", int(slot), 0), int(skin)).sealed()
        made.append(f"{slot} {skin} {one.id}")
    if made[0] == recorded and made[1:] != rows:
        raise SystemExit(
            f"seed {SEED} gives other scenarios than grammar {GRAMMAR}'s: raise GRAMMAR in authors/__init__.py"
        )
    return "\n".join([*made, ""])


def userlands(text: str) -> list[str]:
    """Which userlands a page was recorded in: another Debian prints some things differently."""
    return re.findall(r"Recorded in the (\w+ userland \w+)\.", text)


def main() -> int:
    made = pages() | {GOLDEN: golden()}
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        shown = ROOT / "docs/examples/trajectories.md"
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
