"""The model operator against a real server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sekft.errors import UsageError
from sekft.models.endpoint import Endpoint, Service
from sekft.operators.model import ModelOperator, ModelPolicy, conversation, default_scaffold, echoes, scaffold
from sekft.trajectory import Turn
from tests.served import Answer, Served, serving

LANDED = Turn(role="env", content="motd: see `orders`\nmira@box:~$ ", orientation="A shell. `exit` ends it.")
GOLDEN = Path(__file__).parent / "golden"
SCAFFOLDS = ("brief", "careful", "default")
FORMATS = ("plain", "fenced")
Start = Callable[..., tuple[ModelPolicy, Served]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a server with these answers and a policy that asks it."""
    async with AsyncExitStack() as stack:

        def started(
            *answers: Answer, temperature: float = 0.7, seed: int = 1, **settings: Any
        ) -> tuple[ModelPolicy, Served]:
            served = stack.enter_context(serving(*answers))
            endpoint = Endpoint(Service("tiny", served.url), first_pause_s=0.01)
            stack.push_async_callback(endpoint.close)
            return ModelPolicy(
                ModelOperator(endpoint, max_tokens=16, temperature=temperature, **settings), seed
            ), served

        yield started


async def test_a_command_is_typed_without_its_wrapping(start: Start) -> None:
    """What is typed is the command, with the tokens that it cost."""
    policy, _ = start(Answer("Sure!\n```sh\n$ orders --help\n```"))
    action = await policy.act([LANDED])
    assert (action.text, action.fault) == ("orders --help", None)
    assert (action.usage.requests, action.usage.completion_tokens) == (1, 3)


async def test_the_model_sees_the_deploy_form_behind_the_scaffold(start: Start) -> None:
    """The system message is scaffold and orientation; env turns are the user's, own actions the assistant's."""
    policy, served = start()
    turns = [LANDED, Turn(role="action", content="ls"), Turn(role="env", content="notes\nmira@box:~$ ")]
    await policy.act(turns)
    messages = served.requests[0]["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0]["content"] == f"{default_scaffold().strip()}\n\n{LANDED.orientation}"
    assert [message["content"] for message in messages[1:]] == [turn.content for turn in turns]


async def test_an_answer_without_a_command_is_asked_for_again(start: Start) -> None:
    """One answer of prose costs tokens, not the rollout; the second ask has another seed."""
    policy, served = start(Answer("I will look around."), Answer("ls"))
    action = await policy.act([LANDED])
    assert (action.text, action.usage.requests) == ("ls", 2)
    assert served.requests[0]["seed"] != served.requests[1]["seed"]


async def test_a_model_that_only_chats_is_a_fault(start: Start) -> None:
    """After the third answer without a command the policy says why there is none."""
    policy, served = start(Answer("How can I help you today?"))
    action = await policy.act([LANDED])
    assert (action.text, action.fault, len(served.requests)) == ("", "prose", 3)


async def test_a_greedy_model_is_asked_once(start: Start) -> None:
    """At temperature 0 the same question has the same answer."""
    policy, served = start(Answer(""), temperature=0.0)
    assert (await policy.act([LANDED])).fault == "empty"
    assert len(served.requests) == 1


async def test_the_scaffold_is_never_typed(start: Start) -> None:
    """An answer that repeats a line of the scaffold is a fault, even inside a command."""
    line = max(default_scaffold().splitlines(), key=len)
    policy, _ = start(Answer(f'echo "{line}"'))
    assert (await policy.act([LANDED])).fault == "repeats the scaffold"


async def test_a_full_context_ends_the_policy_and_not_the_run(start: Start) -> None:
    """A conversation that has become too long is a fault of this rollout."""
    policy, _ = start(Answer('{"error": {"message": "Requested tokens exceed context window of 8"}}', status=400))
    assert (await policy.act([LANDED])).fault == "context full"


async def test_seeds_differ_by_turn_and_repeat_by_seed(start: Start) -> None:
    """The same policy seed asks with the same seeds, another turn with another."""
    seeds = []
    for seed in (1, 1, 2):
        policy, served = start(seed=seed)
        await policy.act([LANDED])
        await policy.act([LANDED, LANDED])
        seeds.append([request["seed"] for request in served.requests])
    assert seeds[0] == seeds[1] != seeds[2]
    assert seeds[0][0] != seeds[0][1]


def test_the_record_names_model_and_settings_but_neither_url_nor_key() -> None:
    """What is recorded of the operator suffices to repeat it and gives no secret away."""
    info = ModelOperator(Endpoint(Service("tiny", "http://secret-host/v1", "sk-secret"))).info
    assert (info.kind, info.model) == ("model", "tiny")
    assert set(info.settings) == {"max_tokens", "temperature", "scaffold_sha256"}
    assert "secret" not in info.model_dump_json()


async def test_a_fenced_operator_is_shown_what_it_is_asked_for(start: Start) -> None:
    """With fences the model's own commands stand in fences; what is typed and recorded is the command alone."""
    policy, served = start(Answer("```sh\nls -l\n```"), fenced=True)
    turns = [LANDED, Turn(role="action", content="ls"), Turn(role="env", content="mira@box:~$ ")]
    assert (await policy.act(turns)).text == "ls -l"
    assert served.requests[0]["messages"][2]["content"] == "```sh\nls\n```"


async def test_a_student_is_shown_the_deploy_form_alone(start: Start) -> None:
    """Without a scaffold the system message is the orientation, byte for byte."""
    policy, served = start(scaffold="")
    await policy.act([LANDED])
    assert served.requests[0]["messages"][0] == {"role": "system", "content": LANDED.orientation}


@pytest.mark.parametrize("text", ["Sure: `ls`", "```sh\nls\n```", "<think>a</think>ls"])
async def test_what_a_student_answers_is_typed_as_it_stands(start: Start, text: str) -> None:
    """Nobody takes prose or a fence off it, nor asks it twice: it is measured as it will be deployed."""
    policy, served = start(Answer(text + "\n"), scaffold="")
    action = await policy.act([LANDED])
    assert (action.text, action.fault) == (text, None)
    assert len(served.requests) == 1


async def test_a_student_that_answers_nothing_is_not_asked_again(start: Start) -> None:
    """An answer of blanks is a fault at once."""
    policy, served = start(Answer(" \n"), scaffold="")
    assert (await policy.act([LANDED])).fault == "empty"
    assert len(served.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer("<think>A look.</think>\nls"), Answer("ls", fields={"reasoning": "A look."})],
    ids=["tag", "field"],
)
async def test_thoughts_are_told_and_never_typed(start: Start, answer: Answer) -> None:
    """Reasoning goes with the action, wherever the service puts it, and is no part of its text."""
    policy, _ = start(answer)
    action = await policy.act([LANDED])
    assert (action.text, action.thoughts) == ("ls", "A look.")


async def test_a_share_of_rollouts_holds_one_slip(start: Start) -> None:
    """One of the first commands is mistyped, once, so that it does nothing; the others are the model's own."""
    policy, _ = start(Answer("orders --help"), slips=1.0)
    typed = [(await policy.act([LANDED] * (2 * at + 1))).text for at in range(8)]
    (slip,) = [text for text in typed if text != "orders --help"]
    assert typed.index(slip) < 4
    assert (sorted(slip), slip.endswith(" --help")) == (sorted("orders --help"), True)


@pytest.mark.parametrize(
    "command", ["exit", "panic it is locked", "echo a > b", "ls; rm x", "ls", "aaa", "true && exit"]
)
async def test_what_would_still_do_something_is_not_mistyped(start: Start, command: str) -> None:
    """Endings, redirections and lists are typed as the model gave them."""
    policy, _ = start(Answer(command), slips=1.0)
    assert (await policy.act([LANDED] * 9)).text == command


async def test_the_nucleus_is_sent_when_it_is_set(start: Start) -> None:
    """Sampling options reach the service; what is not set is left to it."""
    for top_p in (0.9, None):
        policy, served = start(top_p=top_p)
        await policy.act([LANDED])
        assert served.requests[0].get("top_p") == top_p


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", SCAFFOLDS)
def test_scaffolds_are_the_golden_ones(name: str, form: str) -> None:
    """What a model is told changes only on purpose (python -m tests.operators.test_model writes the files)."""
    assert scaffold(name, form == "fenced") == (GOLDEN / f"{name}-{form}.txt").read_text()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", SCAFFOLDS)
def test_every_scaffold_tells_how_to_answer_and_both_endings(name: str, form: str) -> None:
    """A model without training learns the form of an answer and how a session ends."""
    told = scaffold(name, form == "fenced")
    assert all(word in told for word in ("`exit`", "`panic`", "typed as it is"))
    assert "{" not in told


def test_a_file_may_be_the_scaffold(tmp_path: Path) -> None:
    """One's own scaffold is a file; what is neither file nor shipped names those that are."""
    (tmp_path / "own.md").write_text("Act. {answer}")
    assert scaffold(str(tmp_path / "own.md")).startswith("Act. Everything")
    with pytest.raises(UsageError, match="brief, careful, default"):
        scaffold("none-such")


def test_short_words_of_the_scaffold_may_be_typed() -> None:
    """A command is no echo because a short line of the scaffold occurs in it."""
    assert not echoes("exit", "exit\n" + "x" * 40)


def test_a_conversation_without_orientation_still_starts_with_the_scaffold() -> None:
    """A turn without orientation leaves no empty lines behind the scaffold."""
    assert conversation("do\n", [Turn(role="env", content="$ ")])[0]["content"] == "do"


if __name__ == "__main__":
    for name in SCAFFOLDS:
        for form in FORMATS:
            (GOLDEN / f"{name}-{form}.txt").write_text(scaffold(name, form == "fenced"))
