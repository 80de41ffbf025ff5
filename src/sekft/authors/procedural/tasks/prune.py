"""Delete the files that match a rule and no other."""

from __future__ import annotations

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "delete all files in <folder> <rule>.",
    "please remove the files in <folder> <rule>.",
    "<folder> is full of leftovers. Files <rule> can go, the rest stays.",
    "could you get rid of the files in <folder> <rule>? The others are in use.",
    "files <rule> should not be in <folder>. Please delete them.",
    "<folder> still has files <rule>, which nobody needs. Please delete them.",
    "<who> is done with the files in <folder> <rule>. You can delete them.",
)
_WHY = (
    "<who> can't find anything in there any more.",
    "<who> asked in <room>, and nobody needs them any more.",
    "<role> wants the folder tidy before <event>.",
    "The backup of <day> did not fit.",
)
_MARKS = "tmp old draft test copy"
# What singles the files out: in words, as a pattern for the shell, and what their names are made of.
_RULES = {
    "prefix": ("whose names start with <mark>", "{mark}*", "{mark}{stem}.{ending}"),
    "ending": ("whose names end in <mark>", "*{mark}", "{stem}{mark}"),
    "middle": ("that have <mark> in their names", "*{mark}*", "{stem}{mark}.{ending}"),
}


@TASKS.kind("prune")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    kind = rng.choice(sorted(_RULES))
    rule, pattern, called = _RULES[kind]
    count = host.some(rng, 2, 3)
    found = folders.draw(host, count + host.some(rng, 2, 3), rng.randrange(2))
    endings = {name.rpartition(".")[2] for name in found.files}
    folder = found.path
    word = host.world.stem(" ".join(mark for mark in _MARKS.split() if mark not in endings))
    mark = word + skin.choice("-_") if kind == "prefix" else skin.choice("._" if kind == "ending" else "-_") + word
    glob = pattern.format(mark=mark)
    old = skin.sample(found.mine, count)
    stems = [known.removesuffix(f".{found.ending}") for known in old]
    paths = sorted(f"{folder}/{called.format(mark=mark, stem=stem, ending=found.ending)}" for stem in stems)
    texts = folders.pages(host, found.kind, paths, (found.files[found.mine[0]].content or "").count("\n"))
    doomed = [host.file(path, text) for path, text in texts.items()]
    kept = [file for known, file in found.files.items() if known not in old]
    return job(
        host,
        title=host.phrase(
            "[<mark> in <what>|leftovers in <what>|<what> is full|room in <what>]", mark=mark, what=found.name
        ),
        text=ask(host, _ASK, _WHY, rule=host.phrase(rule, mark=mark), who=host.person().first, **found.slots),
        needle=folder,
        files=(*doomed, *kept),
        gone=tuple(paths),
        folder=folder,
        looks=[f"ls -A {folder}", f"ls -lA {folder}", f"find {folder} -type f"],
        direct=[
            f"rm {folder}/{glob}",
            f"find {folder} -maxdepth 1 -name '{glob}' -type f -exec rm {{}} +",
            f"find {folder} -type f -name '{glob}' | xargs rm",
        ],
        informed=[f"rm {' '.join(paths)}"],
        right={
            "last_first": [f"rm -f {path}" for path in reversed(paths)],
            "by_loop": f'for f in {folder}/{glob}; do rm "$f"; done',
            "unlinked": [f"cd {folder}", *(f"unlink {path.rsplit('/', 1)[-1]}" for path in paths)],
        },
        confirm=[[f"ls -A {folder}"], [f"ls -lA {folder}"], [f"find {folder} -type f"]],
        wrong={
            "all_deleted": f"rm {folder}/*",
            "one_left": [f"rm {path}" for path in paths[1:]],
            "emptied_instead": [f": > {path}" for path in paths],
            "moved_away": f"mkdir {folder}/old && mv {folder}/{glob} {folder}/old/",
            "one_too_many": [f"rm {folder}/{glob}", f"rm {kept[0].path}"],
        },
    )
