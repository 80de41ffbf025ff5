"""The command line as a user meets it: help, settings, refusals, exit statuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sekft import operators
from tests.commands import SEKFT, environment, forked, sekft

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = (
    "generate",
    "rollout",
    "run",
    "pairs",
    "export",
    "train",
    "audit",
    "push",
    "serve",
    "taxonomy",
    "verify",
    "show",
    "play",
    "doctor",
    "eval",
    "star",
)


def paper(out: Path, n: int, *more: str, run: Run = forked) -> subprocess.CompletedProcess[str]:
    """Scenarios without a sandbox."""
    return run("generate", "--no-sandbox", "--n", str(n), "--seed", "7", "--out", out, *more)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


def test_help_answers_at_once() -> None:
    """The best of three runs of sekft --help takes less than 0.5 s of processor time; 0.15 s on a quiet machine."""

    def taken_s() -> float:
        began = os.times()
        assert sekft("--help").returncode == 0
        now = os.times()
        return now.children_user + now.children_system - began.children_user - began.children_system

    assert min(taken_s() for _ in range(3)) < 0.5


def test_help_loads_nothing_heavy() -> None:
    """Neither the types' library nor a client nor a progress bar is imported for help."""
    code = (
        "import sys; sys.argv = ['sekft', '--help']\n"
        "from sekft.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('pydantic', 'openai', 'rich.progress') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    """Each command explains itself and each of its options."""
    done = forked(command, "--help")
    assert done.returncode == 0
    assert "--json" in done.stdout


def test_help_names_every_operator() -> None:
    """Whoever can act is named where --operator is explained."""
    told = forked("rollout", "--help").stdout
    assert [kind for kind in operators.FAMILY.names() if kind not in told] == []


def test_help_teaches_by_example() -> None:
    """The front page shows commands that can be typed."""
    assert forked("--help").stdout.count("  sekft ") >= 5


def test_no_command_is_wrong_usage() -> None:
    """sekft alone prints help and exits 2; so does an unknown command."""
    assert forked().returncode == 2
    assert forked("conjure").returncode == 2


def test_the_dry_run_warns_and_stamps(tmp_path: Path) -> None:
    """--no-sandbox says loudly what it does not prove, in the log, the summary and every file."""
    done = paper(tmp_path, 3)
    assert done.returncode == 0, done.stderr
    assert "WARNING" in done.stderr
    assert "WARNING" in done.stdout
    modes = {json.loads(body)["gate"]["mode"] for body in contents(tmp_path).values()}
    assert modes == {"structural"}


def test_no_docker_is_the_same_switch(tmp_path: Path) -> None:
    """The original's spelling works."""
    assert forked("generate", "--no-docker", "--n", "1", "--out", tmp_path).returncode == 0


def test_the_same_seed_gives_the_same_bytes_and_a_prefix(tmp_path: Path) -> None:
    """Two folders of one seed are equal, and a smaller --n is a subset of a larger."""
    for name, n in (("one", 12), ("two", 12), ("half", 6)):
        assert paper(tmp_path / name, n, run=sekft).returncode == 0
    one, two, half = (contents(tmp_path / name) for name in ("one", "two", "half"))
    assert len(one) == 12
    assert one == two
    assert half.items() < one.items()


def test_a_larger_n_goes_on(tmp_path: Path) -> None:
    """Growing a folder gives what asking for the larger number at once gives."""
    paper(tmp_path / "grown", 4, run=sekft)
    assert paper(tmp_path / "grown", 9, run=sekft).returncode == 0
    paper(tmp_path / "whole", 9, run=sekft)
    assert contents(tmp_path / "grown") == contents(tmp_path / "whole")


def test_a_stages_folder_does_not_become_a_run(tmp_path: Path) -> None:
    """`sekft run` over what `sekft generate` made is refused before anything is drawn twice."""
    assert forked("generate", "--n", "1", "--out", tmp_path).returncode == 0
    done = forked("run", "--n", "1", "--out", tmp_path)
    assert done.returncode == 2
    assert 'layout was "stage", now "run"' in done.stderr
    assert not (tmp_path / "scenarios").exists()


def test_a_run_can_be_extended_stage_by_stage(tmp_path: Path) -> None:
    """generate and rollout over a run folder fill its scenarios/ and trajectories/."""
    assert forked("run", "--n", "1", "--samples", "1", "--out", tmp_path).returncode == 0
    assert forked("generate", "--n", "2", "--out", tmp_path).returncode == 0
    done = forked("rollout", "--scenarios", tmp_path, "--samples", "1", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "scenarios").glob("*.json"))) == 2
    assert len(list((tmp_path / "trajectories").glob("*/explorer-0.json"))) == 2
    assert not list(tmp_path.glob("*.json"))


def test_another_seed_is_refused_by_name(tmp_path: Path) -> None:
    """Resuming with other settings exits 2, names the difference and touches nothing."""
    paper(tmp_path, 2)
    before = contents(tmp_path)
    done = paper(tmp_path, 2, "--seed", "8")
    assert done.returncode == 2
    assert "seed was 7, now 8" in done.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("generate", "--n", "0"), 2, "--n"),
        (("generate", "--n", "some"), 2, "--n"),
        (("generate", "--where", "colour=red"), 2, "no axis 'colour'; known axes: announcement"),
        (("generate", "--where", "ending=happy"), 2, "ending has no value 'happy'; known values: work"),
        (("generate", "--where", "ending"), 2, "want axis=value"),
        (("generate", "--author", "nobody"), 2, "procedural"),
        (("generate", "--sandbox", "jail"), 2, "bubblewrap"),
        (("rollout", "--scenarios", "/nowhere"), 2, "no such folder"),
        (("rollout", "--scenarios", ".", "--recovery-share", "2"), 2, "--recovery-share"),
        (("show", "/nowhere"), 2, "no such file"),
        (("taxonomy", "colour"), 2, "known axes: announcement"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    """What cannot be meant exits 2 and says what could be."""
    out = () if arguments[0] in ("show", "taxonomy") else ("--out", str(tmp_path / "out"))
    done = forked(*arguments, *out)
    assert said in done.stderr
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_an_unwritable_out_is_explained() -> None:
    """--out where nobody can write exits 1 with a reason."""
    done = paper(Path("/proc/sekft"), 1)
    assert done.returncode == 1
    assert "/proc/sekft" in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_bundles_are_all_named(tmp_path: Path) -> None:
    """Bad JSON and a newer schema version in the scenarios folder are named before anything runs."""
    paper(tmp_path / "scenarios", 2)
    (tmp_path / "scenarios" / "aa.json").write_text("{")
    newer = next(iter((tmp_path / "scenarios").glob("*[0-9a-f].json")))
    newer.write_text(newer.read_text().replace('"schema_version": 1', '"schema_version": 9'))
    (tmp_path / "scenarios" / "bb.json").write_text('{"schema_version": 9}')
    done = forked("rollout", "--scenarios", tmp_path / "scenarios", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "aa.json: line 1" in done.stderr
    assert "bb.json: schema_version: saw 9" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_of_scenarios(tmp_path: Path) -> None:
    """A folder without bundles is wrong usage, and says what makes bundles."""
    done = forked("rollout", "--scenarios", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "sekft generate" in done.stderr


def test_json_is_alone_on_stdout(tmp_path: Path) -> None:
    """With --json stdout parses, and the log is on stderr."""
    done = paper(tmp_path, 2, "--json")
    assert json.loads(done.stdout)["scenarios"]["admitted"] == 2
    assert "author: procedural" in done.stderr
    assert set(json.loads(forked("taxonomy", "--json").stdout)) >= {"task", "ending", "userland"}
    assert json.loads(forked("show", tmp_path, "--json").stdout)["scenarios"]["drawn"] == 2


def test_the_taxonomy_explains_itself() -> None:
    """Every axis with its values; one axis with briefs, shares and what it cannot meet."""
    axes = forked("taxonomy").stdout
    assert "ending" in axes
    assert "work, empty, blocked" in axes
    one = forked("taxonomy", "ending").stdout
    assert re.search(r"^blocked +22% ", one, re.MULTILINE)
    assert "panic is right" in one


def test_the_default_author_is_printed(tmp_path: Path) -> None:
    """Which author was chosen, and that it was chosen by default, is told."""
    assert "author: procedural (default" in paper(tmp_path, 1).stderr
    assert "(default" not in paper(tmp_path, 1, "--author", "procedural").stderr


def test_a_scenario_reads_well(tmp_path: Path) -> None:
    """show prints the landing, the reference and the checker; its JSON is the file's."""
    paper(tmp_path, 1)
    path = next(tmp_path.glob("*.json"))
    text = forked("show", path).stdout
    for part in ("orientation", "lands", "reference", "checker", "structural only"):
        assert part in text
    assert json.loads(forked("show", path, "--json").stdout)["id"] == path.stem
    assert forked("show", path, "--as", "messages").returncode == 2


def test_a_closed_pipe_is_no_crash(tmp_path: Path) -> None:
    """`sekft show | head -1` ends without a traceback."""
    paper(tmp_path, 1)
    path = next(tmp_path.glob("*.json"))
    command = f'"$@" show {path} | head -1'
    done = subprocess.run(
        ["sh", "-c", command, "sh", *SEKFT], capture_output=True, text=True, check=False, env=environment()
    )
    assert "Traceback" not in done.stderr


def test_the_version_is_told() -> None:
    """--version prints it and nothing else."""
    assert forked("--version").stdout.strip().count(".") == 2


FLAGS = json.loads((Path(__file__).parent / "golden" / "flags.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", FLAGS)
def test_every_command_keeps_its_flags(command: str) -> None:
    """The flags are a contract: those of commit f645cf2, which a newer command may add to."""
    done = forked(*command.split(), "--help", COLUMNS="200")
    options = done.stdout.partition("Examples:")[0]
    assert set(FLAGS[command]) <= set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", options))
