"""The `student` operator: a local Hugging Face folder, run in this process, in the form in which it is deployed.

No scaffold, no repair: its answer up to the end token is typed, byte for byte.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Sequence
from pathlib import Path

from sekft.errors import UsageError
from sekft.operators.local import MAX_TOKENS, Generator, Sampling
from sekft.protocols import CONTEXT_FULL, Action, Operator, OperatorConfig
from sekft.scenario import Scenario
from sekft.seeds import derive
from sekft.trajectory import OperatorInfo, Turn, Usage, messages

SEED_BITS = 63
DIGEST_LETTERS = 16


def make(settings: OperatorConfig) -> StudentOperator:
    """Raises UsageError where no folder is named, or none of a model."""
    if settings.model is None:
        raise UsageError("--operator student: name the model's folder with --model FOLDER")
    sampling = Sampling(settings.temperature or 0.0, settings.top_p, settings.max_tokens or MAX_TOKENS)
    return StudentOperator(Generator(Path(settings.model), settings.concurrency or 1), sampling)


class StudentOperator(Operator):
    """Greedy by default. The record names the folder and the digest of its weights."""

    def __init__(self, generator: Generator, sampling: Sampling) -> None:
        self.endpoint = self.generator = generator
        self.sampling, self.answer_tokens = sampling, sampling.max_tokens
        settings = {
            "dtype": generator.dtype,
            "max_tokens": str(sampling.max_tokens),
            "temperature": f"{sampling.temperature:g}",
            "weights_sha256": weights_digest(generator.folder),
        }
        settings |= {"top_p": f"{sampling.top_p:g}"} if sampling.top_p is not None else {}
        self.info = OperatorInfo(kind="student", model=generator.folder.resolve().name, settings=settings)

    def policy(self, scenario: Scenario, sample: int, seed: int) -> StudentPolicy:
        """A policy that knows nothing of the scenario but the turns that it is shown."""
        conversation = f"{scenario.id} {sample}"
        policy = StudentPolicy(self, conversation, derive(seed, "student", scenario.id, sample))
        weakref.finalize(policy, self.generator.forget, conversation).atexit = False
        return policy


class StudentPolicy:
    def __init__(self, operator: StudentOperator, conversation: str, seed: int) -> None:
        self._operator, self._conversation, self._seed = operator, conversation, seed

    async def act(self, turns: Sequence[Turn]) -> Action:
        """The next message. A message without an end token is a fault, and so is a full context."""
        sampling = self._operator.sampling
        seed = derive(self._seed, len(turns)) % (1 << SEED_BITS)
        answer = await self._operator.generator.ask(self._conversation, messages(turns), sampling, seed)
        usage = Usage(requests=1, prompt_tokens=answer.prompt_tokens, completion_tokens=answer.tokens)
        if answer.stopped == "context":
            return Action("", usage, fault=CONTEXT_FULL)
        fault = f"no end after {answer.tokens} tokens" if answer.stopped == "length" else None
        return Action(answer.text, usage, fault)


def weights_digest(folder: Path) -> str:
    """Of everything that an answer depends on: weights, configuration, tokenizer, template."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".json", ".jinja"):
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:DIGEST_LETTERS]
