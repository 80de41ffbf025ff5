"""Make a symbolic link, or point one somewhere else."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job
from sekft.scenario import File

_NEW = (
    "[make|create|set] a symbolic link <link> that [points|leads] to <target>.",
    "<link> [should be|is to be] a symbolic link to <target>.",
    "<target> [should also|must also] be reached as <link>, [by|through] a symbolic link [and not by a copy|].",
    "[under the name|by the name of] <link>, a symbolic link to <target> is [wanted|needed|expected].",
    "[those|programs] that look for <link> [want|should find] <target>: a symbolic link [will do|is enough].",
    "no copy of <target>, [but|only] a symbolic link to it, [belongs|is to lie] at <link>.",
    "make <link> lead to <target>, by way of a symbolic link.",
    "could <link> be a symbolic link, leading to <target>?",
    "<target> has a long name; <link> is to stand for it, as a symbolic link.",
    "a symbolic link is missing: from <link> to <target>.",
    "people [type|use] <link> and [mean|want] <target>. [A symbolic link there would help.|There should be a symbolic link.]",
    "what <link> should be: a symbolic link whose target is <target>.",
)
_OLD = (
    "the symbolic link <link> points to the wrong [place|file]; [it should lead|it is to lead] to <target>.",
    "[point|switch] the symbolic link <link> to <target>.",
    "<link> [leads|still leads] to an old file. As a symbolic link it should [from now on|now] lead to <target>.",
    "<target> [replaces|has taken over from] what <link> points to: the symbolic link [has to follow|is to be changed].",
    "[change|renew] <link>, a symbolic link, so that it [points at|leads to] <target> [; what it points to now stays|].",
    "from today, <link> is [meant|supposed] to be a symbolic link to <target> [, not to what it shows now|].",
    "the link <link> is out of date. Its proper target is <target> [, the old one is kept as a file|].",
    "could the symbolic link <link> be [moved|switched] to <target>?",
    "<target> is what readers of <link> should get; [the link|the symbolic link] there [leads elsewhere|points elsewhere] at present.",
    "symbolic link <link>: [new target|now to] <target> [, the file behind the old one is not to be touched|].",
    "[re-point|redirect] <link> to <target>. It [is|stays] a symbolic link.",
    "where <link> leads has been wrong ever since <target> [came|was made]: that is where the symbolic link [belongs|should lead].",
)


@TASKS.kind("link")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    versions = sorted(f"{names.compound()}.{names.word((1, 1))}" for _ in range(rng.randint(2, 4)))
    old, new = (f"{folder}/{versions[at]}" for at in rng.sample(range(len(versions)), 2))
    link = f"{folder}/{names.word()}"
    exists = rng.random() < 0.5
    files = tuple(host.file(f"{folder}/{name}", names.compound() + "\n") for name in versions)
    before = (File(path=link, kind="symlink", target=old.rsplit("/", 1)[-1], mtime=host.mtime),) if exists else ()
    direct: list[Typed]
    if exists:
        direct = [f"ln -sf {new} {link}", f"rm {link} && ln -s {new} {link}", [f"rm {link}", f"ln -s {new} {link}"],
                  f"ln -sfn {new} {link}", f"unlink {link}; ln -s {new} {link}"]  # fmt: skip
    else:
        direct = [f"ln -s {new} {link}", [f"cd {folder}", f"ln -s {new.rsplit('/', 1)[-1]} {link.rsplit('/', 1)[-1]}"],
                  f"cd {folder} && ln -s {new} {link}", f"ln -sf {new} {link}"]  # fmt: skip
    return job(
        host,
        title=host.say("[a link|a symbolic link|where a name leads] in <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _OLD if exists else _NEW, link=link, target=new),
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
            "other_target": f"ln -sf {folder}/{next(v for v in versions if v not in (new.rsplit('/', 1)[-1], old.rsplit('/', 1)[-1] if exists else ''))} {link}"
            if len(versions) > 2
            else f"ln -sf {folder} {link}",
            "hard_link": f"rm -f {link}; ln {new} {link}",
            "the_other_way": f"rm {new}; ln -s {link} {new}",
            "other_path": f"ln -s {new} {link}.new",
        },
    )
