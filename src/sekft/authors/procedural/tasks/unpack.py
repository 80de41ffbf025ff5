"""Unpack an archive into a folder."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from collections.abc import Mapping

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job
from sekft.scenario import File

_ASK = (
    "[unpack|extract] <source> into <target> [; the archive stays|].",
    "the content of <source> [belongs|is needed] in <target> [, unpacked|].",
    "<target> [should hold|is to hold] the files that are packed in <source>.",
    "what <source> [contains|holds] has to be in <target>, [file by file|as plain files].",
    "<source> [came in|arrived] and nobody has unpacked it. The place for its files is <target>.",
    "[unpack|extract] the archive <source> [in|inside] <target>.",
    "the files inside <source> are [wanted|needed]: [put|place] them in <target>.",
    "into <target>, please: everything from the archive <source>.",
    "<target> is empty [so far|at present]; [what goes there|its content] is to come out of <source>.",
    "could <source> be [extracted|unpacked]? Its files [go|belong] under <target> [; the archive itself stays|].",
    "somebody [needs|is waiting for] the files of <source> in <target> [, unpacked|, not as an archive].",
    "[restore|bring back] to <target> what was [saved|packed] in <source>.",
    "the archive <source> is to be [unpacked|opened up], with <target> as the folder [for the files|that takes the files].",
)


@TASKS.kind("unpack")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    target = f"{folder}/{names.subject()}"
    packed = host.skin.random() < 0.5
    source = f"{folder}/{names.compound()}{host.skin.choice(['.tar.gz', '.tgz'] if packed else ['.tar'])}"
    texts = {
        f"{names.compound()}.{names.word((1, 1))}": f"{names.word()} {names.compound()}\n"
        for _ in range(rng.randint(2, 4))
    }
    first, last = min(texts), max(texts)
    z, out = ("z", "gunzip -c" if host.skin.random() < 0.5 else "zcat") if packed else ("", "cat")
    content = base64.b64encode(_tar(texts, packed)).decode()
    archive = File(path=source, content_b64=content, mtime=host.mtime)
    return job(
        host,
        title=host.say("[an archive|a parcel of files|unpacking] for <what>", what=target.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, source=source, target=target),
        needle=target,
        files=(archive, host.folder(target)),
        after=tuple(host.file(f"{target}/{name}", text) for name, text in texts.items()),
        needs=(source,),
        reads=(source,),
        folder=folder,
        looks=[f"tar -t{z}f {source}", f"ls -l {folder}"],
        direct=[
            f"tar -x{z}f {source} -C {target}",
            [f"cd {target}", f"tar -x{z}f {source}"],
            f"{out} {source} | tar -xf - -C {target}",
            f"cd {target} && tar -x{z}f {source}",
            f"(cd {target} && {out} {source} | tar -xf -)",
        ],
        right={
            "copied_over": [
                "rm -rf /tmp/aside; mkdir /tmp/aside",
                f"tar -x{z}f {source} -C /tmp/aside",
                f"cp /tmp/aside/* {target}/",
            ],
            "file_by_file": [f"tar -x{z}f {source} -C {target} {name}" for name in sorted(texts, reverse=True)],
        },
        confirm=[[f"ls -A {target}"], [f"ls -l {target}"], [f"find {target} -type f"]],
        wrong={
            "beside": f"tar -x{z}f {source} -C {folder}",
            "one_lost": f"tar -x{z}f {source} -C {target} && rm {target}/{first}",
            "emptied": f"tar -x{z}f {source} -C {target} && : > {target}/{last}",
            "archive_removed": f"tar -x{z}f {source} -C {target} && rm {source}",
            "archive_copied": f"cp {source} {target}/",
        },
    )


def _tar(texts: Mapping[str, str], packed: bool) -> bytes:
    """The archive's bytes, the same everywhere: fixed times and owners, and gzip without compression."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in texts.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(text), 1_700_000_000
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(whole.getvalue(), 0, mtime=0) if packed else whole.getvalue()
