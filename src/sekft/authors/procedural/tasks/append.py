"""Add a line to a file that exists and keep the rest."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[add|append] this line to the end of <path> [and keep what is there|, leaving the rest as it is|]: <line>",
    "the [list|record] <path> [lacks|is missing] its last line. [It reads|The line is]: <line>",
    "'<line>' [belongs|is to go|should stand] at the end of <path>, [after|below] what [it holds already|is there now].",
    "<path> [needs|gets|should get] [one more|another] line [, the last one|at its end]: <line>",
    "[below|after] the last line of <path> there [should|has to] be one more, namely <line>",
    "one entry was [left out|forgotten|dropped] when <path> was written: '<line>'. [It goes last|Its place is the end].",
    "[continue|extend] <path> with '<line>' [; what it holds stays|, on a line of its own|].",
    "in <folder>, the file <name> [ends too early|is one line short]. What it lacks at the end is '<line>'.",
    "[whoever reads|readers of] <path> should find '<line>' [as its last line|at the bottom] [, under all the others|].",
    "[enter|note down|record] '<line>' in <path>, [at the bottom|as the last entry] [, without losing an earlier one|].",
    "<name> in <folder> is [up to date|complete] but for '<line>', which [goes|belongs] under the rest.",
    "the rows of <path> are [right|fine] as they are; '<line>' [should|is to] follow them.",
    "[new|a new] last line for <path>: <line>",
    "could '<line>' be added to <path>? [At the very end|As its last line], please.",
)


@TASKS.kind("append")
def make(host: Host) -> Job:
    names = host.names
    folder = host.place()
    path = new_path(host, folder, "text")
    rows = [f"{names.word()} {names.number(10, 999)}" for _ in range(host.rng.randint(3, 9))]
    line = f"{names.word()} {names.number(10, 999)}"
    before = "\n".join(rows) + "\n"
    name = path.rsplit("/", 1)[-1]
    return job(
        host,
        title=host.say("[one more line|an addition|a missing line|an entry left out] for <what>", what=name),
        text=ask(host, _ASK, path=path, folder=folder, name=name, line=line),
        needle=line,
        sources={path: before},
        target=path,
        result=before + line + "\n",
        looks=[f"cat {path}", f"tail -n 3 {path}", f"tail {path}"],
        direct=[
            f"echo '{line}' >> {path}",
            f"printf '%s\\n' '{line}' >> {path}",
            f"cat >> {path} <<'EOF'\n{line}\nEOF",
            f"sed -i '$a {line}' {path}",
        ],
        right={
            "edited": f"awk '{{print}} END {{print \"{line}\"}}' {path} > /tmp/new && cat /tmp/new > {path}",
            "appended_by_dd": f"echo '{line}' | dd of={path} oflag=append conv=notrunc",
        },
        confirm=[[f"tail -n 2 {path}"], [f"cat {path}"], [f"tail {path}"], [f"tail -n 3 {path}"]],
        wrong={
            "overwritten": f"echo '{line}' > {path}",
            "twice": [f"echo '{line}' >> {path}"] * 2,
            "at_the_top": f"sed -i '1i {line}' {path}",
            "other_path": f"echo '{line}' >> {path}.new",
            "last_replaced": f"sed -i '$s/.*/{line}/' {path}",
        },
    )
