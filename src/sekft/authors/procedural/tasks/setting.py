"""Change the value of one key in a configuration file."""

from __future__ import annotations

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import Job, World
from sekft.scenario import Probe

_ASK = (
    "[Set|Change] <key> to <new> in <path> [; the other keys stay as they are|]",
    "In <path>, <key> [is wrong|is out of date|no longer holds]: [it should be|the right value is] <new>.",
    "The value of <key> in <path> [should read|becomes] <new> [, with all else unchanged|].",
)


def make(world: World) -> Job:
    folder = world.place()
    path = f"{folder}/{world.names.word()}.{world.rng.choice(['conf', 'cfg', 'ini', 'settings'])}"
    sign = world.rng.choice(["=", " = ", ": "])
    pairs = {world.names.compound(): str(world.names.number(10, 9999)) for _ in range(world.rng.randint(4, 7))}
    key, other = world.rng.sample(sorted(pairs), 2)
    new = world.rng.choice([str(world.names.number(10, 9999)), world.names.word()])
    before = "".join(f"{name}{sign}{value}\n" for name, value in pairs.items())
    after = "".join(f"{name}{sign}{new if name == key else value}\n" for name, value in pairs.items())
    change = f"s/^{key}{sign}.*/{key}{sign}{new}/"
    return Job(
        title=sentence(world.rng, "[a value|one key|a setting] in <what>", what=path.rsplit("/", 1)[-1]),
        text=sentence(world.rng, world.rng.choice(_ASK), path=path, key=key, new=new),
        needle=key,
        files=(world.file(path, before),),
        after=(world.file(path, after),),
        needs=(path,),
        reads=(path,),
        ways=[
            [f"cat {path}", f"sed -i '{change}' {path}"],
            [f"grep -n {key} {path}", f"sed -i '{change}' {path}"],
            [f"cat {path}", f"sed '{change}' {path} > /tmp/new && cat /tmp/new > {path}"],
        ],
        confirm=[[f"cat {path}"], [f"grep {key} {path}"]],
        probes=(
            Probe(kind="other_key", commands=[f"sed -i 's/^{other}{sign}.*/{other}{sign}{new}/' {path}"]),
            Probe(kind="added_instead", commands=[f"echo '{key}{sign}{new}' >> {path}"]),
            Probe(kind="only_that_key", commands=[f"echo '{key}{sign}{new}' > {path}"]),
        ),
    )
