"""Count the lines that match, or those that do not, and write down the number."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[count|find out] how many lines of <source> <have> <word> and write [just|only] the number to <target>.",
    "<target> [should hold|is to hold] one number: how many lines in <source> <have> <word>.",
    "how many lines [are there in <source>|does <source> have] that <have> <word>? [The number goes|Put the number] into <target>.",
    "[a number is wanted|somebody wants a number] in <target>: that of the lines in <source> which <have> <word>.",
    "[take|go through] <source> and count the lines which <have> <word>. [The result|The figure], alone, goes into <target>.",
    "the lines of <source> that <have> <word> [are to be|should be|need to be] counted; <target> [takes|gets] the count [and nothing more|].",
    "write to <target> the [number|count] of lines in <source> that <have> <word>.",
    "nobody knows how many lines in <source> <have> <word>. [A file <target>|The file <target>] with that number [would help|is needed].",
    "<source> is to be tallied: one for each line that <has> <word>. [The tally|The sum of it] is to be kept as <target>.",
    "[in a new file|in a file] <target>: the number of lines, out of <source>, that <have> <word>.",
    "could <target> say how many of the lines in <source> <have> <word>? [A bare number|Only the number], please.",
    "[every line|each line] of <source> that <has> <word> counts as one. The total, as a plain number, goes to <target>.",
    "<word> matters: the lines of <source> that <have> it [need counting|are to be counted], and <target> is to [hold|receive] the number.",
    "the figure missing from <target> is how many lines <have> <word> in <source>.",
)
_HAVE = ["mention", "contain", "have"], ["mentions", "contains", "has"]
_LACK = ["do not mention", "do not contain", "lack"], ["does not mention", "does not contain", "lacks"]


@TASKS.kind("count")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    source, target = new_path(host, folder, "log"), new_path(host, folder, "result")
    words = [names.word() for _ in range(3)]
    picks = [0, 1, *(rng.randrange(3) for _ in range(rng.randint(6, 18)))]
    clock = [f"{8 + at // 3:02d}:{skin.randrange(10, 60)}" for at in range(len(picks))]
    states = skin.sample(["ok", "late", "held", "open", "due", "gone", "kept"], 3)
    rows = [f"{time} {words[pick]} {skin.choice(states)}" for time, pick in zip(clock, picks, strict=True)]
    rng.shuffle(rows)
    word, without = words[0], rng.random() < 0.35
    total = sum((word in row) != without for row in rows)
    have, has = (skin.choice(verbs) for verbs in (_LACK if without else _HAVE))
    v, sign = ("v", "!") if without else ("", "")
    return job(
        host,
        title=host.say("[a number|a count|a tally|a line count] from <what>", what=source.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, source=source, target=target, word=word, have=have, has=has),
        sources={source: "\n".join(rows) + "\n"},
        target=target,
        result=f"{total}\n",
        looks=[f"cat {source}", f"head {source}"],
        direct=[
            f"grep -c{v} {word} {source} > {target}",
            f"grep -{v}e {word} {source} | wc -l > {target}",
            f"awk '{sign}/{word}/ {{n++}} END {{print n}}' {source} > {target}",
            f"sed '/{word}/{'' if without else '!'}d' {source} | wc -l > {target}",
            [f"grep -c{v} {word} {source}", f"echo {total} > {target}"],
        ],
        right={
            "unpadded": f"grep -{v}e {word} {source} | awk 'END {{print NR}}' > {target}",
            "typed": f"printf %s {total} > {target}",
        },
        confirm=[[f"cat {target}"], [f"cat {target}", f"grep -n{v} {word} {source}"]],
        wrong={
            "all_lines": f"wc -l < {source} > {target}",
            "off_by_one": f"echo {total + 1} > {target}",
            "one_less": f"echo {total - 1} > {target}",
            "the_lines": f"grep {word} {source} > {target}",
            "the_opposite": f"grep -c{'' if without else 'v'} {word} {source} > {target}; echo 0 >> {target}",
            "other_path": f"grep -c{v} {word} {source} > {target}.new",
        },
    )
