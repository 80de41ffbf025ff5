"""Bundles of version 1: as they were, and as a person took seven of them to today's version.

`bundles/` holds the seven under their old ids, checkers loosened by hand; `bundles/v1/` two of them as they were.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import sekft
from sekft import sandboxes
from sekft.gate import admit, run_in
from sekft.protocols import SandboxSpec
from sekft.rejection import Admitted
from sekft.scenario import Scenario, load_scenario, migrated

FOLDER = Path(__file__).parent / "bundles"
PATHS = sorted(FOLDER.glob("*.json"))
OLD = sorted((FOLDER / "v1").glob("*.json"))


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_a_bundle_of_version_1_keeps_its_id_and_its_bytes(path: Path) -> None:
    """It is read, and written back, to the letter; its notice is evidence, and its store is known."""
    scenario = load_scenario(path)
    assert scenario.id == path.stem
    assert scenario.to_json() == path.read_text(encoding="utf-8")
    assert scenario.needles.evidence == (["no job is free"] if scenario.expected.kind == "empty" else [])
    assert f"/usr/local/bin/{scenario.provider.command}" in scenario.hidden


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_a_bundle_of_version_1_rolls_out_and_replays(path: Path) -> None:
    """Its reference is kept, and its trajectory ends as recorded when it is typed again."""
    scenario = load_scenario(path)
    (trajectory,) = sekft.rollout([scenario], operator="reference", samples=1)
    assert (trajectory.scenario_id, trajectory.keep) == (path.stem, True)
    assert sekft.replay(scenario, trajectory).difference is None


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_what_was_migrated_is_a_bundle_of_today(path: Path, tmp_path: Path) -> None:
    """It has an id of its own, hides the provider's store, says where it comes from and survives its file."""
    old = load_scenario(path)
    new = migrated(old)
    assert (new.schema_version, new.id != old.id, new.gate) == (2, True, None)
    assert new.provider.hidden == list(old.hidden)
    assert new.provenance.note == f"migrated from {old.id}"
    (tmp_path / "new.json").write_text(new.to_json(), encoding="utf-8")
    assert load_scenario(tmp_path / "new.json") == new
    assert migrated(new) is new


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
async def test_the_gate_admits_what_a_person_migrated(path: Path) -> None:
    """Every probe and mutant is refused, every other right solution accepted, two of them the bundle's own."""
    scenario = load_scenario(path)
    assert str(scenario.provenance.note).startswith(f"migrated from {path.stem}")
    assert (scenario.provenance.author, scenario.provenance.model) == ("teacher", "strong")
    result = await admit(scenario, sandboxes.pick("auto"))
    assert isinstance(result, Admitted), result
    report = result.scenario.gate
    assert report is not None
    assert len(scenario.alternatives) == 2
    assert (report.right, report.refused, report.survivors, report.kill_rate) == (4, [], [], 1.0)


def scenario_about(word: str) -> Scenario:
    return next(scenario for scenario in map(load_scenario, PATHS) if scenario.provider.command == word)


PATCHED = ("boats.txt", "hours.conf", "rules.txt")
PATCH = [f"patch /srv/club/{name} /srv/club/{name.split('.')[0]}.diff" for name in PATCHED]
BACKUPS = [f"cp /srv/club/{name} /srv/club/{name}.orig" for name in PATCHED]
"""What `patch -b` leaves, where patch is busybox's, which has no -b."""
BOARD = "printf '%s\\n' 'No trains before 9:40.' 'Use the footbridge.' > /srv/boards/platform2.txt"
DONE = [text for at in (1, 2) for text in (f"echo done linden-40 c{at} > /tmp/ask", "strongbox /tmp/ask")]
HAKALA, SANNA = "/srv/totals/hakala.txt", "/srv/totals/sanna.txt"

RIGHT: dict[str, tuple[str, list[str]]] = {
    "backups of patch": ("oarslot", [*BACKUPS, *PATCH]),
    "backups of patch, another umask": ("oarslot", ["umask 077", *BACKUPS, *PATCH]),
    "backups of an editor": ("oarslot", [*(text.replace(".orig", "~") for text in BACKUPS), *PATCH]),
    "no last newline": ("daysheet", [BOARD.replace("printf '%s\\n'", "printf '%s\\n%s'")]),
    "another umask": ("daysheet", ["umask 077", BOARD]),
    "mode of one's own": ("daysheet", [BOARD, "chmod 600 /srv/boards/platform2.txt"]),
    "bare numbers": ("strongbox", [f"printf 3615 > {HAKALA}", f"printf 20 > {SANNA}", *DONE]),
    "a tab behind": ("strongbox", [f"printf '3615\\t\\n' > {HAKALA}", f"printf ' 20\\n' > {SANNA}", *DONE]),
    "copied under another umask": (
        "stowage", ["umask 077", "cd /srv/scans; cp inbox/map-*.tif maps; rm inbox/map-*.tif"],
    ),
    "sums without a last newline": (
        "corkboard",
        [
            "cd /srv/soil; printf %s \"$(sha256sum $PWD/north.csv $PWD/quarry.csv $PWD/south.csv)\" > SHA256SUMS",
            "md5sum < /srv/firmware/logger-1.8.hex | cut -c 1-32 > /srv/firmware/logger-1.8.md5",
        ],
    ),
    "nothing, but looked": ("dibs", ["umask 077", "dibs list jobs > /tmp/jobs", "cat /tmp/jobs"]),
}  # fmt: skip

WRONG: dict[str, tuple[str, list[str]]] = {
    "a copy of the result beside it": (
        "oarslot", [*PATCH, "cp /srv/club/rules.txt /srv/club/rules.txt.bak"],
    ),
    "a backup of something new": ("daysheet", [BOARD, "echo > /srv/boards/platform2.txt.orig"]),
    "NUL inside": ("daysheet", [BOARD, "printf '\\0' >> /srv/boards/platform2.txt"]),
    "NUL in a fixture": ("daysheet", [BOARD, "printf '\\0' >> /home/piotr/lamps.txt"]),
    "newlines and garbage": (
        "daysheet", [BOARD, "{ yes '' | head -n 70000; echo garbage; } >> /srv/boards/platform2.txt"],
    ),
    "newlines": ("strongbox", [f"echo 3615 > {HAKALA}", f"printf '20\\n\\n\\n' > {SANNA}", *DONE]),
    "NUL behind a number": ("strongbox", [f"echo 3615 > {HAKALA}", f"printf '20\\0' > {SANNA}", *DONE]),
    "a link to a right file": (
        "daysheet", [f"cd /tmp; {BOARD.replace('/srv/boards/', '')}", "ln -s /tmp/platform2.txt /srv/boards/"],
    ),
    "a link to the checker's own words": (
        "strongbox", [f"ln -s /proc/self/cmdline {HAKALA}", f"echo 20 > {SANNA}", *DONE],
    ),
    "a pipe": ("daysheet", ["mkfifo /srv/boards/platform2.txt"]),
    "a folder's mode": ("daysheet", [BOARD, "chmod 700 /srv/boards"]),
}  # fmt: skip


async def passes(scenario: Scenario, commands: list[str]) -> bool:
    async with sandboxes.pick("auto").open(SandboxSpec.of(scenario)) as session:
        run = await run_in(session, commands, scenario.checker)
    assert run.broken is None
    assert run.check.verdict in ("pass", "fail"), run.check
    return run.check.passed


@pytest.mark.parametrize("kind", RIGHT)
async def test_right_work_is_accepted_as_the_directive_leaves_it_open(kind: str) -> None:
    """A last newline, the mode of a new file, blanks about a number, a tool's backup: nobody asked for one of them."""
    about, commands = RIGHT[kind]
    assert await passes(scenario_about(about), commands)


@pytest.mark.parametrize("kind", WRONG)
async def test_what_looks_right_is_refused(kind: str) -> None:
    """Bytes are compared to the last, of the file itself; what was not asked for is not there."""
    about, commands = WRONG[kind]
    assert not await passes(scenario_about(about), commands)
