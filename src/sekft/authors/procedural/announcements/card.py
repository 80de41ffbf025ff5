"""A card in a spool folder, one for the account, has a field for the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, fields, greeting, placed, readings
from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import moment, other, said

_FOLDERS = ("cards", "tray", "desk", "intake", "counter", "slips", "pigeonholes", "rack", "docket")
_NAMES = "[<user>|<user>|card-<user>|<n>-<user>|<user>.<n>][|.card|.txt|.slip]"
_FIELD = "[{things} [from|with|by|in|served by|kept by|handed out by|at]|Source of {things}|[Counter|Desk|Tool|Program|Command] for {things}|{things}]"
_LEAD = "[Cards|Slips|Papers] for the [people|accounts] of <host>: <path>|<user> has a card in <path>|The card of <user> is in <path>|[One|1] card in <path>|The [tray|rack] for cards is <path>|Cards are in <path>"


def announce(world: World, tool: str, text: str) -> Announced:
    own = (said(world, _FIELD), tool)
    rows = [
        ("Card", said(world, "<n>-<m>")),
        ("Holder", world.user),
        ("Issued", f"{moment(world):%Y-%m-%d}"),
        ("By", other(world)),
        ("Place", said(world, "<place>")),
        ("Valid", said(world, "[until recalled|all year|weekdays|<k> years]")),
    ]
    told = [*world.skin.sample(rows, world.skin.randint(2, 5))]
    told.insert(world.skin.randint(0, len(told)), own)
    capital = world.skin.random() < 0.3
    shown = fields(world, [(name.upper() if capital else name, value) for name, value in told], " .")
    needle = shown[told.index(own)]
    folder = f"{world.skin.choice(['/var/spool', '/srv', world.home])}/{world.skin.choice(_FOLDERS)}"
    name = said(world, _NAMES).lower()
    file = placed(world, f"{folder}/{name}", "\n".join(shown) + "\n")
    motd = greeting(world, said(world, f"[{_LEAD}]", path=folder))
    look = [
        [f"{listed} {folder}", *way]
        for listed in ("ls -F", "ls -l")
        for way in readings(world, file, needle, told=True)
        if len(way) == 1
    ]
    return Announced(needle=needle, motd=motd, files=(file,), look=look)
