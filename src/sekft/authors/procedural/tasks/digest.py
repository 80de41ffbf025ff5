"""Write the checksums of files down."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "write the <sort> sums of the .<ending> files in <folder> to <target>.",
    "run <tool> over *.<ending> in <folder> and save the output as <target>.",
    "we need checksums (<sort>) of the .<ending> files in <folder>. They go into <target>.",
    "<role> wants <sort> sums for the <of>, that is for the .<ending> files in <folder>. Put them into <target>.",
    "please make <target>, with the <tool> line of every .<ending> file in <folder>.",
    "checksums for <folder>: <sort>, .<ending> files only, into <target>.",
    "could you leave the <sort> sums of the .<ending> files in <folder> in <target>?",
    "the .<ending> files in <folder> are final. Record their <sort> sums in <target>.",
    "before the <of> leave the house: <tool> of all .<ending> files in <folder>, saved to <target>.",
    "so that we can tell later whether a <one> was changed, keep the <sort> sums of <folder>/*.<ending> in <target>.",
    "<target> should list the <sort> sum of each .<ending> file in <folder>.",
)
# The form is said last, as a sentence of its own.
_FORMS = (
    "[Lines as <tool> prints them|One line each, as <tool> prints it], with bare file names, sorted by name.",
    "In the format of <tool>, file names without the folder, sorted by name.",
    "As if <tool> had been run inside the folder: bare names, sorted by name.",
    "Format: that of <tool>, without folders, sorted by name.",
    "As <tool> prints it, please, names without a path and sorted by name.",
)


@TASKS.kind("digest")
def make(host: Host) -> Job:
    found = folders.draw(host, host.some(host.rng, 2, 4), host.some(host.rng, 1, 3))
    folder, ending, mine = found.path, found.ending, found.mine
    target = new_path(host, found.above, "result", "checksums sums digests manifest hashes")
    tool = host.skin.choice(["md5sum", "sha256sum"])
    sort = tool.removesuffix("sum")
    sums = [f"{hashlib.new(sort, found.files[name].data).hexdigest()}  {name}\n" for name in mine]
    slots = {**found.slots, "target": target, "tool": tool, "sort": sort, "role": host.role()}
    return job(
        host,
        title=host.say("[checksums|<sort> sums] of [the <of>|<what>]", what=found.name, of=found.kind.of, sort=sort),
        text=ask(host, [f"{core} {host.skin.choice(_FORMS)}" for core in _ASK], found.kind.why, **slots),
        files=tuple(found.files.values()),
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
