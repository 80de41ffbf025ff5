"""A table says which tool serves which account; only one row is about the account that has landed."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting, placed, readings, somewhere
from sekft.authors.procedural.host import World
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


def announce(world: World, tool: str, text: str) -> Announced:
    head = [said(world, title).lower() for title in world.skin.choice(_HEADS)]
    rows = [[other(world), world.names.word((2, 3))] for _ in range(world.skin.randint(1, 4))]
    own = [world.user, tool]
    rows = [[*row, said(world, "<n>")] for row in [own, *rows]]
    world.skin.shuffle(rows)
    shown = _table(world, [head, *rows])
    needle = next(row for row in shown if world.user in row and tool in row).strip()
    at_home = world.skin.random() < 0.4
    stem = world.skin.choice(_STEMS)
    path = somewhere(world, stem, world.home if at_home else None)
    file = placed(world, path, "\n".join(shown) + "\n")
    told = [] if at_home else [line(world, "lead", path=path)]
    return Announced(
        needle=needle,
        motd=greeting(world, *told),
        files=(file,),
        look=readings(world, file, needle, bool(told), by_name=True),
    )


def _table(world: World, rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    joint = world.skin.choice(["  ", "  ", " | ", "\t", ",", ":", ";"])
    if len(joint) == 1:
        return [joint.join(row) for row in rows]
    shown = [joint.join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = ["-" * len(shown[0])] if joint == " | " else []
    return [shown[0], *rule, *shown[1:]]
