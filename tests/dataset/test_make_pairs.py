"""`sekft pairs`: files out of a folder of rollouts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from sekft import __version__ as sekft_version
from sekft.cli.running import Lines
from sekft.dataset.make_pairs import PairConfig, PairReport, pair
from sekft.dataset.pair import Pair, read
from sekft.folder import ROLLOUTS, Layout, documents
from sekft.report import text
from sekft.trajectory import load_trajectory
from tests import sets
from tests.commands import Command, forked, sekft


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return sets.filled(tmp_path_factory)


def made(run: Layout, out: Path, *options: str, command: Command = forked) -> tuple[list[Pair], PairReport]:
    done = command("pairs", "--trajectories", run.root, "--out", out, "--json", *options)
    assert done.returncode == 0, done.stderr
    return list(read(out / "pairs.jsonl")), PairReport.model_validate_json(done.stdout)


@pytest.fixture(scope="module")
def plain(run: Layout, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Pair], PairReport]:
    return made(run, tmp_path_factory.mktemp("plain"))


def test_the_report_is_true_of_the_file(plain: tuple[list[Pair], PairReport]) -> None:
    """What it counts is what the file holds, and candidates are what it holds and what was left out for evenness."""
    pairs, report = plain
    assert report.pairs == len(pairs) == len({pair.id for pair in pairs}) > 20
    assert report.outcomes == Counter(pair.outcome for pair in pairs)
    assert report.causes == Counter(pair.cause for pair in pairs)
    assert report.splits == Counter(pair.split for pair in pairs)
    assert report.axes["ending"] == Counter(pair.cell["ending"] for pair in pairs)
    assert sum(report.longer.values()) == report.pairs <= report.candidates
    assert max(Counter(pair.scenario_id for pair in pairs).values()) <= 4


def test_labels_name_every_rollout_that_is_right_or_wrong(run: Layout, tmp_path: Path) -> None:
    """KTO's whole sessions: the file of each, with its label and what went wrong."""
    _, report = made(run, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    there = {str(path.relative_to(run.root)): load_trajectory(path) for path in documents(run.trajectories, ROLLOUTS)}
    assert {row["file"]: (row["id"], row["label"], row["outcome"]) for row in rows} == {
        file: (one.id, one.keep, one.outcome) for file, one in there.items()
    }
    each = sets.SCENARIOS * sets.SAMPLES
    assert report.labels == {"right": each, "wrong": each}


def test_the_seed_decides_and_nothing_else(run: Layout, plain: tuple[list[Pair], PairReport], tmp_path: Path) -> None:
    """Made again, the file is the same byte for byte; of several other seeds one takes other pairs."""
    for name, seed in (("one", "0"), ("two", "0"), *((f"other-{seed}", str(seed)) for seed in range(1, 7))):
        made(run, tmp_path / name, "--n", "15", "--seed", seed, command=sekft)
    one, two, *others = (path.read_bytes() for path in sorted(tmp_path.glob("*/pairs.jsonl"), key=_made_first))
    assert one == two
    assert any(one != other for other in others)
    assert {len(other.splitlines()) for other in (one, *others)} == {15}


def _made_first(path: Path) -> tuple[bool, str]:
    return path.parent.name.startswith("other"), path.parent.name


def test_caps_and_filters_speak_of_pairs(run: Layout, tmp_path: Path) -> None:
    """A pair is left out for its length, its outcome or its scenario's cap, and the report says why."""
    capped, _ = made(run, tmp_path / "capped", "--per-scenario", "1")
    assert set(Counter(pair.scenario_id for pair in capped).values()) == {1}
    chosen, report = made(run, tmp_path / "chosen", "--outcome", "false_panic", "--outcome", "harmful")
    assert {pair.outcome for pair in chosen} == {"false_panic", "harmful"}
    assert report.refused["another outcome"] > 0
    short, report = made(run, tmp_path / "short", "--max-length", "300")
    assert report.refused["longer than 300 tokens"] > 0
    assert all(sum(len(message.content) for message in pair.prompt) / 2.5 < 300 for pair in short)


def test_other_settings_want_another_folder(run: Layout, tmp_path: Path) -> None:
    """The same command makes the same files again; another seed over them is refused with the difference named."""
    made(run, tmp_path)
    before = (tmp_path / "pairs.jsonl").read_bytes()
    assert forked("pairs", "--trajectories", run.root, "--out", tmp_path).returncode == 0
    refused = forked("pairs", "--trajectories", run.root, "--out", tmp_path, "--seed", "4")
    assert refused.returncode == 2
    assert "seed was 0, now 4" in refused.stderr
    assert (tmp_path / "pairs.jsonl").read_bytes() == before


def test_a_folder_of_an_earlier_version_of_the_command_resumes(run: Layout, tmp_path: Path) -> None:
    """The settings of a folder keep their names and values: the file that was recorded before configs is accepted."""
    recorded = {
        "bands": [], "complete": True, "grounded": True, "margin": 0.4, "max_length": 3000, "n": 20,
        "outcomes": ["false_panic", "harmful"], "per_scenario": 2, "recovered_share": 0.2, "seed": 3,
        "tokens": "estimate, 2.5 characters a token", "version": sekft_version,
    }  # fmt: skip
    settings = tmp_path / ".sekft" / "pairs.json"
    settings.parent.mkdir()
    settings.write_text(before := json.dumps(recorded, indent=1, sort_keys=True) + "\n")
    config = PairConfig(
        outcome=("harmful", "false_panic"), complete=True, grounded=True, max_length=3000, recovered_share=0.2, n=20,
        margin=0.4, seed=3, per_scenario=2,
    )  # fmt: skip
    pair(run, None, Layout.of_stage(tmp_path), config, Lines())
    assert settings.read_text() == before


def test_the_report_fits_a_narrow_terminal(plain: tuple[list[Pair], PairReport]) -> None:
    """Every count is in the tables, and no line is wider than 60 columns."""
    report = plain[1]
    shown = text(report.tables, 60)
    assert max(map(len, shown.splitlines())) <= 60
    assert f"{report.pairs} of {report.candidates} candidates" in shown
    assert all(name in shown for name in (*report.outcomes, *report.causes))


def test_a_run_folder_takes_its_pairs(run: Layout, plain: tuple[list[Pair], PairReport]) -> None:
    """Without --out they go into the run folder, beside what they are made of."""
    assert forked("pairs", "--trajectories", run.root).returncode == 0
    assert list(read(run.root / "pairs" / "pairs.jsonl")) == plain[0]
    assert "pairs" in json.loads((run.root / ".sekft" / "times.json").read_text())


def test_trajectories_alone_find_their_scenarios(
    run: Layout, plain: tuple[list[Pair], PairReport], tmp_path: Path
) -> None:
    """The two folders may be named apart, or the scenarios be found beside the trajectories."""
    for options in (["--scenarios", str(run.scenarios)], []):
        out = tmp_path / str(len(options))
        done = forked("pairs", "--trajectories", run.trajectories, "--out", out, *options)
        assert done.returncode == 0, done.stderr
        assert list(read(out / "pairs.jsonl")) == plain[0]


def test_rollouts_that_never_fail_make_no_pairs(run: Layout, tmp_path: Path) -> None:
    """Without a failed rollout there is nothing to reject: the command says so and what makes some."""
    lame = Layout.of_run(tmp_path / "run")
    for path in documents(run.trajectories, ROLLOUTS):
        if path.name.startswith("explorer"):
            place = lame.root / path.relative_to(run.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    done = forked("pairs", "--trajectories", lame.root, "--scenarios", run.root)
    assert done.returncode == 1
    assert f"0 of {sets.SCENARIOS} scenarios have both" in done.stderr
    assert "--operator saboteur" in done.stderr
