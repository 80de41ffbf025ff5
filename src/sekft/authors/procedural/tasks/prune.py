"""Delete the files that match a rule and no other."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "[delete|remove] [the files|all files] in <folder> <rule> [, and no other|; the rest stays|].",
    "<folder> holds leftovers: files <rule>. [They should go|Remove them] [; the rest must stay|; keep the others].",
    "in <folder>, all files <rule> [should be thrown away|are to be deleted].",
    "files <rule> [pile up|have piled up|take up room] in <folder>; [it should hold none|none should be left].",
    "[clear|rid] <folder> of files <rule> [, and of nothing else|].",
    "nobody needs the files in <folder> <rule>. [Out with them|They should go] [; the others are in use|].",
    "[get rid|dispose] of the files in <folder> <rule>.",
    "[what is left|what remains] in <folder> should be only what is in use, and files <rule> are not: delete these.",
    "could the files in <folder> <rule> be [deleted|removed|deleted, and just those]?",
    "a run that broke off left files in <folder> <rule>. [They are worthless|They are of no use]: delete them.",
    "[in|within] <folder> there should be no files <rule> [any more|any longer].",
    "deletion in <folder>: [all|any] files <rule>; [others are kept|everything else is kept].",
    "the folder <folder> needs thinning out. Files <rule> go, [all the others stay|nothing else does].",
    "of what lies in <folder>, files <rule> are [rubbish|waste|dead weight] and [are to be removed|should be removed].",
)
# What singles the files out: in words, as a pattern for the shell, and as a test for find.
_RULES = {
    "prefix": ("whose names [start|begin] with <mark>", "{mark}*", "-name '{mark}*'"),
    "ending": ("whose names end in <mark>", "*{mark}", "-name '*{mark}'"),
    "middle": ("that have <mark> in their names", "*{mark}*", "-name '*{mark}*'"),
}


@TASKS.kind("prune")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    rule, pattern, test = _RULES[rng.choice(sorted(_RULES))]
    mark = names.word((1, 2)) + skin.choice("-_") if pattern[0] != "*" else skin.choice(".-_") + names.word((1, 2))
    glob, test = pattern.format(mark=mark), test.format(mark=mark)
    tails = iter(names.word((1, 2)) for _ in range(9))
    doomed = sorted(
        pattern.replace("*", "{}").format(*(next(tails) for _ in range(pattern.count("*"))), mark=mark)
        for _ in range(rng.randint(2, 3))
    )
    kept = [f"{names.word()}.{skin.choice(['txt', 'dat', 'bin'])}" for _ in range(rng.randint(2, 4))]
    files = tuple(host.file(f"{folder}/{name}", names.compound() + "\n") for name in doomed + kept)
    words = host.phrase(rule, mark=mark)
    return job(
        host,
        title=host.say("[leftovers|old files|clutter|what can go] in <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, folder=folder, rule=words),
        needle=folder,
        files=files,
        gone=tuple(f"{folder}/{name}" for name in doomed),
        folder=folder,
        looks=[f"ls -A {folder}", f"ls -lA {folder}", f"find {folder} -type f"],
        direct=[
            f"rm {folder}/{glob}",
            f"find {folder} -maxdepth 1 {test} -type f -exec rm {{}} +",
            f"find {folder} -type f {test} | xargs rm",
        ],
        informed=[f"rm {' '.join(f'{folder}/{name}' for name in doomed)}"],
        right={
            "last_first": [f"rm -f {folder}/{name}" for name in reversed(doomed)],
            "by_loop": f'for f in {folder}/{glob}; do rm "$f"; done',
            "unlinked": [f"cd {folder}", *(f"unlink {name}" for name in doomed)],
        },
        confirm=[[f"ls -A {folder}"], [f"ls -lA {folder}"], [f"find {folder} -type f"]],
        wrong={
            "all_deleted": f"rm {folder}/*",
            "one_left": [f"rm {folder}/{name}" for name in doomed[1:]],
            "emptied_instead": [f": > {folder}/{name}" for name in doomed],
            "moved_away": f"mkdir {folder}/old && mv {folder}/{glob} {folder}/old/",
            "one_too_many": [f"rm {folder}/{glob}", f"rm {folder}/{kept[0]}"],
        },
    )
