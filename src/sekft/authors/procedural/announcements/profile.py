"""The login profile prints a line that names the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcing import Announced, noise
from sekft.authors.procedural.world import World


def announce(world: World, tool: str, text: str) -> Announced:
    before = world.rng.choice(["umask 022\n", "# set up by the host's keeper\n", "PAGER=cat\nexport PAGER\n", ""])
    shown = text.replace("'", "'\\''")
    file = world.file(f"{world.home}/.profile", f"{before}echo '{shown}'\n")
    motd = "".join(line + "\n" for line in noise(world, world.rng.randint(0, 2)))
    return Announced(needle=text, motd=motd, files=(file,), look=[[]])
