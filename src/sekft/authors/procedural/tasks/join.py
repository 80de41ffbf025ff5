"""Bring two tables together by the key that they share."""

from __future__ import annotations

from sekft.authors.procedural import tables, tolerance
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "join <one> and <two> on <key> into <target>, with the columns <columns>.",
    "<one> has the <group> of every <key>, <two> the <amount>. Please put the two together in <target>, columns <columns>.",
    "merge <one> and <two> by <key> into one table with the columns <columns>. It goes to <target>.",
    "could you add the <amount> from <two> as a third column to <one>, matched on <key>? Please save it as <target> and leave both files as they are.",
    "<role> wants one table instead of two: <columns>, from <one> and <two>. Please make it <target>.",
    "look up the <amount> of each <key> of <one> in <two>, and write a table of <columns> to <target>.",
)
_JOINABLE = [form for form in tables.FORMATS if form.sep != " " and form.top and not form.quoted]


@TASKS.kind("join")
def make(host: Host) -> Job:
    rng, form = host.rng, host.skin.choice(_JOINABLE)
    table = host.world.table(host.some(rng, 3, 6), 3)
    folder = host.place(table.kind.folders)
    kind, keys = table.kind, table.keys
    one = f"{folder}/{table.stem}{form.ending}"
    two, target = (f"{folder}/{stem}{form.ending}" for stem in (kind.amount, f"{table.stem}-with-{kind.amount}"))
    values = {key: (host.skin.choice(table.groups), str(host.skin.randint(kind.low, kind.high))) for key in keys}
    order = list(keys)
    while order == keys:
        rng.shuffle(order)
    columns = [kind.key, kind.group, kind.amount]
    texts = {
        one: form.text(columns[:2], [(key, values[key][0]) for key in keys]),
        two: form.text([kind.key, kind.amount], [(key, values[key][1]) for key in order]),
    }
    awk, cut, paste, loop = _tools(form.sep, two)
    arranged = f"(head -n 1 {two}; tail -n +2 {two} | sort)"
    return job(
        host,
        title=host.phrase(
            "[<rows> with <amount>|both lists of <rows> in one|<amount> for the <rows>|<rows>: one table]",
            rows=kind.rows,
            amount=kind.amount,
        ),
        text=ask(
            host,
            _ASK,
            kind.why,
            one=one,
            two=two,
            target=target,
            key=kind.key,
            group=kind.group,
            amount=kind.amount,
            columns=f"{kind.key}, {kind.group} and {kind.amount}",
            role=host.role(),
        ),
        sources=texts,
        target=target,
        result=form.text(columns, [(key, *values[key]) for key in keys]),
        alike=tolerance.rows("".join(form.head(columns))),
        looks=[f"cat {one} {two}", f"head {one} {two}"],
        direct=[
            f"{awk} 'NR == FNR {{a[$1] = $2; next}} {{print $1, $2, a[$1]}}' {two} {one} > {target}",
            f"{loop} < {one} > {target}",
            f"{arranged} | {cut} | {paste} {one} - > {target}",
            f"{awk} 'FNR == NR {{v[$1] = $2; next}} $1 in v {{print $0, v[$1]}}' {two} {one} > {target}",
            [f"{arranged} > /tmp/y", f"{cut} /tmp/y | {paste} {one} - > {target}"],
        ],
        right={
            "rows_alone": f"{loop} < {one} | tail -n +2 > {target}",
            "by_key": f"{loop} < {one} | sort > {target}",
        },
        confirm=[[f"cat {target}"], [f"cat -n {target}"]],
        wrong={
            "not_matched": f"{cut} {two} | {paste} {one} - > {target}",
            "one_below_the_other": f"cat {one} {two} > {target}",
            "one_lost": f"{loop} < {one} | sed '$d' > {target}",
            "groups_left_out": f"{arranged} > {target}",
            "other_path": f"{loop} < {one} > {target}.new",
        },
    )


def _tools(sep: str, two: str) -> tuple[str, str, str, str]:
    """How awk, cut and paste are told of the separator, and a loop that looks each row up in the second table."""
    if sep == "\t":
        look_up = f"awk -v g=$x '$1 == g {{print $2}}' {two}"
        loop = f"while read -r x n; do printf '%s\\t%s\\t%s\\n' $x $n $({look_up}); done"
        return r"awk -F'\t' -v OFS='\t'", "cut -f 2", "paste", loop
    cut = f"cut -d {sep} -f 2"
    loop = f'while IFS={sep} read -r x n; do echo "$x{sep}$n{sep}$(grep "^$x{sep}" {two} | {cut})"; done'
    return f"awk -F{sep} -v OFS={sep}", cut, f"paste -d {sep}", loop
