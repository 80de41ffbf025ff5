"""Find the files that hold a wrong word and put it right in each of them."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "[somewhere|in several places] below <folder> it says <wrong> where it should say <right>: [mend|correct] it in every file.",
    "[replace <wrong> with|change <wrong> to] <right> in all files [below|under] <folder> [that have it|].",
    "<wrong> is [misspelt|a slip]; <right> is what is meant. [Put it right|Correct it] wherever it [occurs|turns up] below <folder>.",
    "the name <wrong> [was given up|no longer holds]: [from now on|now] it should be <right>, in each file under <folder>.",
    "no file under <folder> should [mention|contain] <wrong> any more; <right> [is to take its place|should stand there instead].",
    "texts below <folder> still use the old name, <wrong>. The new one is <right>. [All of them need the change.|They all have to follow.]",
    "<right>, not <wrong>: [this needs fixing|this is to be mended] in the files of <folder> and its subfolders.",
    "[hunt down|find] <wrong> below <folder>, file by file, and make it <right>.",
    "could <wrong> become <right> in [everything|whatever lies] below <folder>?",
    "below <folder> there are files that still say <wrong>. [Each time|Every time] it should read <right>.",
    "wherever <wrong> stands in a file under <folder>, <right> [belongs|is to stand].",
    "[it is not clear|nobody remembers] which texts under <folder> mention <wrong>; [all that do|those that do] should say <right> [instead|].",
    "a renaming: <wrong> is <right> [as of now|from today]. It concerns all text below <folder>.",
)


@TASKS.kind("fix")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    parts = [folder, f"{folder}/{names.word((1, 2))}", f"{folder}/{names.word((1, 2))}"]
    wrong, right = names.word(), names.word()
    count = rng.randint(5, 7)
    bad = sorted(rng.sample(range(count), rng.randint(2, 3)))
    paths = [
        f"{parts[rng.randrange(3)]}/{names.compound()}.{skin.choice(['txt', 'cfg', 'md', 'list'])}"
        for _ in range(count)
    ]
    texts = {}
    for at, path in enumerate(paths):
        lines = [
            f"{names.word()} {skin.choice(['at', 'by', 'with'])} {names.compound()}" for _ in range(rng.randint(2, 4))
        ]
        if at in bad:
            place = rng.randrange(len(lines))
            lines[place] = f"{lines[place].split()[0]} from {wrong}"
        texts[path] = "".join(line + "\n" for line in lines)
    spoilt = sorted(paths[at] for at in bad)
    change = f"s/{wrong}/{right}/g"
    return job(
        host,
        title=host.say("[a wrong name|a slip|a word to mend] in <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, folder=folder, wrong=wrong, right=right),
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
            "removed": f"grep -rl {wrong} {folder} | xargs sed -i 's/{wrong}//g'",
            "lines_deleted": f"grep -rl {wrong} {folder} | xargs sed -i '/{wrong}/d'",
            "other_word": f"grep -rl {wrong} {folder} | xargs sed -i 's/{wrong}/{right}s/g'",
            "copies_kept": f"grep -rl {wrong} {folder} | xargs sed -i.old '{change}'",
        },
    )
