"""Write the checksums of files down."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[write|save] the <sort> checksums of the .<ending> files in <folder> to <target>.",
    "<target> should list the <sort> sums of all files ending in .<ending> in <folder>.",
    "for each .<ending> file in <folder>, <target> [needs|is to have] a line by <tool>.",
    "run <tool> over the .<ending> files in <folder>; [its output goes|what it prints goes] to <target>.",
    "[a list of checksums|checksums] (<sort>) of *.<ending> in <folder>: to be [kept|stored] as <target>.",
    "sums by <tool> are [missing|wanted] for <folder>, that is for its .<ending> files. They [belong in|go into] <target>.",
    "to [notice|detect] changes later, the .<ending> files in <folder> need their <sort> sums in <target>.",
    "could <target> have the <sort> sums of the .<ending> files in <folder>? [All of them are wanted.|]",
    "<target> [is to have|should get] one line for each .<ending> file in <folder>: its <sort> sum and its name.",
    "before <folder> is handed on, <target> must hold what <tool> says of its .<ending> files.",
    "[make|compile] <target> from the files in <folder> ending in .<ending>: it lists their <sort> sums.",
    "<target>, not there yet, [is meant for|is to take] the <sort> sums of every .<ending> file in <folder>.",
    "the .<ending> files in <folder> are [final|complete] now; their <sort> sums are [due|wanted] in <target>.",
)
# The form is said last, as a sentence of its own.
_FORMS = (
    "The form is that of <tool>, with bare file names, sorted by name.",
    "Lines are as <tool> prints them for files in the current folder, in the order of the names.",
    "Lines as <tool> prints them, [the names alone, no folders|names without folders], sorted by name.",
    "Sorted by file name, in the form of <tool>, with names that have no path.",
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
        text=ask(host, [f"{core} {host.skin.choice(_FORMS)}" for core in _ASK], **slots),
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
            f"cd {folder} && {tool} *.{ending} > {target}",
        ],
        informed=[[f"cd {folder}", f"{tool} {' '.join(mine)} > {target}"]],
        right={"one_by_one": f'cd {folder}; for f in *.{ending}; do {tool} "$f"; done > {target}'},
        confirm=[[f"cat {target}"], [f"cd {folder}", f"{tool} -c {target}"], [f"cat {target}", f"ls {folder}"]],
        wrong={
            "with_folders": f"{tool} {folder}/*.{ending} > {target}",
            "all_files": f"cd {folder} && {tool} * > {target}",
            "one_lost": f"cd {folder} && {tool} *.{ending} | sed 1d > {target}",
            "sums_only": f"{tool} {folder}/*.{ending} | cut -d ' ' -f 1 > {target}",
            "other_path": f"cd {folder} && {tool} *.{ending} > {target}.new",
        },
    )
