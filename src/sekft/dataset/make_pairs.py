"""Stage E's first half: a folder of rollouts becomes pairs, labels of whole rollouts, and a report of both.

PLACE/pairs.jsonl   the pairs that the balance took, scenario by scenario
PLACE/labels.jsonl  every rollout that is right or wrong, with its file: what KTO wants of whole sessions
PLACE/report.json   what was found, refused and taken
PLACE/branches/     rollouts from prefixes of the others, where they were asked for; see branching.py
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import sekft
from sekft.dataset.balance import PER_SCENARIO, Stub, balanced
from sekft.dataset.pair import LABELS, MARGIN, PAIRS, Forks, Pair
from sekft.dataset.select import Group, Passed, Selection, Wanted, stored
from sekft.folder import Folder, Layout, Setting, documents, explained
from sekft.models.tokens import EstimatedTokens, length
from sekft.models.tokens import TokenCounter as TokenCounter
from sekft.protocols import Reporter
from sekft.scenario import Frozen
from sekft.trajectory import KEPT, StoredRollout, load_trajectory

TABLES = ("outcomes", "causes", "sources", "splits", "refused")
BRANCHES = "branches"
REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Pairing:
    """What is asked for.

    wanted:      of the rollouts on the chosen side. outcomes: of those on the rejected side; empty for any.
    most:        pairs in all; None for as many as stay even. per_scenario: pairs.
    most_tokens: of the prompt and the longer side together.
    """

    wanted: Wanted = field(default_factory=lambda: Wanted(kept=True))
    outcomes: tuple[str, ...] = ()
    seed: int = 0
    most: int | None = None
    per_scenario: int = PER_SCENARIO
    margin: float = MARGIN
    most_tokens: int | None = None
    count: TokenCounter = field(default_factory=EstimatedTokens)


class Spread(Frozen):
    """Tokens at the 10th, 50th and 90th percentile."""

    p10: int = 0
    p50: int = 0
    p90: int = 0


class PairReport(Frozen):
    """What came of it.

    both:     scenarios with a rollout for either side; only these can give pairs.
    funnel:   rollouts that may stand on the chosen side.
    refused:  reason → what could not be a pair, or was not to be one.
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
    turns: Spread
    counted_by: str
    prompt: Spread
    chosen: Spread
    rejected: Spread
    longer: dict[str, int]
    axes: dict[str, dict[str, int]]
    labels: dict[str, int]


def pair(rollouts: Layout, scenarios: Path | None, out: Layout, asked: Pairing, reporter: Reporter) -> PairReport:
    """Make the pairs of these rollouts; the same ones for the same rollouts and settings.

    out: a run folder takes them in `pairs/`, any other at its top. Raises UsageError, BundleError and StoreError.
    """
    place = out.pairs
    with Folder(out.root).writing() as folder, folder.timed("pairs"):
        folder.settle("pairs", _settings(asked))
        with explained(place):
            place.mkdir(parents=True, exist_ok=True)
        labels = folder.begin(place / LABELS)
        with explained(place), tempfile.TemporaryFile(dir=place) as spool:
            found = _Found(asked, spool, place / BRANCHES)
            for group in stored(rollouts, scenarios):
                found.add(group, labels)
            chosen = set(balanced(found.stubs, asked.seed, asked.per_scenario, asked.most))
            pairs = folder.begin(place / PAIRS)
            taken = _Taken(asked.count)
            for number, line in enumerate(_again(spool)):
                if number in chosen:
                    pairs.write(line)
                    taken.add(Pair.model_validate_json(line))
        report = found.report(taken)
        folder.place(labels, place / LABELS)
        folder.place(pairs, place / PAIRS)
        folder.write(place / REPORT, report.model_dump_json(indent=1) + "\n")
    reporter.note(f"{report.pairs} pairs of {report.candidates} candidates in {place}")
    return report


def _again(spool: IO[bytes]) -> Iterator[bytes]:
    spool.seek(0)
    return iter(spool)


def _settings(asked: Pairing) -> dict[str, Setting]:
    wanted = asked.wanted
    return {
        "complete": wanted.complete, "grounded": wanted.grounded, "recovered_share": wanted.most_mended,
        "bands": sorted(wanted.bands), "outcomes": sorted(asked.outcomes), "seed": asked.seed, "n": asked.most,
        "per_scenario": asked.per_scenario, "margin": asked.margin,
        "max_length": asked.most_tokens, "tokens": asked.count.name, "version": sekft.__version__,
    }  # fmt: skip


class _Found:
    """The first pass: every candidate goes to the spool, what the balance needs of it stays."""

    def __init__(self, asked: Pairing, spool: IO[bytes], branches: Path) -> None:
        self._asked, self._spool, self._branches = asked, spool, branches
        self._selection = Selection(asked.wanted, asked.count)
        self._refused: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._scenarios = self._both = 0
        self.stubs: list[Stub] = []

    def add(self, group: Group, labels: IO[bytes]) -> None:
        self._scenarios += 1
        for one in group:
            if (label := _label(one)) is not None:
                labels.write(_line(label))
                self._labels["right" if label["label"] else "wrong"] += 1
        scenario = group[0].scenario
        for path in documents(self._branches / scenario.id):
            group = [*group, StoredRollout(str(path), load_trajectory(path), scenario)]
        kept = next(self._selection([group]), [])
        wrong = [one for one in group if one.trajectory.outcome not in KEPT and one.trajectory.outcome != "infra_error"]
        if kept and wrong:
            self._both += 1
            self._pairs([*kept, *wrong])

    def _pairs(self, group: Group) -> None:
        asked = self._asked
        for made in Forks(group, self._refused).pairs(asked.margin):
            chosen, rejected = (asked.count(side[0].content) for side in (made.chosen, made.rejected))
            if asked.outcomes and made.outcome not in asked.outcomes:
                self._refused["another outcome"] += 1
            elif asked.most_tokens is not None and _tokens(made, asked.count) > asked.most_tokens:
                self._refused[f"longer than {asked.most_tokens} tokens"] += 1
            else:
                values = tuple(f"{axis}={value}" for axis, value in made.cell.items())
                cause = made.cause or made.source
                self.stubs.append(
                    Stub(len(self.stubs), made.scenario_id, made.outcome, cause, chosen, rejected, values)
                )
                self._spool.write(_line(made.model_dump(mode="json")))

    def report(self, taken: _Taken) -> PairReport:
        told = {
            "version": sekft.__version__,
            "scenarios": self._scenarios,
            "both": self._both,
            "funnel": self._selection.funnel,
            "candidates": len(self.stubs),
            "refused": dict(sorted(self._refused.items())),
            "labels": dict(self._labels),
            "counted_by": self._asked.count.name,
        }
        return PairReport.model_validate(told | taken.told())


class _Taken:
    """The second pass: what the pairs that are taken come to."""

    def __init__(self, count: TokenCounter) -> None:
        self._count = count
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("outcomes", "causes", "sources", "splits", "longer")
        }
        self._axes: dict[str, Counter[str]] = {}
        self._sizes: dict[str, list[int]] = {name: [] for name in ("turns", "prompt", "chosen", "rejected")}

    def add(self, made: Pair) -> None:
        sizes = {
            "turns": made.turn,
            "prompt": length([message.model_dump() for message in made.prompt], self._count),
            "chosen": self._count(made.chosen[0].content),
            "rejected": self._count(made.rejected[0].content),
        }
        for name, size in sizes.items():
            self._sizes[name].append(size)
        more = sizes["chosen"] - sizes["rejected"]
        told = {
            "outcomes": made.outcome,
            "causes": made.cause or "none",
            "sources": made.source,
            "splits": made.split,
            "longer": "chosen" if more > 0 else "rejected" if more else "neither",
        }
        for name, value in told.items():
            self._counts[name][value] += 1
        for axis, value in made.cell.items():
            self._axes.setdefault(axis, Counter())[value] += 1

    def told(self) -> dict[str, object]:
        counts = {name: dict(found.most_common()) for name, found in self._counts.items()}
        axes = {axis: dict(found.most_common()) for axis, found in self._axes.items()}
        spreads = {name: _spread(sizes) for name, sizes in self._sizes.items()}
        return {**counts, **spreads, "axes": axes, "pairs": len(self._sizes["turns"])}


def _label(one: StoredRollout) -> dict[str, object] | None:
    """None for what is neither: an infra error, or a right ending whose record fell short."""
    made = one.trajectory
    if not made.keep and made.outcome in (*KEPT, "infra_error"):
        return None
    return {
        "id": made.id, "scenario_id": made.scenario_id, "split": one.scenario.split, "family": one.scenario.family,
        "file": one.file, "label": made.keep, "outcome": made.outcome,
        "cause": made.fault.kind if made.fault else None,
    }  # fmt: skip


def _line(row: object) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _tokens(made: Pair, count: TokenCounter) -> int:
    prompt = [message.model_dump() for message in made.prompt]
    return max(length([*prompt, side[0].model_dump()], count) for side in (made.chosen, made.rejected))


def _spread(sizes: Iterable[int]) -> Spread:
    ordered = sorted(sizes)
    if not ordered:
        return Spread()
    p10, p50, p90 = (ordered[int(share * (len(ordered) - 1))] for share in (0.1, 0.5, 0.9))
    return Spread(p10=p10, p50=p50, p90=p90)


def render(report: PairReport) -> str:
    """The report as a page of text."""
    taken = f"{report.pairs} pairs of {report.candidates} candidates"
    lines = [f"{taken}, from {report.both} of {report.scenarios} scenarios"]
    lines += [f"  {name:<9} {_told(getattr(report, name))}" for name in TABLES]
    lines.append(f"  tokens    at p10, p50, p90 ({report.counted_by})")
    for name in ("prompt", "chosen", "rejected"):
        spread = getattr(report, name)
        lines.append(f"    {name:<9} {spread.p10}, {spread.p50}, {spread.p90}")
    lines += [f"  {name:<9} {_told(getattr(report, name))}" for name in ("longer", "labels")]
    return "\n".join(lines) + "\n"


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
