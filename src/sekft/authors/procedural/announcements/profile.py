"""A login profile, the account's own or the host's, prints a line that names the tool."""

from __future__ import annotations

import shlex

from sekft.authors.procedural.announcements_shared import Announcement, greeting, placed
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import said

_BEFORE = "[umask 022|# set up by <other>|PAGER=cat; export PAGER|# <host>, <iso>||EDITOR=ed; export EDITOR|# login of <user>]"


def announce(host: Host, tool: str, text: str) -> Announcement:
    quoted = shlex.quote(text)
    prints = host.skin.choice(
        [
            f"echo {quoted}\n",
            f"printf '%s\\n' {quoted}\n",
            f"cat <<'NOTE'\n{text}\nNOTE\n",
            f'note={quoted}\necho "$note"\n',
        ]
    )
    path = host.skin.choice([f"{host.home}/.profile", f"{host.home}/.profile", "/etc/profile"])
    file = placed(host, path, f"{said(host, _BEFORE)}\n{prints}".lstrip())
    return Announcement(needle=text, motd=greeting(host), files=(file,), look=[[]])
