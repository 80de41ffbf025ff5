"""Make a file that holds given text."""

from __future__ import annotations

import re

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, called, job

_ONE = (
    "create <path> with this one line: <line>",
    "please put this line into a new file <path>: <line>",
    "<path> is missing. It should say: <line>",
    "write '<line>' to <path>, a new file.",
    "we need a file <path> that says '<line>'.",
    "could you leave a note as <path>? Just the line '<line>'.",
    "people look for <path> and find nothing. Put one line there: <line>",
    "in <folder>, make a file <name> with the line '<line>'.",
)
_TWO = (
    "create <path> with two lines, first '<line>', then '<second>'.",
    "please write a new file <path>. Line one: '<line>'. Line two: '<second>'.",
    "<path> is missing. It should have two lines, '<line>' and below it '<second>'.",
    "in <folder>, make a file <name> of two lines: '<line>', and after that '<second>'.",
    "we need a note <path> with '<line>' on the first line and '<second>' on the second.",
    "could you create <path>? It gets two lines: '<line>' and then '<second>'.",
)
_LINES = (
    ("contact", "Questions to <who>, <room>"),
    ("reserved", "Reserved for <event>, <12..60> places"),
    ("notice", "Closed on <day> from 1<k>:00"),
    ("owner", "Owner: <who>, <room>, until <soon>"),
    ("in-use", "In use by <who> until <soon>"),
    ("handover", "Handed over to <who> on <iso>, <room>"),
    ("approved", "Approved on <iso> by <who>"),
    ("progress", "<3..9> of <12..40> done on <iso>"),
    ("next-check", "Next check of <room>: <soon>, <who>"),
    ("appointment", "Date of <event>: <day>, 1<k>:30, <room>"),
    ("keys", "The key to <room> is with <who>"),
    ("counted", "<12..80> <of> counted on <iso>, <2..6> missing"),
    ("draft", "Nothing in this folder is final before <soon>"),
)
"""What a file is called, and its line."""
_MORE = (
    "Last change <iso>, <who>",
    "More from <who>, <room>",
    "Valid until <soon>",
    "Ask <who> if something is missing",
)
"""Second lines."""
_QUOTES = re.compile(r"['\"\\$`<>|]")


@TASKS.kind("write")
def make(host: Host) -> Job:
    folder = host.place()
    stem, lines = _drawn(host, host.rng.choice([1, 1, 2]))
    name = f"{called(host, stem)}.txt"
    path = f"{folder}/{name}"
    text = "\n".join(lines) + "\n"
    quoted = " ".join(f"'{line}'" for line in lines)
    echoed = " && ".join(f"echo '{line}' {sign} {path}" for line, sign in zip(lines, (">", ">>"), strict=False))
    return job(
        host,
        title=host.phrase(
            "[note for <what>|<what> needs a note|a word in <what>|<what>, missing note]",
            what=folder.rsplit("/", 1)[-1],
        ),
        text=ask(
            host,
            _ONE if len(lines) == 1 else _TWO,
            path=path,
            folder=folder,
            name=name,
            line=lines[0],
            second=lines[-1],
        ),
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


def _drawn(host: Host, count: int) -> tuple[str, list[str]]:
    """A name for the file and its lines, without a stop at the end, so that it is clear where they end."""
    of = host.world.rng.choice(host.world.setting.lists).of
    stem, first = host.skin.choice(_LINES)
    lines = [first, host.skin.choice(_MORE)][:count]
    who = host.person().first
    return stem, [_QUOTES.sub("", host.text(line.replace("<of>", of).replace("<who>", who))) for line in lines]
