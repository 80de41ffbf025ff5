"""Does a published set still hold? Its scenarios pass today's gate, and its sessions give the same screens again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from sekft.env.episode import backend, land
from sekft.env.source import FORM, rows, scenarios
from sekft.errors import BundleError, UsageError
from sekft.folder.config import option
from sekft.protocols import Reporter, Sandbox
from sekft.rejection import Rejected
from sekft.report import Report, Styled, Table, facts
from sekft.runs.engines.local import at_once
from sekft.runs.generate import gated
from sekft.runs.resources import SandboxedConfig
from sekft.scenario import SCHEMA_VERSION, Frozen, Scenario
from sekft.seeds import derive

SESSIONS = "sft"
"""The form whose rows are whole sessions."""
Session = list[tuple[str, str]]
"""Role and content of each message."""


class VerifyConfig(SandboxedConfig):
    """Run the gate and the sessions of a published set again, or of a sample of it."""

    heading: ClassVar[str] = "Sample"

    sample: int = option(20, "Verify N scenarios, drawn by --seed; 0 verifies all.", ge=0, recorded=False)


class VerifiedScenario(Frozen):
    """refused: the gate's reason code and detail, None where it admitted it again.

    session: the first difference of a recorded session typed again; None where there is none, or no session of it.
    """

    id: str
    split: str
    refused: str | None
    typed: bool
    session: str | None

    @property
    def fault(self) -> str | None:
        return self.refused or self.session


class Verified(Report):
    """scenarios: how many the set has, each as its id says. astray: rows of sessions of none of them."""

    schema_version: Literal[1] = SCHEMA_VERSION
    folder: str
    scenarios: int
    torn_families: list[str]
    astray: int
    sample: list[VerifiedScenario]

    @property
    def holds(self) -> bool:
        return not (self.torn_families or self.astray or any(each.fault for each in self.sample))

    @property
    def tables(self) -> list[Table]:
        typed = [each for each in self.sample if each.typed]
        admitted = sum(each.refused is None for each in self.sample)
        same = sum(each.session is None for each in typed)
        counts = facts(
            [
                ("set", self.folder),
                ("scenarios", f"{self.scenarios:,}, each with the content that its id says"),
                ("families in both splits", len(self.torn_families)),
                ("sessions of no scenario here", self.astray),
                ("admitted by the gate again", f"{admitted} of {len(self.sample)}"),
                ("sessions that give the same screens", f"{same} of {len(typed)}" if typed else "none was exported"),
                ("verdict", Styled("holds", "good") if self.holds else Styled("does not hold", "bad")),
            ]
        )
        faults = [(each.id, each.fault) for each in self.sample if each.fault]
        return [counts, Table(("scenario", "what does not hold"), faults)] if faults else [counts]


async def verify(config: VerifyConfig, folder: Path, reporter: Reporter) -> Verified:
    """Read a set, check what needs no sandbox on all of it, and the rest on a sample.

    folder: an export with the form `scenarios`, as it was written or downloaded. Raises UsageError where it has no
    scenarios, BundleError where a row is not what it says, InfraError and SandboxUnavailable.
    """
    if not (folder / FORM).is_dir():
        raise UsageError(f"{folder}: holds no {FORM}/; want an export with that form (sekft export --to {FORM} …)")
    held = scenarios(folder)
    known, chosen, sandbox = {each.id for each in held}, _sample(held, config), backend(config.sandbox)
    astray, sessions = _sessions(folder, known, {each.id for each in chosen})
    reporter.begin("verify", len(chosen), 0)

    async def again(scenario: Scenario) -> VerifiedScenario:
        verified = await _again(scenario, sessions.get(scenario.id), sandbox)
        reporter.step(f"{scenario.id} {verified.fault or 'holds'}")
        return verified

    done = [each async for each in at_once(again, chosen, config.at_once)]
    return Verified(
        folder=str(folder),
        scenarios=len(held),
        torn_families=_torn(held),
        astray=astray,
        sample=sorted(done, key=lambda each: each.id),
    )


def _sample(held: Sequence[Scenario], config: VerifyConfig) -> list[Scenario]:
    drawn = sorted(held, key=lambda each: derive(config.seed, "verify", each.id))
    return drawn[: config.sample] if config.sample else drawn


def _torn(held: Sequence[Scenario]) -> list[str]:
    """Families that lie in both splits."""
    splits: dict[str, set[str]] = {}
    for each in held:
        splits.setdefault(each.family, set()).add(each.split)
    return sorted(family for family, found in splits.items() if len(found) > 1)


def _sessions(folder: Path, known: set[str], wanted: set[str]) -> tuple[int, dict[str, Session]]:
    """How many rows are of no known scenario, and the first session of each that is wanted. Raises BundleError."""
    astray, found = 0, dict[str, Session]()
    for place, row in rows(folder / SESSIONS) if (folder / SESSIONS).is_dir() else ():
        try:
            name, session = _scenario_id(row), [(str(each["role"]), str(each["content"])) for each in row["messages"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"{place}: {error!r}; want a row of the form {SESSIONS}") from error
        astray += name not in known
        if name in wanted:
            found.setdefault(name, session)
    return astray, found


def _scenario_id(row: Mapping[str, Any]) -> str:
    """Exports of earlier versions have it in the metadata alone."""
    return str(row.get("scenario_id") or json.loads(row["metadata"])["scenario_id"])


async def _again(scenario: Scenario, session: Session | None, sandbox: Sandbox) -> VerifiedScenario:
    verdict = await gated(scenario, sandbox)
    refused = f"{verdict.reason}: {verdict.detail}" if isinstance(verdict, Rejected) else None
    difference = await _typed_again(scenario, session, sandbox) if session else None
    return VerifiedScenario(
        id=scenario.id, split=scenario.split, refused=refused, typed=session is not None, session=difference
    )


async def _typed_again(scenario: Scenario, session: Session, sandbox: Sandbox) -> str | None:
    """The first message that differs when the recorded actions are typed in a fresh sandbox."""
    async with land(scenario, sandbox) as shell:
        for role, text in session:
            if role == "assistant" and not shell.over:
                await shell.step(text)
    for at, (then, now) in enumerate(zip(session, shell.messages, strict=False)):
        if then != (now["role"], now["content"]):
            return f"message {at}: recorded {then[1][-80:]!r}, now {now['content'][-80:]!r}"
    if len(session) != len(shell.messages):
        return f"{len(session)} messages are recorded, now {len(shell.messages)}"
    return None if shell.result.reward else f"its outcome is {shell.result.outcome}"
