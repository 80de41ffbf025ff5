"""The last step of Stage E: what is stored, in the forms that trainers read, one streamed pass a source."""

from __future__ import annotations

import json
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import sekft
from sekft.dataset import pair
from sekft.dataset.files import sink
from sekft.dataset.pair import LABELS, PAIRS, Pair
from sekft.dataset.projections import Format, Projection, named, projections
from sekft.dataset.rows import Row, messages_of
from sekft.dataset.select import Group, Passed, Selection, Wanted, stored
from sekft.dataset.select import render as funnel
from sekft.errors import BundleError, UsageError
from sekft.folder import Folder, Layout, Setting
from sekft.models.tokens import TokenCounter, length
from sekft.protocols import Reporter
from sekft.scenario import SCHEMA_VERSION, Frozen, load_noun
from sekft.taxonomy import splits
from sekft.trajectory import StoredRollout

DEFAULT = ("sft",)
OF_PAIRS = ("dpo", "kto")
MANIFEST, TEMPLATE, FACTORY = "export.json", "chatml.jinja", "dataset_info.json"
PAIRS_FOLDER = "pairs"
SPLITS = (splits.TRAIN, splits.HELD_OUT)
BIN = 64
UNASKED = 2
"""Lines of a funnel that no option asks for: what is stored, what is kept."""
SHARES = {"p10": 0.1, "median": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Exporting:
    """to: names of projections. form: None takes each projection's own. shard_rows: of one file."""

    to: tuple[str, ...]
    wanted: Wanted = field(default_factory=Wanted)
    form: Format | None = None
    shard_rows: int = 100_000


@dataclass(frozen=True, slots=True)
class Sources:
    """scenarios: where they are if not in the layout. pairs: the folder that `sekft pairs` filled, if any."""

    layout: Layout
    scenarios: Path | None = None
    pairs: Path | None = None

    @classmethod
    def of(cls, trajectories: Path, scenarios: Path | None = None, pairs: Path | None = None) -> Sources:
        """What is not named is looked for where `sekft run` puts it, then beside a folder of trajectories."""
        layout = Layout.found(trajectories)
        places = [layout.root] if layout.kind == "run" else [layout.root, layout.root.parent]
        if scenarios is None and layout.kind == "stage":
            scenarios = next((place / "scenarios" for place in places if (place / "scenarios").is_dir()), None)
        found = (place / PAIRS_FOLDER for place in places)
        return cls(layout, scenarios, pairs or next((each for each in found if (each / PAIRS).is_file()), None))


def default(sources: Sources) -> tuple[str, ...]:
    """The projections that are made where none is asked for."""
    return DEFAULT + OF_PAIRS * (sources.pairs is not None)


class Lengths(Frozen):
    """Tokens of a row. bins: rows by the least multiple of BIN that is not more."""

    p10: int
    median: int
    p90: int
    p99: int
    most: int
    total: int
    bins: dict[int, int]


class ExportPart(Frozen):
    """One projection's rows of one split."""

    projection: str
    split: str
    format: Format
    rows: int
    files: int
    size_bytes: int
    tokens: Lengths | None


class Exported(Frozen):
    """counted: how tokens were. funnel: what the filters did to whole trajectories."""

    schema_version: Literal[1] = SCHEMA_VERSION
    version: str
    counted: str
    funnel: list[Passed]
    parts: list[ExportPart]


def export(plan: Exporting, sources: Sources, out: Path, count: TokenCounter, reporter: Reporter) -> Exported:
    """Fill a folder: PROJECTION/SPLIT/ for each, the manifest last. What other exports left of other projections stays.

    Raises UsageError for an unknown projection or a missing source, BundleError where a family lies in both splits
    or a file is broken, StoreError where it cannot be written.
    """
    chosen = named(plan.to)
    with Folder(out).writing() as folder:
        before = _others(out / MANIFEST, chosen)
        folder.settle("export", {"tokens": count.name})  # of all forms: the manifest tells of one counter
        for projection in chosen:
            folder.settle(f"export-{projection.name}", _settings(plan, projection))
        folder.write(out / MANIFEST, before.model_dump_json(indent=1) + "\n")
        families, passed, parts = SplitGuard(), before.funnel, before.parts
        for of in dict.fromkeys(projection.of for projection in chosen):
            alike = [projection for projection in chosen if projection.of == of]
            selection = Selection(replace(plan.wanted, kept=of == "kept"), count)
            parts = parts + _filled(folder, plan, alike, _items(of, sources, selection, reporter), families, count)
            passed = selection.funnel if of == "kept" else passed
        made = Exported(version=sekft.__version__, counted=count.name, funnel=passed, parts=parts)
        folder.write(out / TEMPLATE, files("sekft.dataset").joinpath("chatml.jinja").read_text("utf-8"))
        folder.write(out / FACTORY, json.dumps(factory(made), indent=1) + "\n")
        folder.write(out / MANIFEST, made.model_dump_json(indent=1) + "\n")
    return made


def read(out: Path) -> Exported:
    """What an export left in a folder. Raises UsageError where there is none."""
    if not (out / MANIFEST).is_file():
        raise UsageError(f"{out}: holds no {MANIFEST}; want a folder that `sekft export` filled")
    return load_noun(Exported, out / MANIFEST)


def _others(manifest: Path, making: Sequence[Projection]) -> Exported:
    """What earlier exports into this folder made of other projections."""
    if not manifest.exists():
        return Exported(version=sekft.__version__, counted="", funnel=[], parts=[])
    before = load_noun(Exported, manifest)
    mine = {projection.name for projection in making}
    return before.model_copy(update={"parts": [part for part in before.parts if part.projection not in mine]})


def _settings(plan: Exporting, projection: Projection) -> dict[str, Setting]:
    """What the rows of this projection hang on; filters are not for pairs, which `sekft pairs` has chosen."""
    filters = {} if projection.of == "pairs" else asdict(replace(plan.wanted, kept=projection.of == "kept"))
    told = {name: list(value) if isinstance(value, tuple) else value for name, value in filters.items()}
    return {**told, "format": _form(plan, projection), "shard_rows": plan.shard_rows, "version": sekft.__version__}


def _form(plan: Exporting, projection: Projection) -> Format:
    return projection.format if projection.format == "sessions" else plan.form or projection.format


class SplitGuard:
    """Which split each family is in; memory grows with families alone."""

    def __init__(self) -> None:
        self._split: dict[str, str] = {}

    def split_of(self, item: StoredRollout | Pair) -> str:
        """The item's split. Raises BundleError where the other split has met its family, or there is no such split."""
        one = item.scenario if isinstance(item, StoredRollout) else item
        if one.split not in SPLITS:
            raise BundleError(f"{one.id}: split: saw {one.split!r}, want {' or '.join(SPLITS)}")
        if self._split.setdefault(one.family, one.split) != one.split:
            raise BundleError(f"{one.id}: family {one.family} lies in both splits, want twins and re-skins in one")
        return one.split


def _items(of: str, sources: Sources, selection: Selection, reporter: Reporter) -> Iterator[StoredRollout | Pair]:
    if of != "kept" and sources.pairs is None:
        raise UsageError("these forms are made of pairs: run `sekft pairs` first, and say where with --pairs")
    if of == "pairs" and sources.pairs:
        yield from pair.read(sources.pairs / PAIRS)
        return
    labelled = _labelled(sources.pairs) if of == "labelled" and sources.pairs else None
    reporter.begin(f"{of}: scenarios", sum(1 for _ in sources.layout.trajectories.iterdir()), 0)
    for group in selection(_told(stored(sources.layout, sources.scenarios), reporter)):
        yield from (one for one in group if labelled is None or one.file in labelled)


def _told(groups: Iterator[Group], reporter: Reporter) -> Iterator[Group]:
    for group in groups:
        reporter.step()
        yield group


def _labelled(folder: Path) -> set[str]:
    """The files of the whole trajectories that `sekft pairs` has balanced."""
    with (folder / LABELS).open(encoding="utf-8") as lines:
        return {json.loads(line)["file"] for line in lines}


class _Filling:
    """One projection's sinks, by split, and the lengths of what went into each."""

    def __init__(self, folder: Folder, plan: Exporting, projection: Projection, count: TokenCounter) -> None:
        self._projection, self._count, self._form = projection, count, _form(plan, projection)
        self._sinks = {split: sink(folder, projection, split, self._form, plan.shard_rows) for split in SPLITS}
        self._lengths: dict[str, Tally[int]] = {split: Tally() for split in SPLITS}

    def add(self, split: str, item: StoredRollout | Pair) -> None:
        rows = list(self._projection.rows(item))
        self._sinks[split].add(rows)
        if self._projection.length:
            self._lengths[split].update(map(self._length, rows))

    def _length(self, row: Row) -> int:
        return max(length(messages_of(row, columns), self._count) for columns in self._projection.length)

    def end(self) -> Iterator[ExportPart]:
        for split, place in self._sinks.items():
            place.end()
            if place.rows:
                yield ExportPart(
                    projection=self._projection.name,
                    split=split,
                    format=self._form,
                    rows=place.rows,
                    files=place.files,
                    size_bytes=place.size_bytes,
                    tokens=_lengths(self._lengths[split]),
                )


def _filled(
    folder: Folder,
    plan: Exporting,
    alike: Sequence[Projection],
    items: Iterator[StoredRollout | Pair],
    families: SplitGuard,
    count: TokenCounter,
) -> list[ExportPart]:
    filling = [_Filling(folder, plan, projection, count) for projection in alike]
    for item in items:
        split = families.split_of(item)
        for each in filling:
            each.add(split, item)
    return [part for each in filling for part in each.end()]


def _lengths(tally: Tally[int]) -> Lengths | None:
    if not tally:
        return None
    ordered, rows = sorted(tally), tally.total()
    found: dict[str, int] = {}
    passed = 0
    for tokens in ordered:
        passed += tally[tokens]
        found |= {name: tokens for name, share in SHARES.items() if name not in found and passed >= share * rows}
    total = sum(tokens * times for tokens, times in tally.items())
    bins: Tally[int] = Tally()
    for tokens in ordered:
        bins[tokens // BIN * BIN] += tally[tokens]
    return Lengths(**found, most=ordered[-1], total=total, bins=bins)


def factory(made: Exported) -> dict[str, Any]:
    """LLaMA-Factory's dataset_info.json over the files of an export; held-out parts as data sets of their own."""
    forms = projections()
    return {
        part.projection if part.split == splits.TRAIN else f"{part.projection}_{part.split}": {
            "file_name": f"{part.projection}/{part.split}",
            **forms[part.projection].factory,
        }
        for part in made.parts
        if forms[part.projection].factory
    }


def render(made: Exported, out: Path) -> str:
    """What was written, form by form, and what the filters did."""
    lines = [f"{out} (README.md is its data card; tokens by {made.counted})"]
    for part in made.parts:
        sizes = f"{part.rows:>8} rows {_bytes(part.size_bytes):>10}"
        lines.append(f"  {part.projection:<18} {part.split:<8} {sizes}  {_spread(part)}".rstrip())
    return "\n".join(lines) + "\n" + (funnel(made.funnel) if len(made.funnel) > UNASKED else "")


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"


def _spread(part: ExportPart) -> str:
    tokens = part.tokens
    return f"tokens: median {tokens.median}, p99 {tokens.p99}, most {tokens.most}" if tokens else ""
