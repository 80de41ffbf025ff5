"""The `student` operator: a local Hugging Face folder, run in this process, in the form in which it is deployed.

No scaffold, no repair: its answer up to the end token is typed, byte for byte.

One model answers many conversations at once, each with its key-value cache kept between turns. Each conversation has a
row of one cache. A forward pass takes all new tokens of the turns that begin and one token of each that goes on, behind
each other, so that the weights are read once for all. What a row holds is found by comparing tokens: nothing depends on
the chat template, and a row that was given away costs time alone. docs/decisions/local-inference.md says why this is
not a server.
"""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sekft.errors import UsageError
from sekft.models import libraries
from sekft.models.libraries import causal, refuse_other_attention
from sekft.protocols import CONTEXT_FULL, Action, Operator, OperatorConfig
from sekft.scenario import Scenario
from sekft.seeds import derive
from sekft.trajectory import OperatorInfo, Turn, Usage, messages

SEED_BITS = 63
DIGEST_LETTERS = 16
END = "<|im_end|>"
MAX_TOKENS = 256
PASS_TOKENS = 4096
"""Of one forward pass, unless one turn alone has more."""
Message = dict[str, str]
NAME = "sekft_rows"
ROOM_TOKENS, SPARE_TOKENS = 128, 512
"""By which the cache grows, as long as the longest conversation that it holds; how much too long it may be."""


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


@dataclass(frozen=True, slots=True)
class Sampling:
    """temperature: 0 takes the likeliest token. top_p: the nucleus of what it leaves. max_tokens: a turn's."""

    temperature: float = 0.0
    top_p: float | None = None
    max_tokens: int = MAX_TOKENS


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """The text up to the end token. stopped: by that token, by max_tokens, or because the model's context was full."""

    text: str
    prompt_tokens: int
    tokens: int
    stopped: Literal["end", "length", "context"]


@dataclass(eq=False)
class _Request:
    """A turn under way. row: whose cache it has. sampled: the answer's tokens so far."""

    conversation: str
    ids: list[int]
    sampling: Sampling
    seed: int
    answer: asyncio.Future[LocalAnswer]
    row: int = -1
    random: Any = None
    sampled: list[int] = field(default_factory=list)
    stopped: Literal["end", "length", "context"] | None = None


@dataclass
class _Row:
    """conversation: whose tokens these are. ids: those that the cache holds. used: at which turn, counted over all."""

    conversation: str = ""
    ids: list[int] = field(default_factory=list)
    used: int = 0
    busy: bool = False


class Generator:
    """A Hugging Face folder, loaded on the first question, and as many conversations as `rows` at once.

    dtype:  a name of torch's; None takes bfloat16 where this machine computes in it, else float32.
    Batching changes the last digits of sums alone: in float32 the answers are those of one conversation alone.
    """

    def __init__(self, folder: Path, rows: int = 16, dtype: str | None = None) -> None:
        if not (folder / "config.json").is_file():
            raise UsageError(f"{folder}: no config.json there; want a Hugging Face model's folder")
        refuse_other_attention(folder)
        self.folder, self.model = folder, folder.resolve().name
        self.dtype = dtype or ("bfloat16" if libraries.bf16_here() else "float32")
        self._rows = [_Row() for _ in range(rows)]
        self._waiting: list[_Request] = []
        self._running: list[_Request] = []
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
        self._waiting.append(_Request(conversation, ids, sampling, seed, answer))
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

    async def check(self) -> None:
        """Its folder was read when this was made."""

    async def close(self) -> None:
        """Stop after the token under way; the requests that are left end with an error."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def _in_thread(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _answer_all(self) -> None:
        """Until no request is left. An error of the model ends every request."""
        try:
            while self._waiting or self._running:
                self._admit()
                await self._in_thread(self._step)
                for request in [request for request in self._running if request.stopped is not None]:
                    self._settle(request)
        except BaseException as error:
            for request in (*self._running, *self._waiting):
                if not request.answer.done():
                    request.answer.set_exception(RuntimeError(f"generation stopped: {type(error).__name__}: {error}"))
            self._running, self._waiting, self._rows = [], [], [_Row() for _ in self._rows]
            raise

    def _admit(self) -> None:
        """Give each waiting request a row: its conversation's, else the least recently used one."""
        for request in list(self._waiting):
            free = [number for number, row in enumerate(self._rows) if not row.busy]
            if not free:
                return
            number = min(
                free, key=lambda at: (self._rows[at].conversation != request.conversation, self._rows[at].used)
            )
            row = self._rows[number]
            if row.conversation != request.conversation:
                row.conversation, row.ids = request.conversation, []
            row.busy, request.row = True, number
            self._waiting.remove(request)
            self._running.append(request)

    def _settle(self, request: _Request) -> None:
        self._running.remove(request)
        self._turns += 1
        row = self._rows[request.row]
        row.busy, row.used = False, self._turns
        ids = request.sampled[: -1 if request.stopped == "end" else None]
        text = self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if not request.answer.done():
            request.answer.set_result(
                LocalAnswer(text, len(request.ids), len(request.sampled), request.stopped or "end")
            )

    # The methods below run in the thread.

    def _load(self) -> None:
        if self._model is not None:
            return
        from transformers import AutoModelForCausalLM, AutoTokenizer

        register()
        self._tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        if not self._tokenizer.chat_template:
            raise UsageError(f"{self.folder}: has no chat template, want one: it lays out conversations")
        model = AutoModelForCausalLM.from_pretrained(
            self.folder, dtype=self.dtype, attn_implementation=NAME, local_files_only=True
        )
        model = model.to(libraries.device()).eval()
        self._context = int(model.config.max_position_embeddings)
        self._cache = Rows(len(self._rows), self._context)
        self._stops = stop_tokens(model.generation_config.eos_token_id, self._tokenizer)
        self._model = model

    def _step(self) -> None:
        """One forward pass: all new tokens of requests that begin, one of each that goes on; each samples a token."""
        import torch

        unfinished = [request for request in self._running if request.stopped is None]
        lines: list[Line] = []
        left = PASS_TOKENS
        for request in sorted(unfinished, key=lambda request: (not request.sampled, request.row)):
            line = self._line(request)
            if len(line.ids) <= left or not lines:  # the others come in a later pass
                lines.append(line)
                left -= len(line.ids)
        lines.sort(key=lambda line: (len(line.ids) > 1, line.row))
        with torch.inference_mode():
            logits = self._forward(lines)
        by_row = {request.row: request for request in unfinished}
        for line, line_logits in zip(lines, logits, strict=True):
            row, request = self._rows[line.row], by_row[line.row]
            row.ids = [*row.ids[: line.start], *line.ids]
            self._extend(request, line_logits)

    def _line(self, request: _Request) -> Line:
        """The tokens that the conversation's row does not hold yet: always the last one, which predicts the next."""
        held = self._rows[request.row].ids
        if request.sampled:
            return Line(request.row, len(held), request.sampled[-1:])
        if request.sampling.temperature > 0:
            import torch

            request.random = torch.Generator().manual_seed(request.seed)
        start = min(_common(held, request.ids), len(request.ids) - 1)
        return Line(request.row, start, request.ids[start:])

    def _forward(self, lines: Sequence[Line]) -> Any:
        """Logits after the last token of each line: (lines, vocabulary)."""
        import torch

        device = self._model.device
        longest = max(*(len(row.ids) for row in self._rows), *(line.end for line in lines))
        layout = self._cache.lay_out(lines, longest, device)
        ends = torch.tensor([len(line.ids) for line in lines], device=device).cumsum(0) - 1
        return self._model(
            input_ids=torch.tensor([[token for line in lines for token in line.ids]], device=device),
            position_ids=layout.positions[None],
            attention_mask=torch.ones((1, 1, 1, 1), dtype=torch.bool, device=device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=ends,
            layout=layout,
        ).logits[0]

    def _extend(self, request: _Request, logits: Any) -> None:
        """Sample one token, and see whether it is the last."""
        token = sample(logits, request.sampling, request.random)
        request.sampled.append(token)
        if token in self._stops:
            request.stopped = "end"
        elif len(request.sampled) == request.sampling.max_tokens:
            request.stopped = "length"
        elif len(self._rows[request.row].ids) + 1 >= self._context:
            request.stopped = "context"


def stop_tokens(configured: int | Sequence[int] | None, tokenizer: Any) -> set[int]:
    """What ends an assistant's message: what the folder configures, and ChatML's end where the vocabulary has it."""
    stops = {configured} if isinstance(configured, int) else set(configured or ())
    stops |= {tokenizer.eos_token_id} - {None}
    return stops | ({tokenizer.convert_tokens_to_ids(END)} if END in tokenizer.get_vocab() else set())


def sample(logits: Any, sampling: Sampling, random: Any) -> int:
    """One token. random: a torch.Generator of the turn's own, so that no other conversation changes it."""
    if sampling.temperature <= 0:
        return int(logits.argmax())
    shares = (logits.float().cpu() / sampling.temperature).softmax(-1)
    if sampling.top_p is not None:
        ordered, order = shares.sort(descending=True)
        beyond = ordered.cumsum(-1) - ordered >= sampling.top_p
        shares[order[beyond]] = 0.0
    return int(shares.multinomial(1, generator=random))


def _common(held: Sequence[int], ids: Sequence[int]) -> int:
    """The length of the longest common prefix."""
    pairs = enumerate(zip(held, ids, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(held), len(ids)))


@dataclass(frozen=True, slots=True)
class Line:
    """New tokens of one row, from position `start` on."""

    row: int
    start: int
    ids: Sequence[int]

    @property
    def end(self) -> int:
        return self.start + len(self.ids)


@dataclass(frozen=True, slots=True)
class PassLayout:
    """Lines behind each other, those of one token first and by row. rows, positions: of each token.

    singles: how many have one token. low, high: between which rows these lie. hidden: (row from low on, position) that
    these do not see.
    """

    lines: Sequence[Line]
    rows: Any
    positions: Any
    singles: int
    low: int
    high: int
    hidden: Any


def register() -> None:
    """Make it known to transformers, for `attn_implementation`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, layout: PassLayout, **_: Any
) -> tuple[Any, None]:
    """As transformers calls it. query: (1, heads, tokens, width); key, value: the cache, (rows, fewer heads, positions,
    width).

    Gives (1, tokens, heads, width).
    """
    import torch

    del module, mask
    grouped = (query[0] * scaling).unflatten(0, (key.shape[1], -1))  # (key heads, query heads each, tokens, width)
    parts, start = [], layout.singles
    if start:
        parts.append(_singles(grouped[:, :, :start], key, value, layout))
    for line in layout.lines[layout.singles :]:
        part = grouped[:, :, start : start + len(line.ids)]
        parts.append(causal(part, key[line.row, :, : line.end], value[line.row, :, : line.end]))
        start += len(line.ids)
    return torch.cat(parts, 2).flatten(0, 1).transpose(0, 1)[None], None


def _singles(grouped: Any, key: Any, value: Any, layout: PassLayout) -> Any:
    """One token a row, each against its own keys. Rows between them that have none, and positions that hold nothing,
    are computed, too: to leave them out would copy the cache.
    """
    at, rows = layout.rows[: layout.singles] - layout.low, slice(layout.low, layout.high)
    whole = grouped.new_zeros((layout.high - layout.low, *grouped.shape[:2], grouped.shape[3]))
    whole[at] = grouped.permute(2, 0, 1, 3)
    scores = whole @ key[rows].transpose(2, 3)
    weights = scores.masked_fill_(layout.hidden[:, None, None], float("-inf")).softmax(-1)
    return (weights @ value[rows])[at].permute(1, 2, 0, 3)


class Rows:
    """The key-value cache of many conversations, a row each, as transformers asks for one.

    Zeros, where nothing was written: what a mask hides is still multiplied by nought.
    """

    def __init__(self, rows: int, context: int) -> None:
        self._rows, self._context = rows, context
        self._layers: list[tuple[Any, Any]] = []
        self._room = 0

    def lay_out(self, lines: Sequence[Line], longest: int, device: Any) -> PassLayout:
        """Where the next forward pass writes, and what it sees. longest: of all rows, with what it writes."""
        import torch

        room = min(-(-longest // ROOM_TOKENS) * ROOM_TOKENS, self._context)
        if room > self._room or room + SPARE_TOKENS < self._room:
            self._room = room
            self._layers = [(self._moved(keys), self._moved(values)) for keys, values in self._layers]
        singles = [line for line in lines if len(line.ids) == 1]
        low, high = (singles[0].row, singles[-1].row + 1) if singles else (0, 0)
        # A row without a token sees one position, so that its shares are numbers.
        seen = torch.ones(high - low, dtype=torch.long)
        for line in singles:
            seen[line.row - low] = line.end
        self._layout = PassLayout(
            lines=lines,
            rows=torch.tensor([line.row for line in lines for _ in line.ids], device=device),
            positions=torch.cat([torch.arange(line.start, line.end) for line in lines]).to(device),
            singles=len(singles),
            low=low,
            high=high,
            hidden=(torch.arange(self._room)[None] >= seen[:, None]).to(device),
        )
        return self._layout

    def update(self, keys: Any, values: Any, layer: int, *_: object) -> tuple[Any, Any]:
        """Write (1, head, token, channel) where the layout says; gives all that this layer holds."""
        if layer == len(self._layers):
            empty = keys.new_zeros((0, keys.shape[1], 0, keys.shape[3]))
            self._layers.append((self._moved(empty), self._moved(empty)))
        for held, new in zip(self._layers[layer], (keys, values), strict=True):
            held[self._layout.rows, :, self._layout.positions] = new[0].transpose(0, 1)
        return self._layers[layer]

    def _moved(self, old: Any) -> Any:
        """Into a tensor with the room that there is now."""
        new = old.new_zeros((self._rows, old.shape[1], self._room, old.shape[3]))
        kept = min(self._room, old.shape[2])
        new[: len(old), :, :kept] = old[:, :, :kept]
        return new
