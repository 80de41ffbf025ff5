"""Add up a column of a table, over the rows that belong to one name."""

from __future__ import annotations

from sekft.authors.procedural import tables, tolerance
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, named

_ASK = (
    "add up <amount> for <group> in <source> and write the sum to <target>.",
    "what do the <rows> of <group> in <source> come to? Add up <amount> and put the sum into <target>.",
    "please total <amount> for <group> in <source>. The sum goes into <target>.",
    "<role> needs one figure from <source>: <amount>, added up for <group>. Please leave it in <target>.",
    "could you add up <amount> in <source> for <group>, and save the result as <target>?",
    "find out what <amount> in <source> adds up to for <one> <group>, and put it into <target>.",
    "<target> should hold the sum of <amount> over the <rows> of <group> in <source>.",
)


@TASKS.kind("total")
def make(host: Host) -> Job:
    rng, form = host.rng, tables.draw(host.skin, host.brief)
    picks = [0, 0, 1, *(rng.randrange(3) for _ in range(host.some(rng, 2, 5)))]
    rng.shuffle(picks)
    table = host.world.table(len(picks), 3)
    kind = table.kind
    folder = host.place(kind.folders)
    source, target = f"{folder}/{table.stem}{form.ending}", named(host, folder, "result", f"{table.groups[0]}-total")
    columns = [kind.key, kind.group, kind.amount]
    amounts = [rng.randint(0, 997) for _ in picks]
    span = kind.high - kind.low
    values = [kind.low + amount * span // 997 for amount in amounts]
    rows = [(key, table.groups[pick], str(value)) for key, pick, value in zip(table.keys, picks, values, strict=True)]
    group, total = table.groups[0], sum(value for pick, value in zip(picks, values, strict=True) if pick == 0)
    mine = f'$2 == "{group}"'
    shown = form.awk(f"{mine} {{s += $3}} END {{print s}}", source)
    cut = f"cut -d '{form.sep}' -f 3" if form.sep not in " \t" else "awk '{print $3}'"
    picked = f"{form.bare(source)} | grep -w {group}"
    return job(
        host,
        title=host.phrase(
            "[<rows> of <group>, in total|<group>: <what>|what <group> comes to|sum for <group>]",
            rows=kind.rows,
            what=kind.what,
            group=group,
        ),
        text=ask(
            host,
            _ASK,
            kind.why,
            source=source,
            target=target,
            group=group,
            one=kind.one,
            rows=kind.rows,
            amount=form.column(kind.amount),
            role=host.role(),
        ),
        sources={source: form.text(columns, rows)},
        target=target,
        result=f"{total}\n",
        alike=tolerance.FIGURES,
        looks=[f"cat {source}", f"head -n 5 {source}"],
        direct=[
            f"{shown} > {target}",
            f"{picked} | awk{'' if form.sep == ' ' else f' -F{form.sep!r}'} '{{s += $3}} END {{print s}}' > {target}",
            f"{picked} | {cut} | awk '{{n += $1}} END {{print n}}' > {target}",
            [shown, f"echo {total} > {target}"],
        ],
        right={
            "with_name": f"echo '{group}: {total}' > {target}",
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
