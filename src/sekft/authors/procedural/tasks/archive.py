"""Pack the files that match a rule into an archive."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "pack the .<ending> files in <folder> into <target> (tar, gzip).",
    "tar up *.<ending> from <folder>, gzipped, as <target>.",
    "please make a gzipped tar archive of the .<ending> files in <folder> and call it <target>.",
    "archive the <of>: all .<ending> files in <folder>, with tar and gzip, as <target>.",
    "<who> wants the <of> as one file. Put the .<ending> files of <folder> into <target>, a gzipped tar.",
    "I need <target>, a gzipped tar with every .<ending> file from <folder> in it and nothing else.",
    "backup of <folder>, .<ending> files only, as <target> (gzipped tar). The files themselves stay.",
    "could you bundle the .<ending> files in <folder> into one gzipped tar? It goes to <target>.",
    "before anyone touches <folder>: save its .<ending> files in <target>, tar with gzip.",
    "the <of> go out as one archive: *.<ending> from <folder>, packed with tar and gzip into <target>."
    " [Leave the originals where they are.|]",
    "<target> does not exist yet. Make it a gzipped tar of the .<ending> files in <folder>.",
    "save the <of> in <folder>, which end in .<ending>, as a gzipped tar: <target>",
)
_STEMS = "backup handover bundle outgoing copy-for-archive week-1# week-2# week-3# 2026-03 2026-04 2026-05 quarter-1 quarter-2"


@TASKS.kind("archive")
def make(host: Host) -> Job:
    found = folders.draw(host, host.some(host.rng, 2, 4), host.some(host.rng, 1, 3))
    folder, ending, mine = found.path, found.ending, found.mine
    target = f"{found.above}/{host.world.stem(_STEMS)}.{host.skin.choice(['tar.gz', 'tgz'])}"
    whole = hashlib.sha256(b"".join(found.files[name].data for name in mine)).hexdigest()
    inside = f"{found.name}/*.{ending}"
    # Nothing is read beyond a bound, packed or unpacked.
    tar = 'gunzip -c "$1" | head -c 1048576 | tar'
    each = f'{tar} -xOf - "$({tar} -tf - | grep -E "(^|/)$name$")"'
    return job(
        host,
        title=host.say("[a backup|an archive] of [the <of>|<what>]", what=found.name, of=found.kind.of),
        text=ask(host, _ASK, found.kind.why, target=target, who=host.person().name, **found.slots),
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
