"""Find the files that hold an old or wrong name and put it right in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sekft.authors.procedural.host import Host, Job, lines
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "replace <wrong> with <right> in all files below <folder>.",
    "<news>. Please change it in all files below <folder>.",
    "<news>. Some files under <folder> still say <wrong>; put <right> there instead.",
    "in the files below <folder>, <wrong> should read <right> everywhere.",
    "could you change <wrong> to <right> wherever it [occurs|stands] below <folder>?",
    "<folder>: every <wrong> in there must become <right>, in the subfolders, too.",
    "no file under <folder> should mention <wrong> any more. Write <right> instead.",
    "please go through the files below <folder> and turn <wrong> into <right>. I don't know which ones have it.",
    "<wrong> becomes <right>, in all files under <folder>.",
    "<news>, but not everybody has noticed: find <wrong> in the files below <folder> and make it <right>.",
    "<who> found the old name <wrong> in a file under <folder>, and there are more. Put <right> into all of them.",
)


@dataclass(frozen=True)
class _Sort:
    """A kind of name. news: what happened to it. notes, entries: lines of texts and of configs that hold one."""

    news: str
    notes: tuple[str, ...]
    entries: tuple[str, ...]


_MACHINE = _Sort(
    "the machine <wrong> was replaced by <right> [on <day>|last week|]",
    (
        "Copies go to <name> every night.",
        "<name> is restarted on <day>, <clock>.",
        "Ask <who> for an account on <name>.",
        "scp the finished files to <name>, folder incoming",
        "The disks of <name> were full on <iso>.",
        "<name>: <n> users, <k> of them from <room>.",
    ),
    ("server = <name>", "backup_host = <name>", "mirror = <name>:/srv/mirror", "url = http://<name>/status", "relay = <name>"),
)  # fmt: skip
_PARTNER = _Sort(
    "<one> <wrong> is called <right> [now|from this month on|since <day>]",
    (
        "<name> called on <day>, <who> will answer.",
        "Nothing from <name> since <iso>.",
        "Open with <name>: <k> points, see <who>.",
        "Next visit to <name>: <iso>, <clock>.",
        "<name> pays within <n> days.",
        "Letters to <name> go through <room>.",
    ),
    ("default = <name>", "notify = <name>", "group = <name>", "include = <name>.list", "first = <name>"),
)  # fmt: skip
_DEVICE = _Sort(
    "<wrong> was renamed to <right> [on <day>|last week|in the log settings|]",
    (
        "<name> is checked on <day>s by <who>.",
        "Trouble with <name> on <iso>, gone by <clock>.",
        "Spare parts for <name> are in <room>.",
        "<name> reports every <n> minutes.",
        "Tell <who> before you switch <name> off.",
        "The log of <name> is kept for <n> days.",
    ),
    ("source = <name>", "device = <name>", "watch = <name>", "log = /var/log/<name>.log", "alarm_from = <name>"),
)  # fmt: skip


@TASKS.kind("fix")
def make(host: Host) -> Job:
    rng = host.rng
    folder = host.place()
    sort, wrong, right, one = _renamed(host)
    count = host.some(rng, 4, 7)
    bad = sorted(rng.sample(range(count), rng.randint(2, 3)))
    texts = _texts(host, folder, count, {at: _hits(host, sort, wrong, at == bad[0]) for at in bad}, (wrong, right))
    spoilt = sorted(list(texts)[at] for at in bad)
    change = f"s/{wrong}/{right}/g"
    return job(
        host,
        title=host.say("[an old name|a name to change|a renaming] in <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(
            host,
            [core.replace("<news>", sort.news) for core in _ASK],
            folder=folder,
            wrong=wrong,
            right=right,
            one=one,
            day=host.text("<day>"),
            who=host.person().name,
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


def _renamed(host: Host) -> tuple[_Sort, str, str, str]:
    """A sort of name, an old and a new one, and what such a thing is called."""
    setting = host.world.setting
    sort = host.skin.choice([_MACHINE, _PARTNER, _DEVICE])
    table, log = host.skin.choice(setting.tables), host.skin.choice(setting.logs)
    patterns = {_MACHINE: setting.hosts, _PARTNER: table.groups, _DEVICE: log.sources}[sort]
    wrong, right = host.world.several(2, patterns, (2, 3))
    return sort, wrong, right, table.one


def _texts(
    host: Host, folder: str, count: int, hits: Mapping[int, Mapping[bool, list[str]]], barred: tuple[str, str]
) -> dict[str, str]:
    """So many texts and configs by path. hits: by number, the lines that a text or, under True, a config must have."""
    world, texts = host.world, {}
    inner = world.stem("drafts config current shared team notes")
    for at in range(count):
        path = f"{folder}{f'/{inner}' * (host.rng.random() < 0.5)}/{world.stem(world.setting.words)}"
        config = host.skin.random() < 0.4
        lines = _plain(host, host.some(host.rng, 2, 4), config, barred)
        lines[host.rng.randrange(len(lines) + 1) : 0] = hits[at][config] if at in hits else []
        ending = host.skin.choice(["conf", "cfg", "ini"] if config else ["txt", "md", "note"])
        texts[f"{path}.{ending}"] = "".join(f"{line}\n" for line in lines)
    return texts


def _plain(host: Host, count: int, config: bool, barred: tuple[str, str]) -> list[str]:
    """Lines that have to do with other things."""
    found: list[str] = []
    while len(found) < count:
        kind = host.skin.choice(host.world.setting.configs)
        key, value, *_ = host.skin.choice(kind.keys)
        line = f"{key} = {value}" if config else lines(host, "remark", 1)[0]
        if line not in found and not any(word in line.lower() for word in barred):
            found.append(line)
    return found


def _hits(host: Host, sort: _Sort, name: str, twice: bool) -> dict[bool, list[str]]:
    """One or two lines with the name, for a text and, under True, for a config. twice: once more, twice in a line."""
    texts = {False: host.skin.choice(sort.notes), True: host.skin.choice(sort.entries)}
    double = {
        False: "From <name> or for <name>: put it on the shelf in <room>.",
        True: "; <name> since <iso>, before that also <name>-old",
    }
    return {
        config: [host.text(text.replace("<name>", name)) for text in [line, *[double[config]] * twice]]
        for config, line in texts.items()
    }
