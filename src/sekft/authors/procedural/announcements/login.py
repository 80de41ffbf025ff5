"""What login itself shows, or says that there is: functions `(host, tool, text) -> Announcement`."""

from __future__ import annotations

import shlex

from sekft.authors.procedural.announcements import (
    ANNOUNCEMENTS,
    Announcement,
    framed,
    greeting,
    letter,
    placed,
    readings,
)
from sekft.authors.procedural.host import Host, expand, moment, other, phrase


@ANNOUNCEMENTS.kind("motd")
def motd(host: Host, tool: str, text: str) -> Announcement:
    """The message of the day names the tool, among what such messages usually hold."""
    return Announcement(needle=text, motd=greeting(host, text), look=[[]])


@ANNOUNCEMENTS.kind("banner")
def banner(host: Host, tool: str, text: str) -> Announcement:
    """The banner shown before the message of the day names the tool."""
    head = expand(host, "[|||<host>|<host>, <place>|Welcome to <host>|- <host> -|Host <host>]")
    banner = framed(host, f"{head}\n{text}".lstrip(), 0.6)
    return Announcement(needle=text, banner=banner, motd=greeting(host), look=[[]])


_THINGS = "[requests|errands|duties|jobs|orders|chores|tasks|assignments|inbox|work|open matters|in-tray]"
_IN_PROMPT = f"[{_THINGS}: <tool>|{_THINGS} in <tool>|{_THINGS}@<tool>|<tool> = {_THINGS}|{_THINGS} by <tool>|{_THINGS} -> <tool>]"
_PROMPTS = (
    "[<line>] $USER@$HOSTNAME $ ",
    "$USER@$HOSTNAME (<line>) $ ",
    "<line> $PWD $ ",
    "$HOSTNAME {<line>} % ",
    "<line> $ ",
    "$USER $PWD [<line>] $ ",
    "-- <line> -- $ ",
    "$PWD, <line> > ",
)


@ANNOUNCEMENTS.kind("prompt")
def prompt(host: Host, tool: str, text: str) -> Announcement:
    """The prompt names the tool, on every line."""
    needle = phrase(host.skin, _IN_PROMPT, tool=tool)
    prompt = host.skin.choice(_PROMPTS).replace("<line>", needle)
    return Announcement(needle=needle, motd=greeting(host), prompt=prompt, look=[[]])


_ENV_NAMES = "DESK WORK ERRANDS INTAKE PENDING DUTIES ROTA TRAY DOCKET ASSIGNED TODO QUEUE INBOX ORDERS CHORES JOBS REQUESTS".split()
_ENV_ENDS = ("", "", *"_AT _BY _TOOL _FOR _VIA _IN _HOLDER _NOTE _INFO".split())
# No apostrophe: `export -p` would show it another way.
_ENV_VALUE = "[{things} [for|of] {whom}: <tool>|<tool> {keeps} {all}{things} for {whom}|<tool> ({things}[|; documents itself|; self-documenting|; has its own help])|<tool>; {things}|{things} -> <tool>|{things} for {whom} are {kept_in} <tool>|the {program} <tool>, for {things}|{things} {via} <tool>|<tool>, where {things} for <user> are {kept}]"
_ENV_LEAD = "The environment of this [account|session] holds [local settings|what is particular to <host>|notes, too]."


@ANNOUNCEMENTS.kind("env")
def env(host: Host, tool: str, text: str) -> Announcement:
    """An environment variable holds the name of the tool."""
    name = host.skin.choice(_ENV_NAMES) + host.skin.choice(_ENV_ENDS)
    value = expand(host, _ENV_VALUE, tool=tool)
    lead = [expand(host, _ENV_LEAD)] if host.skin.random() < 0.3 else []
    look = [["env"], ["env | sort"], ["ls -la", "env"], ["export -p"], ["ls", "env"], ["id", "env"]]
    return Announcement(needle=value, motd=greeting(host, *lead), env={name: value}, look=look)


_PROFILE_HEAD = "[umask 022|# set up by <other>|PAGER=cat; export PAGER|# <host>, <iso>||EDITOR=ed; export EDITOR|# login of <user>]"


@ANNOUNCEMENTS.kind("profile")
def profile(host: Host, tool: str, text: str) -> Announcement:
    """A login profile, the account's own or the host's, prints a line that names the tool."""
    quoted = shlex.quote(text)
    forms = [
        f"echo {quoted}",
        f"printf '%s\\n' {quoted}",
        f"cat <<'NOTE'\n{text}\nNOTE",
        f'note={quoted}\necho "$note"',
    ]
    prints = host.skin.choice(forms)
    path = host.skin.choice([f"{host.home}/.profile", f"{host.home}/.profile", "/etc/profile"])
    file = placed(host, path, f"{expand(host, _PROFILE_HEAD)}\n{prints}\n".lstrip())
    return Announcement(needle=text, motd=greeting(host), files=(file,), look=[[]])


_WALL_FORMS = (
    "\nBroadcast message from {who} (pts/{n}) ({when:%a %b %e %H:%M:%S %Y}):\n\n{text}\n\n",
    "\nBroadcast Message from {who}\n        (/dev/pts/{n}) at {when:%H:%M} UTC...\n\n{text}\n\n",
    "Message from {who} on pts/{n} at {when:%H:%M} ...\n{text}\nEOF\n",
    "*** message from {who}, {when:%e %B} ***\n{text}\n***\n",
    "{who} to all, {when:%d.%m. %H:%M}:\n  {text}\n",
    "[wall] {who}: {text}\n",
)
_WALL_PATHS = (
    "/var/spool/wall/last /var/lib/wall/message /var/spool/broadcast /usr/local/share/wall.txt /etc/wall".split()
)
_WALL_SHOWN = ("[ -r {0} ] && cat {0}", "cat {0}", "if [ -s {0} ]; then cat {0}; fi", "# messages to all\ncat {0}")


@ANNOUNCEMENTS.kind("wall")
def wall(host: Host, tool: str, text: str) -> Announcement:
    """A message to all terminals, kept by the host and shown at login, names the tool."""
    form, path = host.skin.choice(_WALL_FORMS), host.skin.choice(_WALL_PATHS)
    message = form.format(who=f"{other(host)}@{host.name}", n=host.skin.randint(0, 9), when=moment(host), text=text)
    profile = placed(host, "/etc/profile", host.skin.choice(_WALL_SHOWN).format(path) + "\n")
    return Announcement(needle=text, motd=greeting(host), files=(placed(host, path, message), profile), look=[[]])


_MAIL_NOTICE = "[You have mail|You have new mail|There is mail for <user>|1 message|Mailbox of <user>: 1 message|New mail for <user>]"
_MAIL_SUBJECT = "[[About|On|Concerning|As to|Re:] [{things}|your desk|<host>|the {season}|next week]|{weekday}|News from <place>|For <user>]"


@ANNOUNCEMENTS.kind("mail")
def mail(host: Host, tool: str, text: str) -> Announcement:
    """Login says that there is mail; a letter in it mentions the tool."""
    path = host.skin.choice([*[f"/var/mail/{host.user}"] * 2, f"{host.home}/mbox", f"{host.home}/Mail/inbox"])
    writer, when = other(host), moment(host)
    sender = f"{writer}@{host.name}"
    head = [f"From: {sender}", f"To: {host.user}@{host.name}", f"Date: {when:%a, %d %b %Y %H:%M:%S} +0000"]
    host.skin.shuffle(head)
    head = [f"From {sender} {when:%a %b %e %H:%M:%S %Y}", *head, f"Subject: {expand(host, _MAIL_SUBJECT)}", ""]
    file = host.file(path, "\n".join(head) + "\n" + letter(host, text, writer))
    named = host.skin.random() < 0.5
    notice = expand(host, _MAIL_NOTICE) + (f" in {path}" if named else "") + host.skin.choice(["", "."])
    look = readings(host, file, text, named)
    if path.startswith("/var"):
        look.append([f"cat {path.replace(host.user, '$USER')}"])
    env = {"MAIL": path} if host.skin.random() < 0.3 else {}
    return Announcement(needle=text, motd=greeting(host, notice), env=env, files=(file,), look=look)
