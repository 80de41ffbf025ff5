"""Make a file that holds given text."""

from __future__ import annotations

import re

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ONE = (
    "create <path> with this one line: <line>",
    "put this line into a new file <path>: <line>",
    "please create <path>. It has one line: <line>",
    "<path> is missing. It should say: <line>",
    "write '<line>' to <path>, a new file.",
    'create a file <path> that says "<line>" and nothing else.',
    "we need a [note|marker] <path>. Please write '<line>' into it, without the quotes.",
    "could you leave a note as <path>? Just the line '<line>', no quotes.",
    "people look for <path> and find nothing. Put one line there: <line>",
    "in <folder>, make a file <name> with the line '<line>'. It does not exist yet.",
)
_TWO = (
    "create <path> with two lines, first '<line>', then '<second>'.",
    "please write a new file <path>. Line one: '<line>'. Line two: '<second>'.",
    'put "<line>" and, on a second line, "<second>" into a new file <path>.',
    "<path> is missing. It should have two lines, '<line>' and below it '<second>'.",
    "in <folder>, make a file <name> of two lines: '<line>', and after that '<second>'.",
    "we need a note <path> with '<line>' on the first line and '<second>' on the second, without the quotes.",
    "could you create <path>? It gets two lines: '<line>' and then '<second>'.",
    "write to <path>, which does not exist yet: '<line>' on one line, '<second>' on the next.",
)
_LINES = (
    "<item>: checked on <iso> by <who>",
    "<item>: ask <who> first",
    "<n> <of> counted, <k> missing",
    "List of <of> approved on <iso> by <who>",
    "Questions to <who>, <room>",
    "In use by <who> until <iso>",
    "Closed on <day> from 1<k>:00",
    "Owner: <who>, <room>, until <iso>",
    "Reserved for <event>, <n> places",
    "Next check of <room>: <iso>",
    "status=[open|closed|pending|ready] contact=<who>",
    "Do not delete before <iso>, <who>",
    "Date of <event>: <day>, 1<k>:30, <room>",
    "The key to <room> is with <who>",
    "<k> of <n> done by <iso>, the rest by <day>",
    "Handed over to <who> on <iso>, <room>",
    "Ask <role> before you change anything here",
    "Nothing in this folder is final before <iso>",
)
_NAMES = "notice readme label sign contact status reserved handover marker"
_QUOTES = re.compile(r"['\"\\$`<>|]")


@TASKS.kind("write")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder = host.place()
    name = f"{host.world.stem(_NAMES)}{skin.choice(['.txt', '.txt', '.md', '.note', ''])}"
    path = f"{folder}/{name}"
    lines = _drawn(host, rng.choice([1, 1, 2]))
    text = "\n".join(lines) + "\n"
    quoted = " ".join(f"'{line}'" for line in lines)
    echoed = " && ".join(f"echo '{line}' {sign} {path}" for line, sign in zip(lines, (">", ">>"), strict=False))
    return job(
        host,
        title=host.say(
            "[new file in <what>|a note for <what>|<name> in <what>|<name> is missing]",
            what=folder.rsplit("/", 1)[-1],
            name=name,
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


def _drawn(host: Host, count: int) -> list[str]:
    """Lines of the setting, without a stop at the end, so that it is clear where they end, and without quotes."""
    world, skin = host.world, host.skin
    own = [line for kind in world.setting.documents for line in kind.added]
    patterns = [*skin.sample(_LINES, 4), *skin.sample(own, 2)]
    skin.shuffle(patterns)
    listing = world.listing(1)
    lines = []
    for pattern in patterns:
        line = host.text(pattern.replace("<item>", listing.items[0]).replace("<of>", listing.kind.of)).rstrip(".")
        lines += [] if _QUOTES.search(line) else [line]
    return lines[:count]
