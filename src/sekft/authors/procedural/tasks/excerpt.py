"""Copy the lines of a log that come from one source, from one day, or both."""

from __future__ import annotations

from sekft.authors.procedural import logs
from sekft.authors.procedural.host import LOGS, Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job, named

_ASK = (
    "copy the lines <hits> from <source> to <target>.",
    "please save the lines <hits> in <source> as <target>.",
    "I need everything <hits> in the <of>, <source>, as <target>.",
    "<role> wants to see the lines <hits> in the <of>. Please copy them from <source> to <target>.",
    "could you put the lines <hits> in <source> into <target>?",
    "extract the lines <hits> from <source> into <target>.",
    "we only need a part of <source>: the lines <hits>. Please save them as <target>.",
)
_HITS = {"source": "from <mine>", "day": "of <day>", "both": "from <mine> of <day>"}
"""Which lines are wanted."""


@TASKS.kind("excerpt")
def make(host: Host) -> Job:
    rng, form = host.rng, logs.draw(host, dated=True)
    log, hits = host.world.log(3), rng.choice(sorted(_HITS))
    folder = host.place(log.kind.folders, LOGS)
    source = named(host, folder, "log", log.stem)
    wanted, mine = rng.randrange(3), log.sources[0]
    part = mine if hits == "source" else f"{logs.day(host, wanted):%Y-%m-%d}"
    target = f"{folder}/{log.stem}-{part}{source[source.rindex('.') :]}"
    picks = [(at, day) for day in range(3) for at in (0, 1)]
    picks += [(rng.randrange(3), rng.randrange(3)) for _ in range(host.some(rng, 1, 4))]
    picks.sort(key=lambda pick: (pick[1], rng.random()))
    say = logs.Story(host, log)
    entries = [say.entry(log.sources[at]) for at, _ in picks]
    text = form.text(host, entries, [day for _, day in picks])
    kept = [
        line
        for line, (at, day) in zip(text.splitlines(), picks, strict=True)
        if (hits == "day" or at == 0) and (hits == "source" or day == wanted)
    ]
    start = form.starting(host, wanted)
    tests = [mine, start] if hits == "both" else [mine if hits == "source" else start]
    asked = host.phrase(_HITS[hits], mine=mine, day=form.said(host, wanted))
    shown = " | ".join([f"grep '{tests[0]}' {source}", *(f"grep '{test}'" for test in tests[1:])])
    half = f"grep '{mine if hits == 'both' else log.sources[1]}' {source}"
    return job(
        host,
        title=host.phrase(
            "[<of> <hits>|the <of>, only <hits>|lines <hits>|what the <of> has <hits>]", of=log.kind.of, hits=asked
        ),
        text=ask(
            host,
            _ASK,
            log.kind.why,
            source=source,
            target=target,
            hits=asked,
            of=log.kind.of,
            role=host.role(),
        ),
        sources={source: text},
        target=target,
        result="".join(f"{line}\n" for line in kept),
        looks=[f"cat {source}", f"cat -n {source}"],
        direct=_ways(tests, source, target, shown),
        right={"in_two_steps": [f"{shown} > /tmp/lines", f"cp /tmp/lines {target}"]},
        confirm=[[f"cat {target}"], [f"cat -n {target}"], [f"diff {source} {target}"]],
        wrong={
            "all_lines": f"cp {source} {target}",
            "others": f"{half} > {target}; echo 0 >> {target}",
            "one_lost": f"{shown} | sed '$d' > {target}",
            "numbered": f"grep -n '{tests[0]}' {source} > {target}",
            "other_path": f"{shown} > {target}.new",
        },
    )


def _ways(tests: list[str], source: str, target: str, shown: str) -> list[Typed]:
    slashed = [test.replace("/", r"\/") for test in tests]
    sed = " | ".join([f"sed -n '/{slashed[0]}/p' {source}", *(f"sed -n '/{test}/p'" for test in slashed[1:])])
    dropped = " | ".join([f"sed '/{slashed[0]}/!d' {source}", *(f"grep '{test}'" for test in tests[1:])])
    return [
        f"{shown} > {target}",
        f"awk '{' && '.join(f'/{test}/' for test in slashed)}' {source} > {target}",
        f"{sed} > {target}",
        f"{dropped} > {target}",
        [shown, f"{shown} > {target}"],
    ]
