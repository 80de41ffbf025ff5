"""Write a sorted list from an input file, with or without its repeats."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "sort <source> <order> into <target>, without the repeats.",
    "please write the lines of <source> to <target> <order>, each only once.",
    "some <of> are in <source> twice. Sort them <order>, each <item> once, and save the list as <target>.",
    "make <target> from <source>: the same lines <order>, without duplicates.",
    "could you sort <source> <order> and save that as <target>, each <item> once?",
    "we need the <of> in <source> <order>, every <item> just once. Please save that as <target>.",
    "take the duplicates out of <source>, sort the rest <order>, and write it to <target>.",
)
_FORWARDS = ("in alphabetical order", "alphabetically")
_BACKWARDS = ("in reverse alphabetical order",)


@TASKS.kind("sorted")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    listing = host.world.listing(host.some(rng, 4, 6))
    kind, words = listing.kind, listing.items
    folder = host.place(kind.folders)
    source = f"{folder}/{listing.stem}.txt"
    target = f"{folder}/{listing.stem}-sorted.txt"
    rows = words + [words[rng.randrange(len(words))] for _ in range(rng.randint(1, 3))]
    rng.shuffle(rows)
    backwards = rng.random() < 0.35
    result = sorted(set(rows), reverse=backwards)
    if list(dict.fromkeys(rows)) == result:
        rows = [*rows[1:], rows[0]]
    order = skin.choice(_BACKWARDS if backwards else _FORWARDS)
    r = "r" if backwards else ""
    return job(
        host,
        title=host.phrase("[<of>, in order|list of the <of>|<of> listed twice|the <of> once each]", of=kind.of),
        text=ask(host, _ASK, kind.why, source=source, target=target, order=order, of=kind.of, item=kind.item),
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
