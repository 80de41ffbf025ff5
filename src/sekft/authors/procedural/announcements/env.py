"""An environment variable holds the name of the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import said

_NAMES = (
    "DESK WORK ERRANDS INTAKE PENDING DUTIES ROTA TRAY DOCKET ASSIGNED TODO QUEUE INBOX ORDERS CHORES JOBS REQUESTS"
)
_ENDS = ("", "", "_AT", "_BY", "_TOOL", "_FOR", "_VIA", "_IN", "_HOLDER", "_NOTE", "_INFO")
# No apostrophe: `export -p` would show it another way.
_VALUE = "[{things} [for|of] {whom}: <tool>|<tool> {keeps} {all}{things} for {whom}|<tool> ({things}[|; documents itself|; self-documenting|; has its own help])|<tool>; {things}|{things} -> <tool>|{things} for {whom} are {kept_in} <tool>|the {program} <tool>, for {things}|{things} {via} <tool>|<tool>, where {things} for <user> are {kept}]"
_LEAD = "The environment of this [account|session] holds [local settings|what is particular to <host>|notes, too]."


def announce(host: Host, tool: str, text: str) -> Announcement:
    name = host.skin.choice(_NAMES.split()) + host.skin.choice(_ENDS)
    value = said(host, _VALUE, tool=tool)
    told = [said(host, _LEAD)] if host.skin.random() < 0.3 else []
    look = [["env"], ["env | sort"], ["ls -la", "env"], ["export -p"], ["ls", "env"], ["id", "env"]]
    return Announcement(needle=value, motd=greeting(host, *told), env={name: value}, look=look)
