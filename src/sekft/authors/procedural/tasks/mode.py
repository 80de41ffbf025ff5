"""Change the permissions of one file, or of all files with one ending."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

# What each mode means, and how chmod spells it with letters.
_MODES = {
    "600": ("the owner alone may read and write", "u=rw,go="),
    "640": ("the owner may read and write, the group may read, others nothing", "u=rw,g=r,o="),
    "755": ("everybody may read and run it and only the owner may write", "u=rwx,go=rx"),
    "444": ("everybody may read and nobody may write", "a=r"),
    "750": ("the owner may do everything, the group may read and run, others nothing", "u=rwx,g=rx,o="),
    "400": ("the owner may read, and that is all", "u=r,go="),
}
_ASK = (
    "[set|change] the permissions of <what> to <want>.",
    "the mode that fits <what> is not the one it has: [set|give it] <want> [; the content stays|].",
    "the permissions of <what> are [wrong|not as they should be]: <want> [is right|is what was meant].",
    "[make sure|see to it] that <what> [ends up with|has] <want>.",
    "[from today|from now on|as of now], <what> [should|ought to] have <want>.",
    "access to <what> [is to change|has to be changed], to <want>.",
    "[it was settled who may do what with|a decision was made about] <what>: [it is to have|it should have] <want>.",
    "what is meant here is <what>, which [came over|was unpacked|was restored] with the wrong mode. [It should be|What it needs is] <want>.",
    "give <what> [, and nothing else,|] <want>.",
    "could <what> [get|be given] <want>?",
    "[by|according to] the rules, <what> [needs|has to have] <want>.",
    "[bring|switch] <what> to <want> [, whatever the mode is now|].",
    "for <what>, the mode [has to|must] be right before anybody uses it: <want>.",
    "[permissions|rights] only: <what> [needs|should have] <want>.",
)


@TASKS.kind("mode")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    ending, other = names.word((1, 2)), names.word((1, 2))
    several = rng.random() < 0.5
    mine = sorted(f"{names.compound()}.{ending}" for _ in range(rng.randint(2, 4) if several else 1))
    rest = [f"{names.compound()}.{other}" for _ in range(rng.randint(2, 3))]
    mode = rng.choice(sorted(_MODES))
    means, letters = _MODES[mode]
    files = {
        name: host.file(f"{folder}/{name}", names.compound() + "\n")
        for name in skin.sample(mine + rest, len(mine + rest))
    }
    paths = f"{folder}/*.{ending}" if several else f"{folder}/{mine[0]}"
    what = host.phrase("[every|each] file ending in .<ending> in <folder>", ending=ending, folder=folder)
    want = host.phrase("[mode <mode>|mode <mode>, so that <means>|mode <mode> (<means>)]", mode=mode, means=means)
    return job(
        host,
        title=host.say("[permissions|access|who may do what] in <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, what=what if several else paths, want=want),
        needle=folder,
        files=tuple(files.values()),
        after=tuple(files[name].model_copy(update={"mode": f"0{mode}"}) for name in mine),
        folder=folder,
        looks=[f"ls -l {folder}", f"ls -l {paths}"],
        direct=[
            f"chmod {mode} {paths}",
            f"chmod {letters} {paths}",
            f"find {folder} -maxdepth 1 -type f -name '{paths.rsplit('/', 1)[-1]}' -exec chmod {mode} {{}} +",
        ],
        informed=[f"chmod {mode} {' '.join(f'{folder}/{name}' for name in mine)}"],
        right={
            "last_first": [f"chmod {mode} {folder}/{name}" for name in reversed(mine)],
            "by_loop": f'for f in {paths}; do chmod {mode} "$f"; done',
            "by_xargs": f"ls {paths} | xargs -n 1 chmod {mode}",
        },
        confirm=[[f"ls -lA {folder}"], [f"ls -l {folder}"], [f"stat -c '%a %n' {paths}"], [f"ls -l {paths}"]],
        wrong={
            "other_file": f"chmod {mode} {folder}/{rest[0]}",
            "whole_folder": f"chmod {mode} {folder}/*",
            "other_mode": f"chmod 777 {paths}",
            "one_left": [f"chmod {mode} {folder}/{name}" for name in mine[1:]] or [f"chmod 500 {paths}"],
        },
    )
