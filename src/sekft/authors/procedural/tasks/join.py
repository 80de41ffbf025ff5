"""Bring two tables together by the key that they share."""

from __future__ import annotations

from sekft.authors.procedural import tables
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "join <one> and <two> on <key> into <target>.",
    "<one> has the <group> of every <key>, <two> the <amount>. [Put both|Bring the two] together in <target>.",
    "please merge <one> and <two> by <key> and save the result as <target>.",
    "I need <one> with the <amount> from <two> as a third column. Save it as <target> and leave both files alone.",
    "<role> wants one table instead of two: <one> and <two>, matched on <key>, in <target>.",
    "could you add the <amount> from <two> to the rows of <one>? The new table goes to <target>.",
    "<one> and <two> belong together, <key> by <key>. Write the joined table to <target>.",
    "make <target> out of <one> and <two>, joined on <key>.",
    "for each row of <one>, look up the <amount> in <two> by <key>. The result goes to <target>.",
    "the <rows> are split over <one> and <two>, and <key> links them. We need one table, <target>.",
)
# What the table looks like is said last.
_FORMS = (
    "Columns <columns>, in their format, header line included, rows in the order of the first file.",
    "Columns <columns>, with a header and a separator like theirs, in the order of the first file.",
    "Keep their format and header (<columns>), and the order of the first file.",
    "Same format as the two, with a header line: <columns>. The rows follow the first file.",
)
_JOINABLE = [form for form in tables.FORMATS if form.sep != " " and form.top and not form.quoted]


@TASKS.kind("join")
def make(host: Host) -> Job:
    rng, form = host.rng, host.skin.choice(_JOINABLE)
    table, folder = host.world.table(host.some(rng, 3, 7), 3), host.place()
    kind, keys = table.kind, sorted(table.keys)
    one = f"{folder}/{table.stem}{form.ending}"
    more = f"{kind.file} {kind.amount}-by-{kind.key} {kind.amount}-list {kind.amount}-new"
    two, target = (
        f"{folder}/{host.world.stem(stems)}{form.ending}" for stems in (more, "joined merged combined complete")
    )
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
        title=host.say("[two tables|a joined table|one table] for <what>", what=target.rsplit("/", 1)[-1]),
        text=ask(
            host,
            [f"{core} {host.skin.choice(_FORMS)}" for core in _ASK],
            kind.why,
            one=one,
            two=two,
            target=target,
            rows=kind.rows,
            key=kind.key,
            group=kind.group,
            amount=kind.amount,
            columns=f"{kind.key}, {kind.group} and {kind.amount}",
            role=host.role(),
        ),
        sources=texts,
        target=target,
        result=form.text(columns, [(key, *values[key]) for key in keys]),
        looks=[f"cat {one} {two}", f"head {one} {two}"],
        direct=[
            f"{awk} 'NR == FNR {{a[$1] = $2; next}} {{print $1, $2, a[$1]}}' {two} {one} > {target}",
            f"{loop} < {one} > {target}",
            f"{arranged} | {cut} | {paste} {one} - > {target}",
            f"{awk} 'FNR == NR {{v[$1] = $2; next}} $1 in v {{print $0, v[$1]}}' {two} {one} > {target}",
            [f"{arranged} > /tmp/y", f"{cut} /tmp/y | {paste} {one} - > {target}"],
        ],
        confirm=[[f"cat {target}"], [f"cat -n {target}"]],
        wrong={
            "not_matched": f"{cut} {two} | {paste} {one} - > {target}",
            "one_below_the_other": f"cat {one} {two} > {target}",
            "one_lost": f"{loop} < {one} | sed '$d' > {target}",
            "groups_left_out": f"{arranged} > {target}",
            "no_header": f"{loop} < {one} | tail -n +2 > {target}",
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
