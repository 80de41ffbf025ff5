"""Run folders into one: documents by name, streamed in the order of their names, each once."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import cast

from sekft.errors import OtherSettings, UsageError
from sekft.folder import HIDDEN, ROLLOUTS, Folder, Layout, settings, sources, stages
from sekft.folder.config import Setting
from sekft.folder.entries import Entry, Finder, entries
from sekft.folder.notes import NOTES
from sekft.folder.places import beside
from sekft.folder.shards import key_of
from sekft.models.journal import JOURNAL
from sekft.protocols import Reporter
from sekft.report import Report, Table
from sekft.runs.compact import Collection, collections
from sekft.scenario import canonical

FILLING = ("generate", "import", "rollout-", "branches-")
"""Stages whose settings count: how the names of their records begin."""
GROWING = ("n", "samples", "branches")
"""Settings of which folders may differ: the largest counts."""
MEASURED = ("timing",)
"""Fields of a trajectory that no two runs of the same rollout have alike."""
SHOWN = 20


class Merged(Report):
    """documents: kind → how many there are now. alike: how many names more than one folder had, with the same content.

    conflicts: names whose content differs, of which the folder that was named first counts; at most so many are listed.
    """

    folder: str
    documents: dict[str, int]
    alike: int
    differing: int
    conflicts: list[str]

    @property
    def tables(self) -> list[Table]:
        notes = [f"{self.alike} were in more than one folder, alike"] if self.alike else []
        if self.differing:
            notes.append(f"{self.differing} differ between folders; the folder that was named first counts:")
            notes += [f"  {name}" for name in self.conflicts]
        return [Table(("", "documents"), list(self.documents.items()), notes=notes)]


def merge(folders: Sequence[Path], out: Path, reporter: Reporter) -> Merged:
    """Fill a folder with what these hold. A command that was stopped goes on where it was.

    Pairs and exports are not taken: they are made again of the whole. Raises UsageError and OtherSettings before
    anything is written, BundleError for what cannot be read, and StoreError.
    """
    layouts = [_filled(folder) for folder in folders]
    kinds = {layout.kind for layout in layouts}
    if len(kinds) > 1:
        which = ", ".join(f"{layout.root} ({layout.kind})" for layout in layouts)
        raise UsageError(f"{which}: want run folders alone, or folders of one stage alone")
    target = Layout.of_run(out) if kinds == {"run"} else Layout.of_stage(out)
    settled = _settled([*folders, *([out] if stages(out) else [])])
    tally, counts = _Tally(), dict[str, int]()
    with Folder(out).writing() as folder:
        for stage, values in settled.items():
            folder.settle(stage, values, empty=True)
        for at, into in enumerate(collections(target)):
            held = [into, *(collections(layout)[at] for layout in layouts)]
            if count := _merged(folder, held, tally, reporter):
                counts[into.name] = count
        _broken(folder, target, layouts)
        _beside(folder, layouts)
    differing, shown = len(tally.differing), tally.differing[:SHOWN]
    return Merged(folder=str(out), documents=counts, alike=tally.alike, differing=differing, conflicts=shown)


@dataclass(slots=True)
class _Tally:
    alike: int = 0
    differing: list[str] = field(default_factory=list)


def _filled(root: Path) -> Layout:
    layout = Layout.found(root)
    if not any(next(entries(each.place, each.pattern), None) for each in collections(layout)):
        raise UsageError(f"{root}: holds no scenarios, drafts or trajectories; want a folder that sekft made")
    return layout


def _settled(folders: Sequence[Path]) -> dict[str, dict[str, Setting]]:
    """The settings of all stages that fill folders. Raises OtherSettings naming what differs."""
    settled: dict[str, dict[str, Setting]] = {}
    first: dict[str, Path] = {}
    for folder in folders:
        for stage in (each for each in stages(folder) if each.startswith(FILLING)):
            values = cast(dict[str, Setting], dict(settings(folder, stage)))
            known = settled.setdefault(stage, values)
            refuse_differences(first.setdefault(stage, folder), folder, stage, known, values)
            for name in GROWING:
                counts = [each for each in (known.get(name), values.get(name)) if isinstance(each, int)]
                known |= {name: max(counts)} if counts else {}
    return settled


def refuse_differences(
    one: Path, other: Path, stage: str, known: Mapping[str, Setting], values: Mapping[str, Setting]
) -> None:
    """Raises OtherSettings."""
    names = sorted((known.keys() | values.keys()) - set(GROWING))
    differing = [
        f"{name} is {json.dumps(known.get(name))} and {json.dumps(values.get(name))}"
        for name in names
        if known.get(name) != values.get(name)
    ]
    if differing:
        raise OtherSettings(f"{one} and {other}: {stage}: made with other settings: {'; '.join(differing)}")


def _merged(folder: Folder, held: Sequence[Collection], tally: _Tally, reporter: Reporter) -> int:
    """One kind of documents; held: in the folder to fill, then in those that fill it. Returns how many there are."""
    into = held[0]
    count = sum(1 for each in held[1:] for _ in entries(each.place, each.pattern))
    folder.expect(count, live=False)
    if count:
        reporter.begin(into.name, count, 0)

    def keyed(of: Collection) -> Iterator[tuple[str, Entry]]:
        return ((key_of(entry.name), entry) for entry in entries(of.place, of.pattern))

    documents = 0
    for _, group in groupby(heapq.merge(*map(keyed, held), key=itemgetter(0)), itemgetter(0)):
        first, *others = [entry for _, entry in group]
        content = _content(first) if others else b""
        for other in others:
            if _content(other) == content:
                tally.alike += 1
            else:
                tally.differing.append(str(other))
            reporter.step()
        if first.folder != into.place:
            folder.keep(into.place, first.name, first.text())
            reporter.step()
        documents += 1
    folder.finish(into.place)
    return documents


def _content(entry: Entry) -> bytes:
    """What must be alike; of what is no JSON, its bytes."""
    try:
        body = json.loads(entry.line())
    except ValueError:
        return entry.line()
    return canonical({name: value for name, value in body.items() if name not in MEASURED})


def _broken(folder: Folder, target: Layout, layouts: Sequence[Layout]) -> None:
    """Rollouts that an infra error broke, but for those that another folder has."""
    find = Finder(target.trajectories)
    for entry in (entry for layout in layouts for entry in entries(layout.errors, ROLLOUTS)):
        if not find(entry.name):
            folder.write(target.errors / entry.name, entry.text())


def _beside(folder: Folder, layouts: Sequence[Layout]) -> None:
    """What lies beside the documents: where scenarios come from, what models answered, what readers noted."""
    for layout in layouts:
        for name in sources(layout.root):
            folder.take_from(beside(layout.root, name))
    roots = [folder.root, *(layout.root for layout in layouts)]
    _lines(folder, [root / HIDDEN / JOURNAL for root in roots])
    _lines(folder, [root / NOTES for root in roots])


def _lines(folder: Folder, files: Sequence[Path]) -> None:
    """The lines of all these files in the first of them, each once."""
    if not any(file.is_file() for file in files[1:]):
        return
    met = set[bytes]()
    whole = folder.begin(files[0])
    for file in (each for each in files if each.is_file()):
        with file.open("rb") as lines:
            for line in lines:
                digest = hashlib.sha256(line).digest()[:16]
                if line.endswith(b"\n") and digest not in met:
                    met.add(digest)
                    whole.write(line)
    folder.place(whole, files[0])
