"""Add up a column of a table, over the rows that belong to one name."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[add up|sum] the third column of <source> over the rows [of|for] <word> and write the sum to <target>.",
    "<target> [should hold|is to hold] the total for <word>: the sum of the third column of <source>, over [only its rows|its rows alone].",
    "what do the rows of <word> in <source> come to? Add up their last figures and [put|leave] the result in <target>.",
    "in <source>, the second column is a name and the third an amount. The amounts of <word>, [in all|added up], [go into|belong in] <target>.",
    "[a total|one total|a sum] is wanted in <target>: that of <word>, from the third column of <source>.",
    "write [a single number|one number] to <target>, the sum of the amounts (third column) that <source> has for <word>.",
    "<word> [asks|wants to know] what [its|the] amounts in <source> add up to. [Amounts are in column 3, names in column 2.|Names: column 2; amounts: column 3.] The answer [goes into|belongs in] <target>.",
    "[of|from] <source>, only rows with <word> in the second column count; [the sum of their third column|what their third column adds up to] is [expected|due] in <target>.",
    "the file <target> [should get|is to receive] the sum over all rows of <source> whose second column is <word>; what is added up is the third.",
    "[work out|compute] how much <word> has in <source> (column 3, all its rows together); the figure [alone|by itself] [goes into|belongs in] <target>.",
    "could someone total the rows for <word> in <source>? [It is the third column|Add up the last column]; the result goes to <target>.",
    "amounts in <source>, third column; names, second column. The total for <word> [goes|is to go] to <target>.",
    "the [bill|account|share] of <word> is the sum of its rows' third column in <source>. It is to be [kept|filed] as <target>, [a plain number|nothing but the number].",
)


@TASKS.kind("total")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    source, target = new_path(host, folder, "table"), new_path(host, folder, "result")
    words, sep = [names.word() for _ in range(3)], skin.choice([" ", ",", ":", "/"])
    picks = [0, 0, 1, *(rng.randrange(3) for _ in range(rng.randint(4, 12)))]
    rng.shuffle(picks)
    rows = [(f"{names.word((1, 2))}", words[pick], rng.randint(2, 80)) for pick in picks]
    word, total = words[0], sum(amount for _, name, amount in rows if name == words[0])
    text = "".join(f"{item}{sep}{name}{sep}{amount}\n" for item, name, amount in rows)
    awk = "awk" if sep == " " else f"awk -F'{sep}'"
    shown = f"{awk} '$2 == \"{word}\" {{s += $3}} END {{print s}}' {source}"
    loop = f'[ "$n" = {word} ] && s=$((s + v)); done < {source}; echo $s > {target}'
    return job(
        host,
        title=host.say("[a total|a sum|the amounts of one name] from <what>", what=source.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, source=source, target=target, word=word),
        sources={source: text},
        target=target,
        result=f"{total}\n",
        looks=[f"cat {source}", f"grep {word} {source}"],
        direct=[
            f"{shown} > {target}",
            f"grep '{sep}{word}{sep}' {source} | {awk} '{{s += $3}} END {{print s}}' > {target}",
            f"s=0; while IFS='{sep}' read -r x n v; do {loop}",
            f"{awk} '$2 == \"{word}\"' {source} | cut -d '{sep}' -f 3 | awk '{{n += $1}} END {{print n}}' > {target}",
            [shown, f"echo {total} > {target}"],
        ],
        right={
            "typed": f"printf %s {total} | tee {target}",
            "by_expr": f"n=0; for v in $(grep '{sep}{word}{sep}' {source} | sed 's/.*{'[ ]' if sep == ' ' else '[' + sep + ']'}//'); do n=$(expr $n + $v); done; echo $n > {target}",
        },
        confirm=[[f"cat {target}"], [f"cat {target}", f"grep {word} {source}"]],
        wrong={
            "all_rows": f"{awk} '{{s += $3}} END {{print s}}' {source} > {target}",
            "off_by_one": f"echo {total + 1} > {target}",
            "rows_counted": f"grep -c {word} {source} > {target}; echo >> {target}; echo rows >> {target}",
            "last_one": f"grep {word} {source} | tail -n 1 | cut -d '{sep}' -f 1 > {target}",
            "other_path": f"echo {total} > {target}.new",
        },
    )
