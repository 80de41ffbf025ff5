"""Scenarios for TRL's GRPOTrainer: a `rollout_func` that plays a batch of episodes, and the data set of their prompts.

    rollouts = Rollouts(env.scenarios("demo", split="train"))
    trainer = GRPOTrainer(model, reward_funcs=rewards, train_dataset=rollouts.dataset(), rollout_func=rollouts, args=…)

The tokens of the terminal stand in the completion, because the next action depends on them. `env_mask` leaves them out
of the loss: only what the model typed is trained. Wants the extra `train`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from sekft.env.episode import land
from sekft.env.reward import Reward, right
from sekft.errors import InfraError, UsageError
from sekft.protocols import Sandbox
from sekft.runs.library import Messages, completed
from sekft.scenario import Scenario

Tokens = list[int]
Generate = Callable[[Any, Sequence[Tokens], int], Sequence[Tokens]]
"""Takes the trainer, the tokens of each conversation so far, the most that an answer may have; gives the answers."""
ID = "scenario_id"
MARK = "SEKFT-ACTION"
LANDED_AT_ONCE = 16


def rewards(completions: Sequence[object], reward: Sequence[float | None], **columns: object) -> list[float | None]:
    """The reward function for the trainer: what the episodes earned. TRL leaves out None, where a sandbox broke."""
    return list(reward)


def sampled(trainer: Any, prompts: Sequence[Tokens], most: int) -> list[Tokens]:
    """Sample from the trainer's model in this process, by its generation config; an answer has its end token."""
    import torch

    model, pad = trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class.pad_token_id
    config = copy(trainer.generation_config)
    config.max_new_tokens = most
    width = max(map(len, prompts))
    rows = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts], device=model.device)
    held = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            made = model.generate(input_ids=rows, attention_mask=held, generation_config=config)
    finally:
        model.train(was_training)
    ends = ending_tokens(trainer)
    return [_until_end(row[width:].tolist(), ends) for row in made]


def ending_tokens(trainer: Any) -> set[int]:
    """The tokens with which the model ends an answer."""
    ends = trainer.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}


def _until_end(tokens: Tokens, ends: set[int]) -> Tokens:
    """With the first end token, without the padding behind it."""
    return tokens[: next((at + 1 for at, token in enumerate(tokens) if token in ends), len(tokens))]


@dataclass
class _Episode:
    """What the trainer gets of one: completion and mask are of one length, 1 where the model typed."""

    prompt: Tokens
    completion: Tokens = field(default_factory=list)
    mask: list[int] = field(default_factory=list)
    reward: float | None = None

    def add(self, tokens: Tokens, typed: int) -> None:
        self.completion += tokens
        self.mask += [typed] * len(tokens)


class _Batch:
    """Answers all episodes that still go on in one call, as soon as each of them waits."""

    def __init__(self, generate: Callable[[Sequence[Tokens]], Sequence[Tokens]], live: int) -> None:
        self._generate, self._live = generate, live
        self._waiting: dict[int, tuple[Tokens, asyncio.Future[Tokens]]] = {}

    async def answer(self, episode: int, tokens: Tokens) -> Tokens:
        """Raises what generating raises."""
        waiting: asyncio.Future[Tokens] = asyncio.get_running_loop().create_future()
        self._waiting[episode] = (tokens, waiting)
        self._serve()
        return await waiting

    def left(self) -> None:
        """One episode will ask no more."""
        self._live -= 1
        self._serve()

    def _serve(self) -> None:
        if not self._waiting or len(self._waiting) < self._live:
            return
        asked = [self._waiting[episode] for episode in sorted(self._waiting)]  # the same order gives the same sample
        self._waiting.clear()
        try:
            for (_, waiting), answer in zip(asked, self._generate([tokens for tokens, _ in asked]), strict=True):
                waiting.set_result(list(answer))
        except Exception as error:  # whatever the model's library raises is raised to the trainer
            for _, waiting in asked:
                if not waiting.done():
                    waiting.set_exception(error)


class Rollouts:
    """The trainer's `rollout_func`.

    reward:        right, Shaped() or one of your own; see sekft.env.reward.
    max_turns:     actions of an episode. action_tokens: the most tokens of one.
    generate:      samples answers; give one of your own for vLLM, or where the model is sharded.
    An episode whose tokens would exceed the trainer's max_completion_length is left, as unfinished.
    """

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        *,
        reward: Reward = right,
        max_turns: int = 40,
        action_tokens: int = 128,
        sandbox: str | Sandbox = "auto",
        generate: Generate = sampled,
    ) -> None:
        self._scenarios, self._reward, self._sandbox = list(scenarios), reward, sandbox
        self._max_turns, self._action_tokens, self._generate = max_turns, action_tokens, generate
        self._known = {scenario.id: scenario for scenario in scenarios}

    def prompts(self) -> list[dict[str, Any]]:
        """A row for each scenario: `prompt`, what a policy sees first. Lands in each once. Raises InfraError.

        Each message has the scenario's id beside role and content, because twins begin alike; no template renders it.
        """
        logins = zip(self._scenarios, completed(self._logins()), strict=True)
        return [{"prompt": [{**message, ID: scenario.id} for message in said]} for scenario, said in logins]

    def dataset(self) -> Any:
        """The same as a `datasets.Dataset`."""
        from datasets import Dataset

        return Dataset.from_list(self.prompts())

    def __call__(self, prompts: Sequence[Messages], trainer: Any) -> dict[str, Any]:
        """An episode for each prompt: prompt_ids, completion_ids, env_mask, reward; logprobs None, as TRL takes it."""
        episodes: list[_Episode] = completed(self._played(prompts, trainer))
        return {
            "prompt_ids": [episode.prompt for episode in episodes],
            "completion_ids": [episode.completion for episode in episodes],
            "env_mask": [episode.mask for episode in episodes],
            "reward": [episode.reward for episode in episodes],
            "logprobs": None,
        }

    async def _logins(self) -> list[Messages]:
        gate = asyncio.Semaphore(LANDED_AT_ONCE)

        async def login(scenario: Scenario) -> Messages:
            async with gate, land(scenario, self._sandbox) as shell:
                return shell.messages

        return await asyncio.gather(*map(login, self._scenarios))

    async def _played(self, prompts: Sequence[Messages], trainer: Any) -> list[_Episode]:
        batch = _Batch(lambda asked: self._generate(trainer, asked, self._action_tokens), len(prompts))
        player = _Player(trainer, self._action_tokens)

        async def play(at: int) -> _Episode:
            episode = _Episode(player.encoded(player.rendered(prompts[at])))
            try:
                async with land(self._scenario(prompts[at]), self._sandbox, **self._options()) as shell:
                    more = True
                    while more:
                        typed = await batch.answer(at, episode.prompt + episode.completion)
                        episode.add(typed, 1)
                        step = await shell.step(player.decoded(typed))
                        more = not step.done and player.goes_on(episode, step.screen)
                episode.reward = shell.result.reward
            except InfraError:
                episode.add([] if episode.completion else sorted(player.ends)[:1], 0)  # TRL wants one token at least
            finally:
                batch.left()
            return episode

        return await _all(play(at) for at in range(len(prompts)))

    def _options(self) -> Mapping[str, Any]:
        return {"reward": self._reward, "max_turns": self._max_turns}

    def _scenario(self, prompt: Messages) -> Scenario:
        """Raises UsageError for a prompt that this object did not make."""
        name = prompt[0].get(ID)
        if name not in self._known:
            raise UsageError(f"prompt of scenario {name!r}: want prompts of this object's dataset()")
        return self._known[name]


class _Player:
    """Between tokens and text, by the trainer's chat template."""

    def __init__(self, trainer: Any, action_tokens: int) -> None:
        self._tokenizer, self.ends = trainer.processing_class, ending_tokens(trainer)
        self._most, self._action_tokens = trainer.args.max_completion_length, action_tokens

    def rendered(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Up to where the assistant's next action begins."""
        said = [{"role": message["role"], "content": message["content"]} for message in messages]
        return str(self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))

    def encoded(self, text: str) -> Tokens:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def decoded(self, tokens: Tokens) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def goes_on(self, episode: _Episode, screen: str) -> bool:
        """Add what the terminal shows, where that and another action still have room."""
        said = [{"role": "user", "content": "?"}, {"role": "assistant", "content": MARK}]
        tokens = self.encoded(self.rendered([*said, {"role": "user", "content": screen}]).partition(MARK)[2])
        if episode.completion[-1] == tokens[0]:  # the model has typed the end token itself
            tokens = tokens[1:]
        if self._most is not None and len(episode.completion) + len(tokens) + self._action_tokens > self._most:
            return False
        episode.add(tokens, 0)
        return True


async def _all(work: Any) -> list[_Episode]:
    """All results in order; the first failure stops the others and is raised once they have cleaned up."""
    tasks: list[asyncio.Task[_Episode]] = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
