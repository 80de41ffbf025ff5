"""Ways of telling that there is a tool: functions `(host, tool, text) -> Announcement`.

Login shows it itself or says that something is there; files, names and links tell of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sekft.authors.procedural.announcements import (
    ANNOUNCEMENTS,
    Announcement,
    documents,
    framed,
    greeting,
    letter,
    readings,
    remarks,
    signed,
)
from sekft.authors.procedural.host import Host, clause, expand, line, moment, phrase, wording
from sekft.authors.procedural.pages import fields, page, paged, placed
from sekft.authors.procedural.world import Person
from sekft.scenario import File


@ANNOUNCEMENTS.kind("motd")
def motd(host: Host, tool: str, text: str) -> Announcement:
    """The message of the day names the tool, among what such messages usually hold."""
    return Announcement(needle=text, motd=greeting(host, signed(host, text)), look=[[]])


@ANNOUNCEMENTS.kind("banner")
def banner(host: Host, tool: str, text: str) -> Announcement:
    """The banner shown before the message of the day names the tool."""
    head = expand(host, "[|<host>|<host>, <house>|Welcome to <host>|<host>, {machine} of <house>]")
    banner = framed(host, f"{head}\n{signed(host, text)}".lstrip(), 0.3)
    return Announcement(needle=text, banner=banner, motd=greeting(host), look=[[]])


_THINGS = "[requests|jobs|orders|tasks|work|to do]"
_IN_PROMPT = f"[{_THINGS}: <tool>|{_THINGS} in <tool>]"
_PROMPTS = (
    "[<line>] $USER@$HOSTNAME $ ",
    "$USER@$HOSTNAME (<line>) $ ",
    "<line> $PWD $ ",
    "[<line>] $ ",
    "(<line>) $USER $ ",
)


@ANNOUNCEMENTS.kind("prompt", weight=1.5)
def prompt(host: Host, tool: str, text: str) -> Announcement:
    """The prompt names the tool, on every line."""
    needle = phrase(host.skin, _IN_PROMPT, tool=tool)
    prompt = host.skin.choice(_PROMPTS).replace("<line>", needle)
    return Announcement(needle=needle, motd=greeting(host), prompt=prompt, look=[[]])


_ENV_NAMES = "REQUESTS WORK JOBS ORDERS TODO TASKS QUEUE INBOX".split()
_ENV_ENDS = ("", "_TOOL", "_IN", "_VIA", "_PROGRAM", "_DESK")
_ENV_BESIDE = {"PRINTER": "[<room>|lp0|lp1]", "SITE": "<house>", "OFFICE": "<room>", "CONTACT": "<who>", "EDITOR": "vi"}
_BIN = "/usr/local/bin/"


@ANNOUNCEMENTS.kind("env")
def env(host: Host, tool: str, text: str) -> Announcement:
    """An environment variable holds the name of the tool, beside others of the place."""
    _, value, values = _environment(host, tool)
    lead = [line(host, "lead_env")] if host.skin.random() < 0.3 else []
    look = [["env"], ["env | sort"], ["ls -la", "env"], ["export -p"], ["ls", "env"], ["id", "env"]]
    return Announcement(needle=value, motd=greeting(host, *lead), env=values, look=look)


@ANNOUNCEMENTS.kind("variable")
def variable(host: Host, tool: str, text: str) -> Announcement:
    """Login names an environment variable, which holds the name of the tool."""
    name, value, values = _environment(host, tool)
    said = line(host, "lead_variable", name=host.skin.choice([f"${name}", f"${name}", f"the variable {name}"]))
    look = [
        [f"echo ${name}"],
        ["env"],
        [f'echo "${name}"'],
        ["env | sort"],
        [f"env | grep {name}"],
    ]
    return Announcement(needle=value, motd=greeting(host, said), env=values, look=look)


def _environment(host: Host, tool: str) -> tuple[str, str, dict[str, str]]:
    """A variable that names the tool, its value, and all variables of the account in the order in which they are set."""
    name = host.skin.choice(_ENV_NAMES) + host.skin.choice(_ENV_ENDS)
    value = tool if " " in tool or host.skin.random() < 0.5 else _BIN + tool
    beside = host.skin.sample(sorted(_ENV_BESIDE), host.some(host.skin, 0, 3))
    values = {name: value} | {key: clause(host, _ENV_BESIDE[key]).removeprefix("the ") for key in beside}
    return name, value, {key: values[key] for key in host.skin.sample(sorted(values), len(values))}


_PROFILE_HEADS = ("umask 022", "PAGER=cat; export PAGER", "EDITOR=vi; export EDITOR")


@ANNOUNCEMENTS.kind("profile")
def profile(host: Host, tool: str, text: str) -> Announcement:
    """A login profile, the account's own or the host's, prints a line that names the tool."""
    said = signed(host, text)
    quoted = shlex.quote(said)
    prints = host.skin.choice([f"echo {quoted}", f"echo {quoted}", f"cat <<'EOF'\n{said}\nEOF"])
    path = host.skin.choice([f"{host.home}/.profile", f"{host.home}/.profile", "/etc/profile"])
    file = placed(host, path, f"{host.skin.choice(_PROFILE_HEADS)}\n{prints}\n")
    return Announcement(needle=text, motd=greeting(host), files=(file,), look=[[]])


_WALL_FORMS = (
    "\nBroadcast message from {login}@{host} (pts/{n}) ({when:%a %b %e %H:%M:%S %Y}):\n\n{text}\n\n",
    "Message from {login}@{host} on pts/{n} at {when:%H:%M} ...\n{text}\n",
    "{name} to all, {when:%d.%m. %H:%M}:\n  {text}\n",
    "{name}, {when:%e %B}: {text}\n",
)
_WALL_PATHS = ("/var/spool/wall", "/var/log/wall", "/var/lib/wall/last", "/etc/motd.d/wall")
_WALL_SHOWN = ("[ -r {0} ] && cat {0}", "cat {0}", "# messages to all\ncat {0}")


@ANNOUNCEMENTS.kind("wall")
def wall(host: Host, tool: str, text: str) -> Announcement:
    """A message to all terminals, kept by the host and shown at login, names the tool."""
    form, path, who = host.skin.choice(_WALL_FORMS), host.skin.choice(_WALL_PATHS), host.person()
    message = form.format(
        login=who.login, name=who.first, host=host.name, n=host.skin.randint(0, 9), when=moment(host), text=text
    )
    profile = placed(host, "/etc/profile", host.skin.choice(_WALL_SHOWN).format(path) + "\n")
    return Announcement(needle=text, motd=greeting(host), files=(placed(host, path, message), profile), look=[[]])


_MAIL_NOTICE = "[You have mail|You have new mail|1 message]"


@ANNOUNCEMENTS.kind("mail")
def mail(host: Host, tool: str, text: str) -> Announcement:
    """Login says that there is mail; a letter in it mentions the tool."""
    path = host.skin.choice([*[f"/var/mail/{host.user}"] * 2, f"{host.home}/mbox", f"{host.home}/Mail/inbox"])
    writer, when = host.person(), moment(host)
    sender = f"{writer.login}@{host.name}"
    head = [
        f"From {sender} {when:%a %b %e %H:%M:%S %Y}",
        f"From: {writer.name} <{sender}>",
        f"To: {host.user}@{host.name}",
        f"Date: {when:%a, %d %b %Y %H:%M:%S} +0000",
        f"Subject: {expand(host, host.skin.choice(wording()['pages']['subjects']))}",
    ]
    file = host.file(path, "\n".join(head) + "\n\n" + letter(host, text, writer.name))
    named = host.skin.random() < 0.5
    notice = expand(host, _MAIL_NOTICE) + (f" in {path}" if named else "") + host.skin.choice(["", "."])
    look = readings(host, file, text, named)
    if path.startswith("/var"):
        look.append([f"cat {path.replace(host.user, '$USER')}"])
    env = {"MAIL": path} if host.skin.random() < 0.3 else {}
    return Announcement(needle=text, motd=greeting(host, notice), env=env, files=(file,), look=look)


def in_file(host: Host, file: File, needle: str, lead: str | None, by_name: bool = False) -> Announcement:
    """A line of a file tells it. lead: the kind of line by which login says where the file is; None where it does not.

    by_name: see `readings`.
    """
    motd = greeting(host, *([line(host, lead, path=file.path)] if lead else []))
    return Announcement(needle, readings(host, file, needle, lead is not None, by_name), motd, files=(file,))


@ANNOUNCEMENTS.kind("readme")
def readme(host: Host, tool: str, text: str) -> Announcement:
    """A page in the home folder, or in a folder of it, mentions the tool among other things of one topic."""
    folder = host.home if host.skin.random() < 0.7 else f"{host.home}/{host.skin.choice(_PAGE_FOLDERS)}"
    return in_file(host, paged(host, folder, page(host, text)), text, lead=None)


_PAGE_FOLDERS = ("docs", "desk", "notes", "office", "shared")
_DOTFILES = ".plan .project .notes .notes .desk .handover .reminders".split()


@ANNOUNCEMENTS.kind("dotfile")
def dotfile(host: Host, tool: str, text: str) -> Announcement:
    """A hidden file in the home folder, such as people keep for who comes after them, mentions the tool."""
    file = host.file(f"{host.home}/{host.skin.choice(_DOTFILES)}", page(host, text).text)
    return in_file(host, file, text, lead=None)


_ROSTER_STEMS = ("accounts", "users", "programs", "logins")
_ROSTER_HEADS = (("login", "name"), ("account", "owner"), ("user", "name"))
_ROSTER_LAST = ("requests in", "requests", "jobs in", "orders in", "program", "works with")


@ANNOUNCEMENTS.kind("roster")
def roster(host: Host, tool: str, text: str) -> Announcement:
    """A table says which tool serves which account; only one row is about the account that has landed."""
    others = host.skin.sample(host.cast[1:], host.some(host.skin, 1, 4))
    rows = [(host.user, host.me.name, tool), *((person.login, person.name, host.tool()) for person in others)]
    head = (*host.skin.choice(_ROSTER_HEADS), host.skin.choice(_ROSTER_LAST))
    shown = _table(host, [head, *sorted(rows)])
    needle = next(row for row in shown if host.user in row and tool in row).strip()
    folder = host.home if host.skin.random() < 0.4 else documents(host)
    path = f"{folder}/{host.skin.choice(_ROSTER_STEMS)}.txt"
    file = placed(host, path, "".join(f"{row}\n" for row in shown))
    return in_file(host, file, needle, lead=None if folder == host.home else "lead_roster", by_name=True)


def _table(host: Host, rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    if (joint := host.skin.choice(["  ", "  ", "\t", ",", ";"])) != "  ":
        return [joint.join(row) for row in rows]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


_CARD_FOLDERS = ("staff", "people", "cards", "accounts")
_CARD_FIELDS = ("requests", "jobs", "orders", "work", "requests in", "requests via")


@ANNOUNCEMENTS.kind("card", weight=1.5)
def card(host: Host, tool: str, text: str) -> Announcement:
    """A card of the account, in a folder for those of all people, says which tool serves it."""
    capital = host.skin.random() < 0.7
    rows = [("name", host.me.name), ("login", host.user), ("role", host.me.role), ("room", host.me.room)]
    rows += [("since", f"{moment(host):%Y-%m-%d}"), ("phone", expand(host, "<n>-<m>"))]
    rows = [rows[at] for at in sorted(host.skin.sample(range(len(rows)), host.some(host.skin, 2, 5)))]
    own = (host.skin.choice(_CARD_FIELDS), tool)
    rows.insert(host.skin.randint(1, len(rows)), own)
    named = [(name.capitalize() if capital else name, value) for name, value in rows]
    shown = fields(named, host.skin.choice([": ", ": ", "  ", " = "]))
    needle = shown[rows.index(own)]
    folder = f"{host.data}/{host.skin.choice(_CARD_FOLDERS)}"
    path = f"{folder}/{host.user}{host.skin.choice(['', '.txt', '.card'])}"
    file = host.file(path, "".join(f"{row}\n" for row in shown))
    motd = greeting(host, line(host, "lead_card", path=folder))
    listings = ("ls -F", "ls -l")
    look = [
        [f"{ls} {folder}", *way] for ls in listings for way in readings(host, file, needle, named=True) if len(way) == 1
    ]
    return Announcement(needle=needle, motd=motd, files=(file,), look=look)


_LOG_NAMES = ("handover.log", "shift.log", "duty.log", "day.log", "logbook")
_AFTERWARDS = timedelta(days=38)
"""So much later than `moment` a log is written: what its lines speak of has been."""
_LOG_STAMPS = ("%Y-%m-%d %H:%M  ", "%b %e %H:%M  ", "%d.%m.%Y  ", "%a %e %b  ")


@ANNOUNCEMENTS.kind("log")
def log(host: Host, tool: str, text: str) -> Announcement:
    """A log of those who were here before has a line on the tool, among dated lines on other things."""
    rows = remarks(host, host.some(host.skin, 2, 5))
    rows.insert(host.skin.randint(0, len(rows)), text)
    stamp, writers = host.skin.choice(_LOG_STAMPS), host.skin.sample(host.cast[1:], 3)
    days = sorted(moment(host) + _AFTERWARDS for _ in rows)
    shown = [
        f"{day.strftime(stamp)}{_writer(host, writers, row)}: {row}\n" for day, row in zip(days, rows, strict=True)
    ]
    folder = host.skin.choice([host.home, "/var/log", host.data])
    file = placed(host, f"{folder}/{host.skin.choice(_LOG_NAMES)}", "".join(shown))
    file = file.model_copy(update={"mtime": int(days[-1].timestamp())})
    named = folder != host.home and (not folder.startswith("/var") or host.skin.random() < 0.7)
    return in_file(host, file, text, lead="lead_log" if named else None)


def _writer(host: Host, writers: Sequence[Person], row: str) -> str:
    """One of them of whom the row does not speak by name."""
    return host.skin.choice([person for person in writers if person.first not in row]).first


# Parts are joined by signs that no name holds, so that the tool's stands apart.
_FILENAMES = (
    "[<things>.are.in.<tool>|<things>.for.<user>.are.in.<tool>|<things>@<tool>|<things>:<tool>|<tool>.has.the.<things>]"
)
_FILENAME_THINGS = "requests jobs orders tasks open-requests open-jobs REQUESTS JOBS ORDERS".split()


@ANNOUNCEMENTS.kind("filename", weight=1.5)
def filename(host: Host, tool: str, text: str) -> Announcement:
    """The name of an empty file in the home folder says it: nothing has to be opened."""
    name = phrase(host.skin, _FILENAMES, tool=tool, things=host.skin.choice(_FILENAME_THINGS), user=host.user)
    file = host.file(f"{host.home}/{name}", "")
    look = [["ls -F"], ["ls"], ["ls -l"], ["ls -la"], ["ls -A"], ["find . -type f"]]
    return Announcement(needle=name, motd=greeting(host), files=(file,), look=look)


_LINK_NAMES = "requests jobs orders tasks my-work open-requests inbox in-tray work todo desk".split()


@ANNOUNCEMENTS.kind("link", weight=1.5)
def link(host: Host, tool: str, text: str) -> Announcement:
    """A link in the home folder, named after what it is for, points at the tool."""
    name, target = host.skin.choice(_LINK_NAMES), f"{_BIN}{tool}"
    link = File(path=f"{host.home}/{name}", kind="symlink", target=target, mtime=host.mtime)
    look = [[first, f"{then} {name}"] for first in ("ls", "ls -A", "ls -a") for then in ("ls -l", "ls -ld", "ls -la")]
    host.skin.shuffle(look)
    return Announcement(needle=target, motd=greeting(host), files=(link,), look=look)


@ANNOUNCEMENTS.kind("pointer")
def pointer(host: Host, tool: str, text: str) -> Announcement:
    """Login names a page, that page names another, and only the second one names the tool."""
    last = page(host, text)
    far = paged(host, documents(host), last)
    second = line(host, f"lead_{last.topic}", path=far.path)
    first = last
    while first.topic == last.topic:
        first = page(host, second)
    near = paged(host, documents(host), first)
    hops = readings(host, near, second, named=True), readings(host, far, text, named=True)
    look = [[*one, *other] for one, other in zip(*hops, strict=False)]
    motd = greeting(host, line(host, f"lead_{first.topic}", path=near.path))
    return Announcement(needle=text, motd=motd, files=(near, far), look=look)


_ETC_FILES = "site local house office station desk".split()
_ETC_KEY = "[requests|jobs|orders|work|tasks][.|_|-]<user>"
_ETC_HEAD = "[# <host>, {machine} of <house>|# <host>, changed by <who>, <iso>|# local settings of <host>]"


@ANNOUNCEMENTS.kind("etc", weight=1.5)
def etc(host: Host, tool: str, text: str) -> Announcement:
    """A settings file in /etc has a line for the tool; login may or may not point at the file."""
    rows = [
        ("timezone", "UTC"),
        ("contact", host.person().name),
        ("backup", host.skin.choice(["nightly", "weekly", "sundays"])),
        ("site", host.skin.choice(host.rooms)),
        ("printer", host.skin.choice(host.rooms)),
        ("data", host.data),
    ]
    rows = [rows[at] for at in sorted(host.skin.sample(range(len(rows)), host.some(host.skin, 2, 4)))]
    own = (phrase(host.skin, _ETC_KEY, user=host.user), tool)
    rows.insert(host.skin.randint(1, len(rows)), own)
    shown = fields(rows, host.skin.choice([" = ", "=", ": ", "  "]))
    needle, stem = shown[rows.index(own)], host.skin.choice([*_ETC_FILES, host.name])
    content = "\n".join([expand(host, _ETC_HEAD), *shown]) + "\n"
    file = placed(host, f"/etc/{stem}{host.skin.choice(['', '.conf', '.conf'])}", content)
    lead = "lead_settings" if host.skin.random() < 0.6 else None
    announcement = in_file(host, file, needle, lead, by_name=True)
    return replace(announcement, look=[*announcement.look, [f"grep -r {host.user} /etc"]])
