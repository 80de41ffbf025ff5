"""Change when an entry of a crontab runs."""

from __future__ import annotations

from sekft.authors.procedural import tolerance
from sekft.authors.procedural.host import SCRIPTS, Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job

_ASK = (
    "change the time of <name> in <path> to <clock>.",
    "<name> starts at the wrong time. Please set it to <clock> in <path>.",
    "could you move <name> from <former> to <clock>? It is an entry of <path>.",
    "please edit the crontab <path> so that <name> starts at <clock>.",
    "<former> is a bad time for <name>. Please put it at <clock> in <path>.",
    "the crontab in <path> runs <name> at <former>. It should be <clock>.",
    "<who> wants <name> to run at <clock>. The entry is in <path>.",
    "let <name> in <path> run at <clock> instead of <former>.",
)
_WHY = (
    "<host> is restarted at that hour from <day> on.",
    "<who> needs the result before the morning.",
    "Everything was slow in <room> while it ran.",
    "<role> found it still running on <day>.",
)
_JOBS = """
backup sync-files rotate-logs nightly weekly-report cleanup send-mail import-data export-data check-disk make-index
print-labels fetch-files reminders totals
"""
_DAYS = ("* * *", "* * *", "* * *", "* * 1-5", "* * 1", "* * 6", "1 * *", "15 * *")


@TASKS.kind("crontab")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder, ending = host.place(SCRIPTS), skin.choice(["", ".sh", ".sh"])
    path = f"{folder}/{host.world.stem('crontab jobs.cron nightly.cron crontab.txt schedule.cron')}"
    scripts = [f"{name}{ending}" for name in host.world.stems(host.some(rng, 2, 5), _JOBS)]
    hours, minutes = skin.sample(range(1, 24), len(scripts) + 1), skin.sample(range(0, 60, 5), len(scripts) + 1)
    where = skin.choice([folder if folder.endswith("bin") else f"{folder}/bin", "/usr/local/bin", "/opt/jobs"])
    lines = [
        f"{minute} {hour} {skin.choice(_DAYS)} {where}/{name}"
        for hour, minute, name in zip(hours[1:], minutes[1:], scripts, strict=True)
    ]
    at = rng.randrange(len(lines))
    name, old, new = scripts[at], f"{minutes[at + 1]} {hours[at + 1]}", f"{minutes[0]} {hours[0]}"
    comments = ["# m h dom mon dow command", f"# {host.user}", "SHELL=/bin/sh", "PATH=/usr/bin:/bin"]
    head = [f"MAILTO={host.user}", *skin.sample(comments, 1)]
    done = [line.replace(old, new, 1) if place == at else line for place, line in enumerate(lines)]
    before, after = ("".join(f"{row}\n" for row in [*head, *rows]) for rows in (lines, done))
    swap = f"s/^{old} /{new} /"
    direct: list[Typed] = [
        f"sed -i '{swap}' {path}",
        f"sed -i '/{name}/s/^{old}/{new}/' {path}",
        f"sed '/{name}/{swap}' {path} > /tmp/new && cat /tmp/new > {path}",
        f"cp {path} /tmp/old && sed '{swap}' /tmp/old > {path}",
    ]
    return job(
        host,
        title=host.phrase(
            "[<name> at <clock>|<name> runs at the wrong hour|new time for <name>|when <name> starts]",
            name=name,
            clock=f"{hours[0]}:{minutes[0]:02}",
        ),
        text=ask(
            host,
            _ASK,
            _WHY,
            name=name,
            path=path,
            clock=f"{hours[0]}:{minutes[0]:02}",
            former=f"{hours[at + 1]}:{minutes[at + 1]:02}",
            who=host.person().first,
        ),
        needle=path,
        sources={path: before},
        judged={path: tolerance.alike(after, tolerance.words("/^[0-9]/ {$1 += 0; $2 += 0} "))},
        folder=folder,
        looks=[f"cat {path}", f"cat -n {path}"],
        direct=direct,
        right={
            "one_more_blank": f"sed -i 's/^{old} /{new}  /' {path}",
            "two_digits": f"sed -i 's/^{old} /{minutes[0]:02} {hours[0]:02} /' {path}",
        },
        confirm=[[f"cat {path}"], [f"grep {name} {path}"]],
        wrong={
            "hour_alone": f"sed -i 's/^{old} /{minutes[at + 1]} {hours[0]} /' {path}",
            "minute_alone": f"sed -i 's/^{old} /{minutes[0]} {hours[at + 1]} /' {path}",
            "added": f"grep {name} {path} | sed '{swap}' > /tmp/line; cat /tmp/line >> {path}",
            "removed": f"sed -i '/{name}/d' {path}",
            "all_entries": f"sed -i 's/^[0-9]* [0-9]* /{new} /' {path}",
            "other_path": f"sed '{swap}' {path} > {path}.new",
        },
    )
