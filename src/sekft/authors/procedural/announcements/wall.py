"""A message to all terminals, kept by the host and shown at login, names the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting, placed
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import moment, other

_FORMS = (
    "\nBroadcast message from {who} (pts/{n}) ({when:%a %b %e %H:%M:%S %Y}):\n\n{text}\n\n",
    "\nBroadcast Message from {who}\n        (/dev/pts/{n}) at {when:%H:%M} UTC...\n\n{text}\n\n",
    "Message from {who} on pts/{n} at {when:%H:%M} ...\n{text}\nEOF\n",
    "*** message from {who}, {when:%e %B} ***\n{text}\n***\n",
    "{who} to all, {when:%d.%m. %H:%M}:\n  {text}\n",
    "[wall] {who}: {text}\n",
)
_KEPT = (
    "/var/spool/wall/last",
    "/var/lib/wall/message",
    "/var/spool/broadcast",
    "/usr/local/share/wall.txt",
    "/etc/wall",
)
_SHOWN = ("[ -r {0} ] && cat {0}\n", "cat {0}\n", "if [ -s {0} ]; then cat {0}; fi\n", "# messages to all\ncat {0}\n")


def announce(host: Host, tool: str, text: str) -> Announcement:
    form, path = host.skin.choice(_FORMS), host.skin.choice(_KEPT)
    message = form.format(who=f"{other(host)}@{host.name}", n=host.skin.randint(0, 9), when=moment(host), text=text)
    profile = placed(host, "/etc/profile", host.skin.choice(_SHOWN).format(path))
    return Announcement(needle=text, motd=greeting(host), files=(placed(host, path, message), profile), look=[[]])
