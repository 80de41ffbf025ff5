"""Keep the newest of dated files and delete the others."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "[keep|retain] the <count> newest of the <stem> files in <folder>, [by the date in their names|going by the date in the name], and delete the [older ones|others].",
    "<folder> [holds|has] too many <stem> files: the <count> latest by date stay, [the rest is to go|older ones are to be deleted].",
    "of the dated <stem> files in <folder>, [only|just] the last <count> are to be kept; delete [the rest|the earlier ones].",
    "[delete|remove] all but the <count> most recent <stem> files in <folder> (the date is [in|part of] the name).",
    "the rule for <stem> files in <folder>: <count> are kept, the newest by the date in the name; [whatever is older|any older one] is to be removed.",
    "older <stem> files [should go|are to be deleted] from <folder>, so that [only|exactly] the <count> newest, by their date, remain.",
    "[thin out|trim] the <stem> files in <folder> down to the <count> with the latest dates.",
    "of the <stem> files, <count> are [enough|what we keep] in <folder>: the newest ones. [The dates are in the names.|Their names hold the dates.] The rest [is to be|has to be] deleted.",
    "names in <folder> that begin with <stem> hold a date. The files with the <count> latest dates stay, those with an earlier one [are to be deleted|have to go].",
    "could the <stem> files in <folder> be cut down to the <count> newest? [The name gives the date.|Go by the date in the name.]",
    "nothing but the <count> latest of the dated <stem> files should [remain|be left] in <folder> [; other files are not concerned|].",
    "[room is needed|space runs short] in <folder>; of the dated <stem> files, keep the <count> newest and delete the older ones.",
    "whatever is older than the <count> newest <stem> files in <folder> is to be deleted; the date [stands|is] in each name.",
)


@TASKS.kind("retain")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    stem, ending = names.word(), names.word((1, 1))
    keep, total = rng.randint(2, 4), rng.randint(5, 8)
    year = skin.randint(2012, 2023)
    form = skin.choice(["{y}-{m:02d}-{d:02d}", "{y}{m:02d}{d:02d}", "{y}.{m:02d}.{d:02d}"])
    days = sorted(skin.sample(range(336), total))
    dated = [
        f"{stem}-{form.format(y=year + day // 168, m=day % 168 // 14 + 1, d=day % 14 + 11)}.{ending}" for day in days
    ]
    rest = [f"{names.word()}.{ending}" for _ in range(rng.randint(1, 2))]
    order = [*dated, *rest]
    rng.shuffle(order)
    doomed, kept = dated[:-keep], dated[-keep:]
    glob = f"{folder}/{stem}-*"
    digits = skin.random() < 0.5
    count = str(keep) if digits else ["two", "three", "four"][keep - 2]
    return job(
        host,
        title=host.say("[old files|what to keep|thinning out] in <what>", what=folder.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, folder=folder, stem=stem, count=count),
        needle=folder,
        files=tuple(host.file(f"{folder}/{name}", names.compound() + "\n") for name in order),
        gone=tuple(f"{folder}/{name}" for name in doomed),
        folder=folder,
        looks=[f"ls -A {folder}", f"ls -lA {folder}", f"ls {glob}"],
        direct=[
            f"ls {glob} | head -n -{keep} | xargs rm",
            f"ls -r {glob} | tail -n +{keep + 1} | xargs rm",
            f"rm $(ls {glob} | sort | head -n -{keep})",
        ],
        informed=[f"rm {' '.join(f'{folder}/{name}' for name in doomed)}"],
        right={
            "last_first": [f"rm -f {folder}/{name}" for name in reversed(doomed)],
            "by_loop": f'ls {glob} | sort -r | sed 1,{keep}d | while read -r f; do rm "$f"; done',
            "inside": [f"cd {folder}", f"rm {' '.join(doomed)}"],
        },
        confirm=[[f"ls -A {folder}"], [f"ls -lA {folder}"], [f"find {folder} -type f"]],
        wrong={
            "one_too_few": f"ls {glob} | head -n -{keep + 1} | xargs rm",
            "one_too_many": f"ls {glob} | head -n -{keep - 1} | xargs rm",
            "newest_deleted": f"rm {' '.join(f'{folder}/{name}' for name in kept)}",
            "all_deleted": f"rm {folder}/{stem}-*",
            "others_too": [f"rm {folder}/{rest[0]}", *(f"rm {folder}/{name}" for name in doomed)],
            "moved_away": f"mkdir {folder}/old && mv {' '.join(f'{folder}/{name}' for name in doomed)} {folder}/old/",
        },
    )
