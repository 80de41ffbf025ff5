"""Apply the change that a diff describes."""

from __future__ import annotations

import difflib

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path, within

_ASK = (
    "[apply|carry out] the change in <diff> to <path> [; the diff itself stays|].",
    "<diff> [describes|shows] what is to change in <path>. Make that change [, and no other|].",
    "<path> [lags behind|is still in its old state]: the lines that <diff> marks have to be [taken out or put in|removed or added].",
    "bring <path> to the state that <diff> [leads to|asks for].",
    "there is a diff, <diff>, that was never [applied|worked in]. The file it is for is <path>.",
    "the difference in <diff> [should be|is to be] worked into <path>.",
    "work <diff> into <path>: [lines with a minus go, lines with a plus come|lines with a minus out, lines with a plus in].",
    "what <diff> takes out and puts in should be taken out of and put into <path> [, whichever way|].",
    "could <path> be changed as <diff> [says|has it]?",
    "in <diff> [lies|you have] a correction for <path>, as a diff [in the usual form|]. It [still has to|has yet to] be made.",
    "a few lines of <path> are wrong. <diff> says which, and what [should stand|belongs] there instead.",
    "<path> is to read as the diff <diff> [would have it|makes it] [, line for line|].",
    "the edit was agreed on, as <diff>; [what is left is|it remains] to make it in <path>.",
)


@TASKS.kind("patch")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    path = new_path(host, folder, "text")
    diff = f"{folder}/{names.word()}.{host.skin.choice(['diff', 'patch'])}"
    old = [f"{names.word()} {names.compound()}" for _ in range(rng.randint(5, 9))]
    changed, dropped = rng.sample(range(len(old)), 2)
    fresh = f"{old[changed].split()[0]} {names.compound()}"
    new = [fresh if at == changed else line for at, line in enumerate(old) if at != dropped]
    name = path.rsplit("/", 1)[-1]
    hunks = difflib.unified_diff(old, new, name, name, lineterm="")
    before, after = ("".join(line + "\n" for line in lines) for lines in (old, new))
    edits = f"-e 's/^{old[changed]}$/{fresh}/' -e '/^{old[dropped]}$/d'"
    replaced = f"sed 's/{old[changed]}/{fresh}/' {path}"
    by_tool = f"patch {path} {diff}"
    return job(
        host,
        title=host.say("[a change|a diff|a correction] for <what>", what=name),
        text=ask(host, _ASK, path=path, diff=diff),
        needle=diff,
        sources={path: before, diff: "\n".join(hunks) + "\n"},
        target=path,
        result=after,
        whole=[
            [f"cat {diff}", by_tool],
            [f"cat {path}", f"cat {diff}", by_tool],
            [f"cat {diff}", f"patch {path} < {diff}"],
            [f"cat {diff}", f"sed -i {edits} {path}"],
            [f"cat {path} {diff}", f"sed -i {edits} {path}"],
            [f"cat {diff}", f"sed -i 's/{old[changed]}/{fresh}/' {path}", f"sed -i '/{old[dropped]}/d' {path}"],
            [f"cat {diff}", f"{replaced} | grep -v '^{old[dropped]}$' > /tmp/new && cat /tmp/new > {path}"],
            [f"cat {diff}", f"cp {path} /tmp/old && sed {edits} /tmp/old > {path}"],
            [f"cd {folder}", *(within(folder, command) for command in (f"cat {diff}", by_tool))],
        ],
        right={
            "backup_kept": f"sed -i.orig {edits} {path}",
            "by_tool_inside": [f"cd {folder}", by_tool],
        },
        confirm=[[f"cat {path}"], [f"cat -n {path}"]],
        wrong={
            "half": f"sed -i 's/{old[changed]}/{fresh}/' {path}",
            "other_half": f"sed -i '/{old[dropped]}/d' {path}",
            "added_only": f"echo '{fresh}' >> {path}",
            "diff_copied": f"cp {diff} {path}",
            "other_path": f"sed {edits} {path} > {path}.new",
        },
    )
