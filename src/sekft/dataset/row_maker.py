"""From what is stored to rows, item by item: what an export does in its workers. Files are written by one process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sekft.dataset import pair
from sekft.dataset.files import line
from sekft.dataset.pair import Pair
from sekft.dataset.rows import ExportForm, Format, Row, messages_of, named, scalar_columns, scalars
from sekft.dataset.select import SelectConfig, Selection, Sifted
from sekft.folder.entries import Entry
from sekft.folder.notes import Note, disputed
from sekft.folder.stored import GroupReader
from sekft.models.texts import TokenCounter, length
from sekft.scenario import Scenario
from sekft.trajectory import StoredRollout

Item = StoredRollout | Pair | Scenario


@dataclass(frozen=True, slots=True)
class FormRows:
    """One item's rows of one form.

    rows: each a Row, or its line where JSONL is written. lengths: tokens of each; none where rows have no length.
    """

    rows: Sequence[Any]
    lengths: Sequence[int]


@dataclass(frozen=True, slots=True)
class Made:
    """An item's rows by form, with what tells its split."""

    id: str
    split: str
    family: str
    forms: list[FormRows]


@dataclass(frozen=True)
class RowMaker:
    """Makes the rows of several forms at once, of what one thing in the folder holds.

    forms:    name → file format. read: for rollouts. pairs: the file that holds them.
    labelled: files of the rollouts that have a label, where others are to be left out.
    """

    config: SelectConfig
    counter: TokenCounter
    forms: Mapping[str, Format]
    read: GroupReader
    notes: Mapping[str, Note]
    pairs: Path | None = None
    labelled: frozenset[str] | None = None

    @cached_property
    def _makers(self) -> list[_FormMaker]:
        return [_FormMaker(form, self.forms[form.name], self.counter) for form in named(list(self.forms))]

    @cached_property
    def _selection(self) -> Selection:
        kept = all(maker.form.of == "kept" for maker in self._makers)
        return Selection(self.config, self.counter, kept=kept, notes=self.notes)

    def of_rollouts(self, group: Any) -> tuple[Sifted, list[Made]]:
        """group: a scenario's, by name; also tells what the filters did to it."""
        taken, sifted = self._selection.sift(self.read(group))
        return sifted, self._made(one for one in taken if self.labelled is None or one.file in self.labelled)

    def of_pair(self, numbered: tuple[int, Any]) -> list[Made]:
        """numbered: a line of the pairs' file."""
        one = pair.parsed(self.pairs or "pairs", *numbered)
        return self._made([] if self._disputes(one) else [one])

    def of_scenario(self, entry: Entry) -> list[Made]:
        return self._made([entry.scenario()])

    def _disputes(self, one: Pair) -> bool:
        """Whether a note would drop the chosen side's rollout, or keep the rejected one's."""
        chosen, rejected = self.notes.get(one.chosen_side.trajectory), self.notes.get(one.rejected_side.trajectory)
        return disputed(chosen, True) or disputed(rejected, False)

    def _made(self, items: Iterable[Item]) -> list[Made]:
        return list(map(self._one, items))

    def _one(self, item: Item) -> Made:
        noun = item.scenario if isinstance(item, StoredRollout) else item
        return Made(noun.id, noun.split, noun.family, [maker.rows(item) for maker in self._makers])


class _FormMaker:
    """Makes the rows of one form, and counts their tokens."""

    def __init__(self, form: ExportForm, file_format: Format, counter: TokenCounter) -> None:
        self.form, self._format, self._counter = form, file_format, counter
        self._scalars = list(scalar_columns(form)) if form.scalars else []

    def rows(self, item: Item) -> FormRows:
        rows = list(self.form.rows(item))
        lengths = [self._length(row) if self.form.length else None for row in rows]
        if self._scalars:
            rows = list(self._with_scalars(item, rows, lengths))
        counted = [tokens for tokens in lengths if tokens is not None]
        return FormRows(list(map(line, rows)) if self._format == "jsonl" else rows, counted)

    def _with_scalars(self, item: Item, rows: Sequence[Row], lengths: Sequence[int | None]) -> Iterator[Row]:
        told = scalars(item, None)
        for row, tokens in zip(rows, lengths, strict=True):
            told["n_tokens"] = tokens
            yield {**row, **{name: told[name] for name in self._scalars}}

    def _length(self, row: Row) -> int:
        return max(length(messages_of(row, columns), self._counter) for columns in self.form.length)
