"""Write a report with one line for each of several inputs."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[write|compile] a report <target> with one line for each .<ending> file in <folder>: its name (no folder), a space, and <figure>, in the order of the names.",
    "<target> should [have|hold] a line for every .<ending> file in <folder>, the bare name first, then a space, then <figure>, sorted by name.",
    "for each .<ending> file in <folder> [we need|somebody needs] <figure>. [They go as lines|Write lines] of the form NAME NUMBER, names without folders, sorted by name, to <target>.",
    "how do the .<ending> files in <folder> compare? <target> is to show, for each, the file name (no folder) and <figure>, [a blank between|one blank between them], in the order of the names.",
    "[go over|take] the .<ending> files in <folder> one by one and write to <target>, sorted by name, [one line each|a line for each]: NAME NUMBER, where NAME has no folder and NUMBER is <figure>.",
    "the report <target> is [due|overdue]. It is to give, for each .<ending> file in <folder>, <figure>: bare name, one space, number, in the order of the names.",
    "one line a file, NAME NUMBER: that is the form of <target>, sorted by name. The files are those ending in .<ending> in <folder>, their names are given without the folder, and the number is <figure>.",
    "[list|show] in <target>, sorted by name, every .<ending> file of <folder> together with <figure>, each line as NAME NUMBER, names without folders.",
    "could <target> say, for each file ending in .<ending> in <folder>, <figure>? [Lines are|A line is] NAME NUMBER, with the bare name and one blank between, sorted by name.",
    "what is [wanted|expected] in <target>, behind the bare name of each .<ending> file in <folder> and one space, is <figure>; lines sorted by name.",
    "[from|out of] several inputs, make one overview, <target>, with the bare name of each .<ending> file in <folder> and, after one blank, <figure>, in the order of the names.",
    "the .<ending> files of <folder> [are inputs|were handed in]; <target> is to sum them up, a line each: name (no folder), one space and <figure>, sorted by name.",
    "[an overview|a summary] of <folder> is missing. Lines of <target>: name of a .<ending> file (no folder), one blank, <figure>; sorted by name.",
)


@TASKS.kind("report")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    target = new_path(host, folder.rsplit("/", 1)[0], "result")
    ending, other = names.word((1, 2)), names.word((1, 2))
    mine = sorted(f"{names.compound()}.{ending}" for _ in range(rng.randint(3, 4)))
    summed = rng.random() < 0.5
    tables = [[rng.randint(2, 60) for _ in range(rng.randint(3, 7))] for _ in mine]
    texts = ["".join(f"{names.word((1, 2))} {number}\n" for number in table) for table in tables]
    figures = [sum(table) if summed else len(table) for table in tables]
    right = "".join(f"{name} {figure}\n" for name, figure in zip(mine, figures, strict=True))
    forms = (
        ("the sum of its second column", "what its second column adds up to")
        if summed
        else ("the number of its lines", "how many lines it has")
    )
    each = "awk '{s += $2} END {print s}' \"$f\"" if summed else 'wc -l < "$f"'
    step = " += $2" if summed else "++"
    every = f"awk '{{a[FILENAME]{step}}} END {{for (f in a) print f, a[f]}}'"
    echoed = " ".join(f"'{line}'" for line in right.splitlines())
    rest = host.file(f"{folder}/{names.word()}.{other}", f"{names.word()} {names.number(100, 999)}\n")
    return job(
        host,
        title=host.say("[a report on|an overview of|figures on] <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, folder=folder, target=target, ending=ending, figure=skin.choice(forms)),
        files=(*(host.file(f"{folder}/{name}", text) for name, text in zip(mine, texts, strict=True)), rest),
        target=target,
        result=right,
        reads=(f"{folder}/{mine[0]}",),
        folder=folder,
        looks=[f"head {folder}/*.{ending}", f"head -n 4 {folder}/*.{ending}", f"cat {folder}/*.{ending}"],
        direct=[
            f'for f in {folder}/*.{ending}; do echo "$(basename "$f") $({each})"; done > {target}',
            [f"cd {folder}", f'for f in *.{ending}; do echo "$f $({each})"; done > {target}'],
            f"cd {folder} && {every} *.{ending} | sort > {target}",
            [f'for f in {folder}/*.{ending}; do printf \'%s %s\\n\' "${{f##*/}}" "$({each})"; done > {target}'],
            [f'for f in {folder}/*.{ending}; do echo "$f $({each})"; done', f"printf '%s\\n' {echoed} > {target}"],
        ],
        confirm=[[f"cat {target}"], [f"cat -n {target}"], [f"cat {target}", f"ls {folder}"]],
        wrong={
            "with_folders": f'for f in {folder}/*.{ending}; do echo "$f $({each})"; done > {target}',
            "other_files_too": f'cd {folder}; for f in *; do echo "$f $({each})"; done > {target}',
            "off_by_one": f"printf '%s\\n' {echoed} | sed \"1s/.*/{mine[0]} {figures[0] + 1}/\" > {target}",
            "one_lost": f"printf '%s\\n' {echoed} | sed '$d' > {target}",
            "names_only": f"cd {folder}; ls *.{ending} > {target}",
            "other_path": f"printf '%s\\n' {echoed} > {target}.new",
        },
    )
