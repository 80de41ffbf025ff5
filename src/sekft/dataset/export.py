"""The last step of Stage E: stored rollouts and pairs in the forms that trainers read, one streamed pass a source."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal

import sekft
from sekft.dataset.files import put_in_place, sink, staged
from sekft.dataset.pair import LABELS, PAIRS
from sekft.dataset.row_maker import FormRows, Made, RowMaker
from sekft.dataset.rows import (
    TABLES,
    ExportForm,
    Format,
    export_forms,
    named,
)
from sekft.dataset.select import Passed, SelectConfig, Selection, funnel_table
from sekft.errors import BundleError, UsageError
from sekft.evaluation.statistics import Quantiles
from sekft.folder import Folder, Layout, json_lines
from sekft.folder.config import Setting, option
from sekft.folder.entries import entries
from sekft.folder.notes import Note, read_notes
from sekft.folder.stored import GroupReader, weight
from sekft.folder.workers import mapped
from sekft.models.texts import TokenCounter
from sekft.protocols import Reporter
from sekft.report import Report, Table
from sekft.scenario import SCHEMA_VERSION, Frozen, load_noun
from sekft.taxonomy import splits

DEFAULT = ("sft",)
OF_PAIRS = ("dpo", "kto")
MANIFEST, TEMPLATE, FACTORY = "export.json", "chatml.jinja", "dataset_info.json"
PAIRS_FOLDER = "pairs"
SPLITS = (splits.TRAIN, splits.HELD_OUT)
BIN = 64
"""Tokens: the width of a bin of lengths."""
TableFormat = Literal["parquet", "jsonl"]
SCENARIO_WEIGHT = 16
"""What a scenario takes, in rollouts: tasks of Harbor are many files."""
ALWAYS_FILTERED = 2
"""Lines of a funnel that no option asks for: what is stored, what is kept."""


class ExportConfig(SelectConfig):
    """Write kept trajectories and pairs as trainers read them, with a data card."""

    heading: ClassVar[str] = "Export"

    to: tuple[str, ...] = option(
        (),
        "Write this form. Repeat the option for several; default: sft, and dpo and kto if there are pairs.",
        metavar="FORM",
    )
    format: TableFormat | None = option(
        None,
        "File format of the whole folder; default: what the folder has, else what the first form's trainers prefer.",
    )
    notes: bool = option(False, "Leave out what a reader's note contradicts (notes.jsonl of the run folder).")
    shard_rows: int = option(100_000, "Rows per file.", ge=1)
    against: tuple[Path, ...] = option(
        (), "Report texts that the export shares with this file, for example a benchmark.", recorded=False
    )
    title: str = option("Self-directed sessions in a shell", "Title of the data card.", recorded=False)
    license: str = option("apache-2.0", "License in the data card, as the Hub spells it.", recorded=False)
    no_card: bool = option(False, "Write no data card, and skip the audit that it needs.", recorded=False)

    def settings(self, projection: ExportForm) -> dict[str, Setting]:
        """What the rows of a projection depend on, under the names that folders have recorded so far.

        Filters are not for pairs, which `sekft pairs` has chosen.
        """
        filters: dict[str, Setting] = {
            "kept": projection.of == "kept", "outcomes": list(self.outcome), "complete": self.complete,
            "grounded": self.grounded, "most_tokens": self.max_length, "most_mended": self.recovered_share,
            "bands": list(self.band), "per_scenario": self.per_scenario,
        }  # fmt: skip
        shards: dict[str, Setting] = {
            "format": self.format_of(projection),
            "shard_rows": self.shard_rows,
            "version": sekft.__version__,
        }
        noted: dict[str, Setting] = {"notes": True} if self.notes else {}
        return noted | (shards if projection.of in ("pairs", "scenarios") else filters | shards)

    def format_of(self, projection: ExportForm) -> Format:
        return (self.format or projection.format) if projection.is_table else projection.format


@dataclass(frozen=True, slots=True)
class Sources:
    """scenarios: where they are if not in the layout. pairs: the folder that `sekft pairs` filled, if any."""

    layout: Layout
    scenarios: Path | None = None
    pairs: Path | None = None

    @classmethod
    def of(cls, trajectories: Path, scenarios: Path | None = None, pairs: Path | None = None) -> Sources:
        """What is not named is looked for where `sekft run` puts it, then beside a folder of trajectories."""
        layout = Layout.of_rollouts(trajectories)
        places = [layout.root] if layout.kind == "run" else [layout.root, layout.root.parent]
        if pairs is not None and not (pairs / PAIRS).is_file():
            raise UsageError(f"--pairs {pairs}: holds no {PAIRS}; want the folder that `sekft pairs` filled")
        beside = (place / PAIRS_FOLDER for place in places if (place / PAIRS_FOLDER / PAIRS).is_file())
        return cls(layout, scenarios, pairs or next(beside, None))


class ExportPart(Frozen):
    """One projection's rows of one split. tokens: of a row."""

    projection: str
    split: str
    format: Format
    rows: int
    files: int
    size_bytes: int
    tokens: Quantiles | None


class Exported(Report):
    """counted: how tokens were counted. funnel: what the filters did to whole trajectories."""

    schema_version: Literal[1] = SCHEMA_VERSION
    version: str
    counted: str
    funnel: list[Passed]
    parts: list[ExportPart]

    @property
    def tables(self) -> list[Table]:
        rows = [
            (part.projection, part.split, part.rows, _size(part.size_bytes))
            + ((part.tokens.median, part.tokens.p99, part.tokens.most) if part.tokens else (None, None, None))
            for part in self.parts
        ]
        columns = ("form", "split", "rows", "size", "median", "p99", "most")
        written = Table(columns, rows, notes=[f"median, p99, most: tokens of a row, by {self.counted}"])
        return [written, funnel_table(self.funnel)] if len(self.funnel) > ALWAYS_FILTERED else [written]


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"


def export(config: ExportConfig, sources: Sources, out: Path, counter: TokenCounter, reporter: Reporter) -> Exported:
    """Fill a folder: PROJECTION/SPLIT/ for each, the manifest last. What other exports left of other projections stays.

    Rows are written aside and replace earlier ones at the end: an export that is stopped changes none.
    Raises UsageError for an unknown projection or a missing source, BundleError where a family lies in both splits
    or a file is broken, StoreError where it cannot be written.
    """
    chosen = named(config.to or DEFAULT + OF_PAIRS * (sources.pairs is not None))
    with Folder(out).writing() as folder:
        before = _others(out / MANIFEST, chosen)
        config = config.model_copy(update={"format": _one_format(config, chosen, before, out)})
        # One counter of all forms: the manifest tells of one.
        folder.settle("export", {"tokens": counter.name}, empty=not (before.parts or _filled(out, chosen)))
        for projection in chosen:
            empty = not _filled(out, [projection])
            folder.settle(f"export-{projection.name}", config.settings(projection), empty=empty)
        guard, funnel, parts = SplitGuard(), before.funnel, before.parts
        notes = read_notes(sources.layout.root) if config.notes else {}
        stage = staged(out)
        for of in dict.fromkeys(projection.of for projection in chosen):
            asked = [projection for projection in chosen if projection.of == of]
            writers = [_Writer(folder, stage, config, projection) for projection in asked]
            selection = Selection(config, counter, kept=of == "kept", notes=notes)
            maker = _maker(of, config, sources, counter, {each.name: config.format_of(each) for each in asked}, notes)
            with closing(_made(of, maker, sources, selection, reporter)) as items:
                for item in items:
                    split = guard.split_of(item)
                    for writer, made in zip(writers, item.forms, strict=True):
                        writer.add(split, made)
            parts = parts + [part for writer in writers for part in writer.end()]
            funnel = selection.funnel if of == "kept" else funnel
        exported = Exported(version=sekft.__version__, counted=counter.name, funnel=funnel, parts=parts)
        folder.write(out / MANIFEST, before.to_json())
        filled = {part.projection for part in parts}
        for projection in chosen:
            put_in_place(stage / projection.name, out / projection.name)
            if projection.name not in filled:
                reporter.note(f"{projection.name}: no row")
        folder.write(out / TEMPLATE, files("sekft.dataset").joinpath("chatml.jinja").read_text("utf-8"))
        folder.write(out / FACTORY, json.dumps(factory(exported), indent=1) + "\n")
        folder.write(out / MANIFEST, exported.to_json())
    return exported


def read(out: Path) -> Exported:
    """What an export left in a folder. Raises UsageError where there is none."""
    if not (out / MANIFEST).is_file():
        raise UsageError(f"{out}: holds no {MANIFEST}; want a folder that `sekft export` filled")
    return load_noun(Exported, out / MANIFEST)


def _others(manifest: Path, chosen: Sequence[ExportForm]) -> Exported:
    """What earlier exports into this folder made of other projections."""
    if not manifest.exists():
        return Exported(version=sekft.__version__, counted="", funnel=[], parts=[])
    before = load_noun(Exported, manifest)
    names = {projection.name for projection in chosen}
    return before.model_copy(update={"parts": [part for part in before.parts if part.projection not in names]})


def _filled(out: Path, forms: Sequence[ExportForm]) -> bool:
    """Whether the folder has files of one of these forms."""
    return any((out / form.name).is_dir() and any((out / form.name).iterdir()) for form in forms)


def _one_format(config: ExportConfig, chosen: Sequence[ExportForm], before: Exported, out: Path) -> TableFormat:
    """The format of all tables of a folder: `datasets` has one reader for all of them.

    Raises UsageError where the folder has another one.
    """
    held = {part.format: part.projection for part in before.parts if part.format in TABLES}
    formats = [*held, *(form.format for form in chosen if form.is_table), "parquet"]
    asked: TableFormat = config.format or ("parquet" if formats[0] == "parquet" else "jsonl")
    if others := held.keys() - {asked}:
        other = min(others)
        raise UsageError(
            f"{out}: holds {held[other]} as {other}, and `datasets` cannot load a folder of two formats: "
            f"want --format {other}, or another --out"
        )
    return asked


class SplitGuard:
    """Which split each family is in; memory grows with families alone."""

    def __init__(self) -> None:
        self._split: dict[str, str] = {}

    def split_of(self, noun: Made) -> str:
        """The item's split. Raises BundleError where the other split has met its family, or there is no such split."""
        if noun.split not in SPLITS:
            raise BundleError(f"{noun.id}: split: saw {noun.split!r}, want {' or '.join(SPLITS)}")
        if self._split.setdefault(noun.family, noun.split) != noun.split:
            raise BundleError(f"{noun.id}: family {noun.family} lies in both splits, want twins and re-skins in one")
        return noun.split


def _maker(
    of: str,
    config: ExportConfig,
    sources: Sources,
    counter: TokenCounter,
    forms: Mapping[str, Format],
    notes: Mapping[str, Note],
) -> RowMaker:
    """Raises UsageError where these forms are made of pairs and there are none."""
    if of in ("pairs", "labelled") and sources.pairs is None:
        raise UsageError("these forms are made of pairs: run `sekft pairs` first, and say where with --pairs")
    return RowMaker(
        config=SelectConfig(**{name: getattr(config, name) for name in SelectConfig.model_fields}),
        counter=counter,
        forms=forms,
        read=GroupReader.of(sources.layout, sources.scenarios),
        notes=notes,
        pairs=sources.pairs / PAIRS if sources.pairs else None,
        labelled=frozenset(_labelled(sources.pairs)) if of == "labelled" and sources.pairs else None,
    )


def _made(
    of: str, maker: RowMaker, sources: Sources, selection: Selection, reporter: Reporter
) -> Generator[Made, None, None]:
    """Every item's rows, in the order of the items."""
    if of == "scenarios":
        yield from _of_scenarios(maker, sources, reporter)
    elif of == "pairs" and maker.pairs:
        with mapped(maker.of_pair, json_lines(maker.pairs)) as parts:
            yield from chain.from_iterable(parts)
    else:
        reporter.begin(f"{of}: scenarios", sum(1 for _ in sources.layout.grouped()), 0)
        workers = None if maker.config.is_apart else 0
        with mapped(maker.of_rollouts, sources.layout.grouped(), weigh=weight, workers=workers) as groups:
            for sifted, made in groups:
                reporter.step()
                selection.add(sifted)
                yield from made


def _of_scenarios(maker: RowMaker, sources: Sources, reporter: Reporter) -> Iterator[Made]:
    """All that were admitted, in the order of their ids. Raises UsageError where there are none."""
    layout = Layout.found(sources.scenarios) if sources.scenarios else sources.layout
    count = sum(1 for _ in entries(layout.scenarios))
    if not count:
        raise UsageError(f"{layout.scenarios}: holds no scenarios; --scenarios says where they are")
    reporter.begin("scenarios", count, 0)
    with mapped(maker.of_scenario, entries(layout.scenarios), weigh=lambda _: SCENARIO_WEIGHT) as parts:
        for made in parts:
            reporter.step()
            yield from made


def _labelled(folder: Path) -> set[str]:
    """The files of the whole trajectories that `sekft pairs` has labelled."""
    try:
        return {label["file"] for _, label in json_lines(folder / LABELS)}
    except (TypeError, KeyError) as error:
        raise BundleError(f"{folder / LABELS}: {error!r}; want what `sekft pairs` wrote") from error


class _Writer:
    """One projection's sinks, by split, and the lengths of the rows in each."""

    def __init__(self, folder: Folder, stage: Path, config: ExportConfig, projection: ExportForm) -> None:
        self._projection, self._form = projection, config.format_of(projection)
        stored = replace(projection, columns=projection.all_columns)
        self._sinks = {split: sink(folder, stage, stored, split, self._form, config.shard_rows) for split in SPLITS}
        self._lengths: dict[str, Counter[int]] = {split: Counter() for split in SPLITS}

    def add(self, split: str, made: FormRows) -> None:
        self._lengths[split].update(made.lengths)
        self._sinks[split].add(made.rows)

    def end(self) -> Iterator[ExportPart]:
        for split, place in self._sinks.items():
            place.end()
            if place.rows:
                lengths = self._lengths[split]
                yield ExportPart(
                    projection=self._projection.name,
                    split=split,
                    format=self._form,
                    rows=place.rows,
                    files=place.files,
                    size_bytes=place.size_bytes,
                    tokens=Quantiles.of(lengths, BIN) if lengths else None,
                )


def factory(exported: Exported) -> dict[str, Any]:
    """LLaMA-Factory's dataset_info.json over the files of an export; held-out parts as data sets of their own."""
    forms = export_forms()
    return {
        part.projection if part.split == splits.TRAIN else f"{part.projection}_{part.split}": {
            "file_name": f"{part.projection}/{part.split}",
            **forms[part.projection].factory,
        }
        for part in exported.parts
        if forms[part.projection].factory
    }
