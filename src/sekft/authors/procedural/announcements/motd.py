"""The message of the day names the tool, among what such messages usually hold."""

from __future__ import annotations

from sekft.authors.procedural.announcing import Announced, noise
from sekft.authors.procedural.world import World


def announce(world: World, tool: str, text: str) -> Announced:
    lines = [*noise(world, world.rng.randint(0, 3)), text]
    world.rng.shuffle(lines)
    return Announced(needle=text, motd="\n".join(lines) + "\n", look=[[]])
