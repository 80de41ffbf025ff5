"""Verify files against a list of checksums and write down which are damaged."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural import folders, tolerance
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, called, job, new_path

_ASK = (
    "check the files in <folder> against <list> with <tool>, and write the names of the damaged ones to <target>, one per line.",
    "please verify the <of> in <folder> with <list> (<tool>). The names of those that fail go into <target>.",
    "which files in <folder> no longer match <list>? Check with <tool> and write their names to <target>.",
    "some <of> in <folder> may be damaged. <list> has the <sort> sums; please list the bad ones in <target>.",
    "could you check <folder> with <tool> and <list>, and leave the names of the files that don't match in <target>?",
    "find the damaged files in <folder> with <list>, made by <tool>, and put their names into <target>.",
    "the <of> in <folder> were copied, and not all of them match <list> (<tool>). Write the names of those to <target>.",
)


@TASKS.kind("verify")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    found = host.world.collection(host.some(rng, 3, 5))
    folder = host.place(found.kind.folders)
    target = new_path(host, folder, "result", "damaged failed broken mismatches")
    tool = skin.choice(["md5sum", "sha256sum"])
    kind, mine = found.kind, sorted(f"{stem}.{found.ending}" for stem in found.stems)
    spoilt = sorted(mine[at] for at in rng.sample(range(len(mine)), rng.choice([1, 1, 2])))
    texts = folders.pages(host, kind, mine, host.some(rng, 2, 4))
    sums = [
        f"{hashlib.new(tool.removesuffix('sum'), text.encode()).hexdigest()}  {name}\n" for name, text in texts.items()
    ]
    index = f"{folder}/{called(host, f'{tool.upper()}S CHECKSUMS')}"
    changed = {name: text[: len(text) // 2] if name in spoilt else text for name, text in texts.items()}
    files = tuple(host.file(f"{folder}/{name}", text) for name, text in changed.items())
    bare = index.rsplit("/", 1)[-1]
    check, named = f"{tool} -c {bare}", f"printf '%s\\n' {' '.join(spoilt)} > {target}"
    good = next(name for name in mine if name not in spoilt)
    each = "while read -r s n; do"
    return job(
        host,
        title=host.phrase(
            "[are the <of> all right?|broken <of>|<of>: sums do not match|damage in <what>]",
            of=kind.of,
            what=folder.rsplit("/", 1)[-1],
        ),
        text=ask(
            host,
            _ASK,
            kind.why,
            folder=folder,
            list=index,
            target=target,
            tool=tool,
            sort=tool.removesuffix("sum"),
            of=kind.of,
        ),
        files=(*files, host.file(index, "".join(sums))),
        target=target,
        result="".join(name + "\n" for name in spoilt),
        alike=tolerance.NAMES,
        needs=(index,),
        reads=(index,),
        whole=[
            [f"cd {folder}", check, named],
            [f"cd {folder}", f"{check} | grep -v OK", named],
            [f"cd {folder}", check, f"{check} | grep FAILED | cut -d : -f 1 > {target}"],
            [f"cd {folder} && {check}", f"{check} | sed -n 's/: FAILED//p' > {target}"],
        ],
        right={
            "as_printed": [f"cd {folder}", f"{check} | grep FAILED > {target}"],
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
            "all_of_them": f"sed 's/.* //' {index} > {target}",
            "list_renewed": [named, f"cd {folder}", f"{tool} {' '.join(mine)} > {bare}"],
            "other_path": named + ".new",
        },
    )
