"""The banner shown before the message of the day names the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcing import Announced, noise
from sekft.authors.procedural.world import World


def announce(world: World, tool: str, text: str) -> Announced:
    rule = world.rng.choice(["*", "-", "=", "#", "~"]) * world.rng.randint(24, 60)
    inner = f"{world.host}\n{text}" if world.rng.random() < 0.5 else text
    framed = f"{rule}\n{inner}\n{rule}\n" if world.rng.random() < 0.6 else f"{inner}\n\n"
    return Announced(needle=text, banner=framed, motd="".join(line + "\n" for line in noise(world, 2)), look=[[]])
