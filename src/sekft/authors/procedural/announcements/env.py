"""An environment variable holds the name of the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcing import Announced, noise
from sekft.authors.procedural.phrase import phrase
from sekft.authors.procedural.world import World

_NAMES = "DESK WORK ERRANDS INTAKE PENDING DUTIES ROTA TRAY DOCKET ASSIGNED TODO QUEUE".split()
_FORMS = (
    "[requests|work|open matters] [for|of] <user>: <tool>",
    "<tool> [holds|keeps|has] [the work|what is open|requests] for <user>",
    "<tool> ([requests|assignments|jobs], documents itself)",
)


def announce(world: World, tool: str, text: str) -> Announced:
    name = world.rng.choice(_NAMES) + world.rng.choice(["", "_AT", "_BY", "_TOOL", "_FOR"])
    value = phrase(world.rng, world.rng.choice(_FORMS), user=world.user, tool=tool)
    motd = "".join(line + "\n" for line in noise(world, world.rng.randint(0, 3)))
    look = [["env"], ["env | sort"], ["ls -la", "env"], ["export -p"]]
    return Announced(needle=value, motd=motd, env={name: value}, look=look)
