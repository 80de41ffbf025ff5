"""The prompt names the tool, on every line."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting
from sekft.authors.procedural.grammar import phrase
from sekft.authors.procedural.host import Host

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


def announce(host: Host, tool: str, text: str) -> Announcement:
    told = phrase(host.skin, _TOLD, tool=tool)
    prompt = host.skin.choice(_PROMPTS).replace("<told>", told)
    return Announcement(needle=told, motd=greeting(host), prompt=prompt, look=[[]])
