"""Write a report with one line for each of several inputs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sekft.authors.procedural import logs, tables, tolerance
from sekft.authors.procedural.host import Host, Job, expand
from sekft.authors.procedural.tasks import TASKS, ask, job
from sekft.scenario import File

_ASK = (
    "for each <ending> file in <folder>, write its name and <figure> to <target>, one line per file.",
    "list the <ending> files of <folder> in <target>, each with <figure>.",
    "please make a short report, <target>: every <ending> file in <folder> with <figure>, a line each.",
    "how do the <of> in <folder> compare? Write a line per <ending> file to <target>, with the file name and <figure>.",
    "go through the <ending> files in <folder> and note the name and <figure> of each in <target>.",
    "I need an overview of <folder> in <target>: a line per <ending> file with its name and <figure>.",
    "could you work out <figure> for each <ending> file in <folder>? Name and number, a line per file, in <target>.",
)

_ABOUT = "[The <of>, day by day.|Older days of the <of>: ask <who>.|<who> reads the <of> on <day>.|One file a day, the <source> before the message.]"
"""What a README may say of logs."""


@dataclass(frozen=True)
class _Inputs:
    """The files that are reported on. target: what the report is called.

    each: sh that prints the figure of "$f". every: awk that prints names and figures of the files after it.
    about: what the README says of them.
    """

    ending: str
    texts: dict[str, str]
    figures: list[int]
    figure: str
    each: str
    every: str
    of: str
    about: str
    why: list[str]
    target: str
    folders: str


@TASKS.kind("report")
def make(host: Host) -> Job:
    rng = host.rng
    inputs = (_tables if rng.random() < 0.5 else _logs)(host, host.some(rng, 2, 4))
    folder = host.place(inputs.folders)
    ending, each, every = inputs.ending, inputs.each, inputs.every
    mine, target = list(inputs.texts), f"{folder.rsplit('/', 1)[0]}/{inputs.target}"
    right = "".join(f"{name} {figure}\n" for name, figure in zip(mine, inputs.figures, strict=True))
    echoed = " ".join(f"'{line}'" for line in right.splitlines())
    what = folder.rsplit("/", 1)[-1]
    files: tuple[File, ...] = tuple(host.file(f"{folder}/{name}", text) for name, text in inputs.texts.items())
    rest = host.file(f"{folder}/README", f"{inputs.about}\n")
    return job(
        host,
        title=host.phrase("[<of> at a glance|<of>, compared|overview of <what>|figures for <what>]", what=what, of=inputs.of),
        text=ask(host, _ASK, inputs.why, folder=folder, target=target, ending=ending, figure=inputs.figure, of=inputs.of),
        files=(*files, rest),
        target=target,
        result=right,
        alike=tolerance.PAIRS,
        reads=(f"{folder}/{mine[0]}",),
        folder=folder,
        looks=[f"head {folder}/*{ending}", f"head -n 4 {folder}/*{ending}", f"cat {folder}/*{ending}"],
        direct=[
            f'for f in {folder}/*{ending}; do echo "$(basename "$f") $({each})"; done > {target}',
            [f"cd {folder}", f'for f in *{ending}; do echo "$f $({each})"; done > {target}'],
            f"cd {folder} && {every} *{ending} | sort > {target}",
            [f'for f in {folder}/*{ending}; do printf \'%s %s\\n\' "${{f##*/}}" "$({each})"; done > {target}'],
            [f'for f in {folder}/*{ending}; do echo "$f $({each})"; done', f"printf '%s\\n' {echoed} > {target}"],
        ],
        right={
            "with_folders": f'for f in {folder}/*{ending}; do echo "$f: $({each})"; done > {target}',
            "number_first": f"cd {folder}; for f in *{ending}; do echo \"$({each}) $f\"; done | sort -r > {target}",
        },
        confirm=[[f"cat {target}"], [f"cat -n {target}"], [f"cat {target}", f"ls {folder}"]],
        wrong={
            "other_files_too": f'cd {folder}; for f in *; do echo "$f $({each})"; done > {target}',
            "off_by_one": f"printf '%s\\n' {echoed} | sed \"1s/.*/{mine[0]} {inputs.figures[0] + 1}/\" > {target}",
            "one_lost": f"printf '%s\\n' {echoed} | sed '$d' > {target}",
            "names_only": f"cd {folder}; ls *{ending} > {target}",
            "other_path": f"printf '%s\\n' {echoed} > {target}.new",
        },
    )  # fmt: skip


def _tables(host: Host, count: int) -> _Inputs:
    """A table for each of some months in a row, whose amounts are summed."""
    rng, skin = host.rng, host.skin
    form = tables.draw(skin, host.brief)
    sizes = [host.some(rng, 2, 4) for _ in range(count)]
    table = host.world.table(sum(sizes), 3)
    kind, last = table.kind, datetime.fromtimestamp(host.mtime, UTC)
    texts, sums = {}, []
    for at, size in enumerate(sizes):
        years, month = divmod(last.year * 12 + last.month - 1 - count + at, 12)
        amounts = [rng.randint(kind.low, kind.high) for _ in range(size)]
        rows = [
            (key, skin.choice(table.groups), str(amount))
            for key, amount in zip(table.keys[sum(sizes[:at]) :], amounts, strict=False)
        ]
        texts[f"{table.stem}-{years}-{month + 1:02}{form.ending}"] = form.text(
            [kind.key, kind.group, kind.amount], rows
        )
        sums.append(sum(amounts))
    each = form.awk("$3 {s += $3} END {print s}", '"$f"')
    split = {" ": "", "\t": r" -F'\t'"}.get(form.sep, f" -F{form.sep}")
    column, split = ("$4", " -F': '") if form.ending == ".jsonl" else ("$3", split)
    every = f"awk{split} '{{a[FILENAME] += {column}}} END {{for (f in a) print f, a[f]}}'"
    what = f"the sum of {form.column(kind.amount)}"
    return _Inputs(
        form.ending,
        texts,
        sums,
        what,
        each,
        every,
        f"monthly tables of {kind.rows}",
        f"{kind.rows[:1].upper()}{kind.rows[1:]}, a table a month.\n{kind.amount}: {kind.what}",
        kind.why,
        f"{table.stem}-{kind.amount}.txt",
        kind.folders,
    )


def _logs(host: Host, count: int) -> _Inputs:
    """A log for each of some days in a row, whose lines are counted."""
    log, form = host.world.log(2), logs.draw(host)
    story, kind = logs.Story(host, log), log.kind
    texts = {}
    for number in range(count):
        entries = [story.entry(host.skin.choice(log.sources)) for _ in range(host.some(host.rng, 2, 5))]
        text = form.text(host, entries, [number] * len(entries))
        texts[f"{log.stem}-{logs.day(host, number):%Y-%m-%d}.log"] = text
    every = "awk '{a[FILENAME]++} END {for (f in a) print f, a[f]}'"
    return _Inputs(
        ".log",
        texts,
        [text.count("\n") for text in texts.values()],
        "the number of lines",
        'wc -l < "$f"',
        every,
        f"{kind.of}s",
        expand(host, _ABOUT, of=kind.of, source=kind.source),
        kind.why,
        f"{log.stem}-lines.txt",
        log.kind.folders,
    )
