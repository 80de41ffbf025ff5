"""The deploy form, and why a record is kept or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sekft.rollouts.record import forbidding, record
from sekft.rollouts.rollout import RolloutResult
from sekft.rollouts.verify import judge
from sekft.scenario import Scenario
from sekft.shell.chat_format import action_faults, violations
from sekft.trajectory import Check, Ending, OperatorInfo, SandboxInfo, Timing, Trajectory, Turn, Usage
from tests import bundles

SESSION = (
    "What waits for ana lies with chit.\nana$ ",
    "chit --help",
    "Chits are kept until they are put away.\nana$ ",
    "chit read 7",
    "Write granite into /home/ana/stone.txt\nana$ ",
    "echo granite > stone.txt",
    "ana$ ",
    "exit",
)


@pytest.fixture
def scenario() -> Scenario:
    return bundles.sealed(bundles.work())


def observed(*contents: str, wall_s: float = 1.0) -> RolloutResult:
    turns = [
        Turn(role="action" if at % 2 else "env", content=text, orientation=None if at else "A shell.")
        for at, text in enumerate(contents)
    ]
    return RolloutResult(
        sample=0,
        seed=1,
        operator=OperatorInfo(kind="reference"),
        turns=tuple(turns),
        ending=Ending(kind="exit", status=0),
        sandbox=SandboxInfo(backend="none", userland="busybox", userland_digest=""),
        check=Check(verdict="pass", passed=True, status=0),
        changing=(5,),
        usage=Usage(requests=len(turns)),
        timing=Timing(wall_s=wall_s),
    )


def recorded(scenario: Scenario, seen: RolloutResult, forbidden: tuple[str, ...] = ()) -> Trajectory:
    return record(scenario, seen, judge(scenario, seen), forbidden)


def test_a_clean_complete_record_is_kept(scenario: Scenario) -> None:
    """Right outcome, whole mechanism, clean form: kept, and it says so."""
    made = recorded(scenario, observed(*SESSION))
    assert made.keep
    assert made.keep_reasons == ["outcome solved", "mechanism complete", "deploy form clean"]
    assert violations(made) == []


def test_each_lack_is_a_reason(scenario: Scenario) -> None:
    """A lucky solver that never read the documentation is not kept."""
    contents = [text.replace("chit --help", "ls").replace("Chits are kept", "Things are") for text in SESSION]
    made = recorded(scenario, observed(*contents))
    assert not made.keep
    assert made.keep_reasons == ["outcome unearned", "mechanism lacks learnt"]


def test_an_infra_error_says_what_broke(scenario: Scenario) -> None:
    """A rollout that leaves the set names what took it out."""
    seen = replace(observed(*SESSION[:3]), infra="the sandbox ended unexpectedly")
    assert recorded(scenario, seen).keep_reasons[:2] == [
        "outcome infra_error",
        "infra: the sandbox ended unexpectedly",
    ]


def test_a_key_in_a_turn_is_not_kept(scenario: Scenario) -> None:
    """No key survives in a kept record."""
    contents = [*SESSION[:5], "echo granite sk-123 > stone.txt", *SESSION[6:]]
    assert recorded(scenario, observed(*contents), ("sk-123",)).keep_reasons == [
        "deploy form: turn 5 holds a forbidden text"
    ]


@pytest.mark.parametrize("lack", ["", "chit --help", "echo granite", "exit"])
@pytest.mark.parametrize("key", ["sk-123", "chit", "nowhere to be seen"])
def test_a_key_that_only_the_driver_knows_is_not_kept_either(scenario: Scenario, lack: str, key: str) -> None:
    """Whatever else is wrong: the record is what it would be had its maker known the key."""
    contents = [*SESSION[:5], "echo granite sk-123 > stone.txt", *SESSION[6:]]
    seen = observed(*(text.replace(lack, "ls") if lack else text for text in contents))
    made = recorded(scenario, seen)
    assert forbidding(made, [key]) == recorded(scenario, seen, (key,))


def test_messages_alternate_and_end_with_the_assistant(scenario: Scenario) -> None:
    """system, then user and assistant in turn; the last is the action that ends the session."""
    messages = recorded(scenario, observed(*SESSION)).messages()
    assert [message["role"] for message in messages] == ["system"] + ["user", "assistant"] * 4
    assert messages[-1]["content"] == "exit"


def test_the_id_ignores_the_clock_and_the_meter(scenario: Scenario) -> None:
    """The same session has the same id however long it took, and another one has another."""
    one = recorded(scenario, observed(*SESSION, wall_s=1.0))
    assert recorded(scenario, observed(*SESSION, wall_s=9.0)).id == one.id
    assert recorded(scenario, observed(*SESSION[:-1], "exit 0")).id != one.id


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "nothing"),
        ("```sh\nls\n```", "a fence"),
        ("<think>hm</think>ls", "a think tag"),
        ("ls<|im_end|>", "a template token"),
        ("ls # look around", "a comment"),
        ("$ ls", "a prompt"),
        ("Let me look around first.", "prose"),
        ("I will run ls", "prose"),
    ],
)
def test_what_nobody_types_is_a_fault(text: str, fault: str) -> None:
    """Scaffold residue in an action is named."""
    assert fault in action_faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "ls -l",
        "panic I cannot write there",
        "cat > notes <<'END'\n# heading\nI will go.\nEND",
        "sed -i 's/#.*//' conf",
        "echo '```' > fence",
        "> emptied.txt",
        "test -e x && { echo yes; exit 3; }",
    ],
)
def test_what_people_type_is_none(text: str) -> None:
    """Quoted signs, here-documents and a panic's reason are plain typing."""
    assert action_faults(text) == []


def reordered(made: Trajectory) -> Trajectory:
    return made.model_copy(update={"turns": made.turns[1:]})


def unended(made: Trajectory) -> Trajectory:
    return made.model_copy(update={"turns": made.turns[:-1]})


def flooded(made: Trajectory) -> Trajectory:
    flood = made.turns[2].model_copy(update={"content": "é" * (16 * 1024 + 1)})
    return made.model_copy(update={"turns": [*made.turns[:2], flood, *made.turns[3:]]})


def endless(made: Trajectory) -> Trajectory:
    pair = made.turns[1:3]
    return made.model_copy(update={"turns": [made.turns[0], *pair * 40, made.turns[-1]]})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (reordered, "turn 0 has no orientation"),
        (unended, "the last turn is not the action that ended the session"),
        (flooded, "turn 2 holds 32770 bytes, want at most 32768"),
        (endless, "41 actions, want at most 40"),
    ],
)
def test_shapes_that_are_not_the_deploy_form(
    scenario: Scenario, change: Callable[[Trajectory], Trajectory], fault: str
) -> None:
    """Order, ending, size and number of turns are all looked at."""
    assert fault in violations(change(recorded(scenario, observed(*SESSION))))
