"""Rename files in bulk: another ending, or something put before the name."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ENDING = (
    "[every|each] file in <folder> that ends in .<old> should end in .<new> [instead|from now on]; [the names stay otherwise|the rest of its name stays].",
    "[rename|change] the .<old> files in <folder> so that they end in .<new>.",
    "the ending .<old> [is no longer in use|was given up]: in <folder> it [has to become|is to become] .<new>.",
    "in <folder>, .<old> [has to become|is to become|is to be] .<new>, [for all files that have it|file by file].",
    "<folder> [has|holds] files ending in .<old>. [Their ending should be|They need the ending] .<new>.",
    "[what is called|whatever is named] *.<old> in <folder> [is to be|should be|ought to be] called *.<new>.",
    "give the files in <folder> with the ending .<old> the ending .<new> [; the others keep theirs|].",
    "no name in <folder> should end in .<old> [any longer|any more]: .<new> [is to take its place|should be used instead].",
    "the program that reads <folder> [looks for|expects] .<new>, yet [some files|several files] there end in .<old>. They need the new ending.",
    "could the files ending in .<old> [become|be renamed to] .<new>? They [are|lie] in <folder>.",
    "[bulk|plain] renaming in <folder>: .<old> to .<new> [, contents as they are|].",
    "the ending .<new> [instead of|rather than|in place of] .<old>, for every such file [in|of] <folder>.",
)
_PREFIX = (
    "[every|each] file in <folder> that ends in .<old> should have <new> before its name [, as in <example>|; <example>, for example].",
    "[put|set] <new> before the names of the .<old> files in <folder>, so that [the first is|one of them is] <example>.",
    "in <folder>, the names of files ending in .<old> are to [begin|start] with <new>: <example> and so on.",
    "the .<old> files of <folder> lack the <new> that their names should [start|begin] with (<example>).",
    "[rename|mark] all files ending in .<old> in <folder> with <new> [in front|at the beginning] of the name: [one becomes|the first becomes] <example>.",
    "<folder> [has|holds] .<old> files under short names; <new> [belongs|is to go] in front of each [, giving names like <example>|, as in <example>].",
    "<example>: that is how the .<old> files in <folder> [should|ought to] be named, with <new> before the name they have.",
    "could the .<old> files in <folder> be called <example> and the like, that is with <new> in front?",
    "<new> [is to go in front of|is to be put before] every name in <folder> that ends in .<old> [, other files keep their names|]. [An example|For example]: <example>.",
    "in front of each .<old> file's name in <folder> there should be <new>, which makes <example> of one of them.",
    "names in <folder> [have to follow|are to follow] a new rule: .<old> files begin with <new>, e.g. <example>.",
    "[to tell them apart|so that they sort together], .<old> files in <folder> should get <new> before their names; <example> [will be one|would be one].",
)


@TASKS.kind("rename")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    by_ending = rng.random() < 0.5
    cores = _ENDING if by_ending else _PREFIX
    old, other = (names.word((1, 2)) for _ in range(2))
    stems = sorted(names.compound() for _ in range(rng.randint(2, 4)))
    new = names.word((1, 2)) if by_ending else names.word((1, 2)) + host.skin.choice("-_")
    renamed = {f"{stem}.{old}": f"{stem}.{new}" if by_ending else f"{new}{stem}.{old}" for stem in stems}
    kept = [f"{names.word()}.{other}" for _ in range(rng.randint(2, 4))]
    files = {name: host.file(f"{folder}/{name}", names.compound() + "\n") for name in [*renamed, *kept]}
    target = f'"${{f%.{old}}}.{new}"' if by_ending else f'"{folder}/{new}$(basename "$f")"'
    short = f'"${{f%.{old}}}.{new}"' if by_ending else f'"{new}$f"'
    whole = f'"$(dirname "$f")/$(basename "$f" .{old}).{new}"' if by_ending else f'"{folder}/{new}${{f##*/}}"'
    one_by_one = " && ".join(f"mv {folder}/{name} {folder}/{now}" for name, now in renamed.items())
    return job(
        host,
        title=host.say("[names|file names|renaming] in <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, cores, folder=folder, old=old, new=new, example=renamed[f"{stems[0]}.{old}"]),
        needle=folder,
        files=tuple(files.values()),
        after=tuple(files[name].model_copy(update={"path": f"{folder}/{now}"}) for name, now in renamed.items()),
        gone=tuple(f"{folder}/{name}" for name in renamed),
        folder=folder,
        looks=[f"ls -A {folder}", f"ls -lA {folder}"],
        direct=[
            f'for f in {folder}/*.{old}; do mv "$f" {target}; done',
            f'for f in {folder}/*.{old}; do mv "$f" {whole}; done',
            [f"cd {folder}", f'for f in *.{old}; do mv "$f" {short}; done'],
        ],
        informed=[one_by_one] if by_ending else [],
        right={
            "last_first": [f"mv {folder}/{name} {folder}/{now}" for name, now in reversed(renamed.items())],
            "copied_first": [
                f"cp {folder}/{name} {folder}/{now} && rm {folder}/{name}" for name, now in renamed.items()
            ],
        },
        confirm=[[f"ls -A {folder}"], [f"ls -lA {folder}"], [f"ls -l {folder}"]],
        wrong={
            "copied": f'for f in {folder}/*.{old}; do cp "$f" {target}; done',
            "one_left": [f"mv {folder}/{name} {folder}/{now}" for name, now in list(renamed.items())[1:]],
            "all_renamed": f'for f in {folder}/*; do mv "$f" "$f.{new}"; done',
            "appended": f'for f in {folder}/*.{old}; do mv "$f" "$f.{new}"; done',
        },
    )
