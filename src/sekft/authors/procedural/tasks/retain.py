"""Keep the newest of dated files and delete the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "keep the <count> newest <stem> files in <folder>, by the date in the name, and delete the older ones.",
    "delete all but the <count> latest <stem> files in <folder> (go by the date in the name).",
    "there are too many <stem> files in <folder>. Keep the <count> with the latest dates in their names and delete the rest of them.",
    "please thin out the <stem> files in <folder>: the <count> newest stay, the older ones go. The date in the name counts, not the time stamp.",
    "we only need the last <count> of the dated <stem> files in <folder>; please delete the earlier ones. The names have the dates.",
    "clear old <stem> files out of <folder>. Keep the <count> most recent by the date in the name, and everything that is no <stem> file.",
    "the <stem> files in <folder> have a date in their names. Keep the <count> with the latest dates, delete the others.",
    "could you delete the old <stem> files in <folder>? The <count> newest by the date in the name should stay.",
    "trim <folder>: of the files named <stem> and a date, only the <count> latest dates are to be kept. Leave the other files alone.",
    "remove the <stem> files with the older dates in their names from <folder>, so that exactly the <count> latest are left.",
)


@TASKS.kind("retain")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder = host.place()
    keep, total = rng.randint(2, 4), rng.randint(5, 8)
    found = host.world.collection(1 + rng.randint(1, 2))
    kind, stem, ending = found.kind, found.stems[0], found.ending
    form, last = skin.choice(["%Y-%m-%d", "%Y-%m-%d", "%Y%m%d"]), datetime.fromtimestamp(host.mtime, UTC)
    days = sorted(skin.sample(range(1, 300), total), reverse=True)
    dated = [f"{stem}-{last - timedelta(days=day):{form}}.{ending}" for day in days]
    rest = [f"{name}.{ending}" for name in found.stems[1:]]
    order = [*dated, *rest]
    rng.shuffle(order)
    doomed, kept = dated[:-keep], dated[-keep:]
    glob = f"{folder}/{stem}-*"
    count = ["two", "three", "four"][keep - 2]
    return job(
        host,
        title=host.say(
            "[old <stem> files|old files in <what>|what to keep in <what>|clear out <what>]",
            stem=stem,
            what=folder.rsplit("/", 1)[-1],
        ),
        text=ask(host, _ASK, kind.why, folder=folder, stem=stem, count=count),
        needle=folder,
        files=tuple(host.file(f"{folder}/{name}", host.page(kind.lines, host.some(rng, 1, 3))) for name in order),
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
