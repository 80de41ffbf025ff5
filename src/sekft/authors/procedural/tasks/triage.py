"""Find in a log which source has most lines of one level, and write its name down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sekft.authors.procedural import logs, tolerance
from sekft.authors.procedural.host import LOGS, Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, named

_ASK = (
    "which <one> has the most <level> lines in <log>? Write its name to <target>.",
    "find the <one> with the most <level> lines in <log> and write its name to <target>.",
    "please count the <level> lines in <log> by <one>. The name of the one with the most goes into <target>.",
    "go through the <of>, <log>: which <one> logs <level> most often? Put its name into <target>.",
    "<role> wants to know which <one> gives most trouble, that is, has the most <level> lines in <log>. Leave the name in <target>.",
    "could you see which <one> has most <level> entries in <log>, and write that to <target>?",
    "<target> should name the <one> with more <level> lines in <log> than any other.",
)


@dataclass(frozen=True)
class _LogFormat:
    """line: of {time}, {host}, {level}, {source} and {message}. time: of strftime.

    level, source: which column of those that blanks separate. after: what stands behind the source in its column.
    """

    line: str
    time: str
    level: int
    source: int
    after: str = ""


_FORMATS = (
    _LogFormat("{time} {level} {source} {message}", "%Y-%m-%dT%H:%M:%SZ", 2, 3),
    _LogFormat("{time} {level} {source}: {message}", "%Y-%m-%d %H:%M:%S", 3, 4, ":"),
    _LogFormat("{time} {source} {level} {message}", "%Y-%m-%dT%H:%M", 3, 2),
    _LogFormat("{time} {host} {source}: {level} {message}", "%b %d %H:%M:%S", 6, 5, ":"),
)
_LEVELS = (("ERROR", "INFO"), ("ERROR", "INFO"), ("WARN", "INFO"), ("error", "info"), ("FAULT", "OK"))
"""The level that is asked for, of trouble, and the one of ordinary lines."""


@TASKS.kind("triage")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    form, log = skin.choice(_FORMATS), host.world.log(3)
    folder = host.place(log.kind.folders, LOGS)
    kind, sources = log.kind, log.sources
    source = named(host, folder, "log", log.stem)
    target = named(host, folder, "result", f"worst-{kind.source.replace(' ', '-')}")
    said = " ".join([*kind.lines, *kind.faults])
    level, usual = skin.choice([levels for levels in _LEVELS if levels[0] not in said])
    most = host.some(rng, 3, 4)
    events = [(level, 0)] * most + [(level, 1)] * (most - 1) + [(level, 2)] * host.some(rng, 1, 2)
    events += [(usual, 1 + rng.randrange(2)) for _ in range(host.some(rng, 2, 4))]
    rng.shuffle(events)
    story = logs.Story(host, log)
    time = logs.day(host, 0) + timedelta(seconds=skin.randrange(6 * 3600, 9 * 3600))
    rows = []
    for sort, who in events:
        time += timedelta(seconds=skin.randint(40, 4000))
        message = story.next(sources[who], trouble=sort == level)
        rows.append(
            form.line.format(
                time=f"{time:{form.time}}", host=host.name, level=sort, source=sources[who], message=message
            )
        )
    picked = f"grep ' {level} ' {source}"
    column = f"cut -d ' ' -f {form.source}" + (f" | tr -d {form.after}" if form.after else "")
    tally = f"{picked} | {column} | sort | uniq -c | sort -rn"
    in_awk = (
        f"awk '${form.level} == \"{level}\" {{a[${form.source}]++}} END {{for (x in a) print a[x], x}}' {source}"
        f"{f' | tr -d {form.after}' if form.after else ''} | sort -rn"
    )
    return job(
        host,
        title=host.phrase(
            "[the worst <one>|which <one> is worst|<of>: most trouble|trouble in the <of>]", one=kind.source, of=kind.of
        ),
        text=ask(
            host, _ASK, kind.why, log=source, target=target, level=level, one=kind.source, of=kind.of, role=host.role()
        ),
        sources={source: "\n".join(rows) + "\n"},
        target=target,
        result=sources[0] + "\n",
        alike=tolerance.only(sources[0], [level, "lines", "entries", "with", "has"]),
        looks=[f"cat {source}", f"grep {level} {source}"],
        direct=[
            [tally, f"echo {sources[0]} > {target}"],
            [tally, f"{tally} | head -n 1 | awk '{{print $2}}' > {target}"],
            [in_awk, f"printf '%s\\n' {sources[0]} > {target}"],
            [in_awk, f"{in_awk} | head -n 1 | cut -d ' ' -f 2 > {target}"],
            [tally, f"{tally} | sed 's/.* //;q' > {target}"],
        ],
        right={
            "with_count": f"{tally} | head -n 1 > {target}",
            "by_dd": f"echo {sources[0]} | dd of={target}",
        },
        confirm=[[f"cat {target}"], [f"cat {target}", f"grep {level} {source}"]],
        wrong={
            "second": f"echo {sources[1]} > {target}",
            "least": f"echo {sources[2]} > {target}",
            "all_of_them": f"{tally} | awk '{{print $2}}' > {target}",
            "other_path": f"echo {sources[0]} > {target}.new",
        },
    )
