"""Make a symbolic link, or point one somewhere else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job
from sekft.scenario import File

_NEW = (
    "make a symbolic link <link> that points to <target>.",
    "symlink please: <link> to <target>.",
    "<link> should be a symbolic link to <target>.",
    "could you link <link> to <target>? A symbolic link, not a copy.",
    "people keep asking for the current version. Please make <link> a symbolic link to <target>.",
    "the scripts look for <link>. Please give them a symbolic link there that leads to <target>.",
    "<who> does not want to look for the date every time. Please add a symlink <link> to <target>.",
)
_OLD = (
    "point the symbolic link <link> to <target>.",
    "the symlink <link> still points to an old version. It should lead to <target>.",
    "please switch the symlink <link> over to <target>.",
    "could you change the symlink <link>? The target is <target> now.",
    "<link> is out of date. Please let the symlink lead to <target>.",
    "<who> opened <link> and got the wrong version. The symlink has to lead to <target>.",
    "change the symlink <link> so that it points to <target>.",
)


@TASKS.kind("link")
def make(host: Host) -> Job:
    rng = host.rng
    document = host.world.document(6, lasting=True)
    folder = host.place(document.kind.folders)
    kind, count, last = document.kind, host.some(rng, 2, 4), datetime.fromtimestamp(host.mtime, UTC)
    versions = sorted(f"{document.stem}-{last - timedelta(days=31 * at):%Y-%m}.txt" for at in range(count))
    lines = [kind.title, "", *map(host.text, document.lines)]
    files = [
        host.file(f"{folder}/{name}", "".join(f"{line}\n" for line in lines[: 4 + at]))
        for at, name in enumerate(versions)
    ]
    old, new = f"{folder}/{rng.choice(versions[:-1])}", f"{folder}/{versions[-1]}"
    link = f"{folder}/{document.stem}.txt"
    exists = rng.random() < 0.5
    before = (File(path=link, kind="symlink", target=old.rsplit("/", 1)[-1], mtime=host.mtime),) if exists else ()
    direct: list[Typed]
    if exists:
        direct = [f"ln -sf {new} {link}", f"rm {link} && ln -s {new} {link}", [f"rm {link}", f"ln -s {new} {link}"],
                  f"ln -sfn {new} {link}", f"unlink {link}; ln -s {new} {link}"]  # fmt: skip
    else:
        direct = [f"ln -s {new} {link}", [f"cd {folder}", f"ln -s {new.rsplit('/', 1)[-1]} {link.rsplit('/', 1)[-1]}"],
                  f"cd {folder} && ln -s {new} {link}", f"ln -sf {new} {link}"]  # fmt: skip
    others = [f"{folder}/{name}" for name in versions if f"{folder}/{name}" not in (new, old if exists else "")]
    return job(
        host,
        title=host.phrase(
            "[<what> is an old version|wrong version of <what>|<what>, current version]"
            if exists
            else "[current version of <what>|<what> for the scripts|which <what> is the latest]",
            what=link.rsplit("/", 1)[-1],
        ),
        text=ask(
            host,
            _OLD if exists else _NEW,
            link=link,
            target=new,
            who=host.person().first,
        ),
        needle=new,
        files=(*files, *before),
        judged={link: f'[ -L "$1" ] && [ "$(readlink -f "$1")" = {new} ]'},
        needs=(),
        folder=folder,
        looks=[f"ls -l {folder}", f"ls {folder}"],
        direct=direct,
        right={
            "relative": [f"cd {folder}; rm -f {link}", f"ln -s {new.rsplit('/', 1)[-1]} {link}"],
            "made_aside": [f"ln -sf {new} /tmp/aside", f"rm -f {link}; cp -P /tmp/aside {link}"],
        },
        confirm=[[f"ls -l {link}"], [f"readlink {link}"], [f"ls -l {folder}"]],
        wrong={
            "copied": f"rm -f {link}; cp {new} {link}",
            "other_target": f"ln -sf {others[0] if others else folder} {link}",
            "hard_link": f"rm -f {link}; ln {new} {link}",
            "the_other_way": f"rm {new}; ln -s {link} {new}",
            "other_path": f"ln -s {new} {link}.new",
        },
    )
