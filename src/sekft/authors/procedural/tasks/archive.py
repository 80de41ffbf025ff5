"""Pack the files that match a rule into an archive."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "[pack|put] the .<ending> files of <folder> into the [archive|tar archive] <target> [; the files themselves stay|, and leave the files where they are].",
    "<target> [should hold|is to hold] the files in <folder> that end in .<ending> [, compressed with gzip|, as a gzipped tar archive].",
    "[a backup|a copy] of every .<ending> file in <folder> is [wanted|needed], as one archive (tar, gzip): <target>.",
    "[make|create] <target>, a tar archive [packed|compressed] with gzip, of the files ending in .<ending> in <folder>.",
    "in <folder>, the files ending in .<ending> are to be archived [together|] as <target> [, others left out|].",
    "before <folder> is [cleared|moved], its .<ending> files should be in <target>, a gzipped tar file.",
    "[archive|collect], with tar and gzip, the .<ending> files from <folder> as <target>.",
    "<target> is [missing|not there yet]; it should be a gzipped tar archive of the .<ending> files that lie in <folder>.",
    "the .<ending> files of <folder>, all of them and nothing else, [are to go|should go] into a gzipped tar archive <target>.",
    "could the .<ending> files in <folder> be [bundled|packed up] as <target>? Tar and gzip [will do|are what the others use].",
    "[one file|a single file] is easier to send: <target>, a gzipped tar with the .<ending> files from <folder> in it.",
    "[for safe keeping|to be on the safe side], tar up *.<ending> from <folder>, gzipped, under the name <target>.",
    "what ends in .<ending> in <folder> should also exist packed, in <target> (tar, gzipped).",
)


@TASKS.kind("archive")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    ending, other = names.word((1, 2)), names.word((1, 2))
    target = f"{folder.rsplit('/', 1)[0]}/{names.compound()}.{host.skin.choice(['tar.gz', 'tgz'])}"
    mine = sorted(f"{names.compound()}.{ending}" for _ in range(rng.randint(2, 4)))
    rest = [f"{names.word()}.{other}" for _ in range(rng.randint(1, 3))]
    files = {name: host.file(f"{folder}/{name}", f"{names.word()} {names.compound()}\n") for name in mine + rest}
    whole = hashlib.sha256(b"".join(files[name].data for name in mine)).hexdigest()
    inside = f"{folder.rsplit('/', 1)[-1]}/*.{ending}"
    # Nothing is read beyond a bound, packed or unpacked.
    tar = 'gunzip -c "$1" | head -c 1048576 | tar'
    each = f'{tar} -xOf - "$({tar} -tf - | grep -E "(^|/)$name$")"'
    return job(
        host,
        title=host.say("[a backup|an archive|packing] of <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, folder=folder, target=target, ending=ending),
        needle=target,
        files=tuple(files.values()),
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
            [f"cd {folder.rsplit('/', 1)[0]}", f"tar -czf {target} {inside}"],
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
