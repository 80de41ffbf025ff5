"""A text file in the home folder, or in a folder of it, mentions the tool among other things."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting, page, readings
from sekft.authors.procedural.host import World

_NAMES = (
    "README README.txt README.md NOTES NOTES.txt WELCOME ABOUT ABOUT.txt read.me handover.txt START INFO notes.md index.txt"
    " 00-README desk.md house.txt letter.txt first.txt hello.txt memo.txt memo journal.txt blackboard.txt CONTENTS"
).split()


def announce(world: World, tool: str, text: str) -> Announced:
    folder = world.home if world.skin.random() < 0.7 else f"{world.home}/{world.names.subject()}"
    name = world.skin.choice([*_NAMES, f"{world.names.word((2, 3))}.txt", f"{world.host}.txt"])
    file = world.file(f"{folder}/{name}", page(world, text))
    return Announced(needle=text, motd=greeting(world), files=(file,), look=readings(world, file, text))
