"""Move files that match a rule to another folder."""

from __future__ import annotations

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "move the .<ending> files from <source> to <target>.",
    "move all *.<ending> in <source> to <target>; everything else stays.",
    "the .<ending> files in <source> belong in <target>. Please move them there.",
    "could you move the <of> to <target>? They are the .<ending> files in <source>.",
    "<source> has .<ending> files that should be in <target>. Move them, don't copy them.",
    "clear the .<ending> files out of <source>: they go to <target>.",
    "the <of> live in <target> now. Take the .<ending> files in <source> there.",
    "<who> saved the .<ending> files in the wrong place. They have to go from <source> to <target>.",
    "tidy up <source>, please. Whatever ends in .<ending> goes to <target>, the rest stays where it is.",
    "please put the files ending in .<ending> from <source> into <target>, without leaving copies behind.",
    ".<ending> files: from <source> to <target>. Nothing else moves.",
)


@TASKS.kind("move")
def make(host: Host) -> Job:
    rng = host.rng
    found = folders.draw(host, host.some(rng, 2, 5), host.some(rng, 2, 4), others=2)
    source, ending, moved, files = found.path, found.ending, found.mine, found.files
    target = f"{found.above}/{host.world.stem('archive done checked outgoing kept finished for-review sorted shelf-# box-#')}"
    slots = {**found.slots, "source": source, "target": target, "who": host.person().name}
    return job(
        host,
        title=host.say("[files to move|files in the wrong place|some files to move] from <what>", what=found.name),
        text=ask(host, _ASK, found.kind.why, **slots),
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
