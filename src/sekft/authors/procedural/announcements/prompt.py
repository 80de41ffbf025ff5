"""The prompt names the tool, on every line."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting
from sekft.authors.procedural.grammar import phrase
from sekft.authors.procedural.host import World

_THINGS = "[requests|errands|duties|jobs|orders|chores|tasks|assignments|inbox|work|open matters|in-tray]"
_TOLD = f"[{_THINGS}: <tool>|{_THINGS} in <tool>|{_THINGS}@<tool>|<tool> = {_THINGS}|{_THINGS} by <tool>|{_THINGS} -> <tool>]"
_PROMPTS = (
    "[<told>] $USER@$HOSTNAME $ ",
    "$USER@$HOSTNAME (<told>) $ ",
    "<told> $PWD $ ",
    "$HOSTNAME {<told>} % ",
    "<told> $ ",
    "$USER $PWD [<told>] $ ",
    "-- <told> -- $ ",
    "$PWD, <told> > ",
)


def announce(world: World, tool: str, text: str) -> Announced:
    told = phrase(world.skin, _TOLD, tool=tool)
    prompt = world.skin.choice(_PROMPTS).replace("<told>", told)
    return Announced(needle=told, motd=greeting(world), prompt=prompt, look=[[]])
