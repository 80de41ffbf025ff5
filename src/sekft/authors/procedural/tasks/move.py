"""Move files that match a rule to another folder."""

from __future__ import annotations

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "move the .<ending> files from <source> to <target>.",
    "please move all *.<ending> in <source> to <target>.",
    "the .<ending> files in <source> belong in <target>. Please move them there.",
    "could you move the <of> to <target>? They are the .<ending> files in <source>.",
    "the <of> live in <target> now. Please take the .<ending> files in <source> there.",
    "<who> saved the .<ending> files in the wrong place. They have to go from <source> to <target>.",
    "move the <of> (the .<ending> files in <source>) to <target>, everything else stays.",
)


@TASKS.kind("move")
def make(host: Host) -> Job:
    rng = host.rng
    found = folders.draw(host, host.some(rng, 2, 5), host.some(rng, 1, 2))
    source, ending, moved, files = found.path, found.ending, found.mine, found.files
    target = f"{found.above}/{host.world.stem('archive done checked finished sent old')}"
    slots = {**found.slots, "source": source, "target": target, "who": host.person().first}
    return job(
        host,
        title=host.phrase(
            "[<of> in the wrong folder|<what>: move the <of>|the <of> of <what>|<of> out of <what>]",
            of=found.kind.of,
            what=found.name,
        ),
        text=ask(host, _ASK, (), **slots),
        needle=target,
        files=(*files.values(), host.folder(target)),
        after=tuple(files[name].model_copy(update={"path": f"{target}/{name}"}) for name in moved),
        gone=tuple(f"{source}/{name}" for name in moved),
        folder=source,
        looks=[f"ls -A {source}", f"ls -lA {source}", f"find {source} -type f"],
        direct=[
            f"mv {source}/*.{ending} {target}/",
            f"find {source} -maxdepth 1 -name '*.{ending}' -exec mv {{}} {target}/ \\;",
        ],
        informed=[f"mv {' '.join(f'{source}/{name}' for name in moved)} {target}/"],
        right={
            "copied_first": [f"cp -p {source}/*.{ending} {target}", f"rm {source}/*.{ending}"],
            "one_by_one": " && ".join(f"mv {source}/{name} {target}/" for name in moved),
            "by_loop": f'for f in {source}/*.{ending}; do mv "$f" {target}/; done',
            "relative": [f"cd {target}", f"mv {source}/*.{ending} ."],
        },
        confirm=[[f"ls -A {source} {target}"], [f"ls -lA {source} {target}"], [f"find {source} {target} -type f"]],
        wrong={
            "copied": f"cp {source}/*.{ending} {target}/",
            "all_moved": f"mv {source}/* {target}/",
            "one_left": [f"mv {source}/{name} {target}/" for name in moved[1:]],
            "into_a_new_folder": f"mkdir {target}/new && mv {source}/*.{ending} {target}/new/",
            "deleted": f"rm {source}/*.{ending}",
        },
    )
