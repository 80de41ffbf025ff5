"""What a set is worth: a sound one passes, and each thing that no set may have is found and its file named."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sekft.cli.running import Lines
from sekft.errors import UsageError
from sekft.folder import ROLLOUTS, Folder, Layout, documents
from sekft.folder.stored import stored
from sekft.quality.audit import Audit, AuditFinding, Threshold, audit, thresholds
from sekft.quality.measures import Figure
from sekft.quality.texts import skeleton
from sekft.report import Styled, text
from sekft.runs.rollout import RolloutConfig, roll
from sekft.scenario import GateReport, Scenario
from sekft.taxonomy import load, splits
from sekft.trajectory import Trajectory, Turn, load_trajectory
from tests import bundles
from tests.commands import forked

HELD = dict(term.split("=", 1) for term in splits.spelt(splits.held_out(load())))
BODIES = [
    body | {"provider": body["provider"] | {"interface": {"syntax": "subcommand", "verbs": verbs}}}
    for body, verbs in ((bundles.work(), "read=read"), (bundles.empty(), "read=show"), (bundles.blocked(), "list=open"))
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Three scenarios, stamped as proven, each carried out by its reference."""
    layout = Layout.of_run(tmp_path_factory.mktemp("sound"))

    proven = GateReport(mode="sandbox", backend="bubblewrap", mutants=20, equivalent=2, right=4)
    scenarios = [bundles.sealed(body).model_copy(update={"gate": proven}) for body in BODIES]
    for one in scenarios:
        Folder(layout.root).write(layout.scenarios / f"{one.id}.json", one.to_json())
    assert asyncio.run(roll(RolloutConfig(samples=1, operator="reference"), scenarios, layout, Lines())) == 0
    return layout


@pytest.fixture
def run(sound: Layout, tmp_path: Path) -> Layout:
    shutil.copytree(sound.root, tmp_path / "run")
    return Layout.of_run(tmp_path / "run")


def finding(found: Audit, name: str, part: str = "") -> AuditFinding:
    return next(one for one in found.findings if (one.name, one.part) == (name, part))


def test_a_sound_set_has_nothing_broken(sound: Layout) -> None:
    """Every rollout kept, grounded, documentation first, in deploy form; too few cases are told, not judged."""
    found = audit(sound)
    assert (found.scenarios, found.rollouts, found.kept) == (3, 3, 3)
    assert found.broken == []
    assert finding(found, "honesty.grounded").verdict == "ok"
    assert finding(found, "balance.pairs_absent").verdict == "told"


def test_an_interface_has_a_shape_that_its_words_do_not_change(sound: Layout) -> None:
    """Two verbs for one role are two interfaces of one shape; another role is another shape."""
    found = audit(sound)
    assert finding(found, "novelty.interfaces_repeated").value == 0
    assert finding(found, "novelty.shapes").value == 2


def test_a_skeleton_keeps_programs_and_options_and_masks_the_rest(run: Layout) -> None:
    """The tool has another name in each scenario, so neither it nor what it is given tells two sessions apart."""
    path = next(path for path in documents(run.trajectories, ROLLOUTS) if load_trajectory(path).outcome == "solved")
    edited(path, typed("chit -n read 7 > /tmp/x && find /srv -type f --color=no | sort -u", 1))
    (one,) = (one for group in stored(run) for one in group if one.file == str(path.relative_to(run.root)))
    assert skeleton(one)[:3] == ["TOOL X X X >", "find X -type X --color", "sort -u"]


def test_every_figure_has_its_place_among_the_thresholds(sound: Layout) -> None:
    """A measure without an entry would be neither judged nor explained; an entry without a measure is dead."""
    names = {one.name for one in audit(sound).findings}
    wanted = {".".join(name.split(".")[:2]) for name in thresholds()}
    absent = {"hints.login_tells", "notes.agreement", "notes.unsure"}  # too few for a classifier; nobody noted anything
    assert names | absent == wanted


def test_a_figure_without_a_threshold_is_named(sound: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who adds a measure and forgets its table reads which one."""
    monkeypatch.setattr("sekft.quality.audit.thresholds", lambda: {"funnel.kept": thresholds()["funnel.kept"]})
    with pytest.raises(LookupError, match=r"audit\.toml: no table \[balance\.axis\]"):
        audit(sound)


def edited(path: Path, change: Callable[[Trajectory], Trajectory]) -> None:
    path.write_text(change(load_trajectory(path)).to_json(), encoding="utf-8")


def typed(text: str, at: int) -> Callable[[Trajectory], Trajectory]:
    """The trajectory with another text at one of its turns."""

    def change(one: Trajectory) -> Trajectory:
        turns = list(one.turns)
        turns[at] = Turn(role=turns[at].role, content=text, orientation=turns[at].orientation)
        return one.model_copy(update={"turns": turns})

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("honesty.leaks", typed("Let me look around first.", 1)),
        ("honesty.leaks", typed("```sh\nls\n```", 1)),
        ("honesty.grounded", typed("chit read zorvak", 5)),
        ("honesty.read_first", typed("chit open", 1)),
        ("funnel.kept_wrongly", lambda one: one.model_copy(update={"outcome": "false_exit"})),
    ],
)
def test_a_kept_trajectory_that_should_not_be_is_named(
    run: Layout, name: str, change: Callable[[Trajectory], Trajectory]
) -> None:
    """One bad record among good ones breaks the set, and its file is told."""
    path = next(path for path in documents(run.trajectories, ROLLOUTS) if load_trajectory(path).outcome == "solved")
    edited(path, change)
    broken = audit(run).broken
    assert name in {one.name for one in broken}
    assert {file for one in broken for file in one.files} == {str(path.relative_to(run.root))}


def test_asking_for_the_version_is_not_using_the_tool(run: Layout) -> None:
    """A tool may be asked for its help or version by whoever has not read of it yet."""
    path = next(path for path in documents(run.trajectories, ROLLOUTS) if load_trajectory(path).outcome == "solved")
    edited(path, typed("chit --version", 1))
    assert finding(audit(run), "honesty.read_first").verdict == "ok"


def test_what_is_not_kept_is_not_part_of_the_set(run: Layout) -> None:
    """The same fault in a rejected rollout breaks nothing."""
    path = documents(run.trajectories, ROLLOUTS)[0]
    edited(path, typed("Let me look around first.", 1))
    edited(path, lambda one: one.model_copy(update={"keep": False}))
    assert audit(run).broken == []


def rewritten(run: Layout, change: Callable[[Scenario], Scenario]) -> Scenario:
    """One scenario more: another one's copy, changed."""
    other = next(one for one in map(_loaded, documents(run.scenarios)) if one.expected.kind == "work")
    made = change(other)
    (run.scenarios / f"{made.id}.json").write_text(made.to_json(), encoding="utf-8")
    return made


def _loaded(path: Path) -> Scenario:
    return Scenario.model_validate_json(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("funnel.unproven", lambda one: one.sealed(seed=5, gate=GateReport(mode="structural"))),
        ("parts.held_out_in_training", lambda one: one.sealed(seed=5, cell={**one.cell, **HELD})),
        ("parts.families_torn", lambda one: one.sealed(seed=5, split=splits.HELD_OUT)),
        ("parts.families_odd", lambda one: one.sealed(twin_of=one.id)),
        ("parts.families_odd", lambda one: one.sealed(reskin_of="0" * 16)),
    ],
)
def test_a_scenario_that_no_set_may_have_is_named(
    run: Layout, name: str, change: Callable[[Scenario], Scenario]
) -> None:
    """Unproven, torn from its family, in the wrong part, or no twin at all."""
    made = rewritten(run, change)
    broken = {one.name: one for one in audit(run).broken}
    assert f"scenarios/{made.id}.json" in broken[name].files


@pytest.mark.parametrize(("motd", "verdict"), [("", "ok"), ("Sorry for the trouble.\n", "broken")])
def test_a_twin_is_told_apart_by_its_directive_alone(run: Layout, motd: str, verdict: str) -> None:
    """The blocked version of a scenario logs in to the very same words."""

    def twin(one: Scenario) -> Scenario:
        login = one.login.model_copy(update={"motd": one.login.motd + motd})
        made = bundles.sealed(bundles.blocked() | {"family": one.family})
        return made.sealed(twin_of=one.id, gate=one.gate, login=login)

    rewritten(run, twin)
    assert finding(audit(run), "parts.families_odd").verdict == verdict


def test_the_login_that_tells_the_ending_is_found(run: Layout) -> None:
    """A word at login that only blocked scenarios have lets a classifier beat the majority."""
    for seed in range(60):
        kind = "blocked" if seed % 3 == 0 else "work"
        body = next(body for body in BODIES if body["expected"]["kind"] == kind)
        told = "Sorry for the trouble.\n" if kind == "blocked" else "A fine day.\n"
        login = body["login"] | {"motd": body["login"]["motd"] + told}
        one = bundles.sealed(body | {"seed": seed, "family": f"f{seed}", "login": login})
        (run.scenarios / f"{one.id}.json").write_text(one.to_json(), encoding="utf-8")
    assert finding(audit(run), "hints.login_tells").value > 0.2


def test_a_login_that_tells_nothing_is_not_blamed(run: Layout) -> None:
    """With the same words before every ending nobody beats the majority."""
    for seed in range(60):
        body = BODIES[seed % 3]
        one = bundles.sealed(body | {"seed": seed, "family": f"f{seed}"})
        (run.scenarios / f"{one.id}.json").write_text(one.to_json(), encoding="utf-8")
    assert finding(audit(run), "hints.login_tells").value <= 0.03


def test_a_threshold_is_judged_from_its_least_number_of_cases_on() -> None:
    """Fewer cases are told; a must that is missed is broken, another is short."""
    short, must = Threshold("x", at_most=0.01, least_cases=100), Threshold("x", at_least=1.0, must=True)
    assert short.verdict(Figure("f", 0.5, 99)) == "told"
    assert short.verdict(Figure("f", 0.5, 100)) == "short"
    assert short.verdict(Figure("f", 0.01, 100)) == "ok"
    assert must.verdict(Figure("f", 0.99, 1)) == "broken"


def test_the_command_exits_1_and_names_the_file(run: Layout) -> None:
    """As text and as JSON alike; a sound set exits 0."""
    assert forked("audit", str(run.root)).returncode == 0
    path = documents(run.trajectories, ROLLOUTS)[0]
    edited(path, typed("Let me look around first.", 1))
    for done in (forked("audit", str(run.root)), forked("audit", str(run.root), "--json")):
        assert done.returncode == 1
        assert str(path.relative_to(run.root)) in done.stdout
    assert Audit.model_validate_json(done.stdout).broken


def test_the_text_marks_what_is_broken(run: Layout) -> None:
    """The margin tells a reader where to look."""
    path = documents(run.trajectories, ROLLOUTS)[0]
    edited(path, typed("Let me look around first.", 1))
    report = audit(run)
    lines = text(report.tables, 60).splitlines()
    assert any(line.startswith("BROKEN") for line in lines)
    (cell,) = (row for table in report.tables for row in table.rows if "deploy form" in str(row[-1]))
    assert cell[0] == Styled("BROKEN", "bad")
    assert str(path.relative_to(run.root)) in str(cell[-1])


def test_a_folder_without_scenarios_is_wrong_usage(tmp_path: Path) -> None:
    """The message says what was wanted."""
    with pytest.raises(UsageError, match="holds no scenarios"):
        audit(Layout.found(tmp_path))
