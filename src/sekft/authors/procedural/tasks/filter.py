"""Keep the rows of a table whose number passes a limit."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[write|copy] to <target> the rows of <source> whose last number is <rule>.",
    "<target> [should hold|is to hold] those rows of <source> in which the last column is <rule>.",
    "[pick|choose|single out] the rows of <source> in which the last column is <rule>; [they go|put them] into <target>.",
    "from <source>, only rows whose last number is <rule> matter. [Gather|Collect] them in <target>.",
    "the last column of <source> is a number. Rows where it is <rule> [belong|are wanted] in <target> [as well|too].",
    "whoever reads <target> wants [nothing but|only] the rows of <source> ending in a number that is <rule>.",
    "[an extract|a selection] from <source> is needed as <target>: all rows whose last number is <rule>.",
    "one test decides: the rows of <source> whose last column is <rule> [go|are to be written] to <target>.",
    "not all rows of <source> are [of interest|needed]: those whose last number is <rule> are, [and they belong in|so put them into] <target>.",
    "could <target> list the rows of <source> in which the last column is <rule>?",
    "[leave out|drop] what does not matter in a copy of <source>: what remains, the rows whose last number is <rule>, is to be saved as <target>.",
    "[make|create] <target> out of the rows of <source> that [end in|end with] a number that is <rule> [; the source is left alone|].",
    "rows of <source>, last column <rule>: [these go into|to be copied to] <target>.",
    "a row of <source> [counts|qualifies] if its last number is <rule>. [All such rows|The rows that do] make up <target>.",
)
# What becomes of a row is said last.
_FORM = "[The rows stay whole and keep their order.|Whole rows, in the order of the source.|Neither rows nor their order change.]"
# How the test is said, how awk and test spell it, and what it says of a number.
_RULES: Mapping[str, tuple[tuple[str, ...], str, str, Callable[[int, int], bool]]] = {
    "more": (("above <limit>", "greater than <limit>", "more than <limit>", "over <limit>"), ">", "-gt", operator.gt),
    "least": (("at least <limit>", "<limit> or more", "not below <limit>"), ">=", "-ge", operator.ge),
    "less": (("below <limit>", "less than <limit>", "under <limit>"), "<", "-lt", operator.lt),
    "most": (("at most <limit>", "<limit> or less", "not above <limit>"), "<=", "-le", operator.le),
}


@TASKS.kind("filter")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    source, target = new_path(host, folder, "table"), new_path(host, folder, "result")
    sep, rule = skin.choice([" ", ",", ":", "/"]), rng.choice(sorted(_RULES))
    forms, sign, test, passes = _RULES[rule]
    limit = rng.randint(20, 70)
    numbers = [limit - 1, limit, limit + 1, *(rng.randint(3, 99) for _ in range(rng.randint(3, 9)))]
    rng.shuffle(numbers)
    rows = [f"{names.word((1, 2))}{sep}{names.word((1, 3))}{sep}{number}" for number in numbers]
    right = [row for row, number in zip(rows, numbers, strict=True) if passes(number, limit)]
    awk, loop = "awk" if sep == " " else f"awk -F'{sep}'", f"while IFS='{sep}' read -r n v x; do"
    words = host.phrase(skin.choice(forms), limit=limit)
    return job(
        host,
        title=host.say("[some rows|an extract|a selection] from <what>", what=source.rsplit("/", 1)[-1]),
        text=ask(host, [f"{core} {_FORM}" for core in _ASK], source=source, target=target, rule=words),
        sources={source: "\n".join(rows) + "\n"},
        target=target,
        result="\n".join(right) + "\n",
        looks=[f"cat {source}", f"head {source}"],
        direct=[
            f"{awk} '$3 {sign} {limit}' {source} > {target}",
            f"{awk} '{{if ($3 {sign} {limit}) print}}' {source} > {target}",
            f"{awk} '$NF {sign} {limit} {{print $0}}' {source} > {target}",
            f'{loop} [ "$x" {test} {limit} ] && echo "$n{sep}$v{sep}$x"; done < {source} > {target}',
            f'{loop} if [ $x {test} {limit} ]; then echo "$n{sep}$v{sep}$x"; fi; done < {source} > {target}',
        ],
        confirm=[[f"cat {target}"], [f"cat -n {target}"], [f"diff {source} {target}"]],
        wrong={
            "all_rows": f"cp {source} {target}",
            "limit_by_one": f"{awk} '$3 {sign[0]}{'' if '=' in sign else '='} {limit}' {source} > {target}",
            "one_lost": f"{awk} '$3 {sign} {limit}' {source} | sed 1d > {target}",
            "names_only": f"{awk} '$3 {sign} {limit} {{print $1}}' {source} > {target}",
            "other_path": f"{awk} '$3 {sign} {limit}' {source} > {target}.new",
        },
    )
