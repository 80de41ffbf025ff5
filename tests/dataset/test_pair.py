"""Pairs out of rollouts of one scenario: where they are cut, and what is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sekft.dataset.pair import Forks, Pair
from sekft.folder.stored import Group, stored
from sekft.shell.syntax import bare, settled
from sekft.trajectory import BRANCH_OF, GIVEN, KEPT, Fault, OperatorInfo, Outcome, StoredRollout, Trajectory, Turn
from tests import bundles, sets
from tests.evaluation.test_difficulty import made

NOTICE = "the vault is closed"
_BODY = bundles.work()
WORK = bundles.sealed(_BODY | {"needles": _BODY["needles"] | {"evidence": [NOTICE]}})


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> list[Group]:
    return list(stored(sets.filled(tmp_path_factory)))


def rolled(
    outcome: Outcome,
    *contents: str,
    fault: int | None = None,
    answers: Sequence[str] = (),
    status: int = 0,
    given: int = 0,
    of: StoredRollout | None = None,
) -> StoredRollout:
    """A rollout that typed this, failing from that turn on.

    status, answers: of the first action, of the first ones. given, of: actions that it took over, and from which.
    """
    shown = [*answers, *(f"answer to {text}\n$ " for text in contents[len(answers) :])]
    turns = [Turn(role="env", content="$ ", orientation="A shell.")]
    for text, answer in zip(contents, shown, strict=True):
        code = status if len(turns) == 1 else 0
        turns += [Turn(role="action", content=text), Turn(role="env", content=answer, status=code)]
    body = made(WORK.id, 0, outcome).model_copy(
        update={
            "id": f"{outcome} {contents} {answers}",
            "turns": turns[:-1],
            "operator": OperatorInfo(
                kind="saboteur" if fault else "explorer",
                settings=({GIVEN: str(given)} if given else {}) | ({BRANCH_OF: of.trajectory.id} if of else {}),
            ),
            "fault": Fault(turn=fault, kind="slips") if fault else None,
            "keep": outcome in KEPT and not fault,
        }
    )
    return StoredRollout("file", body, WORK)


def paired(*group: StoredRollout, margin: float = 0.5) -> tuple[list[Pair], Counter[str]]:
    refused: Counter[str] = Counter()
    return list(Forks(group, refused).pairs(margin)), refused


def sides(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    return sorted((pair.chosen[0].content, pair.rejected[0].content) for pair in pairs)


def test_every_pair_of_a_run_is_cut_at_a_typed_message(groups: list[Group]) -> None:
    """Both trajectories hold the prompt, but for spelling, and then differ in what was typed, not in spelling."""

    def spelt(messages: Sequence[Any]) -> list[tuple[str, str]]:
        return [
            (one["role"], bare(one["content"]) if one["role"] == "assistant" else one["content"]) for one in messages
        ]

    count = 0
    for group in groups:
        by_id: dict[str, Trajectory] = {one.trajectory.id: one.trajectory for one in group}
        for pair in paired(*group)[0]:
            count += 1
            kept, failed = by_id[pair.chosen_side.trajectory], by_id[pair.rejected_side.trajectory]
            for trajectory, side in ((kept, pair.chosen), (failed, pair.rejected)):
                messages = trajectory.messages()[: pair.turn + 2]
                assert spelt([message.model_dump() for message in (*pair.prompt, *side)]) == spelt(messages)
            assert failed.fault is not None
            assert kept.keep
            assert pair.turn >= failed.fault.turn
            assert (pair.outcome, pair.cause, pair.source) == (failed.outcome, failed.fault.kind, "fault")
            assert bare(pair.chosen[0].content) != bare(pair.rejected[0].content)
            assert pair.chosen_side.right == pair.chosen_side.rollouts > 0 == pair.rejected_side.right
    assert count >= 3 * len(groups)


def test_every_failure_meets_the_sample_whose_prefix_it_shares(groups: list[Group]) -> None:
    """No failure of a scripted run is lost: each is the rejected side of a pair, or it is told why it is none."""
    for group in groups:
        pairs, refused = paired(*group)
        met = {pair.rejected_side.trajectory for pair in pairs}
        failed = {one.trajectory.id for one in group if one.trajectory.fault}
        assert len(failed - met) <= sum(refused.values())
        assert met


def test_a_harmless_difference_before_the_failure_makes_no_pair() -> None:
    """Who looked elsewhere first shares no prefix with the failure, however right the ending was."""
    kept = rolled("solved", "ls", "make", "exit")
    elsewhere = rolled("solved", "pwd", "make", "exit")
    failed = rolled("false_exit", "ls", "exit", fault=3)
    pairs, refused = paired(kept, elsewhere, failed)
    assert sides(pairs) == [("make", "exit")]
    assert (pairs[0].turn, pairs[0].cause, refused) == (3, "slips", Counter())


def test_a_failure_that_begins_like_the_right_way_is_cut_where_it_leaves_it() -> None:
    """The turn of the fault is where it may differ; the pair is cut where it does."""
    kept = rolled("solved", "ls", "cat a", "make", "exit")
    failed = rolled("harmful", "ls", "cat a", "rm a", "exit", fault=3)
    (pair,), _ = paired(kept, failed)
    assert (pair.turn, sides([pair])) == (5, [("make", "rm a")])


def test_volatile_answers_part_nobody() -> None:
    """Two sessions whose answers differ in times and order alone share their prefix."""
    kept = rolled("solved", "ls -l", "make", "exit", answers=["a Nov 23 03:17\nb Nov 23 03:17\n$ "])
    failed = rolled("false_exit", "ls -l", "exit", fault=3, answers=["b Nov 23 03:18\na Nov 23 03:18\n$ "])
    pairs, refused = paired(kept, failed)
    assert (sides(pairs), refused) == ([("make", "exit")], Counter())


def test_an_environment_that_answers_otherwise_is_refused_and_counted() -> None:
    """Where the first difference is not typed, no trainer may see the two as a pair."""
    kept = rolled("solved", "roll", "make", "exit", answers=["six\n$ "])
    failed = rolled("false_exit", "roll", "exit", fault=1, answers=["four\n$ "])
    pairs, refused = paired(kept, failed)
    assert (pairs, refused) == ([], Counter({"the environment answered otherwise": 1}))


def test_a_mistake_is_never_the_chosen_side() -> None:
    """What a kept rollout typed wrongly and mended is not what a model is to prefer; what shows a block is."""
    slip = rolled("solved", "sl", "ls", "make", "exit", status=127)
    failed = rolled("false_exit", "exit", fault=1)
    assert paired(slip, failed) == ([], Counter({"the right one made a mistake there": 1}))
    blocked = rolled("solved", "tool", "exit", answers=[f"{NOTICE}\n$ "], status=1)
    assert sides(paired(blocked, failed)[0]) == [("tool", "exit")]


def test_a_look_is_never_the_rejected_side_unless_it_fails() -> None:
    """A failure that begins with a look begins after it; a look for what there is not is a mistake."""
    kept = rolled("solved", "make", "exit")
    failed = [rolled("harmful", "ls /srv", "rm -r /srv", fault=1, status=status) for status in (0, 1)]
    assert paired(kept, failed[0]) == ([], Counter({"the failing one only looked there": 1}))
    assert sides(paired(kept, failed[1])[0]) == [("make", "ls /srv")]


def test_several_right_ways_make_several_pairs_but_not_two_alike() -> None:
    """Each other way at the same prompt is a chosen side; one that differs in options alone is not."""
    ways = [rolled("solved", first, "make", "exit") for first in ("ls", "ls -la", "cat plan")]
    failed = [rolled("false_exit", text, fault=1) for text in ("exit", "exit 0")]
    pairs, refused = paired(*ways, *failed)
    assert sides(pairs) == [("cat plan", "exit"), ("ls", "exit")]
    assert refused == Counter({"much like another pair": 4})


def test_a_choice_that_decides_how_rollouts_end_makes_a_pair() -> None:
    """Of what nobody made fail, the choice that ends right most often stands against one that seldom does."""
    right = [rolled("solved", "ls", "make", f"exit {n}") for n in range(3)]
    wrong = [rolled("false_exit", "ls", "guess", f"exit {n}") for n in range(4)]
    (pair,), _ = paired(*right, rolled("false_exit", "ls", "make", "exit 9"), *wrong)
    assert (sides([pair]), pair.source, pair.cause, pair.margin) == ([("make", "guess")], "branch", None, 0.75)
    assert (pair.chosen_side.rollouts, pair.chosen_side.right) == (4, 3)
    assert (pair.rejected_side.rollouts, pair.rejected_side.right) == (4, 0)


def test_a_choice_that_decides_little_or_may_be_chance_is_none() -> None:
    """A margin below the one asked for is left out, and so is a difference that few rollouts tell of."""
    right = [rolled("solved", "ls", "make", f"exit {n}") for n in range(3)]
    wrong = [rolled("false_exit", "ls", "guess", f"exit {n}") for n in range(4)]
    mixed = [*right, rolled("false_exit", "ls", "make", "exit 9"), *wrong]
    pairs, refused = paired(*mixed, margin=0.8)
    assert (pairs, refused["too small a margin"]) == ([], 1)
    assert len(paired(*right[:2], *wrong[:3])[0]) == 1, "2 of 2 against 0 of 3: 0.1"
    assert paired(*right[:2], *wrong[:2]) == ([], Counter({"may be chance": 1})), "2 of 2 against 0 of 2: 0.17"


def test_an_action_that_ends_the_session_needs_no_second_rollout() -> None:
    """What it leads to is certain, so that the other side's rollouts alone may be chance."""
    right = [rolled("solved", "ls", "make", f"exit {n}") for n in range(3)]
    assert sides(paired(*right, rolled("false_exit", "ls", "exit"))[0]) == [("make", "exit")]
    assert paired(right[0], rolled("false_exit", "ls", "exit"))[0] == []


def test_a_branch_tells_of_no_choice_before_the_last_it_was_given() -> None:
    """Branches of a failed rollout start where they are bound to fail: its first look is not to blame for that."""
    right = [rolled("solved", "pwd", "make", f"exit {n}") for n in range(3)]
    failed = rolled("false_exit", "ls", "spoil", "exit")
    bound = [rolled("false_exit", "ls", "spoil", f"exit {n}", given=2) for n in range(4)]
    free = [rolled("solved", "ls", "make", f"exit {n}", given=1) for n in range(3)]
    pairs, _ = paired(*right, failed, *bound, *free)
    assert sides(pairs) == [("make", "spoil")]
    assert (pairs[0].turn, pairs[0].rejected_side.rollouts, pairs[0].chosen_side.rollouts) == (3, 5, 3)


def test_a_failure_on_purpose_says_nothing_of_the_turns_before_it() -> None:
    """The saboteur's ending does not count against what it had typed while all was well."""
    kept = [rolled("solved", "ls", "make", f"exit {n}") for n in range(2)]
    failed = [rolled("false_exit", "ls", "make", "rm a", f"exit {n}", fault=5) for n in range(4)]
    other = [rolled("false_exit", "pwd", f"exit {n}") for n in range(3)]
    pairs, _ = paired(*kept, *failed, *other)
    (first,) = (pair for pair in pairs if pair.turn == 1)
    assert (first.chosen_side.rollouts, first.chosen_side.right, first.margin) == (2, 2, 1.0)


ACTIONS = st.sampled_from(["ls", "ls -l", "cat 'a'", "cat a", "make", "exit 0", "exit", "panic no", "panic 'never'"])
ANSWERS = st.sampled_from(["a\nb\n$ ", "b\na\n$ ", "a 10:31\n$ ", "a 22:15\n$ ", "c\n$ "])
SESSIONS = st.tuples(
    st.sampled_from(("solved", "false_exit")),
    st.lists(ACTIONS, min_size=2, max_size=4),
    st.lists(ANSWERS, min_size=2, max_size=2),
    st.sampled_from((None, 1, 3)),
)


@given(st.lists(SESSIONS, min_size=2, max_size=6))
def test_no_first_difference_is_an_observation(
    sessions: list[tuple[Outcome, list[str], list[str], int | None]],
) -> None:
    """Whatever was typed and shown, the two sides of a pair had all the same before them and then typed otherwise."""
    group = [
        rolled(outcome, *actions, answers=answers, fault=None if outcome == "solved" else fault)
        for outcome, actions, answers, fault in sessions
    ]
    by_id = {one.trajectory.id: one.trajectory for one in group}
    for pair in paired(*group, margin=0.0)[0]:
        kept, failed = by_id[pair.chosen_side.trajectory].turns, by_id[pair.rejected_side.trajectory].turns
        assert kept[pair.turn].role == failed[pair.turn].role == "action"
        assert bare(kept[pair.turn].content) != bare(failed[pair.turn].content)
        for at, (one, two) in enumerate(zip(kept[: pair.turn], failed[: pair.turn], strict=True)):
            if one.role == "action":
                assert bare(one.content) == bare(two.content)
            else:
                assert settled(one.content, kept[at - 1].content) == settled(two.content, failed[at - 1].content)


@pytest.mark.parametrize(
    "change",
    [
        {
            "rejected": [{"role": "assistant", "content": "exit  0"}],
            "chosen": [{"role": "assistant", "content": "exit"}],
        },
        {"prompt": [{"role": "user", "content": "$ "}, {"role": "assistant", "content": "ls"}]},
        {"chosen": [{"role": "user", "content": "$ "}]},
        {"rejected": []},
    ],
    ids=["same but for spelling", "prompt ends in an action", "side is an answer", "no side"],
)
def test_what_is_no_preference_cannot_be_written(groups: list[Group], change: dict[str, object]) -> None:
    """A pair whose sides are equal, or whose first difference was not typed, is refused by the type itself."""
    pair = next(pair for group in groups for pair in paired(*group)[0])
    with pytest.raises(ValidationError):
        Pair.model_validate(pair.model_dump() | change)


def test_a_correction_stands_against_the_action_that_it_replaced() -> None:
    """One of each is enough: the action is known to be wrong. What an expert did after it is no choice at that turn."""
    failed = rolled("unfinished", "ls", "guess", "guess", answers=["a\n$ ", "no\n$ ", "no\n$ "])
    before = rolled("solved", "ls", "guess", "make", "exit", answers=["a\n$ ", "no\n$ "], given=2, of=failed)
    after = rolled(
        "solved", "ls", "guess", "guess", "make", "exit", answers=["a\n$ ", "no\n$ ", "no\n$ "], given=3, of=failed
    )
    (pair,), _ = paired(failed, before, after)
    assert (sides([pair]), pair.source, pair.turn) == ([("make", "guess")], "correction", 5)


def test_a_branch_that_starts_elsewhere_is_no_correction() -> None:
    """An expert that takes over earlier shows nothing of the action there, and one that fails shows nothing at all."""
    failed = rolled("false_exit", "ls", "look", "exit")
    earlier = rolled("solved", "ls", "make", "exit", given=1, of=failed)
    wrong = rolled("false_exit", "ls", "look", "guess", "exit", given=2, of=failed)
    assert paired(failed, earlier, wrong)[0] == []
    same = rolled("solved", "ls", "look", "exit", given=2, of=failed)
    assert paired(failed, same) == ([], Counter({"both typed the same": 1}))
