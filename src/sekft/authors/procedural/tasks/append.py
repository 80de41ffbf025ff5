"""Add a line to a file that exists and keep the rest."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, named, quoted, told

_ASK = (
    "add <line> at the end of <path>.",
    "<path> is missing its last line: <line>",
    "please put <line> at the bottom of <path>.",
    "we forgot a line in <path>. It goes at the end: <line>",
    "could you add a line to <path>? Right at the end, please: <line>",
    "<who> noticed that <path> stops one line short. Please add <line> below what is there.",
    "one more line for the end of <path>: <line>",
    "write <line> under the last line of <path>.",
    "<role> dictated one more line for <path>. It goes at the very end: <line>",
)


@TASKS.kind("append")
def make(host: Host) -> Job:
    document = host.world.document(host.some(host.rng, 3, 6))
    kind = document.kind
    folder = host.place(kind.folders)
    path = named(host, folder, "text", document.stem)
    line = host.text(document.added[0])
    before = "".join(f"{row}\n" for row in [kind.title, "", *map(host.text, document.lines)])
    word = quoted(line)
    return job(
        host,
        title=host.phrase(
            "[a line for <what>|<what>, the last line|something left out|<what> stops short]", what=kind.title
        ),
        text=ask(
            host,
            _ASK,
            kind.why,
            path=path,
            line=told(line),
            who=host.person().first,
            role=host.role(),
        ),
        needle=line,
        sources={path: before},
        target=path,
        result=before + line + "\n",
        looks=[f"cat {path}", f"tail -n 3 {path}", f"tail {path}"],
        direct=[
            f"echo {word} >> {path}",
            f"printf '%s\\n' {word} >> {path}",
            f"cat >> {path} <<'EOF'\n{line}\nEOF",
            f"sed -i {quoted(f'$a {line}')} {path}",
        ],
        right={
            "edited": f"{{ cat {path}; echo {word}; }} > /tmp/new && cat /tmp/new > {path}",
            "appended_by_dd": f"echo {word} | dd of={path} oflag=append conv=notrunc",
        },
        confirm=[[f"tail -n 2 {path}"], [f"cat {path}"], [f"tail {path}"], [f"tail -n 3 {path}"]],
        wrong={
            "overwritten": f"echo {word} > {path}",
            "twice": [f"echo {word} >> {path}"] * 2,
            "at_the_top": f"sed -i {quoted(f'1i {line}')} {path}",
            "other_path": f"echo {word} >> {path}.new",
            "last_replaced": [f"sed -i '$d' {path}", f"echo {word} >> {path}"],
        },
    )
