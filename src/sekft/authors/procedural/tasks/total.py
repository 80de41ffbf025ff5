"""Add up a column of a table, over the rows that belong to one name."""

from __future__ import annotations

from sekft.authors.procedural import tables
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[add up|sum] <amount> for <group> in <source> and write the sum to <target>.",
    "please total <amount> in <source> over the rows where <by> is <group>, and put the sum into <target>.",
    "what does <group> come to in <source>? Add up <amount> and leave the result in <target>.",
    "[we need|I need|<role> needs] one number in <target>: the sum of <amount> over the <rows> of <group> in <source>.",
    "<target> should hold the total of <amount> for <group>, taken from <source>.",
    "go through <source>, take the rows of <one> <group>, and write the sum of <amount> to <target>.",
    "total for <group>: sum <amount> in <source>, [only|just] the rows with <group> in <by>. Result, a plain number, to <target>.",
    "the <rows> of <group> in <source> have to be added up (<amount>). The sum belongs in <target>, nothing else in there.",
    "could you work out the <what> of <group>, all its <rows> in <source> together? A bare number in <target> will do.",
    "[write|put] a single number into <target>: <amount> of all <rows> of <group>, added up from <source>.",
)


@TASKS.kind("total")
def make(host: Host) -> Job:
    rng, form = host.rng, tables.draw(host.skin)
    folder = host.place()
    picks = [0, 0, 1, *(rng.randrange(3) for _ in range(host.some(rng, 2, 12)))]
    rng.shuffle(picks)
    table = host.world.table(len(picks), 3)
    kind = table.kind
    source, target = f"{folder}/{table.stem}{form.ending}", new_path(host, folder, "result", "total sum figure amount")
    columns = [kind.key, kind.group, kind.amount]
    amounts = [rng.randint(0, 78) for _ in picks]
    span = kind.high - kind.low
    values = [kind.low + amount * span // 78 for amount in amounts]
    rows = [(key, table.groups[pick], str(value)) for key, pick, value in zip(table.keys, picks, values, strict=True)]
    group, total = table.groups[0], sum(value for pick, value in zip(picks, values, strict=True) if pick == 0)
    mine = f'$2 == "{group}"'
    shown = form.awk(f"{mine} {{s += $3}} END {{print s}}", source)
    cut = f"cut -d '{form.sep}' -f 3" if form.sep not in " \t" else "awk '{print $3}'"
    picked = f"{form.bare(source)} | grep -w {group}"
    return job(
        host,
        title=host.say("[a total|the sum|total <what>|<what>] for <group>", what=kind.what, group=group),
        text=ask(
            host,
            _ASK,
            kind.why,
            source=source,
            target=target,
            group=group,
            one=kind.one,
            rows=kind.rows,
            what=kind.what,
            amount=form.column(kind.amount),
            by=form.column(kind.group),
            role=host.role(),
        ),
        sources={source: form.text(columns, rows)},
        target=target,
        result=f"{total}\n",
        looks=[f"cat {source}", f"head -n 5 {source}"],
        direct=[
            f"{shown} > {target}",
            f"{picked} | awk{'' if form.sep == ' ' else f' -F{form.sep!r}'} '{{s += $3}} END {{print s}}' > {target}",
            f"{picked} | {cut} | awk '{{n += $1}} END {{print n}}' > {target}",
            [shown, f"echo {total} > {target}"],
        ],
        right={
            "typed": f"printf %s {total} | tee {target}",
            "by_expr": f"n=0; for v in $({picked} | {cut}); do n=$(expr $n + $v); done; echo $n > {target}",
        },
        confirm=[[f"cat {target}"], [f"cat {target}", f"grep {group} {source}"]],
        wrong={
            "all_rows": f"{form.bare(source)} | {cut} | awk '{{s += $1}} END {{print s}}' > {target}",
            "off_by_one": f"echo {total + 1} > {target}",
            "rows_counted": f"grep -c {group} {source} > {target}; echo >> {target}; echo rows >> {target}",
            "last_one": f"grep {group} {source} | tail -n 1 > {target}",
            "other_path": f"echo {total} > {target}.new",
        },
    )
