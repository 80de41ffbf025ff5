"""Stage A and the gate: every slot is drawn until its whole family is admitted.

A family is a base scenario with its twin and its re-skins, all of one author's seed. Each member is gated on its own,
and a family is admitted whole or not at all.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import sekft
from sekft import authors, sandboxes, taxonomy
from sekft.errors import InfraError, ResourcesExhausted, SekftError, UsageError
from sekft.folder import Folder, Layout
from sekft.folder.config import Setting, option, same_option
from sekft.folder.entries import entries
from sekft.gate import admit
from sekft.gate.static import gate_structure
from sekft.protocols import Author, AuthorConfig, Draft, Reporter, Sandbox
from sekft.rejection import Admitted, Reason, Rejected, Rejection
from sekft.report import either
from sekft.runs.engines import SpreadConfig, chosen
from sekft.runs.resources import (
    GIVE_UP_AFTER,
    PAUSES_S,
    PaidConfig,
    Tally,
    attended,
    tell_of_building,
)
from sekft.scenario import Cell, Scenario
from sekft.seeds import derive
from sekft.taxonomy import Taxonomy, Where, splits

ATTEMPTS = 20
"""Draws for one slot before its cell counts as broken: a sound author needs one or two."""
GATE_S = 900.0
"""For one gate: a sound scenario takes one to ten seconds, one that sleeps in every command could take hours."""
_TWIN_ENDING = {"work": "blocked", "blocked": "work"}


Keep = Callable[[Scenario | Rejection], None]


class GenerateConfig(AuthorConfig, SpreadConfig, PaidConfig):
    """Author scenarios and admit those that pass the gate."""

    heading: ClassVar[str] = "Scenarios"

    author: str | None = same_option(
        AuthorConfig,
        "author",
        None,
        heading=AuthorConfig.heading,
        help_text=f"Author: {either(authors.KINDS)}; default: teacher if SEKFT_MODEL is set, else procedural.",
    )
    n: int = option(50, "Admit N scenarios, not counting twins and re-skins.", ge=1, grows=True)
    where: tuple[str, ...] = option(
        (),
        "Draw only cells with this value; AXIS!=VALUE excludes it. Can be repeated: values of one axis are "
        "alternatives.",
        metavar="AXIS=VALUE",
    )
    holdout: tuple[str, ...] = option(
        (),
        "Reserve this value for held-out scenarios; `none` reserves no value. Default: the values of splits.toml.",
        metavar="AXIS=VALUE",
    )
    twins: bool = option(False, "Add a twin of each scenario: blocked if it is solvable, solvable if it is blocked.")
    reskins: int = option(0, "Add N re-skins of each scenario: the same task with other names, tool and wording.", ge=0)
    no_sandbox: bool = option(
        False,
        "Check only the structure, without a sandbox. This does not prove that a scenario can be solved.",
        flag="--no-sandbox --no-docker",
        recorded=False,
    )

    @property
    def author_name(self) -> str:
        return self.author or ("teacher" if os.environ.get("SEKFT_MODEL") else "procedural")


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
    """What a folder holds already. admitted: slot → members. rejected: slot → draws."""

    admitted: Counter[int]
    rejected: Counter[int]

    @property
    def empty(self) -> bool:
        """Whether nothing was drawn yet."""
        return not self.admitted and not self.rejected

    @classmethod
    def of(cls, layout: Layout, author: Author) -> Progress:
        """Read the folder, and let the author meet what it holds."""
        progress = cls(Counter(), Counter())
        for scenario in (entry.scenario() for entry in entries(layout.scenarios)):
            author.met(scenario)
            if (slot := scenario.provenance.slot) is not None:
                progress.admitted[slot] += 1
        for rejection in (entry.load(Rejection) for entry in entries(layout.rejected)):
            progress.rejected[rejection.slot] = max(progress.rejected[rejection.slot], rejection.attempt + 1)
        return progress


@dataclass(frozen=True, slots=True)
class Filler:
    """Fills slots. sandbox: None for the structural dry run. held: the values of the held-out part.

    keep:     called with every scenario that is admitted and every draw that is not, as soon as it is known.
    attempts: draws of one slot; None for ATTEMPTS.
    rejected: the folder with the reasons of rejected draws; None where no folder keeps them.
    note:     called with what a person should read: a repair that was refused, and a slot that is drawn again.
    """

    author: Author
    sandbox: Sandbox | None
    seed: int
    held: Where
    keep: Keep
    attempts: int | None = None
    rejected: Path | None = None
    note: Callable[[str], None] = lambda text: None

    async def fill(self, slot: int, members: list[Member], first: int) -> list[Scenario]:
        """Draw until a whole family is admitted; attempts before `first` are known to be rejected."""
        attempts, last = self.attempts or ATTEMPTS, ""
        for attempt in range(first, attempts):
            family = await self._draw(slot, attempt, members)
            if not isinstance(family, Rejection):
                for scenario in family:
                    self.keep(scenario)
                    self.author.met(scenario)
                return family
            self.keep(family)
            again = "it is drawn again" if attempt + 1 < attempts else "that was the last one"
            self.note(f"slot {slot}: draw {attempt + 1} of {attempts} refused ({family.reason}); {again}")
            last = f"{family.reason}: {family.detail}"
        cell = " ".join(f"{axis}={value}" for axis, value in members[0].cell.items())
        why = f"the reasons are in {self.rejected}" if self.rejected else f"the last one: {last}"
        raise AuthorExhausted(f"slot {slot} ({cell}): none of {attempts} draws passed the gate; {why}")

    async def _draw(self, slot: int, attempt: int, members: list[Member]) -> list[Scenario] | Rejection:
        """The family of one attempt, or why its first bad member was refused."""
        seed = derive(self.seed, "author", slot, attempt)
        split = splits.part([member.cell for member in members], self.held)
        family: list[Scenario] = []
        for member in members:
            base = family[0].id if family else None
            origin = {
                "split": split,
                "twin_of": base if member.twin else None,
                "reskin_of": base if member.skin else None,
            }
            draft = self.author.begin(member.cell, seed, member.skin)
            result = await self._settled(slot, attempt, draft, origin)
            if isinstance(result, Rejection):
                return result
            family.append(result)
        return family

    async def _settled(
        self, slot: int, attempt: int, draft: Draft, origin: Mapping[str, str | None]
    ) -> Scenario | Rejection:
        """The first candidate of a draft that is admitted, or why the last was not."""
        refused: Rejected | None = None
        candidate: Scenario | None = None
        mended: list[str] = []
        while (drawn := await draft.next(before := refused)) is not None:
            mended += [before.reason] if before else []
            place = {"slot": slot, "attempt": attempt, "mended": mended}
            made = drawn.candidate if isinstance(drawn, Rejected) else drawn
            candidate = made and made.sealed(provenance=made.provenance.model_copy(update=place), **origin)
            result = await self._tried(drawn, candidate)
            if isinstance(result, Admitted):
                return result.scenario
            refused = result
            if before is not None:
                self.note(f"slot {slot}: repair {len(mended)} refused ({_count(refused)}); {_still(before, refused)}")
        why = refused or Rejected(Reason.SCHEMA, "the author gave no candidate")
        return Rejection(
            id=candidate.id if candidate else f"draw-{slot}-{attempt}",
            slot=slot,
            attempt=attempt,
            reason=why.reason,
            detail=why.detail,
            evidence=why.evidence,
            faults=[f"{fault.reason}: {fault.detail}" for fault in why.faults],
            gate=why.report,
            exchange=draft.exchange,
            scenario=candidate.model_dump(mode="json") if candidate else {},
        )

    async def _tried(self, drawn: Scenario | Rejected, candidate: Scenario | None) -> Admitted | Rejected:
        """The gate's word on a candidate, beside what its author knows to be wrong with it."""
        if isinstance(drawn, Rejected):
            return drawn.beside(await gated(candidate, self.sandbox)) if candidate else drawn
        return await gated(candidate or drawn, self.sandbox)


def _count(refused: Rejected) -> str:
    others = len(refused.faults) - 1
    return f"{refused.reason} and {others} more" if others else str(refused.reason)


def _still(before: Rejected, now: Rejected) -> str:
    """What a repair left as it was."""
    known = {(fault.reason, fault.detail) for fault in before.faults}
    left = [fault.reason for fault in now.faults if (fault.reason, fault.detail) in known]
    return f"told before and still so: {', '.join(dict.fromkeys(left))}" if left else "none of it was told before"


class Generation:
    """What a config comes to: an author, a sandbox (None for the dry run) and each slot's family.

    Raises UsageError for what cannot be meant, and SandboxUnavailable.
    """

    def __init__(self, config: GenerateConfig) -> None:
        self.config, self._axes = config, taxonomy.load()
        self._where = taxonomy.parse_where(self._axes, config.where)
        self._held = splits.held_out(self._axes, config.holdout)
        self.author = authors.make(config.author_name, config)
        if (config.twins or config.reskins) and not self.author.skins:
            raise UsageError(
                f"--author {self.author.name} writes single scenarios: --twins and --reskins want procedural"
            )
        pick = sandboxes.elsewhere if config.is_far else sandboxes.pick
        self.sandbox = None if config.no_sandbox else pick(config.sandbox)
        self.author.trying(self.sandbox)

    def family(self, slot: int) -> list[Member]:
        cell = self._axes.cell(self.config.seed, slot, self._where)
        return family(self._axes, cell, self.config.twins, self.config.reskins)

    def filled(self, slot: int, before: Progress) -> bool:
        """Whether a folder holds the slot's whole family."""
        return slot in before.admitted and before.admitted[slot] >= len(self.family(slot))

    def filler(self, rejected: Path | None, tell: Callable[[Any], None]) -> Filler:
        return Filler(self.author, self.sandbox, self.config.seed, self._held, tell, None, rejected, tell)

    async def families(
        self, before: Progress, keep: Keep, reporter: Reporter, rejected: Path | None = None
    ) -> AsyncGenerator[list[Scenario], None]:
        """Fill what is left of the slots, in any order. One that cannot be filled stops no other; its error comes last.

        Raises AuthorExhausted and InfraError.
        """
        slots = [slot for slot in range(self.config.n) if not self.filled(slot, before)]
        task = FillTask(self, rejected)
        engine = chosen(self.config, task, len(slots) if rejected else None, reporter.note)
        task.tell = lambda told: reporter.note(told) if isinstance(told, str) else keep(told)
        items = ((slot, before.rejected[slot]) for slot in slots)
        left: list[SekftError] = []
        in_a_row, proven = 0, bool(before.admitted)
        async with aclosing(engine.map(task, items, self.config.at_once, lambda *_: None)) as results:
            async for result in results:
                if isinstance(result, SekftError):
                    left.append(result)
                    in_a_row += 1
                    if in_a_row == GIVE_UP_AFTER or (isinstance(result, AuthorExhausted) and not proven):
                        raise result
                    continue
                in_a_row, proven = 0, True
                yield result
        if left:
            why = f"{len(left)} of {self.config.n} slots are left, the last because {left[-1]}"
            raise type(left[-1])(f"{why}; run the same command to resume")

    @property
    def recipe(self) -> GenerateConfig:
        """What another process makes the same of, whatever its environment names."""
        sandbox = self.sandbox.name if self.sandbox else self.config.sandbox
        named = {"author": self.config.author_name, "sandbox": sandbox, "engine": "local"}
        return self.config.model_copy(update=named)

    def settings(self, layout: Layout) -> dict[str, Setting]:
        """What a folder is made with."""
        listed = ", interfaces of a list" if self.config.listed_interfaces else ""
        return {
            **self.config.recorded(),
            **{f"author.{name}": value for name, value in self.author.settings.items()},
            "author": f"{self.author.name}{listed}",
            "grammar": authors.GRAMMAR,
            "gate": self.sandbox.name if self.sandbox else "structural",
            "holdout": splits.spelt(self._held),
            "layout": layout.kind,
            "twins": int(self.config.twins),
            "version": sekft.__version__,
            "where": sorted(set(self.config.where)),
        }


Slot = tuple[int, int]
"""Its number, and its first draw that is not known to be rejected."""


class FillTask:
    """Satisfies protocols.Task: fills slots, and tells what was admitted and rejected, and notes.

    An author that learns from what is admitted (`met`) does not spread: its drafts hang on the order.
    """

    def __init__(self, generation: Generation, rejected: Path | None = None) -> None:
        self._generation, self._rejected = generation, rejected
        self.endpoint = generation.author.endpoint
        self.sandbox = generation.sandbox.name if generation.sandbox else None
        self.spreads = type(generation.author).met is Author.met
        self.tell: Callable[[Any], None] = lambda told: None

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self._generation.recipe, self._rejected)

    async def do(self, item: Slot) -> list[Scenario] | SekftError:
        slot, first = item
        filler = self._generation.filler(self._rejected, self.tell)
        try:
            return await filler.fill(slot, self._generation.family(slot), first)
        except (InfraError, AuthorExhausted) as error:
            return error

    def lost(self, item: Slot, why: str) -> SekftError:
        return InfraError(f"slot {item[0]}: {why}")


def _reopened(recipe: GenerateConfig, rejected: Path | None) -> FillTask:
    return FillTask(Generation(recipe), rejected)


async def stream(config: GenerateConfig, reporter: Reporter) -> AsyncGenerator[Scenario, None]:
    """Admitted scenarios as they come, kept in no folder."""
    generation = Generation(config)
    families = generation.families(Progress(Counter(), Counter()), lambda _: None, reporter)
    async with attended(generation.author, None, config, reporter), aclosing(families):
        async for members in families:
            for scenario in members:
                yield scenario


async def generate(config: GenerateConfig, layout: Layout, reporter: Reporter) -> None:
    """Fill a folder: slots 0 to n-1, each with the first family that is admitted.

    Raises AuthorExhausted, StoreError, SandboxUnavailable, InfraError and UsageError; what was
    admitted or rejected before that is on disk.
    """
    if not config.no_sandbox:
        tell_of_building(reporter)
    generation = Generation(config)
    with Folder(layout.root).writing() as folder, folder.timed("generate"):
        before = Progress.of(layout, generation.author)
        settings = generation.settings(layout)
        empty = before.empty and not next(
            entries(layout.root), None
        )  # a stage's own folder has its scenarios at the top
        folder.settle("generate", settings, growing=config.growing(), empty=empty)
        folder.expect(config.n)
        done = sum(slot < config.n and generation.filled(slot, before) for slot in before.admitted)
        reporter.begin("scenarios", config.n, done)
        tally = Tally(generation.author)
        async with attended(generation.author, folder, config, reporter, tally):
            keep = keeper(folder, layout, tally)
            async with aclosing(generation.families(before, keep, reporter, layout.rejected)) as families:
                async for base, *others in families:
                    more = f" and {len(others)} more" if others else ""
                    reporter.step(f"{tally}  {base.expected.kind} {base.id}{more}")


def keeper(folder: Folder, layout: Layout, tally: Tally | None = None) -> Keep:
    """Writes what is drawn where it belongs, and counts it."""

    def keep(drawn: Scenario | Rejection) -> None:
        if tally is not None and isinstance(drawn, Scenario):
            tally.add("admitted", *(["repaired"] if drawn.provenance.mended else []))
        elif tally is not None and isinstance(drawn, Rejection):
            tally.add("rejected", *(["redrawn"] if drawn.attempt + 1 < ATTEMPTS else []))
        place = layout.scenarios if isinstance(drawn, Scenario) else layout.rejected
        folder.keep(place, f"{drawn.id}.json", drawn.to_json())

    return keep


async def gated(scenario: Scenario, sandbox: Sandbox | None) -> Admitted | Rejected:
    """The gate, tried again where the sandbox broke; without a sandbox, the structural dry run."""
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
    except ResourcesExhausted as error:
        if not error.killed:
            raise
        return Rejected(Reason.TOO_SLOW, f"the scenario's own processes used up the time: {error}")
    except TimeoutError:
        return Rejected(Reason.TOO_SLOW, f"the gate did not finish within {GATE_S:g} s")
