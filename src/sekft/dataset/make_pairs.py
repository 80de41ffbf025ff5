"""Stage E's first half: a folder of rollouts becomes pairs, labels of whole rollouts, and a report of both.

PLACE/pairs.jsonl   the pairs that the balance took, scenario by scenario
PLACE/labels.jsonl  every rollout that is right or wrong, with its file: what KTO wants of whole sessions
PLACE/report.json   what was found, refused and taken
PLACE/branches/     rollouts from prefixes of the others, where they were asked for; see runs/branch.py
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, ClassVar

import sekft
from sekft.dataset.pair import BY_CHANCE, LABELS, MARGIN, PAIRS, Forks, Pair
from sekft.dataset.select import Passed, SelectConfig, Selection, Sifted, funnel_table
from sekft.evaluation.statistics import Quantiles
from sekft.folder import ROLLOUTS, Folder, Layout, explained, settings
from sekft.folder.config import Setting, option
from sekft.folder.entries import Entry, by_folder, entries
from sekft.folder.places import is_remote
from sekft.folder.stored import GroupReader, NamedGroup, weight
from sekft.folder.workers import mapped
from sekft.models.texts import EstimatedTokens, TokenCounter, length
from sekft.protocols import Reporter
from sekft.report import Cell, Report, Table, facts, listed
from sekft.seeds import stream
from sekft.trajectory import KEPT, StoredRollout

COUNTS = ("outcomes", "causes", "sources", "splits", "refused", "longer", "labels")
BRANCHES = "branches"
REPORT = "report.json"
EVEN = 2.0
"""No outcome, and of one outcome no cause, has more than this many times an even share of the pairs."""
PER_SCENARIO = 4
_LOOKED_AT = 8
"""Candidates looked at for each that is taken."""
_BINS_AN_OCTAVE = 2


class PairConfig(SelectConfig):
    """Make pairs of kept and rejected rollouts. The filters apply to the chosen side, except these three.

    outcome:      of the rejected side.
    max_length:   of the prompt and the longer side together.
    per_scenario: counts pairs.
    """

    heading: ClassVar[str] = "Pairs"

    n: int | None = option(None, "Make at most N pairs; default: as many as the balance allows.", ge=1)
    margin: float = option(
        MARGIN, "Require that the shares of right rollouts of the two sides differ by at least X.", ge=0.0, le=1.0
    )
    seed: int | None = option(
        None,
        "Random seed; default: that of the folder's pairs, else 0. The same seed and rollouts give the same pairs.",
    )
    per_scenario: int = option(PER_SCENARIO, "Make at most N pairs per scenario.", ge=1)

    def settings(self, counter: TokenCounter) -> dict[str, Setting]:
        """What a folder of pairs is made with, under the names that folders have recorded so far."""
        return {
            "complete": self.complete, "grounded": self.grounded, "recovered_share": self.recovered_share,
            "bands": sorted(self.band), "outcomes": sorted(self.outcome), "seed": self.seed, "n": self.n,
            "per_scenario": self.per_scenario, "margin": self.margin,
            "max_length": self.max_length, "tokens": counter.name, "version": sekft.__version__,
        }  # fmt: skip


class PairReport(Report):
    """The pairs that were made, in figures.

    both:     scenarios with a rollout for either side; only these can give pairs.
    funnel:   rollouts that may stand on the chosen side.
    refused:  reason → comparisons that gave no pair.
    turns:    of the decisive action; prompt, chosen, rejected: tokens.
    longer:   which side has more tokens → pairs.
    axes:     axis → value → pairs.
    labels:   right, wrong → whole rollouts.
    """

    version: str
    scenarios: int
    both: int
    funnel: list[Passed]
    candidates: int
    refused: dict[str, int]
    pairs: int
    outcomes: dict[str, int]
    causes: dict[str, int]
    sources: dict[str, int]
    splits: dict[str, int]
    turns: Quantiles
    counted_by: str
    prompt: Quantiles
    chosen: Quantiles
    rejected: Quantiles
    longer: dict[str, int]
    axes: dict[str, dict[str, int]]
    labels: dict[str, int]

    @property
    def why_none(self) -> str:
        """Why there are no pairs, where there are none, and what would make some."""
        held = f"{self.both} of {self.scenarios} scenarios have both a kept and a failed rollout"
        if not self.both:
            right = "`sekft rollout --operator explorer` makes kept ones, to which a model's failures can be compared"
            wrong = "`sekft rollout --operator saboteur` makes failed ones beside the explorer's"
            return f"{held}; {wrong if self.labels.get('right') else right}"
        refused = ", ".join(f"{reason} {count}" for reason, count in self.refused.items() if count)
        if self.refused.get(BY_CHANCE):
            more = "six rollouts or more of a scenario, or --branches 4, tell whether an action is to blame"
            return f"{held}, and every comparison was refused ({refused}): {more}"
        return f"{held}, and every comparison was refused: {refused}"

    @property
    def tables(self) -> list[Table]:
        summary: list[tuple[str, Cell]] = [
            ("pairs", f"{self.pairs} of {self.candidates} candidates"),
            ("scenarios", f"{self.both} of {self.scenarios} have both a kept and a failed rollout"),
        ]
        summary += [(name, listed(getattr(self, name)) or "none") for name in COUNTS]
        spreads = {"prompt": self.prompt, "chosen": self.chosen, "rejected": self.rejected}
        tokens = [(name, spread.p10, spread.p50, spread.p90) for name, spread in spreads.items()]
        counted_by = [f"tokens by {self.counted_by}"]
        return [
            replace(facts(summary, "Pairs"), notes=[] if self.pairs else [f"no pairs: {self.why_none}"]),
            Table(("tokens", "p10", "p50", "p90"), tokens, notes=counted_by),
            funnel_table(self.funnel),
        ]


def pair(
    rollouts: Layout,
    scenarios: Path | None,
    out: Layout,
    config: PairConfig,
    reporter: Reporter,
    counter: TokenCounter | None = None,
) -> PairReport:
    """Make the pairs of these rollouts; the same ones for the same rollouts and settings.

    out:     a run folder takes them in `pairs/`, any other at its top.
    counter: None estimates tokens. Raises UsageError, BundleError and StoreError.
    """
    place, counter = out.pairs, counter or EstimatedTokens()
    with Folder(out.root).writing() as folder, folder.timed("pairs"):
        if config.seed is None:
            recorded = settings(out.root, "pairs").get("seed")
            config = config.model_copy(update={"seed": recorded if isinstance(recorded, int) else 0})
        folder.settle("pairs", config.settings(counter), empty=not _size(place / PAIRS))
        labels = folder.begin(place / LABELS)
        with explained(place), tempfile.TemporaryFile(dir=None if is_remote(place) else place) as spool:
            candidates = _Candidates(config, counter, spool, labels)
            branches = dict(by_folder(entries(place / BRANCHES, ROLLOUTS)))
            find = _Finding(config, counter, GroupReader.of(rollouts, scenarios))
            groups = ((group, branches.get(group[0], [])) for group in rollouts.grouped())
            workers = None if config.is_apart else 0
            with mapped(find, groups, weigh=lambda item: weight(item[0]) + len(item[1]), workers=workers) as parts:
                for found in parts:
                    candidates.add(found)
            stubs = [candidate.stub for candidate in candidates.held]
            chosen = set(balanced(stubs, config.seed or 0, config.per_scenario, config.n))
            pairs = folder.begin(place / PAIRS)
            taken = _PairFigures()
            spool.seek(0)
            for candidate, line in zip(candidates.held, spool, strict=True):
                if candidate.stub.number in chosen:
                    pairs.write(line)
                    taken.add(candidate)
        report = PairReport.model_validate(candidates.figures() | taken.figures())
        folder.place(labels, place / LABELS)
        folder.place(pairs, place / PAIRS)
        folder.write(place / REPORT, report.to_json())
    reporter.note(f"{report.pairs} pairs of {report.candidates} candidates in {place}")
    return report


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@dataclass(frozen=True, slots=True)
class Stub:
    """What the balance has to know of a pair. Lengths in tokens. values: `axis=value` of its scenario's cell."""

    number: int
    scenario: str
    outcome: str
    cause: str
    chosen: int
    rejected: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is held of a pair until it is taken or not. prompt: tokens. The pair itself lies in the spool."""

    stub: Stub
    turn: int
    prompt: int
    split: str
    source: str
    cause: str | None

    def numbered(self, number: int) -> Candidate:
        """As it is held: of a word that many have there is one in memory."""
        scenario, outcome, cause = map(sys.intern, (self.stub.scenario, self.stub.outcome, self.stub.cause))
        values = tuple(map(sys.intern, self.stub.values))
        words = {"scenario": scenario, "outcome": outcome, "cause": cause, "values": values}
        return replace(self, stub=replace(self.stub, number=number, **words))  # type: ignore[arg-type]


@dataclass
class _Found:
    """What one scenario gave. labels: lines, and how many of them are right or wrong. both: whether it has both kinds.

    refused: reason → comparisons that gave no pair. pairs: candidates with their lines.
    """

    labels: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    sifted: Sifted = field(default_factory=list)
    both: bool = False
    refused: Counter[str] = field(default_factory=Counter)
    pairs: list[tuple[Candidate, bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class _Finding:
    """Finds the candidates of one scenario, also in a worker."""

    config: PairConfig
    counter: TokenCounter
    read: GroupReader

    @cached_property
    def _selection(self) -> Selection:
        return _selection(self.config, self.counter)

    def __call__(self, item: tuple[NamedGroup, list[Entry]]) -> _Found:
        """item: a scenario's rollouts, and those of its branches."""
        found, group = _Found(), self.read(item[0])
        for label in filter(None, map(_label, group)):
            found.labels.append(_line(label))
            found.counts["right" if label["label"] else "wrong"] += 1
        scenario = group[0].scenario
        group += [StoredRollout(str(entry), entry.trajectory(), scenario) for entry in item[1]]
        kept, found.sifted = self._selection.sift(group)
        wrong = [rollout for rollout in group if rollout.trajectory.outcome not in (*KEPT, "infra_error")]
        if kept and wrong:
            found.both = True
            for candidate in Forks([*kept, *wrong], found.refused).pairs(self.config.margin):
                self._take(candidate, found)
        return found

    def _take(self, pair: Pair, found: _Found) -> None:
        config = self.config
        if config.outcome and pair.outcome not in config.outcome:
            found.refused["another outcome"] += 1
        elif config.max_length is not None and self._longest(pair) > config.max_length:
            found.refused[f"longer than {config.max_length} tokens"] += 1
        else:
            found.pairs.append((self._candidate(pair), _line(pair.model_dump(mode="json"))))

    def _candidate(self, pair: Pair) -> Candidate:
        chosen, rejected = self.counter(pair.chosen[0].content), self.counter(pair.rejected[0].content)
        values = tuple(f"{axis}={value}" for axis, value in pair.cell.items())
        stub = Stub(0, pair.scenario_id, pair.outcome, pair.cause or pair.source, chosen, rejected, values)
        prompt = length([{"content": message.content} for message in pair.prompt], self.counter)
        return Candidate(stub, pair.turn, prompt, pair.split, pair.source, pair.cause)

    def _longest(self, pair: Pair) -> int:
        contents = [{"content": message.content} for message in pair.prompt]
        sides = ({"content": pair.chosen[0].content}, {"content": pair.rejected[0].content})
        return max(length([*contents, side], self.counter) for side in sides)


def _selection(config: PairConfig, counter: TokenCounter) -> Selection:
    filters = {"outcome": (), "max_length": None, "per_scenario": None}  # these three speak of pairs
    return Selection(config.model_copy(update=filters), counter, kept=True)


class _Candidates:
    """The first pass: every candidate goes to the spool; memory holds what the balance and the report need of it."""

    def __init__(self, config: PairConfig, counter: TokenCounter, spool: IO[bytes], labels: IO[bytes]) -> None:
        self._spool, self._label_lines, self._counted_by = spool, labels, counter.name
        self._selection = _selection(config, counter)
        self._refused: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._scenarios = self._both = 0
        self.held: list[Candidate] = []

    def add(self, found: _Found) -> None:
        self._scenarios += 1
        self._both += found.both
        self._label_lines.writelines(found.labels)
        self._labels.update(found.counts)
        self._selection.add(found.sifted)
        self._refused.update(found.refused)
        for candidate, line in found.pairs:
            self.held.append(candidate.numbered(len(self.held)))
            self._spool.write(line)

    def figures(self) -> dict[str, object]:
        return {
            "version": sekft.__version__,
            "scenarios": self._scenarios,
            "both": self._both,
            "funnel": self._selection.funnel,
            "candidates": len(self.held),
            "refused": dict(sorted(self._refused.items())),
            "labels": dict(self._labels),
            "counted_by": self._counted_by,
        }


class _PairFigures:
    """The second pass: the figures of the pairs that are taken."""

    def __init__(self) -> None:
        self._counts = {name: Counter[str]() for name in ("outcomes", "causes", "sources", "splits", "longer")}
        self._axes: dict[str, Counter[str]] = defaultdict(Counter)
        self._sizes: dict[str, list[int]] = {name: [] for name in ("turns", "prompt", "chosen", "rejected")}

    def add(self, one: Candidate) -> None:
        chosen, rejected = one.stub.chosen, one.stub.rejected
        for sizes, size in zip(self._sizes.values(), (one.turn, one.prompt, chosen, rejected), strict=True):
            sizes.append(size)
        longer = "chosen" if chosen > rejected else "rejected" if rejected > chosen else "neither"
        values = (one.stub.outcome, one.cause or "none", one.source, one.split, longer)
        for counts, value in zip(self._counts.values(), values, strict=True):
            counts[value] += 1
        for value in one.stub.values:
            axis, _, name = value.partition("=")
            self._axes[axis][name] += 1

    def figures(self) -> dict[str, object]:
        counts = {name: dict(values.most_common()) for name, values in self._counts.items()}
        axes = {axis: dict(values.most_common()) for axis, values in self._axes.items()}
        spreads = {name: Quantiles.spread(sizes) for name, sizes in self._sizes.items()}
        return {**counts, **spreads, "axes": axes, "pairs": len(self._sizes["turns"])}


def _label(rollout: StoredRollout) -> dict[str, object] | None:
    """None for what is neither right nor wrong: an infra error, or a right ending whose record fell short."""
    trajectory, scenario = rollout.trajectory, rollout.scenario
    if not trajectory.keep and trajectory.outcome in (*KEPT, "infra_error"):
        return None
    return {
        "id": trajectory.id, "scenario_id": trajectory.scenario_id, "split": scenario.split,
        "family": scenario.family, "file": rollout.file, "label": trajectory.keep, "outcome": trajectory.outcome,
        "cause": trajectory.fault.kind if trajectory.fault else None,
    }  # fmt: skip


def _line(row: object) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def balanced(stubs: Sequence[Stub], seed: int, per_scenario: int = PER_SCENARIO, most: int | None = None) -> list[int]:
    """The numbers of those to take, in order; the same for the same seed.

    most: at most so many; None takes as many as stay even.
    """
    strata: dict[tuple[str, str], list[Stub]] = defaultdict(list)
    for stub in stubs:
        strata[stub.outcome, stub.cause].append(stub)
    quota = quotas({key: len(pool) for key, pool in strata.items()}, most)
    taken, rng = _Balance(stubs), stream(seed, "pairs")
    for key in sorted(strata, key=lambda key: (len(strata[key]) - quota[key], key)):  # the least choice goes first
        pool, lacking = strata[key], quota[key]
        while lacking and pool:
            seen = sorted({rng.randrange(len(pool)) for _ in range(_LOOKED_AT)}, reverse=True)
            full = [at for at in seen if taken.scenarios[pool[at].scenario] >= per_scenario]
            best = min(set(seen) - set(full), key=lambda at: taken.cost(pool[at]), default=None)
            if best is not None:
                taken.add(pool[best])
                lacking -= 1
            for at in (at for at in seen if at == best or at in full):
                pool[at] = pool[-1]
                pool.pop()
    return sorted(taken.numbers)


def quotas(counts: Mapping[tuple[str, str], int], most: int | None = None) -> dict[tuple[str, str], int]:
    """How many of each (outcome, cause) to take."""
    outcomes: dict[str, dict[str, int]] = defaultdict(dict)
    for (outcome, cause), count in counts.items():
        outcomes[outcome][cause] = count
    evened = {outcome: shared(causes, largest(causes)) for outcome, causes in outcomes.items()}
    sums = {outcome: sum(causes.values()) for outcome, causes in evened.items()}
    total = largest(sums)
    quota = shared(sums, total if most is None else min(most, total))
    return {
        (outcome, cause): count
        for outcome, causes in evened.items()
        for cause, count in shared(causes, quota[outcome]).items()
    }


def largest(counts: Mapping[str, int]) -> int:
    """The largest sum in which none has more than EVEN times an even share."""
    cap = max(counts.values(), default=0)
    while (total := sum(min(count, cap) for count in counts.values())) and cap > (fair := EVEN * total / len(counts)):
        cap = math.floor(fair)
    return total


def shared(counts: Mapping[str, int], total: int) -> dict[str, int]:
    """The total dealt out as evenly as the counts allow."""
    dealt: dict[str, int] = {}
    left = min(total, sum(counts.values()))
    for at, name in enumerate(sorted(counts, key=lambda name: (counts[name], name))):
        dealt[name] = min(counts[name], left // (len(counts) - at))
        left -= dealt[name]
    return dealt


class _Balance:
    """What is taken so far, and how well another would suit it."""

    def __init__(self, stubs: Sequence[Stub]) -> None:
        self.numbers: list[int] = []
        self.scenarios: Counter[str] = Counter()
        self._longer: Counter[int] = Counter()
        self._values: Counter[str] = Counter()
        self._values_of_axis = Counter(_axis(value) for value in {value for stub in stubs for value in stub.values})

    def cost(self, stub: Stub) -> tuple[int, int, int]:
        """How much further apart the lengths of the sides would be; how common its values are; the earlier first."""
        chosen, rejected = _bin(stub.chosen), _bin(stub.rejected)
        apart = 0
        if chosen != rejected:
            apart = (1 if self._longer[chosen] >= 0 else -1) + (1 if self._longer[rejected] <= 0 else -1)
        common = sum(self._values[value] * self._values_of_axis[_axis(value)] for value in stub.values)
        return apart, common, stub.number

    def add(self, stub: Stub) -> None:
        self.numbers.append(stub.number)
        self.scenarios[stub.scenario] += 1
        self._longer[_bin(stub.chosen)] += 1
        self._longer[_bin(stub.rejected)] -= 1
        self._values.update(stub.values)


def _axis(value: str) -> str:
    return value.partition("=")[0]


def _bin(tokens: int) -> int:
    return round(_BINS_AN_OCTAVE * math.log2(max(1, tokens)))
