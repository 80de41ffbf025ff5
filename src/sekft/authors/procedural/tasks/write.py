"""Make a file that holds given text."""

from __future__ import annotations

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import Job, World
from sekft.scenario import Probe

_ASK = (
    "[Make|Create|Put down] a file <path> [that holds|holding|with] [exactly|only|just] [this|one] line: <text>",
    "<path> [is missing|does not exist yet]; [it should hold|its content should be] the [single|one] line: <text>",
    "[Leave|Place] the line '<text>' in a new file, <path> [, and nothing else in it|].",
)


def make(world: World) -> Job:
    folder = world.place()
    path = f"{folder}/{world.names.compound()}.{world.rng.choice(['txt', 'note', 'mark', 'lst'])}"
    text = " ".join(
        [world.names.word(), world.rng.choice(["at", "of", "by", "for", "near"]), world.names.compound()]
        + ([str(world.names.number(11, 980))] if world.rng.random() < 0.5 else [])
    )
    done = world.file(path, text + "\n")
    return Job(
        title=sentence(
            world.rng, "[new|missing|short] [file|note|marker] [for|in] <what>", what=folder.rsplit("/", 1)[-1]
        ),
        text=sentence(world.rng, world.rng.choice(_ASK), path=path, text=text),
        needle=text,
        files=(world.folder(folder),),
        after=(done,),
        ways=[
            [f"echo '{text}' > {path}"],
            [f"printf '%s\\n' '{text}' > {path}"],
            [f"cat > {path} <<'EOF'\n{text}\nEOF"],
            [f"cd {folder}", f"echo '{text}' > {path.rsplit('/', 1)[-1]}"],
            [f'echo "{text}" | tee {path}'],
        ],
        confirm=[[f"cat {path}"], [f"ls -l {folder}", f"cat {path}"], [f"ls {folder}"]],
        probes=(
            Probe(kind="other_text", commands=[f"echo '{text} too' > {path}"]),
            Probe(kind="other_path", commands=[f"echo '{text}' > {path}.new"]),
            Probe(kind="empty_file", commands=[f"touch {path}"]),
        ),
    )
