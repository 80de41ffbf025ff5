"""Keep the newest of dated files and delete the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sekft.authors.procedural import logs
from sekft.authors.procedural.host import LOGS, Host, Job, expand
from sekft.authors.procedural.tasks import TASKS, ask, job
from sekft.authors.procedural.world import Log

_ASK = (
    "keep the <count> newest <stem>-*.log in <folder> and delete the older ones.",
    "please delete all but the <count> latest of the <stem> logs in <folder>.",
    "there are too many <stem> logs in <folder>. Keep the <count> newest, the others can go.",
    "we only need the last <count> of the <stem> logs in <folder>, the others can be deleted.",
    "could you delete the old <stem>-*.log in <folder>, all but the <count> newest?",
    "please thin out the <stem> logs in <folder>: the <count> newest stay, by the date in the name.",
)


_WHY = (
    "<who> can't find anything in there any more.",
    "<role> needs room for <event>.",
    "The backup of <day> did not fit.",
    "<who> has a copy of the old ones in <room>.",
)
_ABOUT = "[The <of> of <host>, one file a <often>.|The <of>, a new file each <often>. Questions to <who>.|<of>, written by <host>.]"
"""What the README beside the logs says."""


@TASKS.kind("retain")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    keep, total = rng.randint(2, 3), rng.randint(5, 6)
    log = host.world.log(2)
    folder = host.place(log.kind.folders, LOGS)
    stem, every, last = log.stem, skin.choice([1, 1, 7]), datetime.fromtimestamp(host.mtime, UTC)
    days = [last - timedelta(days=every * at) for at in reversed(range(total))]
    form = skin.choice(["%Y-%m-%d", "%Y-%m-%d", "%Y%m%d"])
    dated = [f"{stem}-{day:{form}}.log" for day in days]
    layout = logs.draw(host)
    texts = [_page(host, layout, log, -every * at) for at in reversed(range(total))]
    files = [
        host.file(f"{folder}/{name}", text).model_copy(update={"mtime": int(day.timestamp()) + 86400})
        for name, text, day in zip(dated, texts, days, strict=True)
    ]
    files.append(
        host.file(f"{folder}/README", expand(host, _ABOUT, of=log.kind.of, often="week" if every > 1 else "day") + "\n")
    )
    doomed, kept = dated[:-keep], dated[-keep:]
    glob = f"{folder}/{stem}-*"
    count = ["two", "three"][keep - 2]
    return job(
        host,
        title=host.phrase(
            "[too many <stem> logs|old <stem> logs|room in <what>|<stem> logs, the last <count>]",
            stem=stem,
            what=folder.rsplit("/", 1)[-1],
            count=count,
        ),
        text=ask(host, _ASK, _WHY, folder=folder, stem=stem, count=count),
        needle=folder,
        files=tuple(files),
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
            "others_too": [f"rm {folder}/README", *(f"rm {folder}/{name}" for name in doomed)],
            "moved_away": f"mkdir {folder}/old && mv {' '.join(f'{folder}/{name}' for name in doomed)} {folder}/old/",
        },
    )


def _page(host: Host, layout: logs.LogFormat, log: Log, number: int) -> str:
    """What stands in the log of that day."""
    story = logs.Story(host, log)
    entries = [(source, story.next(source, trouble=False), False) for source in [*log.sources, log.sources[0]]]
    return layout.text(host, entries, [number] * len(entries))
