"""Move files that match a rule to another folder."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "[move|shift] every file in <source> [that ends in|ending in|whose name ends in] .<ending> to <target> [; the others stay|].",
    "the .<ending> files of <source> belong in <target>: [move them there|that is where they should be], [no others|and only those].",
    "<target> is the [right place|proper home|new place] for whatever ends in .<ending>; [so far|at present] such files lie in <source>.",
    "[clear|rid] <source> of its .<ending> files [by moving them|; they go] to <target>.",
    "of the files in <source>, those [with the ending|that end in] .<ending> [go|move] to <target>.",
    "[take|carry] the files ending in .<ending> from <source> to <target> [and leave the rest where it is|].",
    "files that end in .<ending> should not [remain|be left] in <source>. Their [place|folder] is <target>.",
    "<source> [mixes|holds] several sorts of files. Those in .<ending> are [wanted|needed] in <target> [instead|], the others [where they are|where they lie].",
    "[somebody put the .<ending> files into|by mistake, the .<ending> files ended up in] <source>; they [should lie|belong] in <target>.",
    "whatever <source> has in the way of *.<ending> [is to be|should be] moved into <target>.",
    "could the .<ending> files be [brought|moved] to <target>? They [now lie|are] in <source>.",
    "[all|the] files named *.<ending> [go|move] from <source> to <target>.",
    "<target> [is short of|lacks] the .<ending> files, which [still lie|were left] in <source>. [Not copies: the files themselves.|They are to be moved, not copied.]",
    "[sort out|tidy] <source>: .<ending> files into <target>, [the rest untouched|nothing else moves].",
)


@TASKS.kind("move")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    source = host.place()
    target = f"{source.rsplit('/', 1)[0]}/{names.subject()}"
    ending, *others = (names.word((1, 2)) for _ in range(3))
    moved = [f"{names.word()}.{ending}" for _ in range(rng.randint(2, 5))]
    kept = [f"{names.word()}.{others[rng.randrange(2)]}" for _ in range(rng.randint(2, 4))]
    files = {name: host.file(f"{source}/{name}", names.compound() + "\n") for name in moved + kept}
    arrived = tuple(files[name].model_copy(update={"path": f"{target}/{name}"}) for name in moved)
    return job(
        host,
        title=host.say(
            "[files out of place in|some files of|a few files to move from|what to tidy in] <what>", what=source
        ),
        text=ask(host, _ASK, source=source, target=target, ending=ending),
        needle=target,
        files=(*files.values(), host.folder(target)),
        after=arrived,
        gone=tuple(f"{source}/{name}" for name in moved),
        folder=source,
        looks=[f"ls -A {source}", f"ls -lA {source}", f"find {source} -type f"],
        direct=[
            f"mv {source}/*.{ending} {target}/",
            f"find {source} -maxdepth 1 -name '*.{ending}' -exec mv {{}} {target}/ \\;",
        ],
        informed=[f"mv {' '.join(f'{source}/{name}' for name in sorted(moved))} {target}/"],
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
