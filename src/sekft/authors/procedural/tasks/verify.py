"""Verify files against a list of checksums and write down which are damaged."""

from __future__ import annotations

import hashlib

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[check|verify] the files in <folder> against <list> (<tool>) and write the name of [each|every] file that does not agree to <target>.",
    "<target> [should name|is to name] the files of <folder> that differ from <list>, [as <tool> finds them|a list made by <tool>].",
    "files in <folder> [may have been damaged|may have changed] since <tool> wrote <list>. [Names of those that have|The names of such files] [go into|belong in] <target>.",
    "<list> holds the sums by <tool> of what lies in <folder>. Name in <target> [what no longer agrees|whatever no longer agrees].",
    "which files in <folder> fail <tool> with <list>? Their names [go|are to go] to <target>.",
    "names of [damaged|altered] files are [wanted|due] in <target>; <tool> and <list> tell which ones of <folder> they are.",
    "the sums in <list> (<tool>) no longer fit all files of <folder>. [Put|Write] the names of those that fail into <target>.",
    "[let|have] <tool> go through <list> in <folder>; the names of [those that fail|what fails] go into <target>.",
    "could <target> list, by name, whatever in <folder> does not pass <tool> with <list>?",
    "[every|each] file in <folder> whose sum is not the one in <list> [should have|is to have] its name in <target>. The list [is|was made] by <tool>.",
    "<folder> was [copied|restored]; not everything came through. By <list> (<tool>), name in <target> the files that are not what they were.",
    "[a report|a short report] is wanted, <target>: the names of files in <folder> that disagree with their <tool> line in <list>.",
    "trust in <folder> depends on <list>. Run <tool> over it, and let <target> have the names of what is not right.",
)

# The form is said last, whatever the core leaves open.
_FORM = "[A line for each file|One line for each file], the name alone, in the order of <list>."


@TASKS.kind("verify")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    target = new_path(host, folder.rsplit("/", 1)[0], "result")
    tool = host.skin.choice(["md5sum", "sha256sum"])
    mine = sorted(f"{names.compound()}.{names.word((1, 1))}" for _ in range(rng.randint(4, 6)))
    spoilt = sorted(mine[at] for at in rng.sample(range(len(mine)), rng.choice([1, 1, 2])))
    texts = {name: f"{names.word()} {names.compound()}\n" for name in mine}
    sums = [
        f"{hashlib.new(tool.removesuffix('sum'), text.encode()).hexdigest()}  {name}\n" for name, text in texts.items()
    ]
    index = f"{folder}/{names.word().upper()}"
    changed = {name: text + f"{names.word()}\n" if name in spoilt else text for name, text in texts.items()}
    files = tuple(host.file(f"{folder}/{name}", text) for name, text in changed.items())
    bare = index.rsplit("/", 1)[-1]
    check, named = f"{tool} -c {bare}", f"printf '%s\\n' {' '.join(spoilt)} > {target}"
    good = next(name for name in mine if name not in spoilt)
    each = "while read -r s n; do"
    return job(
        host,
        title=host.say("[damaged files|a check|what has changed] in <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, [f"{core} {_FORM}" for core in _ASK], folder=folder, list=index, target=target, tool=tool),
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
