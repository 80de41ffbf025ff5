"""Move files that match a rule to another folder."""

from __future__ import annotations

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import Job, World
from sekft.scenario import Probe

_ASK = (
    "[Move|Shift] every file [in|from] <source> [that ends in|ending in|whose name ends in] .<ending> to <target> [; the others stay|]",
    "The .<ending> files [in|of] <source> belong in <target>: [move them there|that is where they should be], [no others|and only those].",
)


def make(world: World) -> Job:
    source = world.place()
    target = f"{source.rsplit('/', 1)[0]}/{world.names.subject()}"
    ending, *others = (world.names.word((1, 2)) for _ in range(3))
    moved = [f"{world.names.word()}.{ending}" for _ in range(world.rng.randint(2, 4))]
    kept = [f"{world.names.word()}.{world.rng.choice(others)}" for _ in range(world.rng.randint(2, 3))]
    files = {name: world.file(f"{source}/{name}", world.names.compound() + "\n") for name in moved + kept}
    arrived = tuple(files[name].model_copy(update={"path": f"{target}/{name}"}) for name in moved)
    return Job(
        title=sentence(world.rng, "[files out of place in|some files of|a few files to move from] <what>", what=source),
        text=sentence(world.rng, world.rng.choice(_ASK), source=source, target=target, ending=ending),
        needle=f".{ending}",
        files=(*files.values(), world.folder(target)),
        after=arrived,
        gone=tuple(f"{source}/{name}" for name in moved),
        needs=(source,),
        ways=[
            [f"ls {source}", f"mv {source}/*.{ending} {target}/"],
            [f"ls -l {source}", f"mv {source}/*.{ending} {target}"],
            [f"find {source} -name '*.{ending}' -exec mv {{}} {target}/ \\;"],
            [f'for f in {source}/*.{ending}; do mv "$f" {target}/; done'],
            [f"cd {source}", "ls", f"mv *.{ending} {target}/"],
        ],
        confirm=[[f"ls {source} {target}"], [f"ls {target}"], [f"find {target} -type f"]],
        probes=(
            Probe(kind="copied", commands=[f"cp {source}/*.{ending} {target}/"]),
            Probe(kind="all_moved", commands=[f"mv {source}/* {target}/"]),
            Probe(kind="one_left", commands=[f"mv {source}/{name} {target}/" for name in moved[1:]]),
        ),
    )
