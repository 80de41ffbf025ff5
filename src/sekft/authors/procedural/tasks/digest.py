"""Write the checksums of files down."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[write|save] the <sort> checksums of the .<ending> files in <folder> to <target> <form>.",
    "<target> should list the <sort> sums of all files ending in .<ending> in <folder>, <form>.",
    "for each .<ending> file of <folder>, <target> [has|holds] a line by <tool>, <form>.",
    "[run|let] <tool> [go|] over the .<ending> files in <folder>; [its output goes|what it prints goes] to <target>, <form>.",
    "[a list of checksums|checksums] (<sort>) for *.<ending> in <folder>: [to be kept|kept] as <target>, <form>.",
    "sums by <tool> are [missing|wanted] for <folder>, that is for its .<ending> files. They [belong|go] into <target>, <form>.",
    "to [notice|detect] changes later, the .<ending> files in <folder> [need|get] their <sort> sums in <target>, <form>.",
    "could <target> have the <sort> sums of the .<ending> files in <folder>? [They are|All of them] wanted <form>.",
    "one line for each .<ending> file in <folder>, <form>, all of them in <target>.",
    "[before|when] <folder> is handed on, <target> must hold what <tool> says of its .<ending> files, <form>.",
    "[make|compile] <target> from the files in <folder> ending in .<ending>: their <sort> sums, <form>.",
    "<target>, not there yet, [takes|is for] the sums (<sort>) of every .<ending> file in <folder> <form>.",
    "the .<ending> files of <folder> are [final|complete] now; their <sort> sums <form> are [due|wanted] in <target>.",
)
_FORMS = (
    "in the form in which <tool> prints them, with bare file names, sorted by name",
    "as <tool> prints them for files in the current folder, in the order of the names",
    "as lines of <tool> with the names alone, no folders, sorted by name",
    "sorted by file name, in the form of <tool>, with names that have no path",
)


@TASKS.kind("digest")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    target = new_path(host, folder.rsplit("/", 1)[0], "result")
    tool = host.skin.choice(["md5sum", "sha256sum"])
    ending, other = names.word((1, 2)), names.word((1, 2))
    mine = sorted(f"{names.compound()}.{ending}" for _ in range(rng.randint(2, 4)))
    rest = [f"{names.word()}.{other}" for _ in range(rng.randint(1, 3))]
    files = {name: host.file(f"{folder}/{name}", f"{names.word()} {names.compound()}\n") for name in mine + rest}
    sums = [f"{hashlib.new(tool.removesuffix('sum'), files[name].data).hexdigest()}  {name}\n" for name in mine]
    slots = {"folder": folder, "target": target, "ending": ending, "tool": tool, "sort": tool.removesuffix("sum")}
    return job(
        host,
        title=host.say("[checksums|sums|digests] of <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, **slots, form=host.phrase(host.skin.choice(_FORMS), tool=tool)),
        files=tuple(files.values()),
        target=target,
        result="".join(sums),
        reads=(f"{folder}/{mine[0]}",),
        folder=folder,
        looks=[f"ls {folder}", f"ls -l {folder}"],
        direct=[
            [f"cd {folder}", f"{tool} *.{ending} > {target}"],
            f"(cd {folder} && {tool} *.{ending}) > {target}",
            f"{tool} {folder}/*.{ending} | sed 's|{folder}/||' > {target}",
            f'cd {folder}; for f in *.{ending}; do {tool} "$f"; done > {target}',
        ],
        informed=[[f"cd {folder}", f"{tool} {' '.join(mine)} > {target}"]],
        confirm=[[f"cat {target}"], [f"cd {folder}", f"{tool} -c {target}"], [f"wc -l {target}"]],
        wrong={
            "with_folders": f"{tool} {folder}/*.{ending} > {target}",
            "all_files": f"cd {folder} && {tool} * > {target}",
            "one_lost": f"cd {folder} && {tool} *.{ending} | sed 1d > {target}",
            "sums_only": f"{tool} {folder}/*.{ending} | cut -d ' ' -f 1 > {target}",
            "other_path": f"cd {folder} && {tool} *.{ending} > {target}.new",
        },
    )
