"""Keep the rows of a table whose number passes a limit."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from sekft.authors.procedural import tables, tolerance
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tables import TableFormat
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job

_ASK = (
    "copy the <rows> in <source> where <amount> is <rule> to <target>.",
    "I need the <rows> from <source> where <amount> is <rule>, in <target>.",
    "please make <target> from <source>, with just the <rows> where <amount> is <rule>.",
    "<role> only needs the <rows> where <amount> is <rule>. They are in <source>; please put them into <target>.",
    "could you pull the <rows> where <amount> is <rule> out of <source> and into <target>?",
    "save the <rows> of <source> where <amount> is <rule> as <target>.",
    "go through <source> and copy each row where <amount> is <rule> to <target>.",
)
# How the test is said, how awk and test spell it, what it says of a number, and what a file of such rows is called.
_RULES: Mapping[str, tuple[str, str, str, Callable[[int, int], bool], str]] = {
    "more": ("[above|over|more than] <limit>", ">", "-gt", operator.gt, "over"),
    "least": ("[at least <limit>|<limit> or more]", ">=", "-ge", operator.ge, "from"),
    "less": ("[below|less than|under] <limit>", "<", "-lt", operator.lt, "below"),
    "most": ("[at most <limit>|<limit> or less]", "<=", "-le", operator.le, "up-to"),
}


@TASKS.kind("filter")
def make(host: Host) -> Job:
    rng, form = host.rng, tables.draw(host.skin, host.brief)
    picks = [0, 0, 1, 2, 2, *(rng.choice([0, 2]) for _ in range(host.some(rng, 0, 4)))]
    rng.shuffle(picks)
    table = host.world.table(len(picks), 3)
    folder = host.place(table.kind.folders)
    kind = table.kind
    said, sign, test, passes, called = _RULES[rng.choice(sorted(_RULES))]
    limit = _round(kind.low, kind.high, rng.randint(35, 65))
    numbers = [_number(host, pick, limit, kind.low, kind.high) for pick in picks]
    groups = [host.skin.choice(table.groups) for _ in picks]
    rows = [(key, group, str(value)) for key, group, value in zip(table.keys, groups, numbers, strict=True)]
    columns = [kind.key, kind.group, kind.amount]
    right = [form.line(columns, row) for row, number in zip(rows, numbers, strict=True) if passes(number, limit)]
    source = f"{folder}/{table.stem}{form.ending}"
    target = f"{folder}/{table.stem}-{called}-{limit}{form.ending}"
    head = form.head(columns)
    shown, bare = (form.selecting(f"{sign} {limit}", kind.amount, source, header) for header in (True, False))
    tight = form.selecting(f"{sign[0]}{'' if '=' in sign else '='} {limit}", kind.amount, source, True)
    return job(
        host,
        title=host.phrase("[<rows>, <amount> <rule>|<rows> with <amount> <rule>|<amount> <rule>|<rows>: <amount> <rule>]", rows=kind.rows, amount=kind.amount, rule=host.phrase(said, limit=limit)),
        text=ask(
            host,
            _ASK,
            kind.why,
            source=source,
            target=target,
            rows=kind.rows,
            amount=form.column(kind.amount),
            rule=host.phrase(said, limit=limit),
            role=host.role(),
        ),
        sources={source: form.text(columns, rows)},
        target=target,
        result="".join(f"{line}\n" for line in [*head, *right]),
        alike=tolerance.rows("".join(head)),
        looks=[f"cat {source}", f"head {source}"],
        direct=_ways(form, source, target, shown, f"{test} {limit}"),
        right={
            "rows_alone": f"{bare} > {target}",
            "in_two_steps": [f"{shown} > /tmp/rows", f"sort /tmp/rows > {target}"],
            "piped": f"cat {source} | {shown.removesuffix(source)} > {target}",
        },
        confirm=[[f"cat {target}"], [f"cat -n {target}"], [f"diff {source} {target}"]],
        wrong={
            "all_rows": f"cp {source} {target}",
            "limit_by_one": f"{tight} > {target}",
            "one_lost": f"{shown} | sed '$d' > {target}",
            "numbers_only": f"{shown} | tr -d 'a-zA-Z' > {target}",
            "other_path": f"{shown} > {target}.new",
        },
    )  # fmt: skip


def _round(low: int, high: int, share: int) -> int:
    """A limit that far up, in per cent, as people set one: with few digits that are not 0."""
    exact = low + (high - low) * share // 100
    step = max(1, int("1".ljust(len(str(exact)), "0")) // 2)
    return min(max(low + 1, exact // step * step), high - 1)


def _number(host: Host, pick: int, limit: int, low: int, high: int) -> int:
    """Below the limit, the limit itself or above it."""
    return (
        limit if pick == 1 else host.skin.randint(low, limit - 1) if pick == 0 else host.skin.randint(limit + 1, high)
    )


def _ways(form: TableFormat, source: str, target: str, shown: str, test: str) -> list[Typed]:
    """By awk at once or apart from the header, or line by line in sh."""
    rows = f"tail -n +2 {source}" if form.top else f"cat {source}"
    loop = f'while read -r x; do [ "{form.last("x")}" {test} ] && echo "$x"; done'
    longer = f'while read -r x; do if [ "{form.last("x")}" {test} ]; then echo "$x"; fi; done'
    apart: list[Typed]
    if form.top:
        apart = [
            [f"head -n 1 {source} > {target}", f"{rows} | {loop} >> {target}"],
            f"(head -n 1 {source}; {rows} | {longer}) > {target}",
        ]
    else:
        apart = [f"{rows} | {loop} > {target}", f"{rows} | {longer} > {target}"]
    return [f"{shown} > {target}", *apart, [shown, f"{shown} > {target}"]]
