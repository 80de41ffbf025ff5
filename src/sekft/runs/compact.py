"""Single files into shards, and back: what replaces something is whole before that is removed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from sekft.dataset.make_pairs import BRANCHES
from sekft.errors import UsageError
from sekft.folder import ROLLOUTS, Folder, Layout, documents
from sekft.folder.entries import entries, matcher
from sekft.folder.places import is_remote
from sekft.folder.shard_writer import MOST_RECORDS
from sekft.folder.shards import Shard, index_of, shards
from sekft.protocols import Reporter
from sekft.report import Report, Table
from sekft.runs.rollout import THOUGHTS

SCENARIO = "[0-9a-f]" * 16 + ".json"
"""A stage's own folder has other JSON beside its scenarios."""
Form = Literal["shards", "files"]


class Collection(NamedTuple):
    """Documents of one kind. pattern: of their names below the folder."""

    name: str
    place: Path
    pattern: str


class Compacted(Report):
    """documents, moved: kind → how many there are, and how many have another form or shard now.

    left: files that stay as they are, because they hold no JSON.
    """

    folder: str
    form: Form
    documents: dict[str, int]
    moved: dict[str, int]
    left: list[str]

    @property
    def tables(self) -> list[Table]:
        rows = [(name, count, self.moved[name]) for name, count in self.documents.items()]
        notes = [f"no JSON, left as it is: {name}" for name in self.left]
        return [Table(("", "documents", f"written as {self.form}"), rows, notes=notes)]


def collections(layout: Layout) -> list[Collection]:
    """All that a folder may hold many of."""
    return [
        Collection("scenarios", layout.scenarios, SCENARIO),
        Collection("rejected", layout.rejected, "*.json"),
        Collection("trajectories", layout.trajectories, ROLLOUTS),
        Collection(THOUGHTS, layout.root / THOUGHTS, ROLLOUTS),
        Collection(BRANCHES, layout.pairs / BRANCHES, ROLLOUTS),
    ]


def compact(root: Path, form: Form, reporter: Reporter) -> Compacted:
    """Give all documents of a folder this form. A command that was stopped has lost nothing: the next one goes on.

    Raises UsageError for a folder that holds none, or a store that is to hold files; StoreError and BundleError.
    """
    layout = Layout.found(root)
    if form == "files" and is_remote(root):
        raise UsageError(f"{root}: --to files: an object store takes shards alone")
    found = [each for each in collections(layout) if next(entries(each.place, each.pattern), None)]
    if not found:
        raise UsageError(f"{root}: holds no scenarios, drafts or trajectories; want a folder that sekft made")
    report = Compacted(folder=str(root), form=form, documents={}, moved={}, left=[])
    with Folder(root).writing() as folder:
        folder.expect(0, live=False)
        for each in found:
            count = report.documents[each.name] = sum(1 for _ in entries(each.place, each.pattern))
            reporter.begin(each.name, count, 0)
            change = _into_shards if form == "shards" else _into_files
            report.moved[each.name] = change(folder, each, reporter, report.left)
    return report


def _into_shards(folder: Folder, of: Collection, reporter: Reporter, left: list[str]) -> int:
    """Into few shards, in the order of their names, so that a reader goes through one after the other."""
    files, old = documents(of.place, of.pattern), _replaceable(of)
    if not files and _in_order(old):
        return 0
    writer, moved, faulty = folder.writer(of.place), 0, set[Path]()
    for entry in entries(of.place, of.pattern):
        try:
            writer.add(entry.name, entry.line(), is_line=entry.shard is not None)
            moved += 1
        except ValueError:
            faulty.add(entry.path)
        reporter.step()
    folder.finish(of.place)
    left += [str(path) for path in sorted(faulty)]
    for path in files:
        if path not in faulty:
            folder.remove(path)
    _remove_empty({path.parent for path in files} - {of.place})
    _remove(folder, old)
    return moved


def _into_files(folder: Folder, of: Collection, reporter: Reporter, left: list[str]) -> int:
    old, moved = _replaceable(of), 0
    for entry in entries(of.place, of.pattern):
        if entry.shard:
            folder.write(entry.path, entry.text())
            moved += 1
        reporter.step()
    _remove(folder, old)
    return moved


def _replaceable(of: Collection) -> list[Shard]:
    """The shards that nobody is writing and that hold documents of this kind alone."""
    wanted = matcher(of.pattern)
    return [shard for shard in shards(of.place) if shard.sealed and all(wanted(each.key) for each in shard.since())]


def _in_order(held: Sequence[Shard]) -> bool:
    """Whether one ends before the next begins, and they are about as few as can be."""
    keys = sorted((keys[0], keys[-1], len(keys)) for shard in held if (keys := [each.key for each in shard.since()]))
    few = len(keys) <= 2 + 2 * sum(count for _, _, count in keys) // MOST_RECORDS
    return few and all(this[1] < following[0] for this, following in pairwise(keys))


def _remove(folder: Folder, old: Sequence[Shard]) -> None:
    """The index first: a shard without one is still read."""
    for shard in old:
        folder.remove(index_of(shard.body))
        folder.remove(shard.body)


def _remove_empty(folders: set[Path]) -> None:
    for place in folders:
        with contextlib.suppress(OSError):
            place.rmdir()
