"""Write a sorted list from an input file, with or without its repeats."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[put|save] the lines of <source> <order> in <target>, [leaving out|without] the [duplicates|repeats].",
    "<target> should [list|hold] the lines of <source> <order>, each [only once|one time only].",
    "[a list|an ordered list] of what <source> holds, <order> and without repeats, [is wanted|is needed] as <target>.",
    "<source> [has|holds] the same lines [more than once|several times] and in no order. <target> should have them <order>, [none twice|each once].",
    "[make|produce] <target> from <source>: same lines, <order>, [no line twice|every line once].",
    "without the repeats, the lines of <source> are to be put into <target> <order> [; the source keeps its own order|].",
    "each line of <source> [once|one time only], <order>: that is what <target> [should|has to] contain.",
    "the lines of <source> go to <target> <order>. [A line that comes twice is written once.|Repeats are written only once.]",
    "the reader of <target> needs the lines of <source> <order> and each of them a single time.",
    "could the lines of <source> be put into <target> <order>, no line repeated? [The source stays as it is.|]",
    "[an index|a clean list] is missing, <target>: the distinct lines of <source>, <order>.",
    "free of duplicates and <order>, the lines of <source> are [wanted|expected] in <target>.",
    "[from|out of] <source>, [collect|gather] each different line once and [keep|store] them <order> as <target>.",
    "the lines of <source> belong in <target> <order>, [none of them twice|no line more than once].",
)
_FORWARDS = ("in alphabetical order", "sorted", "from a to z", "in ascending order")
_BACKWARDS = ("in descending order", "in reverse alphabetical order", "sorted from z to a")


@TASKS.kind("sorted")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    source, target = new_path(host, folder, "text"), new_path(host, folder, "result")
    words = [names.word() for _ in range(rng.randint(4, 8))]
    rows = words + [words[rng.randrange(len(words))] for _ in range(rng.randint(2, 4))]
    rng.shuffle(rows)
    backwards = rng.random() < 0.35
    result = sorted(set(rows), reverse=backwards)
    if list(dict.fromkeys(rows)) == result:
        rows = [*rows[1:], rows[0]]
    order = skin.choice(_BACKWARDS if backwards else _FORWARDS)
    r = "r" if backwards else ""
    return job(
        host,
        title=host.say(
            "[an ordered list|a list without repeats|a sorted list] from <what>", what=source.rsplit("/", 1)[-1]
        ),
        text=ask(host, _ASK, source=source, target=target, order=order),
        sources={source: "\n".join(rows) + "\n"},
        target=target,
        result="\n".join(result) + "\n",
        looks=[f"cat {source}", f"head {source}"],
        direct=[
            f"sort -u{r} {source} > {target}",
            f"sort {'-r ' if backwards else ''}{source} | uniq > {target}",
            f"sort -u{r} -o {target} {source}",
            f"cat {source} | sort | uniq | {'tac' if backwards else 'cat'} > {target}",
            f"awk '!a[$0]++' {source} | sort {'-r ' if backwards else ''}> {target}",
        ],
        right={
            "through_a_copy": [f"cp {source} /tmp/rows", f"sort -u{r} /tmp/rows | tee {target}"],
        },
        confirm=[[f"cat {target}"], [f"cat -n {target}"]],
        wrong={
            "duplicates_kept": f"sort {'-r ' if backwards else ''}{source} > {target}",
            "unsorted": f"cp {source} {target}",
            "other_order": f"sort -u{'' if backwards else 'r'} {source} > {target}",
            "source_changed": [f"sort -u{r} {source} > {target}", f"cp {target} {source}"],
            "one_lost": f"sort -u{r} {source} | sed '$d' > {target}",
            "other_path": f"sort -u{r} {source} > {target}.new",
        },
    )
