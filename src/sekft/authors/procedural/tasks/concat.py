"""Put the files that match a rule together into one, in the order of their names."""

from __future__ import annotations

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "put the .<ending> files in <folder> together into <target>, in the order of their names.",
    "make one file, <target>, of all .<ending> files in <folder>, by name.",
    "join the .<ending> files of <folder> in the order of their names and save that as <target>.",
    "<role> wants the <of> as a single file. Please put all .<ending> files in <folder> into <target>, sorted by name.",
    "could you string the .<ending> files in <folder> together, by name, as <target>?",
    "<target> should hold the .<ending> files of <folder>, one after the other, in the order of their names.",
    "I need the <of> in one file instead of many: *.<ending> in <folder>, by name, as <target>.",
)


@TASKS.kind("concat")
def make(host: Host) -> Job:
    found = folders.draw(host, host.some(host.rng, 2, 4), host.some(host.rng, 1, 2))
    folder, ending, mine = found.path, found.ending, found.mine
    target = f"{found.above}/{found.name}-all.{ending}"
    paths = [f"{folder}/{name}" for name in mine]
    return job(
        host,
        title=host.phrase(
            "[all <of> in one file|the <of> in one piece|<of>, one after the other|<of> for <role>]",
            of=found.kind.of,
            role=host.role(),
        ),
        text=ask(
            host,
            _ASK,
            found.kind.why,
            **found.slots,
            target=target,
            role=host.role(),
        ),
        files=tuple(found.files.values()),
        target=target,
        result="".join(found.files[name].content or "" for name in mine),
        reads=(paths[0],),
        folder=folder,
        looks=[f"ls {folder}", f"ls -l {folder}"],
        direct=[
            f"cat {folder}/*.{ending} > {target}",
            f"(cd {folder} && cat *.{ending}) > {target}",
            f"find {folder} -name '*.{ending}' | sort | xargs cat > {target}",
            [f"cd {folder}", f"cat *.{ending} > {target}"],
            f"awk '{{print}}' {folder}/*.{ending} > {target}",
        ],
        informed=[f"cat {' '.join(paths)} > {target}"],
        right={"one_by_one": [f": > {target}", *(f"cat {path} >> {target}" for path in paths)]},
        confirm=[[f"cat {target}"], [f"cat -n {target}"]],
        wrong={
            "other_order": f"cat {' '.join(reversed(paths))} > {target}; echo >> {target}",
            "all_files": f"cat {folder}/* > {target}",
            "one_lost": f"cat {' '.join(paths[1:])} > {target}",
            "names_only": f"ls {folder} > {target}",
            "moved_in": f"cat {folder}/*.{ending} > {target} && rm {folder}/*.{ending}",
            "other_path": f"cat {folder}/*.{ending} > {target}.new",
        },
    )
