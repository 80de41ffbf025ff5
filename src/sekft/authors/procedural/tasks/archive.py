"""Pack the files that match a rule into an archive."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job, moment
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "pack the .<ending> files in <folder> into <target>.",
    "tar up *.<ending> in <folder> as <target>.",
    "please make a gzipped tar of the .<ending> files in <folder> and save it as <target>.",
    "archive the <of>: the .<ending> files in <folder> go into <target>.",
    "<who> wants the <of> as one file. Please put the .<ending> files in <folder> into <target>, a gzipped tar.",
    "I need <target>, a gzipped tar with the .<ending> files of <folder>.",
    "could you bundle the .<ending> files in <folder> into <target>?",
    "save the <of>, that is the .<ending> files in <folder>, in an archive <target>.",
)


@TASKS.kind("archive")
def make(host: Host) -> Job:
    found = folders.draw(host, host.some(host.rng, 2, 4), host.some(host.rng, 1, 2))
    folder, ending, mine = found.path, found.ending, found.mine
    day = host.skin.choice(["", f"-{moment(host):%Y-%m-%d}"])
    target = f"{found.above}/{found.name}{day}.{host.skin.choice(['tar.gz', 'tar.gz', 'tgz'])}"
    whole = hashlib.sha256(b"".join(found.files[name].data for name in mine)).hexdigest()
    inside = f"{found.name}/*.{ending}"
    # Nothing is read beyond a bound, packed or unpacked.
    tar = 'gunzip -c "$1" | head -c 1048576 | tar'
    each = f'{tar} -xOf - "$({tar} -tf - | grep -E "(^|/)$name$")"'
    return job(
        host,
        title=host.phrase(
            "[the <of> in one archive|pack up the <of>|<of> for <who>|the <of>, all in one]",
            of=found.kind.of,
            who=host.person().first,
        ),
        text=ask(host, _ASK, found.kind.why, target=target, who=host.person().first, **found.slots),
        needle=target,
        files=tuple(found.files.values()),
        judged={
            target: f'[ -f "$1" ] && [ ! -L "$1" ] && [ "$(stat -c %s "$1")" -lt 65536 ] &&'
            f' [ "$({tar} -tf - | grep -c "[^/]$")" = {len(mine)} ] &&'
            f' [ "$(for name in {" ".join(mine)}; do {each}; done | sha256sum | cut -c 1-64)" = {whole} ]'
        },
        folder=folder,
        looks=[f"ls {folder}", f"ls -l {folder}"],
        direct=[
            [f"cd {folder}", f"tar -czf {target} *.{ending}"],
            f"cd {folder} && tar -cf - *.{ending} | gzip > {target}",
            [f"cd {found.above}", f"tar -czf {target} {inside}"],
            f"(cd {folder} && tar -czf {target} *.{ending})",
        ],
        informed=[f"tar -czf {target} -C {folder} {' '.join(mine)}"],
        right={
            "with_folder": f"tar -cf - {folder}/*.{ending} | gzip -9 > {target}",
            "dotted_last_first": [
                f"cd {folder}",
                f"tar -czf {target} {' '.join(f'./{name}' for name in reversed(mine))}",
            ],
        },
        confirm=[[f"tar -tzf {target}"], [f"tar -tvzf {target}"]],
        wrong={
            "everything": f"tar -czf {target} -C {folder} .",
            "one_left": f"tar -czf {target} -C {folder} {' '.join(mine[1:])}",
            "not_packed": f"cat {folder}/*.{ending} > {target}",
            "moved_in": f"cd {folder} && tar -czf {target} *.{ending} && rm *.{ending}",
            "empty_archive": f"touch {target}",
            "other_path": f"tar -czf {target}.new -C {folder} {' '.join(mine)}",
        },
    )
