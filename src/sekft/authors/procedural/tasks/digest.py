"""Write the checksums of files down."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural import folders, tolerance
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "write the <sort> sums of the .<ending> files in <folder> to <target>.",
    "run <tool> over *.<ending> in <folder> and save the output as <target>.",
    "we need <sort> sums of the .<ending> files in <folder>. Please put them into <target>.",
    "<role> wants <sort> sums for the <of>, that is for the .<ending> files in <folder>. They go into <target>.",
    "please make <target>, with the <tool> line of every .<ending> file in <folder>.",
    "could you save the <sort> sums of the .<ending> files in <folder> as <target>?",
    "list the <sort> sum and the name of each .<ending> file in <folder> in <target>.",
)


@TASKS.kind("digest")
def make(host: Host) -> Job:
    found = folders.draw(host, host.some(host.rng, 2, 4), host.some(host.rng, 1, 2))
    folder, ending, mine = found.path, found.ending, found.mine
    tool = host.skin.choice(["md5sum", "sha256sum"])
    sort, target = tool.removesuffix("sum"), f"{folder}/{tool.upper()}S"
    sums = [f"{hashlib.new(sort, found.files[name].data).hexdigest()}  {name}\n" for name in mine]
    slots = {**found.slots, "target": target, "tool": tool, "sort": sort, "role": host.role()}
    return job(
        host,
        title=host.phrase(
            "[checksums for the <of>|<sort> sums, <of>|<of>: sums, please|sums of the <of>]",
            of=found.kind.of,
            sort=sort,
        ),
        text=ask(host, _ASK, found.kind.why, **slots),
        files=tuple(found.files.values()),
        target=target,
        result="".join(sums),
        alike=tolerance.SUMS,
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
        right={
            "with_folders": f"{tool} {folder}/*.{ending} > {target}",
            "last_first": f'cd {folder}; for f in {" ".join(reversed(mine))}; do {tool} "$f"; done > {target}',
        },
        confirm=[[f"cat {target}"], [f"cd {folder}", f"{tool} -c {target}"], [f"cat {target}", f"ls {folder}"]],
        wrong={
            "all_files": f"cd {folder} && {tool} * > {target}",
            "one_lost": f"cd {folder} && {tool} *.{ending} | sed 1d > {target}",
            "sums_only": f"{tool} {folder}/*.{ending} | cut -d ' ' -f 1 > {target}",
            "other_path": f"cd {folder} && {tool} *.{ending} > {target}.new",
        },
    )
