"""Find in a log which source has most lines of one level, and write its name down."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_LEVELS = ("error", "fault", "alarm", "failure", "warning", "alert", "outage")
_OTHERS = ("info", "note", "debug", "fine", "trace", "quiet")
_ASK = (
    "[find out|work out] which source has the most <level> lines in <source> and write its name to <target>.",
    "<target> [should|has to] hold the name of the source with the most <level> lines in <source>.",
    "one source in <source> [reports|logs] more <level> lines than any other. [Its name goes|Put its name] into <target>.",
    "who has more <level> lines in <source> than any other source? The [name|source] alone [goes into|belongs in] <target>.",
    "the lines of <source> hold a time, a level and a source. [Count|Compare] the <level> lines by source and [leave|put] the top name in <target>.",
    "[go through|read] the <level> lines of <source>: the name of the source that has the most of them goes into <target>.",
    "[a name is wanted|somebody wants a name] in <target>: that of the source in <source> with the most lines of level <level>.",
    "in <source>, at level <level>, [find|look for] the source that occurs most often. [Write its name|Its name is to be written] to <target>, [by itself|only the name].",
    "lines of level <level> in <source> come from several sources; <target> [is for|should hold] the name of the one that has the most of them.",
    "could <target> give the name of the source that has the largest number of <level> lines in <source>?",
    "before anything is [replaced|mended], we need to know which source has the most <level> lines in <source>: its name, in <target>.",
    "by the number of <level> lines in <source>, one source [leads|is ahead]. Its name is what <target> [should|is to] contain.",
    "the [worst|busiest] source in <source>, judged by the number of its <level> lines, [goes|is to go] on record in <target> [, name only|].",
)


@TASKS.kind("triage")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    source, target = new_path(host, folder, "log"), new_path(host, folder, "result")
    level, others = skin.choice(_LEVELS), skin.sample(_OTHERS, 2)
    sources = [names.word() for _ in range(3)]
    most = rng.randint(4, 6)
    events = [(level, 0)] * most + [(level, 1)] * (most - 1) + [(level, 2)] * rng.randint(1, 2)
    events += [(others[rng.randrange(2)], 1 + rng.randrange(2)) for _ in range(rng.randint(5, 9))]
    rng.shuffle(events)
    rows = [
        f"{8 + at // 4:02d}:{15 * (at % 4):02d} {sort} {sources[who]} {skin.choice(['at start', 'on close', 'again', 'in loop'])}"
        for at, (sort, who) in enumerate(events)
    ]
    tally = f"grep ' {level} ' {source} | cut -d ' ' -f 3 | sort | uniq -c | sort -rn"
    in_awk = f"awk '$2 == \"{level}\" {{a[$3]++}} END {{for (x in a) print a[x], x}}' {source} | sort -rn"
    return job(
        host,
        title=host.say("[the worst source|one source|a look] in <what>", what=source.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, source=source, target=target, level=level),
        sources={source: "\n".join(rows) + "\n"},
        target=target,
        result=sources[0] + "\n",
        looks=[f"cat {source}", f"grep {level} {source}"],
        direct=[
            [tally, f"echo {sources[0]} > {target}"],
            [tally, f"{tally} | head -n 1 | awk '{{print $2}}' > {target}"],
            [in_awk, f"printf '%s\\n' {sources[0]} > {target}"],
            [in_awk, f"{in_awk} | head -n 1 | cut -d ' ' -f 2 > {target}"],
            [tally, f"{tally} | sed 's/.* //;q' > {target}"],
        ],
        right={
            "typed": f"printf %s {sources[0]} > {target}",
            "by_dd": f"echo {sources[0]} | dd of={target}",
        },
        confirm=[[f"cat {target}"], [f"cat {target}", f"grep {level} {source}"]],
        wrong={
            "second": f"echo {sources[1]} > {target}",
            "least": f"echo {sources[2]} > {target}",
            "with_count": f"{tally} | head -n 1 > {target}",
            "all_of_them": f"{tally} | awk '{{print $2}}' > {target}",
            "other_path": f"echo {sources[0]} > {target}.new",
        },
    )
