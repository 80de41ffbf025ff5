"""The `hybrid` author: the procedural author makes what can be solved, a served model words it.

The model is asked in small calls, a kind of passage each. What breaks a rule is asked for once more, then the
procedural text stays; so it does where the gate refuses the new wording twice. The scenario's provenance says so.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import groupby

from sekft import __version__
from sekft.authors.procedural.bundle import bundle
from sekft.authors.procedural.sketch import sketch
from sekft.authors.rewording import Passage, fault, passages, reworded, secrets
from sekft.authors.structured import Asker, Message, prompt
from sekft.models.endpoint import Endpoint, service
from sekft.protocols import Author, AuthorConfig
from sekft.rejection import Rejected
from sekft.scenario import Cell, Provenance, Scenario
from sekft.seeds import derive, stream
from sekft.trajectory import Usage

MAX_TOKENS = 4_000
TEMPERATURE = 1.0
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


class HybridAuthor(Author):
    """repairs: whether wording that the gate refuses may be mended (once), before the procedural text stays."""

    name = "hybrid"
    usual = Usage(requests=5, prompt_tokens=5_000, completion_tokens=1_500)

    def __init__(self, endpoint: Endpoint, repairs: int = 1, max_tokens: int = MAX_TOKENS) -> None:
        self.endpoint: Endpoint = endpoint
        self.repairs = min(repairs, 1)
        self.asker = Asker(endpoint, max_tokens, TEMPERATURE)
        self.settings: Mapping[str, str] = {
            "model": endpoint.model,
            "repairs": str(self.repairs),
            "max_tokens": str(max_tokens),
        }
        self.used: deque[str] = deque(maxlen=USED_SHOWN)

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> HybridDraft:
        return HybridDraft(self, cell, seed)

    def met(self, scenario: Scenario) -> None:
        self.used.append(scenario.needles.announcement)

    def question(self, voice: str, passages: str, complaint: str) -> str:
        """complaint: what was wrong with the last answer; "" at first."""
        used = "; ".join(self.used) or "none so far"
        complaint = f"{complaint}\n\n" if complaint else ""
        return prompt("hybrid", voice=voice, used=used, complaint=complaint, passages=passages)


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
        complaint = f"The last wording was refused: {refused.reason}: {refused.detail}" if refused else ""
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
        rows = [{"name": name, "kind": it.kind, "text": it.text, "keep": it.kept} for name, it in named.items()]
        texts = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        question: Message = {"role": "user", "content": self._author.question(self._voice, texts, complaint)}
        purpose = (group[0].kind, self._round, ask)
        answer = await self._author.asker.ask(
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
    return HybridAuthor(Endpoint(service("teacher")), config.repairs, config.answer_tokens or MAX_TOKENS)
