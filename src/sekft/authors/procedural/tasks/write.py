"""Make a file that holds given text."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[make|create] a file <path> [that holds|holding|with] just <what>.",
    "<path> [is missing|does not exist yet|was never made]; [it should hold|it is to hold|what belongs in it is] <what>.",
    "[place|put] in a new file, <path>, <what> [and nothing more|].",
    "a file by the name of <path> is [wanted|needed|expected], and in it <what>.",
    "what <path> [should say|has to say|is to contain] is <what>. [The file is not there yet.|]",
    "[write|save] to <path> [, which is not there yet,|, a new file,|] <what>.",
    "one thing is missing in <folder>: a file <name> [that reads|with] <what>.",
    "in <folder>, [create|set up] a file called <name>. Its whole content is <what>.",
    "[somebody looks for <path> and expects|people will look for <path> and expect] to find <what> in it. [It is not there.|]",
    "the [programs|people] that read <path> [want|expect] <what>, and so far the file [is not there|does not exist].",
    "could <path> be made, [please|if possible]? It [holds|should hold] <what>.",
    "to be [filed|kept] as <path>: <what>.",
    "<folder> [should have|needs|gets] a new file <name>. [Content|What goes in]: <what>.",
    "into <path>, a file that [has yet to be made|nobody has made so far], goes [no more than|just] <what>.",
)


@TASKS.kind("write")
def make(host: Host) -> Job:
    names, skin = host.names, host.skin
    folder = host.place()
    path = new_path(host, folder, "text")
    lines = [
        f"{names.word()} {skin.choice(['at', 'of', 'by', 'for', 'near', 'to'])} {names.compound()}"
        + (f" {names.number(11, 980)}" if skin.random() < 0.5 else "")
        for _ in range(host.rng.choice([1, 1, 2]))
    ]
    if len(lines) == 1:
        what = host.phrase("[the single line|one line,|the line] '<line>'", line=lines[0])
    else:
        what = host.phrase(
            "[two lines, '<one>' and '<two>'|the line '<one>' and [below it|after it|then] the line '<two>'],"
            " [in that order|the first above the second]",
            one=lines[0],
            two=lines[1],
        )
    name, text = path.rsplit("/", 1)[-1], "\n".join(lines) + "\n"
    quoted = " ".join(f"'{line}'" for line in lines)
    echoed = " && ".join(f"echo '{line}' {sign} {path}" for line, sign in zip(lines, (">", ">>"), strict=False))
    return job(
        host,
        title=host.say("[new|missing|short] [file|note|marker] [for|in] <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, path=path, folder=folder, name=name, what=what),
        needle=lines[0],
        files=(host.folder(folder),),
        target=path,
        result=text,
        needs=(),
        looks=[f"ls {folder}", f"ls -lA {folder}"],
        direct=[
            f"printf '%s\\n' {quoted} > {path}",
            echoed,
            f"cat > {path} <<'EOF'\n{text}EOF",
        ],
        right={
            "by_dd": f"printf '%s\\n' {quoted} | dd of={path}",
            "copied_in": [f"printf '%s\\n' {quoted} > /tmp/made", f"cp /tmp/made {path}"],
        },
        confirm=[[f"cat {path}"], [f"ls -l {path}", f"cat {path}"]],
        wrong={
            "other_text": f"printf '%s\\n' {quoted} too > {path}",
            "other_path": f"printf '%s\\n' {quoted} > {path}.new",
            "empty_file": f"touch {path}",
            "one_word": f"echo '{lines[0].split()[0]}' > {path}",
            "twice": f"printf '%s\\n' {quoted} {quoted} > {path}",
        },
    )
