"""The `hybrid` author: the procedural author makes what can be solved, a served model words it.

The model is asked in small calls, a kind of passage each. What breaks a rule is asked for once more, then the
procedural text stays; so it does where the gate refuses the new wording twice. The scenario's provenance says so.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence

from sekft import __version__
from sekft.authors.procedural.bundle import bundle
from sekft.authors.procedural.sketch import sketch
from sekft.authors.rewording import Passage, fault, passages, reworded, secrets
from sekft.authors.structured import Asker, Message, prompt
from sekft.models.endpoint import Endpoint
from sekft.models.service import service
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


class HybridAuthor:
    """repairs: whether wording that the gate refuses may be mended (once), before the procedural text stays."""

    name = "hybrid"
    skins = False
    usual = Usage(requests=5, prompt_tokens=5_000, completion_tokens=1_500)

    def __init__(self, endpoint: Endpoint, repairs: int = 1, max_tokens: int = MAX_TOKENS) -> None:
        self.endpoint = endpoint
        self.repairs = min(repairs, 1)
        self.asker = Asker(endpoint, max_tokens, TEMPERATURE)
        self.settings: Mapping[str, str] = {
            "model": endpoint.service.model,
            "repairs": str(self.repairs),
            "max_tokens": str(max_tokens),
        }
        self.used: deque[str] = deque(maxlen=USED_SHOWN)

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> HybridDraft:
        return HybridDraft(self, cell, seed)

    def met(self, scenario: Scenario) -> None:
        self.used.append(scenario.needles.announcement)

    def question(self, voice: str, passages: str, told: str) -> str:
        """told: what was wrong with the last answer; "" at first."""
        used = "; ".join(self.used) or "none so far"
        complaint = f"{told}\n\n" if told else ""
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
            return self._made(f"the procedural text stays: {refused.reason}: {refused.detail}")
        told = f"The last wording was refused: {refused.reason}: {refused.detail}" if refused else ""
        self._wording, kept = await self._asked(told)
        self._round += 1
        said = f"{len(self._wording)} of {len(self._passages)} passages reworded"
        return self._made(said + "".join(f"; kept {text!r}: {why}" for text, why in kept.items()))

    async def _asked(self, told: str) -> tuple[dict[str, str], dict[str, str]]:
        """The new wording by text, and what stays as it was, with the reason."""
        kinds = dict.fromkeys(passage.kind for passage in self._passages)
        groups = [[one for one in self._passages if one.kind == kind] for kind in kinds]
        wording: dict[str, str] = {}
        kept: dict[str, str] = {}
        for found, faults in await asyncio.gather(*(self._group(group, told) for group in groups)):
            wording |= found
            kept |= faults
        return wording, kept

    async def _group(self, group: Sequence[Passage], told: str) -> tuple[dict[str, str], dict[str, str]]:
        """One kind's new wording; what breaks a rule is asked for once more."""
        found, faults = await self._ask(group, told, 0)
        if faults:
            rows = [f"{text!r}: {why}" for text, why in faults.items()]
            again = [one for one in group if one.text in faults]
            mended, faults = await self._ask(again, "\n".join(["The last answer broke a rule:", *rows]), 1)
            found |= mended
        return found, faults

    async def _ask(self, group: Sequence[Passage], told: str, ask: int) -> tuple[dict[str, str], dict[str, str]]:
        names = {f"text_{at}": one for at, one in enumerate(group, 1)}
        rows = [
            json.dumps({"name": name, "kind": one.kind, "text": one.text, "keep": one.kept}, ensure_ascii=False)
            for name, one in names.items()
        ]
        question: Message = {"role": "user", "content": self._author.question(self._voice, "\n".join(rows), told)}
        what = (group[0].kind, self._round, ask)
        answer = await self._author.asker.ask(
            [question],
            {
                "type": "object",
                "properties": {name: {"type": "string"} for name in names},
                "required": list(names),
                "additionalProperties": False,
            },
            list(names),
            purpose="/".join(("hybrid", f"{self._seed:x}", *map(str, what))),
            seed=derive(self._seed, "hybrid", *what),
        )
        self.exchange += [question, {"role": "assistant", "content": answer.text}]
        return self._sifted(names, answer.body or {}, answer.fault or "no new text was given")

    def _sifted(
        self, names: Mapping[str, Passage], body: Mapping[str, object], missing: str
    ) -> tuple[dict[str, str], dict[str, str]]:
        found: dict[str, str] = {}
        faults: dict[str, str] = {}
        hidden = secrets(self._sketch)
        for name, passage in names.items():
            text = body.get(name)
            why = fault(passage, text, hidden) if isinstance(text, str) else missing
            if why is None:
                found[passage.text] = str(text)
            else:
                faults[passage.text] = why
        return found, faults

    def _made(self, note: str) -> Scenario:
        made = bundle(reworded(self._sketch, self._wording or {}), self._cell, self._seed)
        model = self._author.endpoint.service.model
        note = note[:NOTE_CHARACTERS]
        return made.sealed(provenance=Provenance(author="hybrid", model=model, version=__version__, note=note))


def make(repairs: int, max_tokens: int) -> HybridAuthor:
    """The teacher that the environment names (SEKFT_MODEL …). Raises UsageError when it names none."""
    return HybridAuthor(Endpoint(service("teacher")), repairs, max_tokens)
