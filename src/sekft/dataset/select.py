"""Which stored rollouts a data set takes: filters in a row, each with how many it passed and dropped.

A group holds the rollouts of one scenario. Groups stream: at no time is more than one of them held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import ValidationInfo, field_validator

from sekft.errors import UsageError
from sekft.evaluation.difficulty import BANDS, band
from sekft.evaluation.metrics import recovered, right
from sekft.folder.config import Config, option
from sekft.folder.notes import Note, disputed
from sekft.folder.stored import Group
from sekft.models.texts import TokenCounter, length
from sekft.report import Table, either
from sekft.scenario import Frozen
from sekft.shell.grounding import ungrounded
from sekft.trajectory import OUTCOMES, StoredRollout

NO_NOTES: Mapping[str, Note] = {}
Filter = Callable[[Group], Group]


class SelectConfig(Config):
    """Which rollouts a data set takes; a default asks nothing. An unknown outcome or band raises UsageError."""

    heading: ClassVar[str] = "Filters"

    outcome: tuple[str, ...] = option(
        (), "Take only rollouts with this outcome. Repeat the option for several.", metavar="OUTCOME"
    )
    complete: bool = option(False, "Take only rollouts that reached every mark of the mechanism.")
    grounded: bool = option(
        False, "Take only rollouts in which each typed word was shown before or is common vocabulary."
    )
    max_length: int | None = option(None, "Leave out conversations of more than N tokens.", ge=1)
    tokenizer: str | None = option(
        None,
        "Count tokens with this tokenizer.json, model folder, or smollm2; default: an estimate.",
        metavar="FILE|FOLDER|smollm2",
    )
    recovered_share: float | None = option(
        None, "Limit the share of rollouts with a mistake and its repair.", ge=0.0, le=1.0
    )
    band: tuple[str, ...] = option(
        (), f"Take only scenarios in this band (how often models are right): {either(BANDS)}.", metavar="BAND"
    )
    per_scenario: int | None = option(None, "Take at most N rollouts per scenario.", ge=1)

    @field_validator("outcome", "band")
    @classmethod
    def _known(cls, values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = OUTCOMES if info.field_name == "outcome" else BANDS
        if unknown := set(values) - set(known):
            raise UsageError(f"--{info.field_name} {min(unknown)}: want one of {', '.join(known)}")
        return values

    @property
    def is_apart(self) -> bool:
        """Whether a scenario's rollouts pass or fail whatever was taken before them, so that workers can share them."""
        return self.recovered_share is None


class Passed(Frozen):
    """How many rollouts one filter passed and dropped."""

    filter: str
    passed: int
    dropped: int


Sifted = list[tuple[int, int]]
"""For each filter, how many rollouts it passed and dropped."""


class Selection:
    """The filters of a config. `funnel` is whole once the stream has ended, or all that was sifted has been added.

    kept:  whether a rollout that is not kept is dropped, too.
    notes: by trajectory; a rollout that one speaks against is dropped.
    """

    def __init__(
        self, config: SelectConfig, counter: TokenCounter, *, kept: bool, notes: Mapping[str, Note] = NO_NOTES
    ) -> None:
        self._filters = list(_filters(config, counter, kept, notes))
        self._counts = [[0, 0] for _ in self._filters]

    @property
    def funnel(self) -> list[Passed]:
        rows = zip(self._filters, self._counts, strict=True)
        return [Passed(filter=name, passed=passed, dropped=dropped) for (name, _), (passed, dropped) in rows]

    def __call__(self, groups: Iterable[Group]) -> Iterator[Group]:
        """The groups with what passes, empty ones left out."""
        for group in groups:
            taken, sifted = self.sift(group)
            self.add(sifted)
            if taken:
                yield taken

    def sift(self, group: Group) -> tuple[Group, Sifted]:
        """What passes of a group, and what each filter did to it, which is not added to the funnel."""
        sifted = []
        for _, chosen in self._filters:
            before, group = len(group), chosen(group)
            sifted.append((len(group), before - len(group)))
        return group, sifted

    def add(self, sifted: Sifted) -> None:
        for counts, (passed, dropped) in zip(self._counts, sifted, strict=True):
            counts[0] += passed
            counts[1] += dropped


def funnel_table(funnel: Sequence[Passed]) -> Table:
    return Table(("filter", "passed", "dropped"), [(row.filter, row.passed, row.dropped) for row in funnel], "Filters")


def _filters(
    config: SelectConfig, counter: TokenCounter, kept: bool, notes: Mapping[str, Note]
) -> Iterator[tuple[str, Filter]]:
    """In an order in which filters of whole groups come first, and those that count what is taken last."""
    yield "stored", lambda group: group
    if config.band:
        yield f"difficulty {', '.join(config.band)}", lambda group: group if _band(group) in config.band else []
    if kept:
        yield "kept", _each(lambda rollout: rollout.trajectory.keep)
    if notes:
        agrees = _each(lambda one: not disputed(notes.get(one.trajectory.id), one.trajectory.keep))
        yield "no note against it", agrees
    if config.outcome:
        yield (
            f"outcome {', '.join(config.outcome)}",
            _each(lambda rollout: rollout.trajectory.outcome in config.outcome),
        )
    if config.complete:
        yield (
            "mechanism complete",
            _each(_is_complete),
        )
    if config.grounded:
        yield "grounded", _each(lambda rollout: not ungrounded(rollout.trajectory.turns))
    if (most := config.max_length) is not None:
        fits = _each(lambda rollout: length(rollout.trajectory.messages(), counter) <= most)
        yield f"at most {most} tokens ({counter.name})", fits
    if config.per_scenario is not None:
        yield f"at most {config.per_scenario} of a scenario", lambda group: group[: config.per_scenario]
    if config.recovered_share is not None:
        yield f"at most {config.recovered_share:.0%} with a mistake mended", _Mended(config.recovered_share)


def _each(passes: Callable[[StoredRollout], bool]) -> Filter:
    return lambda group: [rollout for rollout in group if passes(rollout)]


def _is_complete(rollout: StoredRollout) -> bool:
    return not rollout.trajectory.mechanism.missing(rollout.scenario.expected.kind)


def _band(group: Group) -> str | None:
    """None where no model has tried it: scripted operators tell nothing of difficulty."""
    by_models = [rollout for rollout in group if rollout.trajectory.operator.model is not None]
    return band(len(by_models), sum(map(right, by_models))) if by_models else None


class _Mended:
    """Drops a rollout with a repair whenever it would be one too many of those taken so far."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._taken = self._mended = 0

    def __call__(self, group: Group) -> Group:
        taken = []
        for rollout in group:
            mended = recovered(rollout)
            if not mended or self._mended + 1 <= self._most * (self._taken + 1):
                self._taken += 1
                self._mended += mended
                taken.append(rollout)
        return taken
