"""Keep the rows of a table whose number passes a limit."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from sekft.authors.procedural import tables
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tables import TableFormat
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job

_ASK = (
    "copy the <rows> in <source> where <amount> is <rule> to <target>.",
    "I need an extract of <source> in <target>: only the <rows> where <amount> is <rule>.",
    "<target> should have all <rows> from <source> where <amount> is <rule>.",
    "take <source>, keep only the rows where <amount> is <rule>, and save that as <target>. The original stays as it is.",
    "from <source> to <target>: the rows where <amount> is <rule>.",
    "<role> only wants to see the <rows> in <source> where <amount> is <rule>. Put them into <target>.",
    "could you pull the <rows> out of <source> where <amount> is <rule>? They go into <target>.",
    "which <rows> in <source> have a value in <amount> that is <rule>? Save these rows as <target>.",
    "please make <target> from <source>, with just the rows where <amount> is <rule>.",
    "filter <source> into <target>. Condition: <amount> is <rule>.",
    "we need the rows of <source> where <amount> is <rule>, in a file <target>.",
)
# What becomes of the lines is said last.
_WITH = (
    "[Keep the header line and the order of the rows.|Whole lines, same order, header included.|"
    "Header line on top, the rows unchanged and in the same order.|Header line included, rows as they are, same order.]"
)
_WITHOUT = (
    "[Whole lines, same order, no header.|Leave the header line out; the rows stay as they are, in the same order.|"
    "No header line, otherwise the lines as they are, in the same order.|Drop the header line, keep the rows whole and in order.]"
)
_BARE = "[Whole lines, same order.|Whole lines, in the same order.|The lines stay as they are, in the same order.]"
# How the test is said, how awk and test spell it, and what it says of a number.
_RULES: Mapping[str, tuple[str, str, str, Callable[[int, int], bool]]] = {
    "more": ("[above|greater than|more than|over] <limit>", ">", "-gt", operator.gt),
    "least": ("[at least <limit>|<limit> or more]", ">=", "-ge", operator.ge),
    "less": ("[below|less than|under] <limit>", "<", "-lt", operator.lt),
    "most": ("[at most <limit>|<limit> or less]", "<=", "-le", operator.le),
}


@TASKS.kind("filter")
def make(host: Host) -> Job:
    rng, form = host.rng, tables.draw(host.skin)
    picks = [0, 0, 0, 1, 1, 2, 2, *(rng.choice([0, 2]) for _ in range(host.some(rng, 0, 6)))]
    rng.shuffle(picks)
    table, folder = host.world.table(len(picks), 3), host.place()
    kind = table.kind
    rule, header = rng.choice(sorted(_RULES)), rng.random() < 0.6
    said, sign, test, passes = _RULES[rule]
    limit = max(kind.low + 1, kind.low + (kind.high - kind.low) * rng.randint(30, 70) // 100)
    numbers = [_number(host, pick, limit, kind.low, kind.high) for pick in picks]
    numbers[picks.index(0)], numbers[picks.index(2)] = limit - 1, limit + 1
    groups = [host.skin.choice(table.groups) for _ in picks]
    rows = [(key, group, str(value)) for key, group, value in zip(table.keys, groups, numbers, strict=True)]
    columns = [kind.key, kind.group, kind.amount]
    right = [form.line(columns, row) for row, number in zip(rows, numbers, strict=True) if passes(number, limit)]
    source = f"{folder}/{table.stem}{form.ending}"
    target = f"{folder}/{host.world.stem('extract selection subset picked shortlist filtered')}{form.ending}"
    lines = host.phrase(_BARE if not form.top else _WITH if header else _WITHOUT)
    shown = form.selecting(f"{sign} {limit}", kind.amount, source, header)
    other = form.selecting(f"{sign} {limit}", kind.amount, source, not header)
    tight = form.selecting(f"{sign[0]}{'' if '=' in sign else '='} {limit}", kind.amount, source, header)
    return job(
        host,
        title=host.say("[some <rows>|an extract|a selection] from <what>", what=source.rsplit("/", 1)[-1], rows=kind.rows),
        text=ask(
            host,
            [f"{core} {lines}" for core in _ASK],
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
        result="".join(f"{line}\n" for line in [*(form.head(columns) if header else []), *right]),
        looks=[f"cat {source}", f"head {source}"],
        direct=_ways(form, source, target, shown, f"{test} {limit}", header),
        right={
            "in_two_steps": [f"{shown} > /tmp/rows", f"cat /tmp/rows > {target}"],
            "piped": f"cat {source} | {shown.removesuffix(source)} > {target}",
        },
        confirm=[[f"cat {target}"], [f"cat -n {target}"], [f"diff {source} {target}"]],
        wrong={
            "all_rows": f"cp {source} {target}",
            "limit_by_one": f"{tight} > {target}",
            "one_lost": f"{shown} | sed '$d' > {target}",
            "numbers_only": f"{shown} | tr -d 'a-zA-Z' > {target}",
            "other_path": f"{shown} > {target}.new",
            **({"header": f"{other} > {target}"} if form.top else {}),
        },
    )  # fmt: skip


def _number(host: Host, pick: int, limit: int, low: int, high: int) -> int:
    """Below the limit, the limit itself or above it."""
    return (
        limit if pick == 1 else host.skin.randint(low, limit - 1) if pick == 0 else host.skin.randint(limit + 1, high)
    )


def _ways(form: TableFormat, source: str, target: str, shown: str, test: str, header: bool) -> list[Typed]:
    """By awk at once or apart from the header, or line by line in sh."""
    rows = f"tail -n +2 {source}" if form.top else f"cat {source}"
    loop = f'while read -r x; do [ "{form.last("x")}" {test} ] && echo "$x"; done'
    longer = f'while read -r x; do if [ "{form.last("x")}" {test} ]; then echo "$x"; fi; done'
    apart: list[Typed]
    if form.top and header:
        apart = [
            [f"head -n 1 {source} > {target}", f"{rows} | {loop} >> {target}"],
            f"(head -n 1 {source}; {rows} | {longer}) > {target}",
        ]
    else:
        apart = [f"{rows} | {loop} > {target}", f"{rows} | {longer} > {target}"]
    return [f"{shown} > {target}", *apart, [shown, f"{shown} > {target}"]]
