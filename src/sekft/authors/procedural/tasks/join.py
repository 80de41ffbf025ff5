"""Bring two tables together by the key that they share."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[join|combine] <one> and <two> by their first column into <target>: <row>, in the order of <one>.",
    "<target> should [have|hold] a row for each key of <one>, of the form <row>; the last part comes from <two>, the order from <one>.",
    "<one> gives a name to each key, <two> a number. [Both together|The two combined], as <row>, [belong in|go into] <target>, ordered as <one> is.",
    "the keys of <one> occur again in <two>, [in another order|shuffled]. Write <row> for each of them to <target>, following <one>.",
    "[complete|extend] the rows of <one> with what <two> has for the same key, and keep the result, rows of the form <row> in the order of <one>, as <target>.",
    "[a table|one table] made from two is [wanted|needed]: <one> and <two>, matched on the first column, rows of the form <row> and in the order of <one>, in <target>.",
    "for every row of <one>, [look up|find] its key in <two> and write <row> to <target>, [row after row|one row after the other], in the order of <one>.",
    "[somebody has to|somebody should] merge <one> with <two>: the key is the first column, a row becomes <row>, the order is that of <one>, the file is <target>.",
    "in <target> [we want|there should be] rows of the form <row>, in the order of <one>: key and name from there, the number from <two>.",
    "could <one> and <two> be put side by side, key by key, as <row>? The place for it is <target>, [the order|and the order] that of <one>.",
    "what <two> says of each key is [missing from|not in] <one>. [The joined rows|Rows with both], of the form <row>, are to be saved in <target>, ordered as <one> is.",
    "<target> does not exist yet. It is to hold the rows of <one>, in their order, each with the number of the same key in <two> after it: <row>.",
    "matching <two> to <one> by key gives rows of the form <row>. [Store|Keep] them, in the order of <one>, as <target>.",
)


@TASKS.kind("join")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    one, two = new_path(host, folder, "table"), new_path(host, folder, "table")
    target, sep = new_path(host, folder, "result"), host.skin.choice([" ", ",", ":", "/"])
    count = rng.randint(4, 7)
    keys = sorted(names.word((1, 2)) for _ in range(count))
    values = {key: (names.word((1, 3)), names.number(10, 999)) for key in keys}
    order = list(range(count))
    while order == sorted(order):
        rng.shuffle(order)
    first = [f"{key}{sep}{values[key][0]}" for key in keys]
    second = [f"{keys[at]}{sep}{values[keys[at]][1]}" for at in order]
    joined = [f"{row}{sep}{values[key][1]}" for key, row in zip(keys, first, strict=True)]
    form = host.phrase("[KEY<sep>NAME<sep>NUMBER|'key<sep>name<sep>number']", sep=sep)
    awk, files = "awk" if sep == " " else f"awk -F'{sep}' -v OFS='{sep}'", f"{two} {one}"
    loop = f"while IFS='{sep}' read -r x n; do echo \"$x{sep}$n{sep}$(grep \"^$x{sep}\" {two} | cut -d '{sep}' -f 2)\"; done"
    return job(
        host,
        title=host.say("[two tables|a joined table|names and numbers] for <what>", what=target.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, one=one, two=two, target=target, row=form),
        sources={one: "\n".join(first) + "\n", two: "\n".join(second) + "\n"},
        target=target,
        result="\n".join(joined) + "\n",
        looks=[f"cat {one} {two}", f"head {one} {two}"],
        direct=[
            f"{awk} 'NR == FNR {{a[$1] = $2; next}} {{print $1, $2, a[$1]}}' {files} > {target}",
            f"{loop} < {one} > {target}",
            f"sort {two} | cut -d '{sep}' -f 2 | paste -d '{sep}' {one} - > {target}",
            f"{awk} 'FNR == NR {{v[$1] = $2; next}} $1 in v {{print $0, v[$1]}}' {files} > {target}",
            [f"sort {two} > /tmp/y", f"cut -d '{sep}' -f 2 /tmp/y | paste -d '{sep}' {one} - > {target}"],
        ],
        confirm=[[f"cat {target}"], [f"cat -n {target}"]],
        wrong={
            "not_matched": f"cut -d '{sep}' -f 2 {two} | paste -d '{sep}' {one} - > {target}",
            "one_below_the_other": f"cat {one} {two} > {target}",
            "one_lost": f"{loop} < {one} | sed '$d' > {target}",
            "names_left_out": f"sort {two} > {target}",
            "other_path": f"{loop} < {one} > {target}.new",
        },
    )
