"""What a set holds, as the audit and the data card need it: facts of each scenario, and sums over its rollouts.

Files are read in parts by `folder.workers`, and the parts are added up in the order of the files. Memory does not
grow with the rollouts, but for sessions up to TEXTS_AT_MOST and the names of files that fall short. For that of the
scenarios see facts.py.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from sekft.evaluation import metrics
from sekft.folder.notes import Note
from sekft.models.texts import EstimatedTokens, length
from sekft.quality.facts import ScenarioFacts, StoredFacts
from sekft.quality.texts import skeleton
from sekft.scenario import GateReport
from sekft.shell.chat_format import violations
from sekft.shell.grounding import ungrounded
from sekft.taxonomy import Taxonomy, Where, splits
from sekft.trajectory import StoredRollout

TEXTS_AT_MOST = 10_000
"""Scenarios whose texts are compared, and as many sessions. Ids are hashes, so that the first of them are a sample."""
RIGHT_OUTCOME = {"work": "solved", "empty": "idle", "blocked": "rightly_blocked"}
EXAMPLE_ACTIONS = 8
"""Of a session that is short and yet does some work."""


@dataclass
class Proofs:
    """What gates proved, added up: of what was admitted in a sandbox, and of what was rejected with a report."""

    reports: int = 0
    mutants: int = 0
    equivalent: int = 0
    right: int = 0
    survivors: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, report: GateReport) -> None:
        self.reports += 1
        self.mutants += report.mutants
        self.equivalent += report.equivalent
        self.right += report.right
        self.survivors.update(report.survivors)
        self.refused.update(report.refused)


Example = tuple[bool, bool, int, str]
"""Whether it is held out, whether it is other than solved, how far it is from EXAMPLE_ACTIONS, its file."""


@dataclass
class Rolled:
    """Rollouts, added up; parts are added in the order of the files. What is listed by file is so in that order.

    outcomes:   (operator, outcome, fault or ""). kept_of: operator → kept.
    wrongly:    kept with another outcome than the scenario's. ungrounded, leaks: (file, what).
    rash:       put the tool to use before its documentation was shown. recovered: failed and went on.
    calls:      operator → calls of the tool; invented: those with an option that nothing had shown.
    actions, tokens: of a session → sessions. sessions: skeletons, at most TEXTS_AT_MOST; commands: of all.
    noted:      (file, id, whether kept) of those with a reader's note.
    endings:    (expected kind, split). mistaken: sessions with a mistake. example: none or one, the best to show.

    All but outcomes, calls, invented and noted are of kept rollouts alone.
    """

    rollouts: int = 0
    kept: int = 0
    by_models: int = 0
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    kept_of: Counter[str] = field(default_factory=Counter)
    wrongly: list[str] = field(default_factory=list)
    ungrounded: list[tuple[str, str]] = field(default_factory=list)
    rash: list[str] = field(default_factory=list)
    leaks: list[tuple[str, str]] = field(default_factory=list)
    recovered: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    invented: Counter[str] = field(default_factory=Counter)
    actions: Counter[int] = field(default_factory=Counter)
    tokens: Counter[int] = field(default_factory=Counter)
    sessions: list[str] = field(default_factory=list)
    commands: Counter[str] = field(default_factory=Counter)
    noted: list[tuple[str, str, bool]] = field(default_factory=list)
    endings: Counter[tuple[str, str]] = field(default_factory=Counter)
    mistaken: int = 0
    example: list[Example] = field(default_factory=list)

    @property
    def operators(self) -> list[str]:
        return sorted({operator for operator, _, _ in self.outcomes})

    @classmethod
    def of(cls, rollouts: Sequence[StoredRollout], notes: Mapping[str, Note]) -> Rolled:
        """notes: by trajectory."""
        rolled = cls()
        for one in rollouts:
            rolled._take(one, one.trajectory.id in notes)
        return rolled

    def _take(self, one: StoredRollout, noted: bool) -> None:
        made = one.trajectory
        kind, guesses = made.operator.kind, ungrounded(made.turns)
        self.rollouts += 1
        self.by_models += made.operator.model is not None
        self.outcomes[kind, made.outcome, made.fault.kind if made.fault else ""] += 1
        self.calls[kind] += metrics.calls(one)
        self.invented[kind] += metrics.invented_options(one, guesses)
        if noted:
            self.noted.append((one.file, made.id, made.keep))
        if made.keep:
            self._keep(one, guesses)

    def _keep(self, one: StoredRollout, guesses: Mapping[int, list[str]]) -> None:
        made, scenario = one.trajectory, one.scenario
        self.kept += 1
        self.kept_of[made.operator.kind] += 1
        self.recovered += metrics.recovered(one)
        self.mistaken += bool(metrics.mistakes(one))
        self.actions[len(one.actions)] += 1
        self.tokens[length(made.messages(), EstimatedTokens())] += 1
        self.endings[scenario.expected.kind, scenario.split] += 1
        if made.outcome != RIGHT_OUTCOME[scenario.expected.kind]:
            self.wrongly.append(one.file)
        if guesses:
            self.ungrounded.append((one.file, " ".join(next(iter(guesses.values())))))
        if metrics.read_first(one) is False:
            self.rash.append(one.file)
        if faults := violations(made):
            self.leaks.append((one.file, faults[0]))
        typed = skeleton(one)
        self.commands.update(typed)
        self.sessions.append(" ".join(typed))
        far = abs(len(one.actions) - EXAMPLE_ACTIONS)
        self.example.append((scenario.split != splits.TRAIN, made.outcome != "solved", far, one.file))
        self.example = [min(self.example)]

    def add(self, other: Rolled) -> None:
        for each in fields(self):
            own, its = getattr(self, each.name), getattr(other, each.name)
            if isinstance(own, Counter):
                own.update(its)
            elif isinstance(own, list):
                own.extend(its)
            else:
                setattr(self, each.name, own + its)
        self.example = [min(self.example)] if self.example else []
        del self.sessions[TEXTS_AT_MOST:]


@dataclass(frozen=True)
class Holdings:
    """What a run holds.

    where, held: the cells that it was drawn from, the values of its held-out part.
    rejected:    reason → draws.
    broken:      files of rollouts that met an infra error. folder: where the scenarios lie below the run.
    notes:       readers' notes, by trajectory.
    """

    taxonomy: Taxonomy
    where: Where
    held: Where
    scenarios: StoredFacts
    proofs: Proofs
    rejected: Counter[str]
    rolled: Rolled
    broken: tuple[str, ...]
    folder: str
    notes: Mapping[str, Note] = field(default_factory=dict)

    def file(self, scenario: ScenarioFacts) -> str:
        return posixpath.normpath(posixpath.join(self.folder, f"{scenario.id}.json"))
