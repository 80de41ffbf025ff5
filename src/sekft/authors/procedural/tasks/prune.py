"""Delete the files that match a rule and no other."""

from __future__ import annotations

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import Job, World
from sekft.scenario import Probe

_ASK = (
    "[Delete|Remove] [every file|all files] in <folder> whose name [starts|begins] with <prefix> [and no other|; the rest stays|].",
    "<folder> holds leftovers: files that [start|begin] with <prefix>. [They can go|Remove them] [, the rest must stay|; keep the others].",
)


def make(world: World) -> Job:
    folder = world.place()
    prefix = world.names.word((1, 2)) + world.rng.choice("-_.")
    doomed = [f"{prefix}{world.names.number(10, 99)}.{world.rng.choice(['tmp', 'txt', 'dat'])}" for _ in range(3)]
    doomed = doomed[: world.rng.randint(2, 3)]
    kept = [f"{world.names.word()}.{world.rng.choice(['txt', 'dat'])}" for _ in range(world.rng.randint(2, 4))]
    files = tuple(world.file(f"{folder}/{name}", world.names.compound() + "\n") for name in doomed + kept)
    return Job(
        title=sentence(world.rng, "[leftovers|old files|clutter] in <what>", what=folder),
        text=sentence(world.rng, world.rng.choice(_ASK), folder=folder, prefix=prefix),
        needle=f"with {prefix}",
        files=files,
        after=(),
        gone=tuple(f"{folder}/{name}" for name in doomed),
        needs=(folder,),
        ways=[
            [f"ls {folder}", f"rm {folder}/{prefix}*"],
            [f"ls -l {folder}/{prefix}*", f"rm {folder}/{prefix}*"],
            [f"find {folder} -name '{prefix}*' -type f -exec rm {{}} +"],
            [f'for f in {folder}/{prefix}*; do rm "$f"; done'],
            [f"cd {folder}", "ls", f"rm {prefix}*"],
        ],
        confirm=[[f"ls {folder}"], [f"ls -l {folder}"]],
        probes=(
            Probe(kind="all_deleted", commands=[f"rm {folder}/*"]),
            Probe(kind="one_left", commands=[f"rm {folder}/{name}" for name in doomed[1:]]),
            Probe(kind="emptied_instead", commands=[f": > {folder}/{name}" for name in doomed]),
        ),
    )
