"""Count the lines of a log that match, or those that do not, and write down the number."""

from __future__ import annotations

from sekft.authors.procedural import logs, tolerance
from sekft.authors.procedural.host import LOGS, Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, named, quoted

_ASK = (
    "how many lines <hits> are there in <source>? Put the number into <target>.",
    "count the lines <hits> in <source> and write the number to <target>.",
    "please count the lines <hits> in the <of>, <source>. The number goes into <target>.",
    "<role> wants to know how many lines <hits> there are in <source>. Please write the number to <target>.",
    "could you count the lines <hits> in <source> and leave the number in <target>?",
    "<target> should hold the number of lines <hits> in <source>.",
    "look through the <of>, <source>, and write to <target> how many lines <hits> there are.",
)
_HITS = {
    "source": "from <mine>",
    "fault": "[that say|with] '<fault>'",
    "both": "[from <mine> that say|from <mine> with] '<fault>'",
    "others": "that are not from <mine>",
}
"""Which lines count: those of a source, those with a fault, those with both, or those of all other sources."""
_TITLES = {
    "source": "[entries from <mine>|how often <mine>|<mine> in the <of>]",
    "fault": "[<fault>: how often|how often <fault>|<fault> in the <of>]",
    "both": "[<mine>: <fault>|how often <fault>, <mine>|<fault> at <mine>]",
    "others": "[<of> without <mine>|all but <mine>|everything else than <mine>]",
}


@TASKS.kind("count")
def make(host: Host) -> Job:
    rng, skin, form = host.rng, host.skin, logs.draw(host)
    log = host.world.log(3)
    folder = host.place(log.kind.folders, LOGS)
    source = named(host, folder, "log", log.stem)
    target = named(host, folder, "result", f"{log.stem}-count")
    fault = host.text(skin.choice(log.kind.faults))
    picks = [(0, True), (0, False), (1, True), (1, False)]
    picks += [(rng.randrange(3), rng.random() < 0.4) for _ in range(host.some(rng, 1, 6))]
    rng.shuffle(picks)
    say = logs.Story(host, log, fault)
    entries = [
        (log.sources[at], fault if trouble else say.next(log.sources[at], trouble=False), trouble)
        for at, trouble in picks
    ]
    hits = rng.choice(["source", "source", "fault", "fault", "both", "others"])
    mine = log.sources[0]
    total = sum(_counts(hits, at == 0, trouble) for at, trouble in picks)
    counted, found, test, kept = _searches(hits, mine, fault, source)
    told = host.phrase(_HITS[hits], mine=mine, fault=fault)
    return job(
        host,
        title=host.phrase(_TITLES[hits], mine=mine, fault=fault, of=log.kind.of),
        text=ask(
            host,
            _ASK,
            log.kind.why,
            source=source,
            target=target,
            hits=told,
            of=log.kind.of,
            role=host.role(),
        ),
        sources={source: form.text(host, entries)},
        target=target,
        result=f"{total}\n",
        alike=tolerance.FIGURES,
        looks=[f"cat {source}", f"head {source}"],
        direct=[
            f"{counted} > {target}",
            f"{found} | wc -l > {target}",
            f"awk {quoted(f'{test} {{n++}} END {{print n}}')} {source} > {target}",
            f"{kept} | wc -l > {target}",
            [counted, f"echo {total} > {target}"],
        ],
        right={
            "unpadded": f"{found} | awk 'END {{print NR}}' > {target}",
            "typed": f"printf %s {total} > {target}",
        },
        confirm=[[f"cat {target}"], [f"cat {target}", found]],
        wrong={
            "all_lines": f"wc -l < {source} > {target}",
            "off_by_one": f"echo {total + 1} > {target}",
            "one_less": f"echo {total - 1} > {target}",
            "the_lines": f"{found} > {target}",
            "the_rest": f"echo {len(picks) - total} of {len(picks)} > {target}",
            "other_path": f"{counted} > {target}.new",
        },
    )


def _counts(hits: str, mine: bool, fault: bool) -> bool:
    return {"source": mine, "fault": fault, "both": mine and fault, "others": not mine}[hits]


def _searches(hits: str, mine: str, fault: str, source: str) -> tuple[str, str, str, str]:
    """sh that counts the lines; that prints them by grep; a condition of awk; sh that prints them by sed."""
    v, first = "v" if hits == "others" else "", fault if hits == "fault" else mine
    word, last = (quoted(text) if " " in text else text for text in (first, fault))
    test = f"{'!' if v else ''}/{_slashed(first)}/"
    kept = f"sed {quoted(f'/{_slashed(first)}/' + ('d' if v else '!d'))} {source}"
    if hits == "both":
        test = f"{test} && /{_slashed(fault)}/"
        return (
            f"grep {mine} {source} | grep -c {last}",
            f"grep {last} {source} | grep {mine}",
            test,
            f"{kept} | grep {last}",
        )
    return f"grep -c{v} {word} {source}", f"grep -{v}e {word} {source}", test, kept


def _slashed(text: str) -> str:
    """The text as a pattern between slashes."""
    return text.replace("/", r"\/")
