"""Make a symbolic link, or point one somewhere else."""

from __future__ import annotations

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job
from sekft.scenario import File

_NEW = (
    "[make|create] a symbolic link <link> that points to <target>.",
    "symlink please: <link> to <target>.",
    "<link> should be a symbolic link to <target>.",
    "could you link <link> to <target>? A symbolic link, not a copy.",
    "people keep asking for the current <one>. Make <link> a symbolic link to <target>.",
    "we need <target> under the name <link>, too. A symbolic link will do.",
    "set a symlink at <link>. Its target is <target>.",
    "the scripts look for <link>. Give them a symbolic link there that leads to <target>.",
    "<who> does not want to type <target> every time. Add a symlink <link> for it.",
    "no copies, please: <link> as a symbolic link to <target>.",
    "create <link> as a symlink. It should lead to <target>.",
)
_OLD = (
    "point the symbolic link <link> to <target>.",
    "the symlink <link> still points to an old <one>. It should lead to <target>.",
    "switch <link> over to <target>. It stays a symbolic link.",
    "could you change the symlink <link>? The target is <target> now.",
    "<link> is out of date: as a symbolic link, it should lead to <target> [, and the old file stays|].",
    "new target for the symlink <link>: <target>",
    "please re-point <link> (a symbolic link) to <target> and leave the files alone.",
    "<who> opened <link> and got the wrong <one>. The symlink has to lead to <target>.",
    "from now on the symbolic link <link> should lead to <target>.",
    "change the symlink <link> so that it points to <target>.",
)


@TASKS.kind("link")
def make(host: Host) -> Job:
    rng = host.rng
    found = folders.draw(host, host.some(rng, 2, 4), 0)
    folder, versions = found.path, found.mine
    old, new = (f"{folder}/{versions[at]}" for at in rng.sample(range(len(versions)), 2))
    link = f"{folder}/{host.world.stem('current latest newest active default recent')}"
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
        title=host.say("[a link|a symlink|a symbolic link] in <what>", what=found.name),
        text=ask(
            host,
            _OLD if exists else _NEW,
            found.kind.why,
            link=link,
            target=new,
            one=found.kind.one,
            who=host.person().name,
        ),
        needle=new,
        files=(*found.files.values(), *before),
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
