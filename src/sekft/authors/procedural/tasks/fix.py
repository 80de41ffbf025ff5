"""Find the files that hold an old or wrong name and put it right in each of them."""

from __future__ import annotations

from itertools import cycle

from sekft.authors.procedural.host import CONFIGS, Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "<news>. Please change it in all files below <folder>.",
    "<news>, but some files under <folder> still say <wrong>. Put <right> there instead.",
    "replace <wrong> with <right> in all files below <folder>.",
    "could you change <wrong> to <right> wherever it stands below <folder>?",
    "no file under <folder> should mention <wrong> any more. Please write <right> instead.",
    "please go through the files below <folder> and turn <wrong> into <right>.",
    "<who> found the old name <wrong> in a file under <folder>, and there are more. Please put <right> into all of them.",
)


_MACHINE = "<wrong> was replaced by <right> [on <day>|last week|]"
_SOURCE = "the <one> <wrong> is called <right> [now|since <day>|]"
"""What happened to a machine, and to a source of a log."""


@TASKS.kind("fix")
def make(host: Host) -> Job:
    rng = host.rng
    folder = host.place(CONFIGS)
    log = host.world.log(3)
    count = host.some(rng, 3, 5)
    bad = sorted(rng.sample(range(count), 2))
    machine = rng.random() < 0.5
    names = host.world.several(3, host.world.setting.hosts, (2, 3)) if machine else log.sources
    wrong, right, other = names
    texts = _texts(host, folder, [wrong if at in bad else other for at in range(count)], machine)
    spoilt = sorted(path for path, text in texts.items() if wrong in text)
    change = f"s/{wrong}/{right}/g"
    return job(
        host,
        title=host.phrase(
            "[<wrong> is <right> now|no more <wrong>|<wrong> has a new name|<right> instead of <wrong>]",
            wrong=wrong,
            right=right,
        ),
        text=ask(
            host,
            [core.replace("<news>", _MACHINE if machine else _SOURCE) for core in _ASK],
            folder=folder,
            wrong=wrong,
            right=right,
            one=log.kind.source,
            day=host.text("<day>"),
            who=host.person().first,
        ),
        needle=folder,
        files=tuple(host.file(path, text) for path, text in texts.items()),
        after=tuple(host.file(path, texts[path].replace(wrong, right)) for path in spoilt),
        reads=(spoilt[0],),
        folder=folder,
        looks=[f"grep -r {wrong} {folder}", f"grep -rl {wrong} {folder}"],
        direct=[
            f"grep -rl {wrong} {folder} | xargs sed -i '{change}'",
            f"find {folder} -type f -exec sed -i '{change}' {{}} +",
            f"sed -i '{change}' $(grep -rl {wrong} {folder})",
            f"find {folder} -type f | xargs grep -l {wrong} | xargs sed -i '{change}'",
        ],
        informed=[
            f"sed -i '{change}' {' '.join(spoilt)}",
            [f"sed '{change}' {path} > /tmp/new && cat /tmp/new > {path}" for path in spoilt],
        ],
        right={
            "backups_kept": f"grep -rl {wrong} {folder} | xargs sed -i.bak '{change}'",
            "one_by_one": [f"cp {path} /tmp/old; sed '{change}' /tmp/old > {path}" for path in reversed(spoilt)],
        },
        confirm=[
            [f"grep -r {wrong} {folder}"],
            [f"grep -r -e {wrong} -e {right} {folder}"],
            [f"grep -rc {wrong} {folder}"],
        ],
        wrong={
            "one_left": [f"sed -i '{change}' {path}" for path in spoilt[1:]],
            "first_of_each_line": f"grep -rl {wrong} {folder} | xargs sed -i 's/{wrong}/{right}/'",
            "removed": f"grep -rl {wrong} {folder} | xargs sed -i 's/{wrong}//g'",
            "lines_deleted": f"grep -rl {wrong} {folder} | xargs sed -i '/{wrong}/d'",
            "other_word": f"grep -rl {wrong} {folder} | xargs sed -i 's/{wrong}/{right}s/g'",
            "copies_kept": f"grep -rl {wrong} {folder} | xargs sed -i.old '{change}'",
        },
    )


def _texts(host: Host, folder: str, names: list[str], machine: bool) -> dict[str, str]:
    """A small config for each name, by path, some in a folder of their own. The first mention is twice in its line."""
    world, found = host.world, dict[str, str]()
    inner = world.stem("conf.d local")
    kinds = host.skin.sample(world.setting.configs, len(world.setting.configs))
    for kind, name in zip(cycle(kinds), names):
        stem = world.stem(kind.file)
        others = [f"{key} = {value}" for key, value, *_ in host.skin.sample(kind.keys, 2) if not {*names} & {value}]
        key = ("server", "mirror") if machine else ("source", "log")
        lines = [f"{key[0]} = {name}", f"{key[1]} = {name}:/srv/{name}" if machine else f"{key[1]} = {name}/{name}.log"]
        path = f"{folder}{f'/{inner}' * (host.rng.random() < 0.4)}/{stem}.conf"
        found[path] = "".join(f"{line}\n" for line in [f"# {stem}", lines[0], *others, *lines[1:]])
    return found
