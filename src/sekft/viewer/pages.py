"""The pages, rendered by Jinja with everything escaped: the same templates for the server and for one file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from sekft.errors import SekftError, UsageError
from sekft.evaluation.metrics import CHAIN
from sekft.rejection import Rejection
from sekft.scenario import Scenario
from sekft.viewer.effects import tree
from sekft.viewer.meanings import MARKS, MEANINGS, STOPPED, announced
from sekft.viewer.overview import Overview, overview
from sekft.viewer.query import LABELS, NOTHING, SORTS, Filters, Indexes, Row
from sekft.viewer.reading import Reading
from sekft.viewer.session import answer_after, lines
from sekft.viewer.sources import Source, exported
from sekft.viewer.terminal import named, screen

ROWS_TOGETHER = 100
PREFIX_SHOWN = 3
"""Steps of a pair's prefix that are shown at once."""
BESIDE_SHOWN = 12
VALUES_SHOWN = 12
Links = Mapping[str, str]


class Server:
    """Addresses of the served pages."""

    live = True

    def link(self, page: str, query: str = "") -> str:
        path = "" if page == "overview" else page
        return f"/{path}" + (f"?{query}" if query else "")


class OneFile:
    """Addresses within one file: what follows the # is read by its script."""

    live = False

    def link(self, page: str, query: str = "") -> str:
        return f"#/{page}" + (f"?{query}" if query else "")


@dataclass(frozen=True)
class Pages:
    """Renders pages of these sources. annotating: whether notes can be written."""

    sources: Mapping[str, Source]
    indexes: Indexes
    links: Server | OneFile = field(default_factory=Server)
    annotating: bool = False
    following: bool = False

    @cached_property
    def _environment(self) -> Any:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("sekft.viewer", "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        environment.globals |= {
            "link": self._link, "screen": screen, "named": named, "tree": tree, "pages": self, "Filters": Filters,
            "MEANINGS": MEANINGS, "MARKS": MARKS, "STOPPED": STOPPED, "CHAIN": CHAIN, "SORTS": SORTS, "LABELS": LABELS,
        }  # fmt: skip
        return environment

    def _link(self, page: str, filters: Filters | None = None, /, **more: object) -> str:
        query = filters.query() if filters else ""
        told = urlencode({name: value for name, value in more.items() if value not in (None, "")})
        return self.links.link(page, "&".join(filter(None, (query, told))))

    def render(self, template: str, /, **values: Any) -> str:
        text: str = self._environment.get_template(f"{template}.html.jinja").render(**values)
        return text

    @property
    def live(self) -> bool:
        return self.links.live

    @property
    def title(self) -> str:
        return ", ".join(self.sources)

    def counts(self) -> dict[str, int]:
        """How much there is of each kind of page."""
        found = self.indexes.ask(
            "SELECT (SELECT count(*) FROM rollouts) rollouts, (SELECT count(*) FROM pairs) pairs, "
            "(SELECT count(*) FROM rejections) rejected"
        )[0]
        return dict(found)

    def faults(self) -> list[tuple[str, str]]:
        """Files that could not be read, with why."""
        rows = self.indexes.ask("SELECT run, path, fault FROM files WHERE fault IS NOT NULL ORDER BY path LIMIT 50")
        return [(f"{row['run']}/{row['path']}", row["fault"]) for row in rows]

    # The pages.

    def overview(self, filters: Filters, audit: Any = None) -> str:
        """audit: the tables of an audit or of an evaluation, if there are any."""
        return self.render("overview", filters=filters, seen=self.seen(filters), audit=audit, page="overview")

    def seen(self, filters: Filters) -> Overview:
        """What the overview tells."""
        return overview(self.indexes, filters, exported(source.export for source in self.sources.values()))

    def rollouts(self, filters: Filters, offset: int = 0) -> str:
        rows = self.indexes.rows(filters, ROWS_TOGETHER, offset)
        choices = self.indexes.choices(filters)
        return self.render(
            "list",
            page="rollouts",
            filters=filters,
            rows=rows,
            offset=offset,
            total=self.indexes.count(filters),
            together=ROWS_TOGETHER,
            choices={name: counts for name, counts in choices.items() if len(counts) > 1 or filters.values(name)},
            reasons=self.indexes.reasons(filters),
        )

    def rollout(self, run: str, place: str, filters: Filters, template: str = "rollout") -> str:
        """Raises UsageError for one that the index does not have, BundleError for a broken file."""
        row = self.row(run, place)
        before, after, at, total = self.indexes.neighbours(filters, row) if self.live else (None, None, 0, 0)
        reading = self.reading(run, place)
        return self.render(
            template,
            page="rollouts",
            row=row,
            run=run,
            filters=filters,
            before=before,
            after=after,
            at=at,
            total=total,
            reading=reading,
            lines=lines(reading),
            scenario=reading.scenario,
            told=self.scenario_facts(reading.scenario) if reading.scenario else None,
            beside=self._beside(row),
        )

    def fragment(self, kind: str, run: str, place: str) -> str:
        """The page of a rollout, a pair, a draft or a scenario without what stands around it.

        place: of a scenario, its id.
        """
        if kind == "scenario":
            scenario = self.sources[run].scenario(place)
            told = self.scenario_facts(scenario) if scenario else None
            return self.render("scenario", scenario=scenario, told=told) if scenario else ""
        if kind == "rollout":
            return self.rollout(run, place, Filters(), "rollout_body")
        page = self.pair if kind == "pair" else self.draft
        return page(run, place, f"{kind}_body")

    def rows_of(self, rows: Sequence[Row]) -> str:
        """Rows of a list."""
        return self.render("rows", rows=rows, filters=None)

    def row(self, run: str, place: str) -> Row:
        row = self.indexes.rollout(run, place) if run in self.sources else None
        if row is None:
            raise UsageError(f"{run}/{place}: no such rollout here; it may have been done again or removed")
        return row

    def reading(self, run: str, place: str) -> Reading:
        return self.sources[run].reading(place)

    def _beside(self, row: Row) -> list[tuple[str, Row]]:
        """Rollouts worth setting beside this one, with why: of the scenario, of its twins, of its re-skins."""
        if not row["scenario"]:
            return []
        own = self.indexes.ask(
            "SELECT * FROM rollouts WHERE scenario = ? AND NOT (run = ? AND place = ?) ORDER BY run, place LIMIT ?",
            (row["scenario"], row["run"], row["place"], BESIDE_SHOWN),
        )
        return [("the same scenario", each) for each in own] + (list(self._kin(row)) if row["family"] else [])

    def _kin(self, row: Row) -> Iterator[tuple[str, Row]]:
        """Rollouts of the same operator in the scenario's twins and re-skins."""
        kin = self.indexes.ask(
            "SELECT * FROM rollouts WHERE family = ? AND scenario != ? AND operator = ? ORDER BY run, place LIMIT ?",
            (row["family"], row["scenario"], row["operator"], BESIDE_SHOWN),
        )
        bundles = self.indexes.ask("SELECT id, twin_of FROM scenarios WHERE family = ?", (row["family"],))
        twins = {each["id"]: each["twin_of"] for each in bundles}
        yield from ((_kinship(twins, row["scenario"], each["scenario"]), each) for each in kin)

    def compare(self, left: tuple[str, str], right: tuple[str, str]) -> str:
        """The page's script aligns the two: without it they stand side by side as they are."""
        readings = [(self.row(*each), self.reading(*each)) for each in (left, right)]
        both = [(row, reading, lines(reading)) for row, reading in readings]
        return self.render("compare", page="rollouts", both=both)

    def pairs(self, terms: Mapping[str, str], offset: int = 0) -> str:
        """terms: field → value of cause, outcome, source, split or scenario."""
        known = {
            name: value
            for name, value in terms.items()
            if name in ("cause", "outcome", "source", "split", "scenario", "run") and value
        }
        where = " AND ".join(f"coalesce({name}, '{NOTHING}') = ?" for name in known) or "1"
        rows, total = self._listed("pairs", "run, key", where, [*known.values()], offset)
        choices = {
            name: self.indexes.ask(
                f"SELECT coalesce({name}, '{NOTHING}') value, count(*) n FROM pairs GROUP BY {name} ORDER BY n DESC"
            )
            for name in ("cause", "outcome", "source", "split")
        }
        return self.render(
            "pairs",
            page="pairs",
            rows=rows,
            terms=known,
            total=total,
            offset=offset,
            together=ROWS_TOGETHER,
            choices=choices,
        )

    def pair(self, run: str, place: str, template: str = "pair") -> str:
        """Raises UsageError for one that the index does not have."""
        row = self._among("pairs", "key", "pair", run, place)
        pair = self.sources[run].pair(place)
        prompt = [message.model_dump() for message in pair.prompt]
        return self.render(
            template,
            page="pairs",
            row=row,
            pair=pair,
            system=next((message["content"] for message in prompt if message["role"] == "system"), ""),
            prefix=_exchanges([message for message in prompt if message["role"] != "system"]),
            typed={"chosen": screen(pair.chosen[0].content), "rejected": screen(pair.rejected[0].content)},
            sides={
                name: self._side(run, side, pair.turn)
                for name, side in (("chosen", pair.chosen_side.trajectory), ("rejected", pair.rejected_side.trajectory))
            },
            PREFIX_SHOWN=PREFIX_SHOWN,
        )

    def _side(self, run: str, trajectory: str, turn: int) -> dict[str, Any]:
        """The rollout of a pair's side and what it was answered there; empty where it is not stored here."""
        found = self.indexes.ask("SELECT * FROM rollouts WHERE run = ? AND id = ? LIMIT 1", (run, trajectory))
        if not found:
            return {}
        try:
            reading = self.reading(run, found[0]["place"])
        except SekftError:
            return {}
        return {"row": found[0], "answer": answer_after(reading.turns, turn), "more": len(reading.turns) - turn - 2}

    def rejected(self, reason: str = "", offset: int = 0) -> str:
        where, values = ("reason = ?", [reason]) if reason else ("1", [])
        rows, total = self._listed("rejections", "slot, attempt", where, values, offset)
        reasons = self.indexes.ask("SELECT reason, count(*) n FROM rejections GROUP BY reason ORDER BY n DESC")
        return self.render(
            "rejections",
            page="rejected",
            rows=rows,
            reasons=reasons,
            reason=reason,
            total=total,
            offset=offset,
            together=ROWS_TOGETHER,
        )

    def draft(self, run: str, place: str, template: str = "draft") -> str:
        """Raises UsageError for one that the index does not have."""
        row = self._among("rejections", "slot, attempt", "draft", run, place)
        draft = self.sources[run].rejection(place)
        scenario = _readable(draft)
        return self.render(
            template,
            page="rejected",
            row=row,
            draft=draft,
            scenario=scenario,
            told=self.scenario_facts(scenario) if scenario else None,
            raw="" if scenario else json.dumps(draft.scenario, indent=1, ensure_ascii=False),
        )

    def _listed(
        self, table: str, order: str, where: str, values: Sequence[object], offset: int
    ) -> tuple[Sequence[Row], int]:
        """The rows of one page of a list, and how many there are in all."""
        rows = self.indexes.ask(
            f"SELECT * FROM {table} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", [*values, ROWS_TOGETHER, offset]
        )
        return rows, self.indexes.ask(f"SELECT count(*) FROM {table} WHERE {where}", values)[0][0]

    def _among(self, table: str, order: str, noun: str, run: str, place: str) -> Row:
        """A row with the places `before` and `after` it in its run. Raises UsageError for one that is not there."""
        found = self.indexes.ask(
            "SELECT * FROM (SELECT *, lag(place) OVER w AS before, lead(place) OVER w AS after "
            f"FROM {table} WHERE run = ? WINDOW w AS (ORDER BY {order})) WHERE place = ?", (run, place)
        )  # fmt: skip
        if not found:
            raise UsageError(f"{run}/{place}: no such {noun} here")
        return found[0]

    def scenario_facts(self, scenario: Scenario) -> dict[str, Any]:
        """What the page tells of a scenario beside its own fields."""
        command = scenario.provider.command
        tool = [file for file in scenario.files if file.path.endswith(f"/{command}") and file.kind == "file"]
        pages = [file for file in scenario.files if "/man/man" in file.path]
        return {
            "announced": list(announced(scenario)),
            "tool": tool,
            "pages": pages,
            "files": [file for file in scenario.files if file not in tool and file not in pages],
        }


def _kinship(twins: Mapping[str, str | None], one: str, other: str) -> str:
    if twins.get(one) == other or twins.get(other) == one:
        return "its twin"
    return "its re-skin"


def _readable(draft: Rejection) -> Scenario | None:
    """The bundle of a rejected draft, where it is one."""
    try:
        return Scenario.model_validate(draft.scenario) if draft.scenario else None
    except ValueError:
        return None


def _exchanges(messages: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Messages of a pair's prompt as steps: what was typed at which prompt, and what came of it."""
    found: list[dict[str, Any]] = []
    prompt = ""
    for message in messages:
        if message["role"] == "user":
            output, line_end, last = message["content"].rpartition("\n")
            if found and found[-1]["output"] is None:
                found[-1]["output"] = screen(output + line_end)
            else:
                found.append({"prompt": "", "typed": None, "output": screen(output + line_end)})
            prompt = last
        else:
            found.append({"prompt": screen(prompt), "typed": screen(message["content"]), "output": None})
    return [*found, {"prompt": screen(prompt), "typed": None, "output": None}]


def static(name: str) -> str:
    """A file of the front end."""
    return files("sekft.viewer").joinpath("static").joinpath(name).read_text("utf-8")
