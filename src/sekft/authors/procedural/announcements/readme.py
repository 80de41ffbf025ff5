"""A text file in the home folder mentions the tool among other things."""

from __future__ import annotations

from sekft.authors.procedural.announcing import Announced, noise, remarks
from sekft.authors.procedural.world import World

_NAMES = ("README", "README.txt", "NOTES", "WELCOME", "ABOUT", "read.me", "handover.txt", "START", "INFO", "notes.md")


def announce(world: World, tool: str, text: str) -> Announced:
    name = world.rng.choice(_NAMES)
    lines = [text, *remarks(world, world.rng.randint(1, 4))]
    world.rng.shuffle(lines)
    motd = "".join(line + "\n" for line in noise(world, world.rng.randint(0, 3)))
    file = world.file(f"{world.home}/{name}", "\n".join(lines) + "\n")
    look = [["ls", f"cat {name}"], ["ls -la", f"cat {name}"], ["ls -l", f"cat ~/{name}"], ["ls", f"head {name}"]]
    return Announced(needle=text, motd=motd, files=(file,), look=look)
