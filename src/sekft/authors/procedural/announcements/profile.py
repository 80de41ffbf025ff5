"""A login profile, the account's own or the host's, prints a line that names the tool."""

from __future__ import annotations

import shlex

from sekft.authors.procedural.announcements_shared import Announced, greeting, placed
from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import said

_BEFORE = "[umask 022|# set up by <other>|PAGER=cat; export PAGER|# <host>, <iso>||EDITOR=ed; export EDITOR|# login of <user>]"


def announce(world: World, tool: str, text: str) -> Announced:
    quoted = shlex.quote(text)
    prints = world.skin.choice(
        [
            f"echo {quoted}\n",
            f"printf '%s\\n' {quoted}\n",
            f"cat <<'NOTE'\n{text}\nNOTE\n",
            f'note={quoted}\necho "$note"\n',
        ]
    )
    path = world.skin.choice([f"{world.home}/.profile", f"{world.home}/.profile", "/etc/profile"])
    file = placed(world, path, f"{said(world, _BEFORE)}\n{prints}".lstrip())
    return Announced(needle=text, motd=greeting(world), files=(file,), look=[[]])
