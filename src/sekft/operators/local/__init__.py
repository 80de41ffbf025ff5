"""One local model that answers many conversations at once, each with its key-value cache kept between turns.

Every conversation has a row of one cache. In each pass through the model those whose turn begins bring all that is new
of it, those that are answering one token each, behind each other: the weights are read once for all. What a row holds
already is found by comparing tokens, so nothing depends on the chat template, and a row that was given away costs time
alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sekft.errors import UsageError
from sekft.models import libraries
from sekft.operators.local import rows
from sekft.operators.local.rows import Line, Rows
from sekft.trajectory import Usage

END = "<|im_end|>"
MAX_TOKENS = 256
PASS_TOKENS = 4096
"""At most so many at once, unless one turn alone is longer."""
Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Sampling:
    """temperature: 0 takes the likeliest token. top_p: the nucleus of what it leaves. max_tokens: a turn's."""

    temperature: float = 0.0
    top_p: float | None = None
    max_tokens: int = MAX_TOKENS


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """What was said up to the end token. stopped: by that, by max_tokens, or because the model's context was full."""

    text: str
    prompt_tokens: int
    tokens: int
    stopped: Literal["end", "length", "context"]


@dataclass(eq=False)
class _Asked:
    """A turn under way. row: whose cache it has; drawn: what was said so far."""

    conversation: str
    ids: list[int]
    sampling: Sampling
    seed: int
    answer: asyncio.Future[LocalAnswer]
    row: int = -1
    random: Any = None
    drawn: list[int] = field(default_factory=list)
    stopped: Literal["end", "length", "context"] | None = None


@dataclass
class _Row:
    """conversation: whose tokens these are. ids: those that the cache holds. used: when, in turns."""

    conversation: str = ""
    ids: list[int] = field(default_factory=list)
    used: int = 0
    busy: bool = False


class Generator:
    """A Hugging Face folder, loaded on the first question, and as many conversations as `rows` at once.

    dtype:  a name of torch's; None takes bfloat16 where this machine computes in it, else float32.
    Batching changes sums in their last digits only: in float32 the answers are those of one conversation alone.
    """

    def __init__(self, folder: Path, rows: int = 16, dtype: str | None = None) -> None:
        if not (folder / "config.json").is_file():
            raise UsageError(f"{folder}: no config.json there; want a Hugging Face model's folder")
        libraries.refuse_other_attention(folder)
        self.folder, self.model = folder, folder.resolve().name
        self.dtype = dtype or ("bfloat16" if libraries.bf16_here() else "float32")
        self._rows = [_Row() for _ in range(rows)]
        self._waiting: list[_Asked] = []
        self._asked: list[_Asked] = []
        self._turns = 0
        self._model: Any = None
        self._thread = ThreadPoolExecutor(1, "generation")
        self._work: asyncio.Task[None] | None = None

    async def ask(
        self, conversation: str, messages: Sequence[Message], sampling: Sampling, seed: int = 0
    ) -> LocalAnswer:
        """The assistant's next message. conversation: the same name for the same rollout's turns."""
        if self._model is None:
            await self._in_thread(self._load)
        answer: asyncio.Future[LocalAnswer] = asyncio.get_running_loop().create_future()
        ids = self.tokens(messages)
        if len(ids) >= self._context:
            return LocalAnswer("", len(ids), 0, "context")
        self._waiting.append(_Asked(conversation, ids, sampling, seed, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._answer_all())
        return await answer

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """The conversation up to where the assistant's message begins."""
        text = self._tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def forget(self, conversation: str) -> None:
        """Give the conversation's row to the next that comes."""
        for row in self._rows:
            if row.conversation == conversation and not row.busy:
                row.conversation, row.ids, row.used = "", [], 0

    def cost_usd(self, usage: Usage) -> float | None:
        """Nobody is paid."""
        return 0.0

    def attend(
        self, journal: Path | None, max_cost_usd: float | None, max_tokens: int | None, note: Callable[[str], None]
    ) -> None:
        """Nothing to write down: it costs nothing to ask this model again."""

    async def close(self) -> None:
        """Stop after the token under way; who still waits is told so."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def _in_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _answer_all(self) -> None:
        """Until nobody waits. What breaks the model is told to everyone whose turn was under way."""
        try:
            while self._waiting or self._asked:
                self._admit()
                await self._in_thread(self._step)
                for asked in [each for each in self._asked if each.stopped is not None]:
                    self._settle(asked)
        except BaseException as error:
            for asked in (*self._asked, *self._waiting):
                if not asked.answer.done():
                    asked.answer.set_exception(RuntimeError(f"generation stopped: {type(error).__name__}: {error}"))
            self._asked, self._waiting, self._rows = [], [], [_Row() for _ in self._rows]
            raise

    def _admit(self) -> None:
        """Give rows to those who wait: their own, else the one that was left alone for longest."""
        for asked in list(self._waiting):
            free = [at for at, row in enumerate(self._rows) if not row.busy]
            if not free:
                return
            at = min(free, key=lambda at: (self._rows[at].conversation != asked.conversation, self._rows[at].used, at))
            row = self._rows[at]
            if row.conversation != asked.conversation:
                row.conversation, row.ids = asked.conversation, []
            row.busy, asked.row = True, at
            self._waiting.remove(asked)
            self._asked.append(asked)

    def _settle(self, asked: _Asked) -> None:
        self._asked.remove(asked)
        self._turns += 1
        row = self._rows[asked.row]
        row.busy, row.used = False, self._turns
        said = asked.drawn[: -1 if asked.stopped == "end" else None]
        text = self._tokenizer.decode(said, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if not asked.answer.done():
            asked.answer.set_result(LocalAnswer(text, len(asked.ids), len(asked.drawn), asked.stopped or "end"))

    # What follows runs in the thread.

    def _load(self) -> None:
        if self._model is not None:
            return
        from transformers import AutoModelForCausalLM, AutoTokenizer

        rows.register()
        self._tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        if not self._tokenizer.chat_template:
            raise UsageError(f"{self.folder}: has no chat template, want one: conversations are told in it")
        model = AutoModelForCausalLM.from_pretrained(
            self.folder, dtype=self.dtype, attn_implementation=rows.NAME, local_files_only=True
        )
        model = model.to(libraries.device()).eval()
        self._context = int(model.config.max_position_embeddings)
        self._cache = Rows(len(self._rows), self._context)
        self._stops = stop_tokens(model.generation_config.eos_token_id, self._tokenizer)
        self._model = model

    def _step(self) -> None:
        """One pass for all: what is new of those who begin, one token more of those who go on; each draws a token."""
        import torch

        going = [asked for asked in self._asked if asked.stopped is None]
        lines: list[Line] = []
        left = PASS_TOKENS
        for asked in sorted(going, key=lambda asked: (not asked.drawn, asked.row)):
            line = self._line(asked)
            if len(line.ids) <= left or not lines:  # the others have their turn in a later step
                lines.append(line)
                left -= len(line.ids)
        lines.sort(key=lambda line: (len(line.ids) > 1, line.row))
        with torch.inference_mode():
            logits = self._forward(lines)
        by_row = {asked.row: asked for asked in going}
        for line, given in zip(lines, logits, strict=True):
            row, asked = self._rows[line.row], by_row[line.row]
            row.ids = [*row.ids[: line.start], *line.ids]
            self._take(asked, given)

    def _line(self, asked: _Asked) -> Line:
        """What of the conversation its row does not hold yet: always the last token, which gives the next."""
        held = self._rows[asked.row].ids
        if asked.drawn:
            return Line(asked.row, len(held), asked.drawn[-1:])
        if asked.sampling.temperature > 0:
            import torch

            asked.random = torch.Generator().manual_seed(asked.seed)
        start = min(_shared(held, asked.ids), len(asked.ids) - 1)
        return Line(asked.row, start, asked.ids[start:])

    def _forward(self, lines: Sequence[Line]) -> Any:
        """Logits after the last token of each line: (lines, vocabulary)."""
        import torch

        device = self._model.device
        longest = max(*(len(row.ids) for row in self._rows), *(line.end for line in lines))
        laid = self._cache.lay(lines, longest, device)
        ends = torch.tensor([len(line.ids) for line in lines], device=device).cumsum(0) - 1
        return self._model(
            input_ids=torch.tensor([[token for line in lines for token in line.ids]], device=device),
            position_ids=laid.positions[None],
            attention_mask=torch.ones((1, 1, 1, 1), dtype=torch.bool, device=device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=ends,
            laid=laid,
        ).logits[0]

    def _take(self, asked: _Asked, logits: Any) -> None:
        """Draw one token, and see whether it is the last."""
        token = drawn(logits, asked.sampling, asked.random)
        asked.drawn.append(token)
        if token in self._stops:
            asked.stopped = "end"
        elif len(asked.drawn) == asked.sampling.max_tokens:
            asked.stopped = "length"
        elif len(self._rows[asked.row].ids) + 1 >= self._context:
            asked.stopped = "context"


def stop_tokens(named: int | Sequence[int] | None, tokenizer: Any) -> set[int]:
    """What ends an assistant's message: what the folder names, and ChatML's end where the vocabulary has it."""
    stops = {named} if isinstance(named, int) else set(named or ())
    stops |= {tokenizer.eos_token_id} - {None}
    return stops | ({tokenizer.convert_tokens_to_ids(END)} if END in tokenizer.get_vocab() else set())


def drawn(logits: Any, sampling: Sampling, random: Any) -> int:
    """One token. random: a torch.Generator of the turn's own, so that no neighbour shifts what is drawn."""
    if sampling.temperature <= 0:
        return int(logits.argmax())
    shares = (logits.float().cpu() / sampling.temperature).softmax(-1)
    if sampling.top_p is not None:
        ordered, order = shares.sort(descending=True)
        beyond = ordered.cumsum(-1) - ordered >= sampling.top_p
        shares[order[beyond]] = 0.0
    return int(shares.multinomial(1, generator=random))


def _shared(held: Sequence[int], wanted: Sequence[int]) -> int:
    """How many tokens the two begin with alike."""
    return next(
        (at for at, (one, other) in enumerate(zip(held, wanted, strict=False)) if one != other),
        min(len(held), len(wanted)),
    )
