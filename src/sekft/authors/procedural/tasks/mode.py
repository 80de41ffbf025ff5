"""Change the permissions of one file, or of all files with one ending."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from sekft.authors.procedural import folders
from sekft.authors.procedural.folders import Folder
from sekft.authors.procedural.host import Host, Job, expand
from sekft.authors.procedural.tasks import TASKS, ask, job

# What each mode means, and how chmod spells it with letters.
_MODES = {
    "600": ("only the owner may read and write", "u=rw,go="),
    "640": ("the owner may write, the group may read and others get nothing", "u=rw,g=r,o="),
    "660": ("owner and group may read and write, and nobody else", "ug=rw,o="),
    "664": ("owner and group may write and everybody may read", "ug=rw,o=r"),
    "444": ("everybody may read and nobody may write", "a=r"),
    "440": ("owner and group may read and nobody may write", "ug=r,o="),
    "400": ("only the owner may read and nobody may write", "u=r,go="),
}
_PROGRAMS = {
    "755": ("everybody may read and run it, but only the owner may write", "u=rwx,go=rx"),
    "750": ("the owner may do everything, the group may read and run it, others nothing", "u=rwx,g=rx,o="),
    "700": ("only the owner may read, write and run it", "u=rwx,go="),
    "555": ("everybody may read and run it, but nobody may write", "a=rx"),
}
_ASK = (
    "set the permissions of <what> to <mode>.",
    "please chmod <what> to <mode>, [so that|which means that] <means>.",
    "please give <what> mode <mode> (<means>).",
    "<what> should have mode <mode>: <means>.",
    "the permissions of <what> are wrong. They should be <mode>.",
    "could you change the mode of <what> to <mode>?",
    "<who> restored <what> with the wrong mode. Please set it to <mode>.",
    "<role> asks for mode <mode> on <what>, so that <means>.",
)
_WHY = (
    "<who> goes through the permissions on <day>.",
    "The umask was wrong when <who> copied the folder.",
    "<role> noticed it in a listing on <day>.",
    "Since the move to <host> everything has the default mode.",
)
_SCRIPTS = {
    "backup": "tar -czf /var/backups/home.tar.gz /home",
    "sync-files": "rsync -a /srv/ /mnt/copy/",
    "nightly": 'for step in /etc/nightly.d/*; do sh "$step"; done',
    "rotate-logs": "find /srv -name '*.log' -mtime +30 -exec gzip {} +",
    "weekly-report": "df -h | mail -s 'weekly report' root",
    "cleanup": "find /var/tmp -type f -mtime +7 -delete",
    "send-mail": "sendmail -q",
    "import-data": "cat /srv/incoming/*.csv >> /srv/data/all.csv",
    "export-data": "cp /srv/data/all.csv /srv/outgoing/",
    "check-disk": "df -P | awk '$5 + 0 > 90 {print $6}'",
    "restart-queue": "service queue restart",
    "make-index": "ls /srv/pub > /srv/pub/INDEX",
    "print-labels": "lp -d labels /srv/labels/today.txt",
    "fetch-files": "scp -q mirror:/pub/'*' /srv/incoming/",
    "notify": 'logger -t notify "$*"',
}
"""What a script is called, and what it does."""


@TASKS.kind("mode")
def make(host: Host) -> Job:
    rng = host.rng
    several, runs = rng.random() < 0.5, rng.random() < 0.4
    found = folders.draw(host, host.some(rng, 2, 4) if several else 1, rng.randint(1, 2))
    if runs:
        found = _scripts(host, found)
    folder, ending, mine, rest = found.path, found.ending, found.mine, found.rest
    modes: Mapping[str, tuple[str, str]] = _PROGRAMS if runs else _MODES
    mode = rng.choice(sorted(modes))
    means, letters = modes[mode]
    names = host.skin.sample(list(found.files), len(found.files))
    paths = f"{folder}/*.{ending}" if several else f"{folder}/{mine[0]}"
    each = host.phrase("[all .<ending> files in <folder>|<paths>|every .<ending> file in <folder>]", ending=ending, folder=folder, paths=paths)  # fmt: skip
    return job(
        host,
        title=host.phrase(
            "[who may read what in <what>|permissions in <what>|mode <mode>, <what>|<what>: wrong permissions]",
            what=found.name,
            mode=mode,
        ),
        text=ask(
            host,
            [core.replace("<what>", each if several else paths) for core in _ASK],
            _WHY,
            mode=mode,
            means=re.sub(r"\bit\b", "them", means) if several else means,
            who=host.person().first,
            role=host.role(),
        ),
        needle=folder,
        files=tuple(found.files[name] for name in names),
        after=tuple(found.files[name].model_copy(update={"mode": f"0{mode}"}) for name in mine),
        folder=folder,
        looks=[f"ls -l {folder}", f"ls -l {paths}"],
        direct=[
            f"chmod {mode} {paths}",
            f"chmod {letters} {paths}",
            f"find {folder} -maxdepth 1 -type f -name '{paths.rsplit('/', 1)[-1]}' -exec chmod {mode} {{}} +",
        ],
        informed=[f"chmod {mode} {' '.join(f'{folder}/{name}' for name in mine)}"],
        right={
            "last_first": [f"chmod {mode} {folder}/{name}" for name in reversed(mine)],
            "by_loop": f'for f in {paths}; do chmod {mode} "$f"; done',
            "by_xargs": f"ls {paths} | xargs -n 1 chmod {mode}",
        },
        confirm=[[f"ls -lA {folder}"], [f"ls -l {folder}"], [f"stat -c '%a %n' {paths}"], [f"ls -l {paths}"]],
        wrong={
            "other_file": f"chmod {mode} {folder}/{rest[0]}",
            "whole_folder": f"chmod {mode} {folder}/*",
            "other_mode": f"chmod 777 {paths}",
            "one_left": [f"chmod {mode} {folder}/{name}" for name in mine[1:]] or [f"chmod 500 {paths}"],
        },
    )


def _scripts(host: Host, found: Folder) -> Folder:
    """The same number of files, of which those that matter are shell scripts."""
    names = sorted(f"{stem}.sh" for stem in host.skin.sample(sorted(_SCRIPTS), len(found.mine)))
    path = f"{found.above}/{host.world.stem('scripts bin jobs')}"
    rest = host.skin.sample(["README", f"{names[0]}.bak", "crontab.txt", "CHANGES"], len(found.rest))
    first = host.skin.choice(["", "set -eu\n", "umask 027\n"])

    def does(name: str) -> str:
        return _SCRIPTS[name.removesuffix(".sh")].replace("/srv/", f"{host.data}/")

    texts = {name: f"#!/bin/sh\n{first}{does(name)}\n" for name in names}
    about = {
        "README": expand(host, "[Each of them runs from cron.|They log to syslog.|<who> wrote them, ask in <room>.]"),
        "crontab.txt": f"15 4 * * * {path}/{names[0]}",
        "CHANGES": expand(
            host, "<iso> <who>: [paths are quoted|says less when all is well|stops where a folder is missing]"
        ),
    }
    texts |= {name: texts[names[0]] if name.endswith(".bak") else f"{about[name]}\n" for name in rest}
    files = {name: host.file(f"{path}/{name}", text) for name, text in texts.items()}
    return replace(found, path=path, ending="sh", mine=names, rest=rest, files=files)
