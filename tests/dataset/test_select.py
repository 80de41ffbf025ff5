"""Filters over stored rollouts, and what each says that it did."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from sekft.dataset.select import SelectConfig, Selection, funnel_table
from sekft.errors import UsageError
from sekft.evaluation.metrics import recovered
from sekft.folder import ROLLOUTS, Layout, documents
from sekft.folder.stored import Group, stored
from sekft.models.texts import EstimatedTokens, length
from sekft.shell.grounding import ungrounded
from sekft.trajectory import OperatorInfo, StoredRollout
from tests import sets


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return sets.filled(tmp_path_factory)


@pytest.fixture(scope="module")
def groups(run: Layout) -> list[Group]:
    return list(stored(run))


def taken(groups: list[Group], kept: bool = False, **filters: Any) -> list[StoredRollout]:
    selection = Selection(SelectConfig(**filters), EstimatedTokens(), kept=kept)
    return [one for group in selection(groups) for one in group]


def test_a_group_is_one_scenario_and_its_rollouts(run: Layout, groups: list[Group]) -> None:
    """Every stored rollout comes up once, beside all others of its scenario and of no other."""
    assert [one.file for group in groups for one in group] == [
        str(path.relative_to(run.root)) for path in documents(run.trajectories, ROLLOUTS)
    ]
    assert all(
        one.scenario.id == one.trajectory.scenario_id == group[0].scenario.id for group in groups for one in group
    )
    assert len(groups) == len({group[0].scenario.id for group in groups})


def test_groups_are_read_as_they_are_asked_for(run: Layout, tmp_path: Path) -> None:
    """The first scenario's group needs no later file: one that is broken is met in its turn."""
    first, second = islice(stored(run), 2)
    lame = Layout.of_run(tmp_path)
    for group in (first, second):
        place = lame.trajectories / group[0].scenario.id
        place.mkdir(parents=True)
        (place / "explorer-0.json").write_text(group[0].trajectory.to_json() if group is first else "{")
    lame.scenarios.mkdir()
    (lame.scenarios / f"{first[0].scenario.id}.json").write_text(first[0].scenario.to_json())
    reading = stored(lame)
    assert next(reading)[0].trajectory == first[0].trajectory
    with pytest.raises(UsageError, match=second[0].scenario.id):
        next(reading)


def test_every_rollout_is_counted_by_the_filter_that_drops_it(groups: list[Group]) -> None:
    """What a filter passes is what the next one sees, and the last one's count is what is taken."""
    config = SelectConfig(outcome=("solved", "idle"), complete=True, grounded=True, max_length=1500, per_scenario=2)
    selection = Selection(config, EstimatedTokens(), kept=True)
    found = [one for group in selection(groups) for one in group]
    funnel = selection.funnel
    assert funnel[0].passed == sum(map(len, groups))
    assert all(one.passed == two.passed + two.dropped for one, two in pairwise(funnel))
    assert funnel[-1].passed == len(found) > 0
    assert funnel_table(funnel).rows == [(each.filter, each.passed, each.dropped) for each in funnel]


def test_each_filter_keeps_its_promise(groups: list[Group]) -> None:
    """Of what passes nothing falls short, and of what does not everything does."""
    everything = [one for group in groups for one in group]
    promises: list[tuple[dict[str, Any], Callable[[StoredRollout], bool]]] = [
        ({"kept": True}, lambda one: one.trajectory.keep),
        ({"outcome": ("idle", "harmful")}, lambda one: one.trajectory.outcome in ("idle", "harmful")),
        ({"grounded": True}, lambda one: not ungrounded(one.trajectory.turns)),
        ({"max_length": 900}, lambda one: length(one.trajectory.messages(), EstimatedTokens()) <= 900),
    ]
    for filters, promise in promises:
        found = taken(groups, **filters)
        assert found == [one for one in everything if promise(one)]
        assert 0 < len(found) < len(everything)


def test_no_scenario_is_taken_more_often_than_allowed(groups: list[Group]) -> None:
    """The first so many of each scenario are taken, of what other filters pass."""
    found = taken(groups, kept=True, per_scenario=2)
    kept = [[one for one in group if one.trajectory.keep] for group in groups]
    assert found == [one for group in kept for one in group[:2]]


def test_repairs_are_thinned_to_their_share(groups: list[Group]) -> None:
    """No more than the share of what is taken holds a repair, and what holds none is all taken."""
    kept = taken(groups, kept=True)
    assert sum(map(recovered, kept)) > 0.1 * len(kept), "this set has too few to thin"
    found = taken(groups, kept=True, recovered_share=0.1)
    assert sum(map(recovered, found)) <= 0.1 * len(found)
    assert [one for one in kept if not recovered(one)] == [one for one in found if not recovered(one)]


def test_difficulty_is_what_models_make_of_a_scenario(groups: list[Group]) -> None:
    """A scenario that no model has tried has no band; one that a model solves sometimes is of medium difficulty."""
    assert taken(groups, band=("never", "hard", "medium", "easy", "always")) == []
    models = OperatorInfo(kind="model", model="m")
    tried = [
        StoredRollout(one.file, one.trajectory.model_copy(update={"operator": models}), one.scenario)
        for one in groups[0]
    ]
    assert {one.trajectory.keep for one in tried} == {True, False}
    assert taken([tried, groups[1]], band=("medium",)) == tried
    assert taken([tried], band=("always", "never")) == []


@pytest.mark.parametrize(("wrong", "said"), [({"outcome": ("done",)}, "--outcome done"), ({"band": ("mild",)}, "mild")])
def test_what_there_is_not_cannot_be_asked_for(wrong: dict[str, tuple[str, ...]], said: str) -> None:
    """An outcome or a band that there is not is named, with those that there are."""
    with pytest.raises(UsageError, match=rf"{said}: want one of .*, "):
        SelectConfig.of(**wrong)
