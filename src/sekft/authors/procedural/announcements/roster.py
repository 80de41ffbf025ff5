"""A table says which tool serves which account; only one row is about the account that has landed."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting, placed, readings, somewhere
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import line, other, said

_HEADS = (
    (
        "account",
        "[{things}|work] [in|with|kept by|through]",
        "[room|floor|line]",
    ),
    (
        "[name|user|who]",
        "[where {things} are kept|{things} served by|{things} handed out by|tool for {things}]",
        "[extension|line|room]",
    ),
)
_STEMS = ("rota", "roster", "accounts", "allocation", "plan", "who-has-what", "tools", "list", "overview")


def announce(host: Host, tool: str, text: str) -> Announcement:
    head = [said(host, title).lower() for title in host.skin.choice(_HEADS)]
    rows = [[other(host), host.names.word((2, 3))] for _ in range(host.skin.randint(1, 4))]
    own = [host.user, tool]
    rows = [[*row, said(host, "<n>")] for row in [own, *rows]]
    host.skin.shuffle(rows)
    shown = _table(host, [head, *rows])
    needle = next(row for row in shown if host.user in row and tool in row).strip()
    at_home = host.skin.random() < 0.4
    stem = host.skin.choice(_STEMS)
    path = somewhere(host, stem, host.home if at_home else None)
    file = placed(host, path, "\n".join(shown) + "\n")
    told = [] if at_home else [line(host, "lead", path=path)]
    return Announcement(
        needle=needle,
        motd=greeting(host, *told),
        files=(file,),
        look=readings(host, file, needle, bool(told), by_name=True),
    )


def _table(host: Host, rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    joint = host.skin.choice(["  ", "  ", " | ", "\t", ",", ":", ";"])
    if len(joint) == 1:
        return [joint.join(row) for row in rows]
    shown = [joint.join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = ["-" * len(shown[0])] if joint == " | " else []
    return [shown[0], *rule, *shown[1:]]
