"""Rates over rollouts, their intervals, and what differs between two evaluations."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from fractions import Fraction
from math import comb
from pathlib import Path

import pytest

from sekft.errors import UsageError
from sekft.evaluation.charts import evaluations
from sekft.evaluation.compare import compare
from sekft.evaluation.evaluate import Evaluation, ScenarioRow, evaluate
from sekft.evaluation.metrics import MEASURES, repair
from sekft.evaluation.statistics import interval, sign_flip
from sekft.folder import told_apart
from sekft.report import Styled, text
from sekft.runs.evaluate import taken
from sekft.scenario import Scenario
from sekft.trajectory import (
    Check,
    Ending,
    Mechanism,
    OperatorInfo,
    Outcome,
    SandboxInfo,
    StoredRollout,
    Trajectory,
    Turn,
)
from tests import bundles
from tests.commands import forked

ALL_MARKS = {"seen": 0, "noticed": 1, "learnt": 2, "retrieved": 4, "ended": 5}


def scenario(kind: str = "work", **changes: str | None) -> Scenario:
    made: Callable[[], bundles.Body] = getattr(bundles, kind)
    return bundles.sealed(made() | changes)


def rollout(one: Scenario, outcome: Outcome, *actions: str, sample: int = 0, **marks: int | None) -> StoredRollout:
    """A stored rollout that typed this, each answered by a bare prompt."""
    turns = [Turn(role="env", content="$ ", orientation="A shell.")]
    for action in actions or ("exit",):
        turns += [Turn(role="action", content=action), Turn(role="env", content="$ ", status=0)]
    reached = ALL_MARKS | ({"executed": 5} if one.expected.kind == "work" else {}) | marks
    made = Trajectory(
        id="", scenario_id=one.id, sample=sample, operator=OperatorInfo(kind="student", model="m"), turns=turns[:-1],
        ending=Ending(kind="exit"), check=Check(verdict="pass", passed=True), effects=[], outcome=outcome,
        keep=False, keep_reasons=[], mechanism=Mechanism.model_validate(reached), sandbox=SandboxInfo(
            backend="bubblewrap", userland="busybox", userland_digest=""), seed=0,
    )  # fmt: skip
    return StoredRollout("file", made, one)


def test_an_interval_is_wilsons() -> None:
    """One rollout of each family: the textbook's interval, at both ends, too."""
    assert interval([(1, 1)] * 8 + [(0, 1)] * 2).model_dump() == {"of": 10, "value": 0.8, "low": 0.4902, "high": 0.9433}
    assert interval([(0, 1)] * 10).model_dump() == {"of": 10, "value": 0.0, "low": 0.0, "high": 0.2775}
    assert interval([]).value is None


def test_rollouts_that_go_together_count_for_less() -> None:
    """Ten samples a family that all agree say no more than one; ten that differ at random say as much as ten."""
    agreed = interval([(10, 10)] * 15 + [(0, 10)] * 15)
    one_each = interval([(1, 1)] * 15 + [(0, 1)] * 15)
    assert agreed.of == 300
    assert agreed.low == pytest.approx(one_each.low, abs=0.01)
    rng = random.Random(1)
    apart = interval([(sum(rng.random() < 0.5 for _ in range(10)), 10) for _ in range(30)])
    width = (apart.high or 0) - (apart.low or 0)
    assert width < 0.6 * ((agreed.high or 0) - (agreed.low or 0))


def test_each_measure_asks_only_what_it_is_about() -> None:
    """Panic is asked of blocked work, false panic of the rest, and the chain holds up to its first gap."""
    work, empty, blocked = (scenario(kind) for kind in ("work", "empty", "blocked"))
    found = evaluate(
        [
            rollout(work, "solved", "chit --help", "chit open", "exit", learnt=2),
            rollout(empty, "false_panic", learnt=None),
            rollout(blocked, "missed_block", "chit read 7", "chit read --frob 7", "exit"),
        ],
        samples=1,
    )
    rates = {name: (rate.of, rate.value) for name, rate in found.all.rates.items()}
    assert rates["right"] == (3, round(1 / 3, 4))
    assert (rates["solved"], rates["idle"], rates["rightly_blocked"]) == ((1, 1.0), (1, 0.0), (1, 0.0))
    assert rates["false_panic"] == (2, 0.5)
    assert rates["missed_block"] == (1, 1.0)
    assert rates["noticed"] == (3, 1.0)
    assert rates["learnt"] == rates["retrieved"] == (3, round(2 / 3, 4))
    assert rates["read_first"] == (2, 0.5)
    assert rates["invents_options"] == (2, 0.5)
    assert found.all.length == 0.5


def test_pass_at_the_samples_that_were_wanted() -> None:
    """Of three rollouts, pass@3 is told beside pass@1 and pass@2; a round of `star` reports the last."""
    work = scenario()
    outcomes: list[Outcome] = ["solved", "false_exit", "false_exit"]
    found = evaluate([rollout(work, outcome, sample=at) for at, outcome in enumerate(outcomes)], samples=3)
    assert found.pass_at == {1: 0.3333, 2: 0.6667, 3: 1.0}


def test_typing_the_same_thrice_is_a_circle() -> None:
    """Three times the same command with the same answer; twice is none."""
    work = scenario()
    found = evaluate(
        [rollout(work, "unfinished", *["ls"] * 3, "exit"), rollout(work, "unfinished", "ls", "ls", "exit")], 1
    )
    assert found.all.rates["circles"].value == 0.5


def test_reskins_are_right_on_all_or_not() -> None:
    """A family with several surfaces counts once: every rollout right, some, or none; its twin is another task."""
    bases = [scenario(family=f"f{at}", orientation=f"Shell {at}.") for at in range(3)]
    skins = [scenario(family=one.family, reskin_of=one.id, orientation=f"Again {one.family}.") for one in bases]
    twin = scenario("blocked", family="f0", twin_of=bases[0].id)
    outcomes: list[tuple[Scenario, Outcome]] = [
        (bases[0], "solved"), (skins[0], "solved"), (twin, "missed_block"), (bases[1], "solved"),
        (skins[1], "false_exit"), (bases[2], "false_exit"), (skins[2], "unfinished"),
    ]  # fmt: skip
    found = evaluate([rollout(*each) for each in outcomes], samples=1)
    assert found.reskins == {"always": 1, "sometimes": 1, "never": 1}


def test_the_report_reads_and_holds_every_measure() -> None:
    """Every measure has its line, every value of an axis its own, and what rests on little says so."""
    found = evaluate([rollout(scenario(), "solved"), rollout(scenario("blocked"), "missed_block")], samples=1)
    rows = [row for table in found.tables for row in table.rows]
    says = {row[0] for row in rows}
    assert {measure.says for measure in MEASURES.values()} <= says
    assert ("busybox", "2, few") in {row[:2] for row in map(tuple, rows)}
    assert max(map(len, text(found.tables, 60).splitlines())) <= 60
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_the_swap_test_is_mcnemars_for_single_rollouts() -> None:
    """Over families with one rollout each, p is the two-sided binomial tail; with no difference it is 1."""
    differences = [Fraction(1)] * 9 + [Fraction(-1)] * 2 + [Fraction(0)] * 40
    assert sign_flip(differences) == pytest.approx(2 * sum(comb(11, k) for k in range(3)) / 2**11)
    assert sign_flip([Fraction(0)] * 5) == 1.0


def test_the_swap_test_counts_every_way_to_swap() -> None:
    """For differences of several sizes, p is that of going through all ways one by one."""
    differences = [Fraction(3, 4), Fraction(1, 2), Fraction(-1, 4), Fraction(1, 3), Fraction(1)]
    sums = [
        sum((each if ways >> at & 1 else -each for at, each in enumerate(differences)), Fraction())
        for ways in range(2 ** len(differences))
    ]
    extreme = sum(abs(each) >= abs(sum(differences, Fraction())) for each in sums)
    assert sign_flip(differences) == pytest.approx(extreme / len(sums))


def evaluation(right: list[int], **cell: str) -> Evaluation:
    rows = [
        ScenarioRow(
            scenario=f"s{at}", family=f"f{at}", cell={"split": "heldout", **cell}, rollouts=1, right=each,
            met={"right": (each, 1), **({"false_panic": (1 - each, 1)} if at % 2 else {})},
        )
        for at, each in enumerate(right)
    ]  # fmt: skip
    base = evaluate([rollout(scenario(), "solved")], samples=1)
    return base.model_copy(update={"rows": rows})


def test_a_difference_is_told_only_beyond_chance() -> None:
    """Against the first, a clearly better one differs, and one that is better in three scenarios does not."""
    base, better = evaluation([0] * 30), evaluation([1] * 20 + [0] * 10)
    hardly = evaluation([1] * 3 + [0] * 27)
    found = compare({"base": base, "better": better, "hardly": hardly})
    assert [(line.other, line.differs) for line in found.overall] == [("better", True), ("hardly", False)]
    assert (found.overall[0].more, found.overall[0].fewer) == (20, 0)
    assert [row[-1] for row in found.tables[0].rows] == [Styled("differs", "bold"), "no difference shown"]


def test_other_measures_are_compared_where_they_apply() -> None:
    """A line for each measure that both have, over the scenarios that it says something of."""
    found = compare({"base": evaluation([0] * 30), "better": evaluation([1] * 20 + [0] * 10)})
    assert [(line.measure, line.scenarios, line.more, line.fewer) for line in found.measures] == [
        ("false_panic", 15, 0, 10)
    ]
    assert found.measures[0].differs
    assert "work, empty: panics" in str(found.tables[1].rows)
    assert max(map(len, text(found.tables, 60).splitlines())) <= 60


def test_chance_is_corrected_for_how_much_is_compared() -> None:
    """The same difference among many that are compared is worth less than alone."""
    base, better = evaluation([0] * 30), evaluation([1] * 7 + [0] * 23)
    alone = compare({"base": base, "better": better}).overall[0]
    others = {f"other{at}": evaluation([0] * 30) for at in range(9)}
    among = compare({"base": base, "better": better, **others}).overall[0]
    assert alone.p == among.p < alone.holm * 1.001
    assert among.holm == pytest.approx(10 * alone.holm)


def test_nothing_in_common_is_refused() -> None:
    """Evaluations over other scenarios cannot be compared."""
    other = evaluation([1])
    renamed = other.model_copy(update={"rows": [other.rows[0].model_copy(update={"scenario": "else"})]})
    with pytest.raises(UsageError, match="no scenario in common"):
        compare({"one": evaluation([1]), "other": renamed})


def test_a_part_of_the_scenarios_is_always_the_same() -> None:
    """--most takes the first by id, whatever their order; an unknown split names those that are there."""
    scenarios = [scenario(orientation=f"Shell {at}.") for at in range(6)]
    assert taken(scenarios, "train", 3) == taken(scenarios[::-1], None, 3)
    with pytest.raises(UsageError, match="want one of: train"):
        taken(scenarios, "heldout", None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenarios by hand."""
    made = tmp_path_factory.mktemp("scenarios")
    for kind in ("work", "empty", "blocked"):
        one = scenario(kind)
        (made / f"{one.id}.json").write_text(one.to_json())
    return made


def test_eval_rolls_reports_and_compares(folder: Path, tmp_path: Path) -> None:
    """The command fills a folder, reports it again without a rollout, and two folders are compared."""
    for name, operator in (("one", "reference"), ("two", "blind")):
        done = forked("eval", "--scenarios", folder, "--out", tmp_path / name, "--operator", operator)
        assert done.returncode == 0, done.stderr
    first = forked("eval", "--scenarios", folder, "--out", tmp_path / "one", "--operator", "reference", "--json")
    assert json.loads(first.stdout)["all"]["rates"]["right"]["value"] == 1.0
    assert json.loads(first.stdout) == json.loads((tmp_path / "one/evaluation/report.json").read_text())
    compared = forked("eval", "compare", tmp_path / "one", tmp_path / "two", "--json")
    assert compared.returncode == 0, compared.stderr
    line = json.loads(compared.stdout)["overall"][0]
    assert (line["rate_one"], line["scenarios"]) == (1.0, 3)


def test_wrong_usage_is_told(tmp_path: Path) -> None:
    """Without folders, with one to compare, or with one that was never evaluated: status 2 and what is wanted."""
    for arguments, wanted in (
        (("eval",), "--scenarios"),
        (("eval", "compare", tmp_path), "two folders"),
        (("eval", "compare", tmp_path, tmp_path), "sekft eval --out"),
    ):
        done = forked(*arguments)
        assert done.returncode == 2
        assert wanted in done.stderr


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Pictures name each by its last part, and by as many more as it takes where two would be one."""
    one, two, other = tmp_path / "round-1/eval", tmp_path / "round-2/eval", tmp_path / "base"
    assert told_apart([one, other]) == {"eval": one, "base": other}
    assert told_apart([one, two]) == {"round-1/eval": one, "round-2/eval": two}
    assert told_apart([one, one]) == {"eval": one}


def test_pictures_are_drawn(tmp_path: Path) -> None:
    """One evaluation has a chain and a map of the axes, several stand side by side; each is a PNG of some size."""
    pytest.importorskip("vl_convert", reason="wants the extra report")
    one = evaluate([rollout(scenario(), "solved"), rollout(scenario("blocked"), "missed_block")], samples=1)
    assert set(evaluations({"a": one})) == {"chain.png", "axes.png"}
    drawn = evaluations({"a/eval": one, "b": one})
    assert set(drawn) == {"chain.png", "change.png", "axes-a-eval.png", "axes-b.png"}
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 10_000 for picture in drawn.values())


def test_a_repair_is_what_mends_the_mistake() -> None:
    """The next action, the one after documentation that is read again, or the next that writes the same file."""
    probe = {"kind": "unsorted", "commands": ["cat a > /srv/b"]}
    learn = {"goal": "learn", "ways": [["tool --help"]]}
    one = scenario(probes=[probe], plan=[learn])  # type: ignore[arg-type]

    def mended(*actions: str, mistake: int) -> int | None:
        return repair(rollout(one, "solved", *actions).trajectory.turns, mistake, one)

    assert mended("tool done", "tool done 17", "exit", mistake=1) == 3
    assert mended("tool --help", "tool done", "tool --help", "tool done 17", mistake=3) == 7
    assert mended("tool done", "tool --help", "tool done 17", mistake=1) == 3
    assert mended("cat a > /srv/b", "cat /srv/b", "cd /srv && sort a > b", "exit", mistake=1) == 5
    assert mended("cat a > /srv/b", "cat /srv/b", "exit", mistake=1) is None
    assert mended("tool done", mistake=1) is None
