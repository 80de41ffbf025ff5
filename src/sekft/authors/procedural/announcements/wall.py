"""A message to all terminals, kept by the host and shown at login, names the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting, placed
from sekft.authors.procedural.host import World
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


def announce(world: World, tool: str, text: str) -> Announced:
    form, path = world.skin.choice(_FORMS), world.skin.choice(_KEPT)
    message = form.format(who=f"{other(world)}@{world.host}", n=world.skin.randint(0, 9), when=moment(world), text=text)
    profile = placed(world, "/etc/profile", world.skin.choice(_SHOWN).format(path))
    return Announced(needle=text, motd=greeting(world), files=(placed(world, path, message), profile), look=[[]])
