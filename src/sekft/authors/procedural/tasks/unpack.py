"""Unpack an archive into a folder."""

from __future__ import annotations

import base64
import gzip
import io
import posixpath
import tarfile
from collections.abc import Mapping

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job, moment
from sekft.authors.procedural.tasks import TASKS, ask, job
from sekft.scenario import File

_ASK = (
    "unpack <source> into <target>.",
    "please extract <source> to <target> and keep the archive.",
    "the <of> came as an archive, <source>. Please unpack them into <target>.",
    "<who> sent <source>. The files in it belong in <target>; leave the archive where it is.",
    "could you unpack <source>? The files go straight into <target>.",
    "extract everything in <source> to <target>.",
    "<target> is still empty. What belongs there is packed in <source>; please unpack it.",
)


@TASKS.kind("unpack")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    found = host.world.collection(rng.randint(2, 4))
    kind = found.kind
    folder = host.place(kind.folders)
    target = f"{folder}/{host.world.stem('incoming unpacked received restored')}"
    day = f"-{moment(host):%Y-%m-%d}" if skin.random() < 0.4 else ""
    source = f"{folder}/{found.folder}{day}{skin.choice(['.tar.gz', '.tgz'])}"
    names = [f"{stem}.{found.ending}" for stem in found.stems]
    texts = folders.pages(host, kind, names, host.some(rng, 2, 3))
    first, last = min(texts), max(texts)
    out = skin.choice(["gunzip -c", "zcat"])
    content = base64.b64encode(_tar(texts)).decode()
    archive = File(path=source, content_b64=content, mtime=host.mtime)
    return job(
        host,
        title=host.phrase(
            "[the <of> have come|<of> for <near>|<of> to unpack|<of>, still packed]",
            of=kind.of,
            near=posixpath.basename(folder),
        ),
        text=ask(host, _ASK, kind.why, source=source, target=target, of=kind.of, who=host.person().first),
        needle=target,
        files=(archive, host.folder(target)),
        after=tuple(host.file(f"{target}/{name}", text) for name, text in texts.items()),
        needs=(source,),
        reads=(source,),
        folder=folder,
        looks=[f"tar -tzf {source}", f"ls -l {folder}"],
        direct=[
            f"tar -xzf {source} -C {target}",
            [f"cd {target}", f"tar -xzf {source}"],
            f"{out} {source} | tar -xf - -C {target}",
            f"cd {target} && tar -xzf {source}",
            f"(cd {target} && {out} {source} | tar -xf -)",
        ],
        right={
            "copied_over": [
                "rm -rf /tmp/aside; mkdir /tmp/aside",
                f"tar -xzf {source} -C /tmp/aside",
                f"cp /tmp/aside/* {target}/",
            ],
            "file_by_file": [f"tar -xzf {source} -C {target} {name}" for name in sorted(texts, reverse=True)],
        },
        confirm=[[f"ls -A {target}"], [f"ls -l {target}"], [f"find {target} -type f"]],
        wrong={
            "beside": f"tar -xzf {source} -C {folder}",
            "one_lost": f"tar -xzf {source} -C {target} && rm {target}/{first}",
            "emptied": f"tar -xzf {source} -C {target} && : > {target}/{last}",
            "archive_removed": f"tar -xzf {source} -C {target} && rm {source}",
            "archive_copied": f"cp {source} {target}/",
        },
    )


def _tar(texts: Mapping[str, str]) -> bytes:
    """The archive's bytes, the same everywhere: fixed times and owners, and gzip without compression."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in texts.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(text), 1_700_000_000
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(whole.getvalue(), 0, mtime=0)
