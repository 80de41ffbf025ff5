"""Verify files against a list of checksums and write down which are damaged."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "check <folder> against <list> (<tool>). Names of files that fail go to <target>, one per line, in list order.",
    "run <tool> over <folder> with <list> and write the names of the files that do not match to <target>, one per line, in the list's order.",
    "please verify the <of> in <folder> with <list> (<tool>). The damaged ones go to <target>: only their names, one per line, in the order of the list.",
    "which files in <folder> no longer match <list>? Check with <tool>, then write their names to <target>, a line each, in list order.",
    "some <of> in <folder> may be damaged. <list> has the sums (<tool>). List the bad ones in <target>: names without the folder, one per line, in list order.",
    "find the broken files in <folder> with <list>, made by <tool>. One file name per line in <target>, in the order of that list.",
    "compare <folder> with its <tool> list, <list>. The names of files that fail belong in <target>, one per line and in the same order.",
    "the <of> in <folder> were copied, and not all of them match <list> (<tool>). Name the others in <target>: one per line, no folder, list order.",
    "could you check <folder> with <tool> and <list>, and leave the names of the files that do not match in <target>? One per line, in the list's order.",
    "put the names of all files that fail `<tool> -c` with <list> into <target>, one per line, in the order of the list and without FAILED.",
)


@TASKS.kind("verify")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder = host.place()
    target = new_path(host, folder.rsplit("/", 1)[0], "result", "damaged failed broken mismatches to-redo")
    tool = skin.choice(["md5sum", "sha256sum"])
    found = host.world.collection(host.some(rng, 3, 6))
    kind, mine = found.kind, sorted(f"{stem}.{found.ending}" for stem in found.stems)
    spoilt = sorted(mine[at] for at in rng.sample(range(len(mine)), rng.choice([1, 1, 2])))
    texts = {name: host.page(kind.lines, host.some(rng, 1, 4)) for name in mine}
    sums = [
        f"{hashlib.new(tool.removesuffix('sum'), text.encode()).hexdigest()}  {name}\n" for name, text in texts.items()
    ]
    index = f"{folder}/{host.world.stem(f'{tool.upper()}S {tool.upper()} CHECKSUMS')}"
    changed = {name: text[: len(text) // 2] if name in spoilt else text for name, text in texts.items()}
    files = tuple(host.file(f"{folder}/{name}", text) for name, text in changed.items())
    bare = index.rsplit("/", 1)[-1]
    check, named = f"{tool} -c {bare}", f"printf '%s\\n' {' '.join(spoilt)} > {target}"
    good = next(name for name in mine if name not in spoilt)
    each = "while read -r s n; do"
    return job(
        host,
        title=host.say(
            "[damaged <of>|a check of the <of>|sums of <what>|verify <what>|broken files in <what>]",
            of=kind.of,
            what=folder.rsplit("/", 1)[-1],
        ),
        text=ask(host, _ASK, kind.why, folder=folder, list=index, target=target, tool=tool, of=kind.of),
        files=(*files, host.file(index, "".join(sums))),
        target=target,
        result="".join(name + "\n" for name in spoilt),
        needs=(index,),
        reads=(index,),
        whole=[
            [f"cd {folder}", check, named],
            [f"cd {folder}", f"{check} | grep -v OK", named],
            [f"cd {folder}", check, f"{check} | grep FAILED | cut -d : -f 1 > {target}"],
            [f"cd {folder} && {check}", f"{check} | sed -n 's/: FAILED//p' > {target}"],
        ],
        right={
            "one_by_one": f'cd {folder} && {each} {tool} "$n" | grep -q $s || echo "$n"; done < {bare} > {target}',
            "compared": [
                f"cd {folder}",
                f"{each} [ \"$({tool} < $n | cut -d ' ' -f 1)\" = $s ] || echo $n; done < {bare} > {target}",
            ],
        },
        confirm=[[f"cat {target}"]],
        wrong={
            "another": f"echo {good} > {target}",
            "one_too_many": f"printf '%s\\n' {' '.join(spoilt)} {good} > {target}",
            "none": f": > {target}",
            "all_of_them": f"cut -c 35- {index} > {target}",
            "list_renewed": [named, f"cd {folder}", f"{tool} {' '.join(mine)} > {bare}"],
            "other_path": named + ".new",
        },
    )
