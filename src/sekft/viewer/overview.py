"""What the first page tells, counted by the index: funnel, outcomes, marks, axes, lengths, checkers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sekft.evaluation.metrics import CHAIN
from sekft.trajectory import KEPT, OUTCOMES
from sekft.viewer.query import NOTHING, Filters, Indexes, Row

KINDS = ("work", "empty", "blocked")
ACTORS_AT_MOST = 6
"""Columns of the table of axes."""
FEW = 5
"""Rollouts below which a rate is shown pale."""
_WORK = "expected IN ('work', '')"


@dataclass(frozen=True)
class ChartBar:
    """A line of a chart: how many of how many, and the filters that show them.

    of: 0 where there is no whole that it is a part of. tone: good, bad or none.
    """

    label: str
    count: int
    of: int
    terms: tuple[tuple[str, str], ...] = ()
    tone: str = ""
    detail: str = ""
    page: str = "rollouts"

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True)
class AxisRate:
    """A cell of the heat map. right: of so many rollouts."""

    right: int
    kept: int
    of: int
    terms: tuple[tuple[str, str], ...]

    @property
    def share(self) -> float:
        return self.right / self.of if self.of else 0.0

    @property
    def few(self) -> bool:
        return self.of < FEW


@dataclass(frozen=True)
class Actor:
    """Who acted, in which run. terms: the filters of its rollouts. chain: each mark with all before it."""

    name: str
    terms: tuple[tuple[str, str], ...]
    rollouts: int
    right: int
    kept: int
    chain: Sequence[ChartBar]


@dataclass(frozen=True)
class Overview:
    """heads: large figures. outcomes: expected ending → outcome → bar. axes: axis → value → one rate an actor."""

    heads: Sequence[tuple[str, str, str]]
    funnel: Sequence[ChartBar]
    outcomes: Mapping[str, Mapping[str, ChartBar]]
    met: Sequence[str]
    actors: Sequence[Actor]
    axes: Mapping[str, Mapping[str, Sequence[AxisRate | None]]]
    lengths: Sequence[tuple[int, int, int]]
    reasons: Sequence[ChartBar]
    refusals: Sequence[ChartBar]
    checkers: Sequence[tuple[str, str]]
    costs: Sequence[tuple[str, str]]


def overview(indexes: Indexes, filters: Filters, exported: Mapping[str, int]) -> Overview:
    """Everything under these filters; what is counted of scenarios, drafts, pairs and exports is of all.

    exported: form → rows.
    """
    where, values = indexes.where(filters)
    actors = list(_actors(indexes, where, values))
    return Overview(
        heads=list(_heads(indexes, where, values)),
        funnel=list(_funnel(indexes, where, values, exported)),
        outcomes=_outcomes(indexes, where, values),
        met=_met(indexes, where, values),
        actors=actors,
        axes=_axes(indexes, where, values, actors),
        lengths=_lengths(indexes, where, values),
        reasons=_reasons(indexes, filters),
        refusals=_refusals(indexes),
        checkers=list(_checkers(indexes)),
        costs=list(_costs(indexes, where, values)),
    )


Values = Sequence[object]


def _one(indexes: Indexes, sql: str, values: Values = ()) -> Row:
    return indexes.held(sql, values)[0]


def _heads(indexes: Indexes, where: str, values: Values) -> Iterator[tuple[str, str, str]]:
    told = _one(
        indexes,
        f"SELECT count(*) n, coalesce(sum(right), 0) r, coalesce(sum(keep), 0) k, count(DISTINCT scenario) s, "
        f"avg(actions) a, sum(fault IS NOT NULL) f FROM rollouts WHERE {where}",
        values,
    )
    by_itself = told["n"] - (told["f"] or 0)
    yield f"{told['n']:,}", "rollouts", f"of {told['s']:,} scenarios"
    yield _percent(told["k"], told["n"]), "kept", f"{told['k']:,} of {told['n']:,}"
    if by_itself and told["f"]:
        yield _percent(told["r"], by_itself), "right, of those not made to fail", f"{told['r']:,} of {by_itself:,}"
    else:
        yield _percent(told["r"], told["n"]), "end right", f"{told['r']:,} of {told['n']:,}"
    yield f"{told['a'] or 0:.1f}", "actions a rollout", "on average"


def _funnel(indexes: Indexes, where: str, values: Values, exported: Mapping[str, int]) -> Iterator[ChartBar]:
    """Every draw down to what is kept and exported; a session that an export repeats counts once."""
    made = _one(indexes, "SELECT count(*) n, coalesce(sum(proven), 0) p FROM scenarios")
    drafts = _one(indexes, "SELECT count(*) n FROM rejections")["n"]
    asked = "count(DISTINCT id) n, count(DISTINCT iif(right, id, NULL)) r, count(DISTINCT iif(keep, id, NULL)) k"
    told = _one(indexes, f"SELECT {asked} FROM rollouts WHERE {where}", values)
    drawn = made["n"] + drafts
    if drawn:
        yield ChartBar("drawn", drawn, drawn, page="rejected" if drafts else "")
        yield ChartBar("admitted", made["n"], drawn, detail=f"{made['p']:,} proven in a sandbox", page="")
    yield ChartBar("rolled out", told["n"], told["n"])
    yield ChartBar("right", told["r"], told["n"], _rights(), "good")
    yield ChartBar("kept", told["k"], told["n"], (("keep", "yes"),), "good")
    if pairs := _one(indexes, "SELECT count(DISTINCT id) n FROM pairs")["n"]:
        yield ChartBar("pairs", pairs, 0, page="pairs")
    for form, rows in exported.items():
        yield ChartBar(f"exported: {form}", rows, 0, page="")


def _rights() -> tuple[tuple[str, str], ...]:
    return tuple(("outcome", name) for name in KEPT)


def _outcomes(indexes: Indexes, where: str, values: Values) -> dict[str, dict[str, ChartBar]]:
    rows = indexes.held(
        f"SELECT expected, outcome, count(*) n, max(right) r FROM rollouts WHERE {where} GROUP BY expected, outcome",
        values,
    )
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["expected"]] = totals.get(row["expected"], 0) + row["n"]
    table: dict[str, dict[str, ChartBar]] = {}
    order = [*KINDS, *(totals.keys() - set(KINDS))]
    for kind in (kind for kind in order if kind in totals):
        for row in (row for row in rows if row["expected"] == kind):
            outcome = row["outcome"] or NOTHING
            terms = (("expected", kind or NOTHING), ("outcome", outcome))
            tone = "" if row["r"] is None else "good" if row["r"] else "bad"
            table.setdefault(kind or NOTHING, {})[outcome] = ChartBar(outcome, row["n"], totals[kind], terms, tone)
    return table


def _met(indexes: Indexes, where: str, values: Values) -> list[str]:
    found = {
        row["outcome"] or NOTHING
        for row in indexes.held(f"SELECT DISTINCT outcome FROM rollouts WHERE {where}", values)
    }
    return [name for name in (*OUTCOMES, NOTHING) if name in found]


def _actors(indexes: Indexes, where: str, values: Values) -> Iterator[Actor]:
    """Who acted most first; runs apart where there are several."""
    several = len(indexes.names) > 1
    rows = indexes.held(
        "SELECT run, operator, model, count(*) n, coalesce(sum(right), 0) r, coalesce(sum(keep), 0) k, "
        f"sum({_WORK}) w, {', '.join(map(_reached, CHAIN))} FROM rollouts WHERE {where} "
        f"GROUP BY run, operator, model ORDER BY n DESC, run, operator LIMIT {ACTORS_AT_MOST}",
        values,
    )
    for row in rows:
        terms = [("operator", row["operator"])]
        terms += [("model", row["model"])] if row["model"] else []
        terms += [("run", row["run"])] if several else []
        name = row["model"] or row["operator"]
        shown = f"{row['run']}: {name}" if several else name
        chain = [
            ChartBar(mark, row[mark], row["w" if mark == "executed" else "n"], (*terms, ("lacks", mark)))
            for mark in CHAIN
        ]
        yield Actor(shown, tuple(terms), row["n"], row["r"], row["k"], chain)


def _reached(mark: str) -> str:
    """How many rollouts have the mark with all before it; `executed` is asked of work alone."""
    asked = [
        f"({each} IS NOT NULL OR NOT {_WORK})" if each == "executed" != mark else f"{each} IS NOT NULL"
        for each in CHAIN[: CHAIN.index(mark) + 1]
    ]
    return f"sum({' AND '.join([*asked, _WORK] if mark == 'executed' else asked)}) {mark}"


def _axes(
    indexes: Indexes, where: str, values: Values, actors: Sequence[Actor]
) -> dict[str, dict[str, list[AxisRate | None]]]:
    """By scenario first: there are fewer of these than rollouts, and each has its cell once."""
    rows = indexes.held(
        "WITH told AS "
        "(SELECT run, scenario, operator, coalesce(model, '') model, count(*) n, sum(right) r, sum(keep) k "
        f"FROM rollouts WHERE {where} GROUP BY run, scenario, operator, model), "
        f"cell AS (SELECT {'DISTINCT ' * (len(indexes.names) > 1)}scenario, axis, value FROM cells) "
        "SELECT axis, value, run, operator, model, sum(n) n, sum(r) r, sum(k) k FROM told JOIN cell USING (scenario) "
        "GROUP BY axis, value, run, operator, model ORDER BY axis, value",
        values,
    )
    table: dict[str, dict[str, list[AxisRate | None]]] = {}
    for row in rows:
        told = {"operator": row["operator"], "model": row["model"], "run": row["run"]}
        cells = table.setdefault(row["axis"], {}).setdefault(row["value"], [None] * len(actors))
        for at, actor in enumerate(actors):
            if all(told[field] == value for field, value in actor.terms):
                terms = (*actor.terms, ("axis", f"{row['axis']}={row['value']}"))
                cells[at] = AxisRate(row["r"] or 0, row["k"] or 0, row["n"], terms)
    return table


def _lengths(indexes: Indexes, where: str, values: Values) -> list[tuple[int, int, int]]:
    """actions, rollouts that end right with so many, the others."""
    rows = indexes.held(
        f"SELECT actions, coalesce(sum(right), 0) r, count(*) n FROM rollouts WHERE {where} GROUP BY actions", values
    )
    counted = {row["actions"]: (row["r"], row["n"] - row["r"]) for row in rows}
    return [(length, *counted.get(length, (0, 0))) for length in range(max(counted, default=-1) + 1)]


def _reasons(indexes: Indexes, filters: Filters) -> list[ChartBar]:
    found = indexes.reasons(filters).most_common(12)
    most = max((count for _, count in found), default=0)
    return [ChartBar(reason, count, most, (("reason", reason),), "bad") for reason, count in found]


def _refusals(indexes: Indexes) -> list[ChartBar]:
    rows = indexes.held("SELECT reason, count(*) n FROM rejections GROUP BY reason ORDER BY n DESC LIMIT 12")
    most = max((row["n"] for row in rows), default=0)
    return [
        ChartBar(row["reason"], row["n"], most, (("reason", row["reason"]),), "bad", page="rejected") for row in rows
    ]


def _checkers(indexes: Indexes) -> Iterator[tuple[str, str]]:
    told = _one(
        indexes,
        "SELECT count(*) n, sum(wrong) w, sum(survivors) s, sum(right) r, sum(refused) f, sum(mended > 0) m "
        "FROM scenarios",
    )
    if told["n"]:
        yield "wrong solutions refused", f"{told['w'] - told['s']:,} of {told['w']:,}"
        yield "right solutions accepted, beside the reference", f"{told['r'] - told['f']:,} of {told['r']:,}"
    if told["m"]:
        yield "scenarios that a model repaired", f"{told['m']:,}"


def _costs(indexes: Indexes, where: str, values: Values) -> Iterator[tuple[str, str]]:
    told = _one(
        indexes,
        f"SELECT sum(tokens) t, sum(cost) c, sum(mistakes > 0) w, count(*) n FROM rollouts WHERE {where}",
        values,
    )
    yield "rollouts with a mistake", f"{told['w'] or 0:,} of {told['n']:,}"
    if told["t"]:
        yield "tokens", f"{told['t']:,}"
    if told["c"]:
        yield "cost", f"${told['c']:,.2f}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else NOTHING
