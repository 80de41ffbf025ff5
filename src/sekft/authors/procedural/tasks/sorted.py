"""Write a sorted list without duplicates from an input file."""

from __future__ import annotations

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import Job, World
from sekft.scenario import Probe

_ASK = (
    "[Sort|Order] the lines of <source>, [drop|leave out] the [duplicates|repeats], and [write|save] the result to <target>.",
    "<target> should [list|hold] the lines of <source> [in order|sorted], each [only once|one time]. [<source> stays as it is.|]",
)


def make(world: World) -> Job:
    folder = world.place()
    source = f"{folder}/{world.names.compound()}.txt"
    target = f"{folder}/{world.names.compound()}.{world.rng.choice(['sorted', 'list', 'txt'])}"
    words = [world.names.word() for _ in range(world.rng.randint(4, 6))]
    rows = words + world.rng.choices(words, k=3)
    world.rng.shuffle(rows)
    if rows == sorted(rows):
        rows.reverse()
    result = "\n".join(sorted(set(rows))) + "\n"
    return Job(
        title=sentence(
            world.rng, "[an ordered list|a list without repeats] from <what>", what=source.rsplit("/", 1)[-1]
        ),
        text=sentence(world.rng, world.rng.choice(_ASK), source=source, target=target),
        needle=target,
        files=(world.file(source, "\n".join(rows) + "\n"),),
        after=(world.file(target, result),),
        needs=(source,),
        reads=(source,),
        ways=[
            [f"sort -u {source} > {target}"],
            [f"cat {source}", f"sort -u {source} > {target}"],
            [f"sort {source} | uniq > {target}"],
            [f"sort -u -o {target} {source}"],
        ],
        confirm=[[f"cat {target}"], [f"wc -l {source} {target}", f"cat {target}"]],
        probes=(
            Probe(kind="duplicates_kept", commands=[f"sort {source} > {target}"]),
            Probe(kind="unsorted", commands=[f"cp {source} {target}"]),
            Probe(kind="source_changed", commands=[f"sort -u {source} > {target}", f"cp {target} {source}"]),
        ),
    )
