"""Change the permissions of named files."""

from __future__ import annotations

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import Job, World
from sekft.scenario import Probe

_MODES = {"600": "the owner alone may read and write", "640": "the owner may write, the group may read, others nothing",
          "755": "everybody may run it, only the owner may write", "444": "everybody may read, nobody may write"}  # fmt: skip
_ASK = (
    "[Set|Change] the permissions of <path> to <mode> (<means>).",
    "<path> [needs|should have] mode <mode>: <means>. [Its content stays.|]",
)


def make(world: World) -> Job:
    folder = world.place()
    names = [f"{world.names.compound()}.{world.rng.choice(['sh', 'txt', 'key', 'dat'])}" for _ in range(3)]
    path, other = f"{folder}/{names[0]}", f"{folder}/{names[1]}"
    mode, means = world.rng.choice(sorted(_MODES.items()))
    files = tuple(world.file(f"{folder}/{name}", world.names.compound() + "\n") for name in names)
    text = sentence(world.rng, world.rng.choice(_ASK), path=path, mode=mode, means=means)
    return Job(
        title=sentence(world.rng, "[permissions|access] of <what>", what=names[0]),
        text=text,
        needle=means,
        files=files,
        after=(files[0].model_copy(update={"mode": f"0{mode}"}),),
        needs=(folder,),
        ways=[
            [f"chmod {mode} {path}"],
            [f"ls -l {path}", f"chmod {mode} {path}"],
            [f"cd {folder}", f"chmod {mode} {names[0]}"],
        ],
        confirm=[[f"ls -l {path}"], [f"stat -c '%a %n' {path}"], [f"ls -l {folder}"]],
        probes=(
            Probe(kind="other_file", commands=[f"chmod {mode} {other}"]),
            Probe(kind="whole_folder", commands=[f"chmod {mode} {folder}/*"]),
            Probe(kind="other_mode", commands=[f"chmod 777 {path}"]),
        ),
    )
