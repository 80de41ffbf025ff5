"""Stage A: every slot is drawn until its whole family passes the gate.

A family is a base scenario with its twin and its re-skins, all of one author's seed. Each member is gated on its own,
and a family is admitted whole or not at all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sekft.errors import InfraError, SekftError
from sekft.folder import Folder, Layout, documents
from sekft.gate.gate import admit
from sekft.gate.static import gate_structure
from sekft.protocols import Author, Draft, Sandbox
from sekft.rejection import Admitted, Reason, Rejected, Rejection
from sekft.scenario import Cell, Scenario, load_noun, load_scenario
from sekft.seeds import derive
from sekft.taxonomy import Taxonomy, Where, splits

ATTEMPTS = 20
"""Draws for one slot before its cell counts as broken: a sound author needs one or two."""
PAUSES_S = (0.5, 4.0)
"""Before what broke is tried again; the failure after the last is reported. A daemon's restart takes a few seconds."""
GATE_S = 900.0
"""For one gate: a sound scenario takes one to ten seconds, one that sleeps in every command could take hours."""
_TWIN_ENDING = {"work": "blocked", "blocked": "work"}


class AuthorExhausted(SekftError):
    """No draw of a slot passed the gate."""


@dataclass(frozen=True, slots=True)
class Member:
    """One version of a family. skin: which redrawing of its surface, 0 for the base and its twin."""

    cell: Cell
    skin: int = 0
    twin: bool = False


def family(axes: Taxonomy, cell: Cell, twins: bool, reskins: int) -> list[Member]:
    """The base, its solvable or blocked twin where such a cell is allowed, the re-skins of the base."""
    other = {**cell, "ending": _TWIN_ENDING.get(cell.get("ending", ""), "")}
    twin = [Member(other, twin=True)] if twins and other["ending"] and axes.allows(other) else []
    return [Member(cell), *twin, *(Member(cell, skin) for skin in range(1, reskins + 1))]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a folder holds already. made: slot → members. tried: slot → draws rejected."""

    made: Counter[int]
    tried: Counter[int]

    @classmethod
    def of(cls, layout: Layout, author: Author) -> Progress:
        """Read the folder, and let the author meet what it holds."""
        found = cls(Counter(), Counter())
        for path in documents(layout.scenarios):
            scenario = load_scenario(path)
            author.met(scenario)
            if (slot := scenario.provenance.slot) is not None:
                found.made[slot] += 1
        for path in documents(layout.rejected):
            rejection = load_noun(Rejection, path)
            found.tried[rejection.slot] = max(found.tried[rejection.slot], rejection.attempt + 1)
        return found


@dataclass(frozen=True, slots=True)
class Filler:
    """Fills slots of one folder. sandbox: None for the structural dry run. held: the values of the held-out part.

    attempts: draws of one slot; None for ATTEMPTS.
    """

    author: Author
    sandbox: Sandbox | None
    seed: int
    held: Where
    folder: Folder
    layout: Layout
    attempts: int | None = None

    async def fill(self, slot: int, members: list[Member], first: int) -> list[Scenario]:
        """Draw until a whole family is admitted; attempts before `first` are known to be rejected."""
        attempts = self.attempts or ATTEMPTS
        for attempt in range(first, attempts):
            made = await self._draw(slot, attempt, members)
            if not isinstance(made, Rejection):
                for scenario in made:
                    self.folder.write(self.layout.scenarios / f"{scenario.id}.json", scenario.to_json())
                    self.author.met(scenario)
                return made
            self.folder.write(self.layout.rejected / f"{made.id}.json", made.model_dump_json(indent=1) + "\n")
        raise AuthorExhausted(
            f"slot {slot} ({_spelt(members[0].cell)}): none of {attempts} draws passed the gate; "
            f"the reasons are in {self.layout.rejected}"
        )

    async def _draw(self, slot: int, attempt: int, members: list[Member]) -> list[Scenario] | Rejection:
        """The family of one attempt, or why its first bad member was refused."""
        seed = derive(self.seed, "author", slot, attempt)
        split = splits.part([member.cell for member in members], self.held)
        made: list[Scenario] = []
        for member in members:
            base = made[0].id if made else None
            origin = {
                "split": split,
                "twin_of": base if member.twin else None,
                "reskin_of": base if member.skin else None,
            }
            result = await self._settled(slot, attempt, self.author.begin(member.cell, seed, member.skin), origin)
            if isinstance(result, Rejection):
                return result
            made.append(result)
        return made

    async def _settled(
        self, slot: int, attempt: int, draft: Draft, origin: Mapping[str, str | None]
    ) -> Scenario | Rejection:
        """The first candidate of a draft that is admitted, or why the last was not."""
        refused: Rejected | None = None
        candidate: Scenario | None = None
        mended: list[str] = []
        while (drawn := await draft.next(refused)) is not None:
            if refused is not None:
                mended.append(refused.reason)
            if isinstance(drawn, Rejected):
                candidate, refused = None, drawn
                continue
            told = {"slot": slot, "attempt": attempt, "mended": mended}
            candidate = drawn.sealed(provenance=drawn.provenance.model_copy(update=told), **origin)
            result = await _gated(candidate, self.sandbox)
            if isinstance(result, Admitted):
                return result.scenario
            refused = result
        why = refused or Rejected(Reason.SCHEMA, "the author gave no candidate")
        return _rejection(candidate, why, slot, attempt, draft.exchange)


async def _gated(scenario: Scenario, sandbox: Sandbox | None) -> Admitted | Rejected:
    if sandbox is None:
        return gate_structure(scenario)
    try:
        async with asyncio.timeout(GATE_S):
            for pause_s in PAUSES_S:
                try:
                    return await admit(scenario, sandbox)
                except InfraError:
                    await asyncio.sleep(pause_s)
            return await admit(scenario, sandbox)
    except TimeoutError:
        return Rejected(Reason.TOO_SLOW, f"the gate was not through after {GATE_S:g} s")


def _rejection(
    scenario: Scenario | None, why: Rejected, slot: int, attempt: int, exchange: list[dict[str, str]]
) -> Rejection:
    return Rejection(
        id=scenario.id if scenario else f"draw-{slot}-{attempt}",
        slot=slot,
        attempt=attempt,
        reason=why.reason,
        detail=why.detail,
        evidence=why.evidence,
        gate=why.report,
        exchange=exchange,
        scenario=scenario.model_dump(mode="json") if scenario else {},
    )


def _spelt(cell: Mapping[str, str]) -> str:
    return " ".join(f"{axis}={value}" for axis, value in cell.items())
