"""Episodes for GRPO: the trainer gets every token of the conversation, and trains what the model typed alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from sekft import env
from sekft.env.grpo import Rollouts, Tokens, rewards
from sekft.errors import UsageError
from tests import bundles
from tests.env.test_episode import Breaking

WORK, BLOCKED = bundles.sealed(bundles.work()), bundles.sealed(bundles.blocked())
END = "\x03"


class Characters:
    """A tokenizer whose tokens are characters, with a template like ChatML's that has one end token."""

    def apply_chat_template(self, messages: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool) -> str:
        rows = (f"\x02{message['role']}\n{message['content']}{END}\n" for message in messages)
        return "".join(rows) + "\x02assistant\n" * add_generation_prompt

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, Tokens]:
        return {"input_ids": list(map(ord, text))}

    def decode(self, tokens: Tokens, skip_special_tokens: bool = False) -> str:
        text = "".join(map(chr, tokens))
        return text.replace(END, "") if skip_special_tokens else text


@dataclass
class Trainer:
    """As much of a GRPOTrainer as a rollout asks for. calls: how many conversations each call answered."""

    most: int | None = None
    calls: list[int] = field(default_factory=list)

    @property
    def args(self) -> Any:
        return SimpleNamespace(max_completion_length=self.most)

    processing_class = Characters()
    generation_config = SimpleNamespace(eos_token_id=ord(END))


def typing(*scripts: Sequence[str], end: str = END) -> Callable[..., list[Tokens]]:
    """Types the scripts in turn, and goes on with the longest: the others are over by then."""

    def generate(trainer: Trainer, prompts: Sequence[Tokens], most: int) -> list[Tokens]:
        trainer.calls.append(len(prompts))
        texts = ["".join(map(chr, prompt)) for prompt in prompts]
        said = [text.count("\x02assistant\n") - 1 for text in texts]
        first = said == [0] * len(said)
        chosen = (
            [scripts[at % len(scripts)] for at in range(len(said))] if first else [max(scripts, key=len)] * len(said)
        )
        return [list(map(ord, commands[at] + end)) for commands, at in zip(chosen, said, strict=True)]

    return generate


def played(rollouts: Rollouts, trainer: Trainer, samples: int = 1) -> dict[str, Any]:
    prompts = [row["prompt"] for row in rollouts.prompts() for _ in range(samples)]
    return rollouts(prompts, trainer)


@pytest.mark.parametrize("end", [END, ""], ids=["ends its answers", "is cut off"])
def test_what_the_model_typed_is_trained_and_nothing_else(end: str) -> None:
    """Prompt and completion are the conversation as rendered, and the mask is on the actions and their end tokens."""
    rollouts = Rollouts([WORK], generate=typing(WORK.reference, end=end))
    out = played(rollouts, Trainer(), samples=2)
    assert out["reward"] == rewards([], **out) == [1.0, 1.0]
    assert out["logprobs"] is None
    for prompt, completion, mask in zip(out["prompt_ids"], out["completion_ids"], out["env_mask"], strict=True):
        assert len(completion) == len(mask)
        typed = "".join(chr(token) for token, own in zip(completion, mask, strict=True) if own)
        assert typed == "".join(command + end for command in WORK.reference)
        whole = "".join(map(chr, prompt + completion))
        assert whole.count("\x02user\n") == whole.count("\x02assistant\n") == len(WORK.reference)
        assert whole.startswith(f"\x02system\n{WORK.orientation}{END}\n\x02user\n")
        assert f"\x02user\n7\nana$ {END}\n\x02assistant\nchit read 7{END}\n" in whole


def test_episodes_that_go_on_are_answered_together() -> None:
    """One call answers every episode that waits, though some are longer than others, and twins may begin alike."""
    trainer = Trainer()
    rollouts = Rollouts([WORK, BLOCKED], generate=typing(["ls", "ls", "exit"], ["exit"]), reward=env.Shaped())
    assert played(rollouts, trainer, samples=2)["reward"] == [0.0] * 4
    assert trainer.calls == [4, 2, 2]


@pytest.mark.parametrize("script", [["exit"], ["cat <<END"], [""], ["ls"] * 3])
def test_what_is_not_right_earns_nothing(script: list[str]) -> None:
    """A blind exit, what cannot be typed and a session without an end are worth 0, by a shaped reward as well."""
    rollouts = Rollouts([WORK], generate=typing(script), reward=env.Shaped(), max_turns=3)
    out = played(rollouts, Trainer())
    assert out["reward"] == [0.0]
    assert sum(out["env_mask"][0]) == sum(len(text) + 1 for text in script)


def test_an_episode_without_room_is_left() -> None:
    """Where the next action might exceed max_completion_length the episode is left, ending with an action."""
    trainer = Trainer(most=120)
    rollouts = Rollouts([WORK], generate=typing(["ls"] * 40), action_tokens=10)
    out = played(rollouts, trainer)
    assert out["reward"] == [0.0]
    assert 1 < len(trainer.calls) < 40
    assert len(out["completion_ids"][0]) <= 120
    assert out["env_mask"][0][-3:] == [1, 1, 1]


def test_a_broken_sandbox_has_no_reward() -> None:
    """An episode that an infra error broke is None to the trainer, which leaves it out."""
    rollouts = Rollouts([WORK], generate=typing(WORK.reference))
    prompts = [row["prompt"] for row in rollouts.prompts()]
    rollouts._sandbox = Breaking(after=0)  # type: ignore[assignment]
    out = rollouts(prompts, Trainer())
    assert (out["reward"], out["completion_ids"], out["env_mask"]) == ([None], [[ord(END)]], [[0]])


def test_what_generating_raises_reaches_the_trainer() -> None:
    """No episode waits for ever where the model's library fails."""

    def failing(trainer: Trainer, prompts: Sequence[Tokens], most: int) -> list[Tokens]:
        raise MemoryError("no room for the cache")

    with pytest.raises(MemoryError, match="no room"):
        played(Rollouts([WORK], generate=failing), Trainer(), samples=3)


def test_prompts_that_are_not_ours_are_refused() -> None:
    """A prompt must say which scenario it is of, in a field that no template renders."""
    rollouts = Rollouts([WORK])
    (row,) = rollouts.prompts()
    assert {message["scenario_id"] for message in row["prompt"]} == {WORK.id}
    for prompt in ([{"role": "user", "content": "hello"}], Rollouts([BLOCKED]).prompts()[0]["prompt"]):
        with pytest.raises(UsageError, match="want prompts of this object"):
            rollouts([prompt], Trainer())
