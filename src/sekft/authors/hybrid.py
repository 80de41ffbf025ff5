"""The `hybrid` author: the procedural author makes what can be solved, a served model words it.

The model is asked in small calls, a kind of passage each. What breaks a rule is asked for once more, then the
procedural text stays; so it does where the gate refuses the new wording twice. The scenario's provenance says so.

A scenario's state, checker and reference are composed after its wording was changed, so they always agree with it.
They cannot show whether a directive still asks for the same. So every fact of a passage (paths, names, values, numbers,
words such as "not" or "last") stays as it is, in its order, and no other fact may be added.
"""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import groupby

from sekft import __version__
from sekft.authors.procedural.author import bundle
from sekft.authors.procedural.host import Job
from sekft.authors.procedural.provider.documentation import roff
from sekft.authors.procedural.sketch import Sketch, sketch
from sekft.authors.structured import AskingAuthor, Message, prompt
from sekft.models.endpoint import Endpoint, service
from sekft.protocols import AuthorConfig
from sekft.rejection import Rejected
from sekft.scenario import Cell, File, Provenance, Scenario
from sekft.seeds import derive, stream
from sekft.shell.grounding import vocabulary
from sekft.trajectory import Usage

MAX_TOKENS = 4_000
USED_SHOWN = 8
NOTE_CHARACTERS = 300
VOICES = (
    "a terse engineer",
    "a courteous clerk of the old school",
    "a busy shift leader",
    "a friendly colleague who explains",
    "a pedantic archivist",
    "somebody who writes as they speak",
    "a volunteer in a small society",
    "a dry manual writer",
    "an old hand who has seen it all",
)

Wording = tuple[dict[str, str], dict[str, str]]
"""Old text to new text, and old text to the reason why it stays."""


class HybridAuthor(AskingAuthor):
    """repairs: whether wording that the gate refuses may be mended (once), before the procedural text stays."""

    name = "hybrid"
    usual = Usage(requests=3, prompt_tokens=1_700, completion_tokens=350)

    def __init__(self, endpoint: Endpoint, repairs: int = 1, max_tokens: int = MAX_TOKENS) -> None:
        super().__init__(endpoint, min(repairs, 1), max_tokens)
        self.used: deque[str] = deque(maxlen=USED_SHOWN)

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> HybridDraft:
        return HybridDraft(self, cell, seed)

    def met(self, scenario: Scenario) -> None:
        self.used.append(scenario.needles.announcement)

    def question(self, voice: str, passages: str, complaint: str) -> str:
        """complaint: what was wrong with the last answer; "" at first."""
        used = "; ".join(self.used) or "none so far"
        complaint = f"{complaint}\n\n" if complaint else ""
        return prompt(
            "hybrid", hinges=" ".join(hinges()), voice=voice, used=used, complaint=complaint, passages=passages
        )


class HybridDraft:
    """One skeleton, worded, worded again where the gate refuses it, and at last as it was composed."""

    def __init__(self, author: HybridAuthor, cell: Cell, seed: int) -> None:
        self._author, self._cell, self._seed = author, cell, seed
        self._sketch = sketch(cell, seed)
        self._passages = passages(self._sketch)
        self._voice = stream(seed, "voice").choice(VOICES)
        self._round = 0
        self._wording: dict[str, str] | None = None
        self.exchange: list[Message] = []

    async def next(self, refused: Rejected | None) -> Scenario | Rejected | None:
        if self._wording == {}:
            return None  # the skeleton itself was refused
        if refused is not None and self._round > self._author.repairs:
            self._wording = {}
            return self._sealed(f"the procedural text stays: {refused.reason}: {refused.detail}")
        faults = [f"{fault.reason}: {fault.detail}" for fault in refused.faults] if refused else []
        complaint = "\n".join(["The last wording was refused:", *faults]) if faults else ""
        groups = [[*group] for _, group in groupby(self._passages, key=lambda passage: passage.kind)]
        outcomes = await asyncio.gather(*(self._group(group, complaint) for group in groups))
        self._wording = {text: new for wording, _ in outcomes for text, new in wording.items()}
        self._round += 1
        kept = [f"; kept {text!r}: {why}" for _, faults in outcomes for text, why in faults.items()]
        return self._sealed("".join([f"{len(self._wording)} of {len(self._passages)} passages reworded", *kept]))

    async def _group(self, group: Sequence[Passage], complaint: str) -> Wording:
        """One kind's new wording; passages whose wording breaks a rule are asked for once more."""
        wording, faults = await self._ask(group, complaint, 0)
        if faults:
            rows = [f"{text!r}: {why}" for text, why in faults.items()]
            again = [passage for passage in group if passage.text in faults]
            mended, faults = await self._ask(again, "\n".join(["The last answer broke a rule:", *rows]), 1)
            wording |= mended
        return wording, faults

    async def _ask(self, group: Sequence[Passage], complaint: str, ask: int) -> Wording:
        named = {f"text_{number}": passage for number, passage in enumerate(group, 1)}
        rows = [
            {"name": name, "kind": it.kind, "text": it.text, "keep": it.kept}
            | ({} if it.kind == "remark" else {"words": _hinges(it.text)})
            for name, it in named.items()
        ]
        texts = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        question: Message = {"role": "user", "content": self._author.question(self._voice, texts, complaint)}
        purpose = (group[0].kind, self._round, ask)
        answer = await self._author.ask(
            [question],
            {
                "type": "object",
                "properties": {name: {"type": "string"} for name in named},
                "required": list(named),
                "additionalProperties": False,
            },
            list(named),
            purpose="/".join(("hybrid", f"{self._seed:x}", *map(str, purpose))),
            seed=derive(self._seed, "hybrid", *purpose),
        )
        self.exchange += [question, {"role": "assistant", "content": answer.text}]
        wording: dict[str, str] = {}
        faults: dict[str, str] = {}
        hidden = secrets(self._sketch)
        for name, passage in named.items():
            text = (answer.body or {}).get(name)
            missing = answer.fault or "no new text was given"
            if why := fault(passage, text, hidden) if isinstance(text, str) else missing:
                faults[passage.text] = why
            else:
                wording[passage.text] = str(text)
        return wording, faults

    def _sealed(self, note: str) -> Scenario:
        scenario = bundle(reworded(self._sketch, self._wording or {}), self._cell, self._seed)
        model, note = self._author.endpoint.model, note[:NOTE_CHARACTERS]
        return scenario.sealed(provenance=Provenance(author="hybrid", model=model, version=__version__, note=note))


def make(config: AuthorConfig) -> HybridAuthor:
    """The hybrid of the model that the environment names (SEKFT_MODEL …). Raises UsageError when it names none."""
    return HybridAuthor(
        Endpoint(service("teacher"), config.timeout_s), config.repairs, config.answer_tokens or MAX_TOKENS
    )


_SENTENCE_WORDS = 4
LONGEST = 2.0
SPARE_CHARACTERS = 60
_FORBIDDEN = set('|`$\\<>{}"')
_QUOTED = r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|`[^`]*`"
_WORD = re.compile(rf"{_QUOTED}|[^\s()\"`]+")
_FACT = re.compile(r"[0-9/_=@%*~<>|$\\{}#+\"`]|\w[.:,-]\w|\A\.\w|\A[A-Z]{2,}|\A'.*'\Z")
_STOPS = ".,;:?!"
_TURNING = frozenset("from to into onto than by with as".split())
"""Words that say what the next fact is for: they stay with it."""
_ASKS = re.compile(
    r"\A(?:please|run|use|type|read|find|look|check|see|try|do|open|ask|call|consult|query|go)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Passage:
    """kind: announcement, remark, directive or documentation. kept: pieces that stay, in this order.

    last: the text ends in the last of them, so that its end is never in doubt.
    """

    kind: str
    text: str
    kept: tuple[str, ...] = ()

    @property
    def last(self) -> bool:
        return bool(self.kept) and self.text.endswith(self.kept[-1])


def passages(sketch: Sketch) -> list[Passage]:
    """Every passage of one line that may be reworded, each text once."""
    texts: dict[str, Passage] = {}
    for passage in (*_announcement(sketch), *_directives(sketch), *_documentation(sketch), *_remarks(sketch)):
        if passage.text.isprintable() and passage.text == passage.text.strip():
            texts.setdefault(passage.text, passage)
    return list(texts.values())


def fault(passage: Passage, text: str, secrets: Iterable[str]) -> str | None:
    """Why this wording cannot replace the passage, in words for its writer; None when it can.

    secrets: texts that only a directive may hold.
    """
    if not text or not text.isprintable() or text != text.strip():
        return f"want one line of printable text, saw {text[:80]!r}"
    if len(text) > len(passage.text) * LONGEST + SPARE_CHARACTERS:
        return f"too long: saw {len(text)} characters, want at most {len(passage.text) * LONGEST + SPARE_CHARACTERS:g}"
    if (lost := _lost(passage, text)) is not None:
        return f"want {lost!r} kept as it is, in the order of `keep`"
    if passage.last and not text.endswith(passage.kept[-1]):
        return f"want it to end in {passage.kept[-1]!r}, with nothing after it"
    if added := _facts(text) - _facts(passage.text):
        return f"adds {min(added)!r}, which was not said"
    bare = text
    for piece in passage.kept:
        bare = bare.replace(piece, "")
    if passage.kind != "remark" and _hinges(text) != _hinges(passage.text):
        return _turned(passage.text, text)
    if strange := (_FORBIDDEN | ({"'"} if passage.kind == "announcement" else set())) & set(bare):
        sign = min(strange)
        return f"want no {sign} in it, saw {next(word for word in bare.split() if sign in word)!r}"
    if passage.kind == "announcement" and (asks := _ASKS.match(text)):
        return f"want a description, not a request: saw {asks[0]!r}"
    if passage.kind != "directive" and (told := [secret for secret in secrets if secret in text]):
        return f"tells {told[0]!r}, what only a directive may tell"
    return None


def _evidence(sketch: Sketch) -> tuple[str, ...]:
    """What shows the block, and what one looks at to see it: it stays wherever it is told."""
    items = sketch.blocked.evidence if sketch.blocked else ()
    return tuple(item if isinstance(item, str) else item.target for item in items)


def secrets(sketch: Sketch) -> list[str]:
    shown = sketch.provider.evidence
    evidence = sketch.blocked.texts if sketch.blocked else [text for text in shown if isinstance(text, str)]
    needle = sketch.provider.needle
    told = any(needle in place for place in sketch.provider.places)  # a repository keys-todo with a branch todo
    return [*(job.needle for job in sketch.jobs), *evidence, *([] if told else [needle])]


def reworded(sketch: Sketch, wording: Mapping[str, str]) -> Sketch:
    """The sketch with each text of `wording` replaced by its value."""

    def new(text: str) -> str:
        for old, fresh in wording.items():
            text = text.replace(old, fresh)
        return text

    def file(old: File) -> File:
        if old.content is None:
            return old
        text = old.content
        if old.path.startswith("/usr/local/share/man/"):
            for written, fresh in wording.items():
                text = text.replace(roff(written), roff(fresh))
        return old.model_copy(update={"content": new(text)})

    announcement = sketch.announcement
    return replace(
        sketch,
        announcement=replace(
            announcement,
            needle=new(announcement.needle),
            motd=new(announcement.motd),
            banner=new(announcement.banner),
            prompt=new(announcement.prompt),
            env={name: new(value) for name, value in announcement.env.items()},
            files=tuple(map(file, announcement.files)),
        ),
        jobs=tuple(replace(job, text=new(job.text)) for job in sketch.jobs),
        provider=sketch.provider.reworded(new, file),
        clutter=tuple(map(file, sketch.clutter)),
    )


def _announcement(sketch: Sketch) -> Iterator[Passage]:
    needle, tool = sketch.announcement.needle, sketch.provider.command
    kept = _kept(needle, {*sketch.provider.places, sketch.host.user, sketch.host.name}, ())
    told = tool in _words(needle) and len(needle.split()) >= _SENTENCE_WORDS and "  " not in needle
    if told and not _ASKS.match(needle) and not (_FORBIDDEN | {"'"}) & set(needle):
        yield Passage("announcement", needle, kept)


def _directives(sketch: Sketch) -> Iterator[Passage]:
    bodies = {entry.body for entry in sketch.provider.entries}
    for job in sketch.jobs:
        if job.text in bodies:
            yield Passage("directive", job.text, _kept(job.text, _named(job), (job.needle, *_evidence(sketch))))


def _documentation(sketch: Sketch) -> Iterator[Passage]:
    names = {*sketch.provider.words, sketch.host.user, sketch.host.name}
    names |= {word for entry in sketch.provider.entries for word in entry.sender.split()}
    for text in sketch.provider.sentences:
        if any(text in (file.content or "") for file in sketch.provider.files):
            yield Passage("documentation", text, _kept(text, names, _evidence(sketch)))


def _remarks(sketch: Sketch) -> Iterator[Passage]:
    bodies = {job.text for job in sketch.jobs} | ({sketch.decoy.body} if sketch.decoy else set())
    said = [entry.body for entry in sketch.provider.entries if not entry.waiting and entry.body not in bodies]
    said += [line for file in sketch.clutter for line in (file.content or "").splitlines() if " " in line]
    for text in said:
        if not _FORBIDDEN & set(text) and not any(piece in text for piece in _evidence(sketch)):
            yield Passage("remark", text)


def _named(job: Job) -> set[str]:
    """The words of the job's commands that are no shell vocabulary: names, values, patterns."""
    commands = [*job.ways, *job.confirm, *job.right.values(), *(probe.commands for probe in job.probes)]
    words = {word for way in commands for command in way for word in re.findall(r"[\w.-]+", command)}
    return words - frozenset().union(*vocabulary().values())


def _kept(text: str, names: Iterable[str], whole: Sequence[str]) -> tuple[str, ...]:
    """The pieces of a text that are facts; neighbours that only a space parts are one piece."""
    names = set(names)
    spans = [match.span() for piece in whole if piece for match in re.finditer(re.escape(piece), text)]
    before: tuple[str, int] = ("", 0)
    for match in _WORD.finditer(text):
        word = match[0].rstrip(_STOPS)
        if word in names or _FACT.search(word):
            begin = before[1] if before[0] in _TURNING else match.start()
            spans.append((begin, match.start() + len(word)))
        before = (match[0], match.start())
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and (begin <= merged[-1][1] or text[merged[-1][1] : begin] == " "):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return tuple(text[begin:end] for begin, end in merged)


def _lost(passage: Passage, text: str) -> str | None:
    """The first piece that does not stand in its place."""
    at = 0
    for piece in passage.kept:
        match = re.compile(rf"(?<![\w/.-]){re.escape(piece)}(?![\w/-])").search(text, at)
        if match is None:
            return piece
        at = match.end()
    return None


def _words(text: str) -> set[str]:
    return {match[0].rstrip(_STOPS) for match in _WORD.finditer(text)}


def _facts(text: str) -> set[str]:
    return {word.strip("'\"`") for word in _words(text) if _FACT.search(word)}


@cache
def hinges() -> tuple[str, ...]:
    """The words that turn a sentence's meaning, all of which the prompt tells."""
    text = (resources.files("sekft") / "authors" / "prompts" / "hinges.toml").read_text(encoding="utf-8")
    return tuple(word for words in tomllib.loads(text).values() for word in words.split())


def _hinges(text: str) -> list[str]:
    """Those of a text, each once. A contraction holds its `not`."""
    words = re.findall(r"[a-z]+", re.sub(r"n['’]t\b|\bcannot\b", " not", text.lower()))
    return sorted(set(words) & set(hinges()))


def _turned(old: str, new: str) -> str:
    """Which of these words a new text lacks, and which it adds."""
    before, after = _hinges(old), _hinges(new)
    said = {
        "lacks": [word for word in before if word not in after],
        "adds": [word for word in after if word not in before],
    }
    told = [f"{verb} {', '.join(map(repr, words))}" for verb, words in said.items() if words]
    want = ", ".join(map(repr, before)) or "none"
    return f"{' and '.join(told)}: of the words that turn a meaning, want these alone: {want}"
