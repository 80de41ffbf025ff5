"""Add a line to a file that exists and keep the rest."""

from __future__ import annotations

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import Job, World
from sekft.scenario import Probe

_ASK = (
    "[Add|Append] [the|this] line to the end of <path> [and keep what is there|, leaving the rest as it is|]: <line>",
    "The [list|record] <path> [lacks|is missing] its last line. [It reads|The line is]: <line>",
    "'<line>' [belongs|is to go] at the end of <path>, [after|below] what [it holds already|is there now].",
)


def make(world: World) -> Job:
    folder = world.place()
    path = f"{folder}/{world.names.compound()}.{world.rng.choice(['log', 'list', 'txt', 'dat'])}"
    rows = [f"{world.names.word()} {world.names.number(10, 999)}" for _ in range(world.rng.randint(3, 6))]
    line = f"{world.names.word()} {world.names.number(10, 999)}"
    before = "\n".join(rows) + "\n"
    return Job(
        title=sentence(
            world.rng, "[one more line|an addition|a missing line] for <what>", what=path.rsplit("/", 1)[-1]
        ),
        text=sentence(world.rng, world.rng.choice(_ASK), path=path, line=line),
        needle=line,
        files=(world.file(path, before),),
        after=(world.file(path, before + line + "\n"),),
        reads=(path,),
        ways=[
            [f"echo '{line}' >> {path}"],
            [f"cat {path}", f"echo '{line}' >> {path}"],
            [f"printf '%s\\n' '{line}' >> {path}"],
            [f"echo '{line}' | tee -a {path}"],
            [f"cat >> {path} <<'EOF'\n{line}\nEOF"],
        ],
        confirm=[[f"tail -n 2 {path}"], [f"cat {path}"], [f"tail {path}"]],
        probes=(
            Probe(kind="overwritten", commands=[f"echo '{line}' > {path}"]),
            Probe(kind="twice", commands=[f"echo '{line}' >> {path}"] * 2),
            Probe(kind="at_the_top", commands=[f"sed -i '1i {line}' {path}"]),
        ),
    )
