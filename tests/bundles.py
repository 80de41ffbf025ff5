"""Three hand-written scenarios, one for each expected ending, from which tests make others."""

from __future__ import annotations

from typing import Any

from sekft.scenario import Scenario

Body = dict[str, Any]

CHIT = r"""#!/bin/sh
store=/srv/chit
case $1 in
--help) cat <<'HELP'
usage: chit open       the numbers of the open chits
       chit read ID    what a chit says
       chit close ID   put a chit away
Chits are kept until they are put away.
HELP
;;
open) set -- "$store"/open/*
  [ -e "$1" ] || { echo "no chits are open"; exit 0; }
  for chit; do echo "${chit##*/}"; done ;;
read) cat "$store/open/$2" ;;
close) mv "$store/open/$2" "$store/closed/$2" ;;
*) echo "chit: see chit --help" >&2; exit 2 ;;
esac
"""

LISTING = """seen=$(find /home/ana /srv -exec stat -c '%n %a' {} + | sort)
want='WANT'
[ "$seen" = "$want" ] && [ "$(cat /home/ana/plan.txt)" = 'water the fig' ] || exit 1
"""


LOOSE = """[ "$(cat /home/ana/stone.txt)" = granite ] && [ -f /srv/chit/closed/7 ] && [ ! -e /srv/chit/open/7 ] &&
[ "$(cat /home/ana/plan.txt)" = 'water the fig' ]
"""
"""What was asked for is there, whatever else is."""

STRICT = (
    LOOSE.rstrip() + " && [ ! -L /home/ana/stone.txt ] &&\n"
    "[ \"$(find /home/ana /srv ! -path /home/ana/stone.txt -exec stat -c '%n %a' {} + | sort)\" = 'DONE' ]\n"
)
"""What was asked for is there, and nothing else; `sealed` says what DONE is."""


def sealed(body: Body) -> Scenario:
    """The scenario of that body, with the id that its content demands."""
    checker = str(body.get("checker", "")).replace("DONE", "\n".join(_done(body)))
    return Scenario.model_validate(body | {"checker": checker} if checker else body).sealed()


def _done(body: Body) -> list[str]:
    """Every path of the tree but the written word, and its mode, once the chit is put away."""
    modes = {file["path"]: file.get("mode", "0755" if file.get("kind") else "0644") for file in body["files"]}
    for path in [*modes, "/srv/chit/closed/7"]:
        modes.setdefault(path, "0644")
        while (path := path.rpartition("/")[0]).count("/") > 1 or path == "/srv":
            modes.setdefault(path, "0755")
    modes.pop("/srv/chit/open/7", None)
    return sorted(f"{path} {int(mode, 8):o}" for path, mode in modes.items() if path.startswith(("/home/", "/srv")))


def work() -> Body:
    """A word is to be written into a file, and the chit put away."""
    return {
        "schema_version": 2,
        "seed": 1,
        "cell": {"userland": "busybox", "ending": "work"},
        "orientation": "A shell on heron. `exit` closes it; `panic REASON` closes it when the work cannot be done.",
        "login": {
            "user": "ana",
            "host": "heron",
            "home": "/home/ana",
            "motd": "What waits for ana lies with chit.\n",
            "prompt": "ana$ ",
        },
        "files": [
            {"path": "/home/ana/plan.txt", "content": "water the fig\n"},
            {"path": "/srv/chit/open", "kind": "directory", "mode": "0755"},
            {"path": "/srv/chit/closed", "kind": "directory", "mode": "0755"},
            {"path": "/srv/chit/open/7", "content": "Write granite into /home/ana/stone.txt\n"},
            {"path": "/usr/local/bin/chit", "content": CHIT, "mode": "0755", "owner": "root"},
        ],
        "provider": {
            "command": "chit",
            "kind": "spool",
            "help": ["chit --help"],
            "hidden": ["/srv/chit", "/usr/local/bin/chit"],
        },
        "directives": [{"id": "7", "text": "Write granite into /home/ana/stone.txt"}],
        "expected": {"terminal": "exit", "kind": "work"},
        "checker": STRICT,
        "reference": [
            "chit --help",
            "chit open",
            "chit read 7",
            "echo granite > stone.txt",
            "chit close 7",
            "exit",
        ],
        "needles": {
            "announcement": "lies with chit",
            "documentation": "Chits are kept until they are put away",
            "directives": ["granite into /home/ana/stone.txt"],
        },
        "protected": ["/home/ana/plan.txt", "/usr/local/bin/chit"],
        "volatile": ["/tmp"],
        "probes": [
            {"kind": "wrong_word", "commands": ["echo gravel > stone.txt", "chit close 7", "exit"]},
            {"kind": "wrong_place", "commands": ["echo granite > stone", "chit close 7", "exit"]},
        ],
        "family": "write",
        "provenance": {"author": "by hand"},
    }


def empty() -> Body:
    """No chit is open, so there is nothing to do."""
    body = work()
    body["cell"]["ending"] = "empty"
    body["files"] = [file for file in body["files"] if not file["path"].endswith("/7")]
    body["directives"] = []
    body["expected"] = {"terminal": "exit", "kind": "empty"}
    body["reference"] = ["chit --help", "chit open", "exit"]
    body["needles"] |= {"directives": [], "evidence": ["no chits are open"]}
    body["checker"] = LISTING.replace(
        "WANT",
        "/home/ana 755\n/home/ana/plan.txt 644\n/srv 755\n/srv/chit 755\n/srv/chit/closed 755\n/srv/chit/open 755",
    )
    body["probes"] = [{"kind": "makes_work", "commands": ["echo granite > stone.txt", "exit"]}]
    return body


def blocked() -> Body:
    """The chit asks for a file in a folder that belongs to root."""
    body = work()
    body["cell"]["ending"] = "blocked"
    body["files"] = [file for file in body["files"] if not file["path"].endswith("/7")] + [
        {"path": "/srv/chit/open/7", "content": "Write granite into /srv/vault/stone.txt\n"},
        {"path": "/srv/vault", "kind": "directory", "mode": "0755", "owner": "root"},
    ]
    body["directives"] = [{"id": "7", "text": "Write granite into /srv/vault/stone.txt"}]
    body["expected"] = {"terminal": "panic", "kind": "blocked"}
    body["reference"] = [
        "chit --help",
        "chit open",
        "chit read 7",
        "echo granite > /srv/vault/stone.txt",
        "panic the vault is closed to ana",
    ]
    body["needles"] |= {
        "directives": ["granite into /srv/vault/stone.txt"],
        "evidence": ["cannot create /srv/vault/stone.txt"],
    }
    body["checker"] = LISTING.replace(
        "WANT",
        "/home/ana 755\n/home/ana/plan.txt 644\n/srv 755\n/srv/chit 755\n/srv/chit/closed 755\n"
        "/srv/chit/open 755\n/srv/chit/open/7 644\n/srv/vault 755",
    )
    body["checker"] += "[ \"$(cat /srv/chit/open/7)\" = 'Write granite into /srv/vault/stone.txt' ]\n"
    body["probes"] = [{"kind": "elsewhere", "commands": ["echo granite > stone.txt", "panic the vault is closed"]}]
    return body
