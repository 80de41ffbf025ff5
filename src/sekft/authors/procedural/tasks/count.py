"""Count the lines that match and write down the number."""

from __future__ import annotations

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import Job, World
from sekft.scenario import Probe

_ASK = (
    "[Count|Find out] how many lines of <source> [contain|mention] <word> and write [just|only] the number to <target>.",
    "<target> [should hold|is to hold] one number: how many lines in <source> [contain|have] <word>.",
)


def make(world: World) -> Job:
    folder = world.place()
    source = f"{folder}/{world.names.compound()}.log"
    target = f"{folder}/{world.names.word()}.{world.rng.choice(['count', 'txt', 'out'])}"
    words = [world.names.word() for _ in range(3)]
    rows = [f"{hour:02d}:{world.rng.randrange(60):02d} {world.rng.choice(words)} {world.rng.choice(['ok', 'late', 'held'])}"
            for hour in range(world.rng.randint(8, 20))]  # fmt: skip
    word = rows[0].split()[1]
    total = sum(row.split()[1] == word for row in rows)
    return Job(
        title=sentence(world.rng, "[a number|a count|a tally] from <what>", what=source.rsplit("/", 1)[-1]),
        text=sentence(world.rng, world.rng.choice(_ASK), source=source, target=target, word=word),
        needle=target,
        files=(world.file(source, "\n".join(rows) + "\n"),),
        after=(world.file(target, f"{total}\n"),),
        needs=(source,),
        reads=(source,),
        ways=[
            [f"grep -c {word} {source} > {target}"],
            [f"grep -c {word} {source}", f"echo {total} > {target}"],
            [f"grep {word} {source} | wc -l > {target}"],
            [f"head {source}", f"grep -c '{word}' {source} > {target}"],
        ],
        confirm=[[f"cat {target}"], [f"cat {target}", f"grep -c {word} {source}"]],
        probes=(
            Probe(
                kind="all_lines",
                commands=[f"wc -l < {source} > {target}"] if total != len(rows) else [f"echo > {target}"],
            ),
            Probe(kind="off_by_one", commands=[f"echo {total + 1} > {target}"]),
            Probe(kind="the_lines", commands=[f"grep {word} {source} > {target}"]),
        ),
    )
