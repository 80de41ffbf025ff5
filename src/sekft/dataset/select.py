"""What a data set takes of the stored rollouts: filters in a row, each with what it passed and what it dropped.

A group holds the rollouts of one scenario. Groups stream: at no time is more than one of them held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sekft.errors import UsageError
from sekft.evaluation.difficulty import BANDS, band
from sekft.evaluation.metrics import recovered
from sekft.folder import Layout
from sekft.models.tokens import TokenCounter, length
from sekft.scenario import Frozen, Scenario, load_scenario
from sekft.shell.grounding import ungrounded
from sekft.trajectory import KEPT, OUTCOMES, StoredRollout, load_trajectory

if TYPE_CHECKING:
    from sekft.cli.options import Selecting

Group = list[StoredRollout]
Filter = Callable[[Group], Group]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a rollout; what is None, False or empty asks nothing.

    complete:     every mark of the mechanism that its scenario wants.
    most_tokens:  of the whole conversation in deploy form.
    most_mended:  share of what is taken that may hold a mistake and its repair, in [0, 1]; the later ones are dropped.
    bands:        of its scenario's difficulty, as models' rollouts tell it (returns.BANDS).
    per_scenario: the first so many of each.
    Raises UsageError for an outcome or a band that there is not.
    """

    kept: bool = False
    outcomes: tuple[str, ...] = ()
    complete: bool = False
    grounded: bool = False
    most_tokens: int | None = None
    most_mended: float | None = None
    bands: tuple[str, ...] = ()
    per_scenario: int | None = None

    def __post_init__(self) -> None:
        for option, given, known in (("--outcome", self.outcomes, OUTCOMES), ("--band", self.bands, BANDS)):
            if unknown := set(given) - set(known):
                raise UsageError(f"{option} {min(unknown)}: want one of {', '.join(known)}")


def wanted(selecting: Selecting, *, kept: bool) -> Wanted:
    """What the command line asks. kept: what falls short of being kept is of no use to the command."""
    return Wanted(
        kept=kept,
        outcomes=tuple(selecting.outcome or ()),
        complete=selecting.complete,
        grounded=selecting.grounded,
        most_tokens=selecting.max_length,
        most_mended=selecting.recovered_share,
        bands=tuple(selecting.band or ()),
        per_scenario=selecting.per_scenario,
    )


class Passed(Frozen):
    """What one filter did. Rollouts."""

    filter: str
    passed: int
    dropped: int


class Selection:
    """The filters that are wanted. `funnel` is whole once the stream has ended."""

    def __init__(self, wanted: Wanted, count: TokenCounter) -> None:
        self._filters = [("stored", _all), *_filters(wanted, count)]
        self._counts = [[0, 0] for _ in self._filters]

    @property
    def funnel(self) -> list[Passed]:
        rows = zip(self._filters, self._counts, strict=True)
        return [Passed(filter=name, passed=passed, dropped=dropped) for (name, _), (passed, dropped) in rows]

    def __call__(self, groups: Iterable[Group]) -> Iterator[Group]:
        """The groups with what passes, empty ones left out."""
        for group in groups:
            if chosen := self._filtered(group):
                yield chosen

    def _filtered(self, group: Group) -> Group:
        for (_, chosen), counts in zip(self._filters, self._counts, strict=True):
            before, group = len(group), chosen(group)
            counts[0] += len(group)
            counts[1] += before - len(group)
        return group


def stored(layout: Layout, scenarios: Path | None = None) -> Iterator[Group]:
    """The rollouts of a folder, a scenario's at a time, both in the order of their names.

    scenarios: a folder of bundles, or a run folder; None takes the layout's own, or those beside it.
    Raises UsageError where a scenario is missing, BundleError for a broken file.
    """
    beside = layout.root.resolve().parent / "scenarios"
    own = layout.scenarios if layout.kind == "run" or not beside.is_dir() else beside
    place = Layout.found(scenarios).scenarios if scenarios else own
    for name, paths in layout.grouped():
        scenario = _scenario(place, name)
        yield [StoredRollout(str(path.relative_to(layout.root)), load_trajectory(path), scenario) for path in paths]


def render(funnel: Sequence[Passed]) -> str:
    """A line for each filter."""
    wide = max(len(each.filter) for each in funnel)
    return "".join(f"  {each.filter:<{wide}}  {each.passed:>7} pass, {each.dropped} do not\n" for each in funnel)


def _scenario(place: Path, name: str) -> Scenario:
    path = place / f"{name}.json"
    if not path.is_file():
        raise UsageError(f"scenario {name}: not in {place}; --scenarios says where it is")
    return load_scenario(path)


def _all(group: Group) -> Group:
    return group


def _filters(wanted: Wanted, count: TokenCounter) -> Iterator[tuple[str, Filter]]:
    """In an order in which what needs the whole group comes first, and what counts what is taken last."""
    if wanted.bands:
        yield f"difficulty {', '.join(wanted.bands)}", lambda group: group if _band(group) in wanted.bands else []
    if wanted.kept:
        yield "kept", _each(lambda one: one.trajectory.keep)
    if wanted.outcomes:
        yield f"outcome {', '.join(wanted.outcomes)}", _each(lambda one: one.trajectory.outcome in wanted.outcomes)
    if wanted.complete:
        yield "mechanism complete", _each(lambda one: not one.trajectory.mechanism.missing(one.scenario.expected.kind))
    if wanted.grounded:
        yield "grounded", _each(lambda one: not ungrounded(one.trajectory.turns))
    if (most := wanted.most_tokens) is not None:
        yield (
            f"at most {most} tokens ({count.name})",
            _each(lambda one: length(one.trajectory.messages(), count) <= most),
        )
    if wanted.per_scenario is not None:
        yield f"at most {wanted.per_scenario} of a scenario", lambda group: group[: wanted.per_scenario]
    if wanted.most_mended is not None:
        yield f"at most {wanted.most_mended:.0%} with a mistake mended", _Mended(wanted.most_mended)


def _each(passes: Callable[[StoredRollout], bool]) -> Filter:
    return lambda group: [one for one in group if passes(one)]


def _band(group: Group) -> str | None:
    """None where no model has tried it: scripted operators tell nothing of difficulty."""
    modelled = [one.trajectory for one in group if one.trajectory.operator.model is not None]
    return band(len(modelled), sum(each.outcome in KEPT for each in modelled)) if modelled else None


class _Mended:
    """Drops a rollout with a repair whenever it would be one too many of those taken so far."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._taken = self._mended = 0

    def __call__(self, group: Group) -> Group:
        return [one for one in group if self._takes(recovered(one))]

    def _takes(self, mended: bool) -> bool:
        fits = not mended or self._mended + 1 <= self._most * (self._taken + 1)
        self._taken += fits
        self._mended += mended and fits
        return fits
