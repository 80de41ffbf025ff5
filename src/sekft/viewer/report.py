"""A run as one file: the same pages, rendered beforehand, packed and read by a small script when they are opened.

What does not fit is left out evenly, over operators and outcomes, and the page says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sekft.errors import SekftError
from sekft.evaluation.metrics import CHAIN
from sekft.folder import explained
from sekft.report import Report, Table, facts
from sekft.viewer.pages import Pages, static
from sekft.viewer.query import CHOICES, LABELS, NOTHING, Filters, Row
from sekft.viewer.server import Viewer

FACETS = {
    "rollouts": [
        *((field, LABELS.get(field, field)) for field in CHOICES),
        ("lacks", "lacks the mark"), ("note", "note"), ("reason", "not kept because"),
    ],
    "pairs": [(field, field) for field in ("cause", "outcome", "source", "split")],
    "rejected": [("reason", "reason")],
}  # fmt: skip
"""Page → the fields that its filters list, each with what a reader calls it."""
LIMIT_BYTES = 3_000_000
PACKED_BYTES = 2_600_000
"""Of sessions, pairs and drafts, as base64; the rest of the file is style, script and the overview."""
TOGETHER = 24
"""Pages of one pack: they are much alike, and what is opened unpacks no more than its neighbours."""
PAIRS_SHARE, DRAFTS_SHARE = 0.12, 0.06


class Written(Report):
    """What a report holds. rollouts: of so many."""

    file: str
    size_bytes: int
    rollouts: int
    of: int
    pairs: int = 0
    drafts: int = 0

    @property
    def tables(self) -> list[Table]:
        held = f"{self.rollouts:,} of {self.of:,}" if self.rollouts < self.of else f"{self.rollouts:,}"
        notes = ["a sample, drawn evenly over operators and outcomes"] if self.rollouts < self.of else []
        rows = [("file", self.file), ("size", f"{self.size_bytes / 1e6:.2f} MB"), ("rollouts", held)]
        return [facts([*rows, ("pairs", self.pairs or None), ("rejected drafts", self.drafts or None)], notes=notes)]


class _Pack:
    """Pages by key, compressed a few together, until a limit is reached."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held, self._size = limit, [], 0
        self.chunks: list[str] = []
        self.full = False

    def add(self, key: str, page: str) -> int | None:
        """The pack that the page will be in; None where there is no room."""
        if self.full:
            return None
        self._held.append((key, page))
        at = len(self.chunks)
        if len(self._held) == TOGETHER:
            self.end()
        return at

    def end(self) -> None:
        if not self._held:
            return
        packed = packed_text(json.dumps(dict(self._held), ensure_ascii=False))
        self.chunks.append(packed)
        self._size += len(packed)
        self._held = []
        self.full = self._size > self._limit - len(packed)

    _held: list[tuple[str, str]]


def packed_text(text: str) -> str:
    """Raw deflate in base64, which browsers unpack by themselves."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(squeezer.compress(text.encode("utf-8", "replace")) + squeezer.flush()).decode()


def write_report(viewer: Viewer, out: Path, most: int | None = None) -> Written:
    """most: rollouts to hold. Raises StoreError where the file cannot be written, BundleError for a broken file."""
    pages = viewer.pages
    pack = _Pack(PACKED_BYTES)
    pairs = list(_pairs(pages, pack, int(PACKED_BYTES * PAIRS_SHARE)))
    drafts = list(_drafts(pages, pack, int(PACKED_BYTES * (PAIRS_SHARE + DRAFTS_SHARE))))
    rows = list(_rollouts(pages, pack, most))
    pack.end()
    total = pages.indexes.count(Filters())
    data = {
        "rollouts": sorted(rows, key=lambda row: (row["run"], row["place"])),
        "pairs": pairs,
        "rejected": drafts,
        "facets": FACETS,
    }
    tables = viewer.tables(measured=any(source.layout.kind == "run" for source in pages.sources.values()))
    text = _page(pages, tables, packed_text(json.dumps(data, ensure_ascii=False)), pack.chunks, len(rows), total)
    with explained(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = out.with_name(f".{out.name}.unfinished")
        unfinished.write_bytes(text.encode("utf-8", "replace"))
        unfinished.replace(out)
    return Written(
        file=str(out),
        size_bytes=out.stat().st_size,
        rollouts=len(rows),
        of=total,
        pairs=len(pairs),
        drafts=len(drafts),
    )


def _page(pages: Pages, tables: Sequence[Table], data: str, chunks: Sequence[str], held: int, total: int) -> str:
    style = static("view.css")
    script = static("view.js") + static("report.js")
    sources = {"style-src": style, "script-src": script}
    own = "; ".join(f"{kind} 'sha256-{_digest(text)}'" for kind, text in sources.items())
    policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    from markupsafe import Markup

    return pages.render(
        "report",
        page="overview",
        policy=policy,
        style=Markup(style),  # ours, and no text of a rollout
        script=Markup(script),
        data=data,
        chunks=chunks,
        held=held,
        total=total,
        filters=Filters(),
        seen=pages.seen(Filters()),
        audit=tables,
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _rollouts(pages: Pages, pack: _Pack, most: int | None) -> Iterator[dict[str, Any]]:
    cells = _cells(pages)
    scenarios: dict[tuple[str, str], int | None] = {}
    for number, (run, place) in enumerate(sampled(pages)):
        if pack.full or number == most:
            return
        row = pages.row(run, place)
        try:
            page = pages.fragment("rollout", run, place)
        except SekftError:
            continue
        own = run, row["scenario"]
        if own not in scenarios:
            scenarios[own] = pack.add(f"scenario {run} {own[1]}", pages.fragment("scenario", run, own[1]))
        chunk = pack.add(f"rollout {run} {place}", page)
        if chunk is None:
            return
        yield {
            "scenario_chunk": scenarios[own],
            **{field: _told_of(row, field) for field in CHOICES},
            **{name: row[name] for name in ("place", "scenario", "family", "id")},
            **{name: row[name] for name in ("actions", "mistakes", "tool", "tokens", "cost")},
            "note": _note(row),
            "reason": _reasons(pages, row),
            "has": [mark for mark in CHAIN if row[mark] is not None],
            "lacks": [
                mark for mark in CHAIN if row[mark] is None and (mark != "executed" or row["expected"] in ("work", ""))
            ],
            "axis": cells.get(row["scenario"], []),
            "html": pages.rows_of([row]),
            "chunk": chunk,
        }


def sampled(pages: Pages) -> list[tuple[str, str]]:
    """Every rollout as (run, place), in an order of which any beginning is a fair sample.

    Turn by turn one of each operator and outcome, so that rare ones are in it, too.
    """
    rows = pages.indexes.ask("SELECT run, place, id, operator, model, outcome FROM rollouts")
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["run"], row["operator"], row["model"], row["outcome"]].append(row)
    for group in groups.values():
        group.sort(key=lambda row: hashlib.sha256(f"{row['id']}{row['place']}".encode()).digest())
    ranked = [(rank, key, row) for key, group in groups.items() for rank, row in enumerate(group)]
    ranked.sort(key=lambda each: (each[0], str(each[1])))
    return [(row["run"], row["place"]) for _, _, row in ranked]


def _told_of(row: Row, field: str) -> str:
    value = row[field]
    if field == "keep" and value is not None:
        return "yes" if value else "no"
    return NOTHING if value in (None, "") else str(value)


def _note(row: Row) -> list[str]:
    """What a filter by note may ask for."""
    told = row["note"] or ("comment" if row["comment"] else None)
    return ["any", told] if told else ["none"]


def _reasons(pages: Pages, row: Row) -> list[str]:
    asked = "SELECT reason FROM reasons WHERE rollout = ? AND db = ?"
    return [each["reason"] for each in pages.indexes.ask(asked, (row["key"], row["db"]))]


def _cells(pages: Pages) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in pages.indexes.ask("SELECT DISTINCT scenario, axis, value FROM cells"):
        found[row["scenario"]].append(f"{row['axis']}={row['value']}")
    return found


def _pairs(pages: Pages, pack: _Pack, limit: int) -> Iterator[dict[str, Any]]:
    yield from _listed(pages, pack, limit, "pair", "SELECT * FROM pairs ORDER BY run, key", "pair_rows")


def _drafts(pages: Pages, pack: _Pack, limit: int) -> Iterator[dict[str, Any]]:
    yield from _listed(
        pages, pack, limit, "draft", "SELECT * FROM rejections ORDER BY run, slot, attempt", "draft_rows"
    )


def _listed(pages: Pages, pack: _Pack, limit: int, kind: str, asked: str, template: str) -> Iterator[dict[str, Any]]:
    """Pairs or drafts from the first, as far as their share of the file goes."""
    for row in pages.indexes.ask(asked):
        if sum(map(len, pack.chunks)) > limit:
            return
        try:
            page = pages.fragment(kind, row["run"], row["place"])
        except SekftError:
            continue
        told = {name: row[name] or NOTHING for name in _FIELDS[kind]}
        html = pages.render(template, rows=[row])
        yield {
            **told,
            "run": row["run"],
            "place": row["place"],
            "html": html,
            "chunk": pack.add(f"{kind} {row['run']} {row['place']}", page),
        }


_FIELDS: dict[str, Iterable[str]] = {"pair": ("cause", "outcome", "source", "split", "scenario"), "draft": ("reason",)}
