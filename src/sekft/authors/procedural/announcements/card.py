"""A card in a spool folder, one for the account, has a field for the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, fields, greeting, placed, readings
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import moment, other, said

_FOLDERS = ("cards", "tray", "desk", "intake", "counter", "slips", "pigeonholes", "rack", "docket")
_NAMES = "[<user>|<user>|card-<user>|<n>-<user>|<user>.<n>][|.card|.txt|.slip]"
_FIELD = "[{things} [from|with|by|in|served by|kept by|handed out by|at]|Source of {things}|[Counter|Desk|Tool|Program|Command] for {things}|{things}]"
_LEAD = "[Cards|Slips|Papers] for the [people|accounts] of <host>: <path>|<user> has a card in <path>|The card of <user> is in <path>|[One|1] card in <path>|The [tray|rack] for cards is <path>|Cards are in <path>"


def announce(host: Host, tool: str, text: str) -> Announcement:
    own = (said(host, _FIELD), tool)
    rows = [
        ("Card", said(host, "<n>-<m>")),
        ("Holder", host.user),
        ("Issued", f"{moment(host):%Y-%m-%d}"),
        ("By", other(host)),
        ("Place", said(host, "<place>")),
        ("Valid", said(host, "[until recalled|all year|weekdays|<k> years]")),
    ]
    told = [*host.skin.sample(rows, host.skin.randint(2, 5))]
    told.insert(host.skin.randint(0, len(told)), own)
    capital = host.skin.random() < 0.3
    shown = fields(host, [(name.upper() if capital else name, value) for name, value in told], " .")
    needle = shown[told.index(own)]
    folder = f"{host.skin.choice(['/var/spool', '/srv', host.home])}/{host.skin.choice(_FOLDERS)}"
    name = said(host, _NAMES).lower()
    file = placed(host, f"{folder}/{name}", "\n".join(shown) + "\n")
    motd = greeting(host, said(host, f"[{_LEAD}]", path=folder))
    look = [
        [f"{listed} {folder}", *way]
        for listed in ("ls -F", "ls -l")
        for way in readings(host, file, needle, told=True)
        if len(way) == 1
    ]
    return Announcement(needle=needle, motd=motd, files=(file,), look=look)
