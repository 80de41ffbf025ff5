"""Ways of telling that there is a tool: functions `(host, tool, text) -> Announcement`.

Login shows it itself or says that something is there; files, names and links tell of it."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import replace

from sekft.authors.procedural.announcements import (
    ANNOUNCEMENTS,
    Announcement,
    fields,
    framed,
    greeting,
    letter,
    page,
    placed,
    readings,
    remarks,
    somewhere,
)
from sekft.authors.procedural.host import Host, expand, line, moment, other, phrase
from sekft.scenario import File


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


@ANNOUNCEMENTS.kind("prompt", weight=1.5)
def prompt(host: Host, tool: str, text: str) -> Announcement:
    """The prompt names the tool, on every line."""
    needle = phrase(host.skin, _IN_PROMPT, tool=tool)
    prompt = host.skin.choice(_PROMPTS).replace("<line>", needle)
    return Announcement(needle=needle, motd=greeting(host), prompt=prompt, look=[[]])


_ENV_NAMES = "DESK WORK ERRANDS INTAKE PENDING DUTIES ROTA TRAY DOCKET ASSIGNED TODO QUEUE INBOX ORDERS CHORES JOBS REQUESTS".split()
_ENV_ENDS = ("", "", *"_AT _BY _TOOL _FOR _VIA _IN _HOLDER _NOTE _INFO".split())
# No apostrophe: `export -p` would show it another way.
_ENV_VALUE = "[{things} [for|of] {whom}: <tool>|<tool> {keeps} {all}{things} for {whom}|<tool> ({things}[|; documents itself|; self-documenting|; has its own help])|<tool>; {things}|{things} -> <tool>|{things} for {whom} are {kept_in} <tool>|the {program} <tool>, for {things}|{things} {via} <tool>|<tool>, where {things} for <user> are {kept}]"
_ENV_LEAD = "The environment of this [account|session] holds [the local settings|some notes of <host>]."


@ANNOUNCEMENTS.kind("env")
def env(host: Host, tool: str, text: str) -> Announcement:
    """An environment variable holds the name of the tool."""
    name = host.skin.choice(_ENV_NAMES) + host.skin.choice(_ENV_ENDS)
    value = expand(host, _ENV_VALUE, tool=tool)
    lead = [expand(host, _ENV_LEAD)] if host.skin.random() < 0.3 else []
    look = [["env"], ["env | sort"], ["ls -la", "env"], ["export -p"], ["ls", "env"], ["id", "env"]]
    return Announcement(needle=value, motd=greeting(host, *lead), env={name: value}, look=look)


_PROFILE_HEADS = ("umask 022", "PAGER=cat; export PAGER", "EDITOR=ed; export EDITOR")
_PROFILE_REMARK = "# [set up by <other>|<host>, <iso>|login of <user>]"


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
    head = host.skin.choice(["", expand(host, _PROFILE_REMARK), *_PROFILE_HEADS])
    file = placed(host, path, f"{head}\n{prints}\n".lstrip())
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
_MAIL_SUBJECT = "[[About|Re:] [{things}|<host>|<event>|next week]|{weekday}|News from <room>|For <user>|<event>|Your account on <host>]"


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


_README_NAMES = (
    "README README.txt README.md NOTES NOTES.txt WELCOME ABOUT ABOUT.txt read.me handover.txt START INFO notes.md index.txt"
    " 00-README desk.md house.txt letter.txt first.txt hello.txt memo.txt memo journal.txt blackboard.txt CONTENTS"
).split()


def in_file(host: Host, file: File, needle: str, named: bool = False, by_name: bool = False) -> Announcement:
    """A line of a file tells it. named: login says where the file is. by_name: see `readings`."""
    motd = greeting(host, *([line(host, "lead", path=file.path)] if named else []))
    return Announcement(needle, readings(host, file, needle, named, by_name), motd, files=(file,))


@ANNOUNCEMENTS.kind("readme")
def readme(host: Host, tool: str, text: str) -> Announcement:
    """A text file in the home folder, or in a folder of it, mentions the tool among other things."""
    folder = host.home if host.skin.random() < 0.7 else f"{host.home}/{host.world.stem(host.world.setting.folders)}"
    name = host.skin.choice([*_README_NAMES, f"{host.world.stem(host.world.setting.words)}.txt", f"{host.name}.txt"])
    file = host.file(f"{folder}/{name}", page(host, text))
    return in_file(host, file, text)


_DOTFILES = (
    ".plan .project .notes .desk .about .hello .duty .sticky .memo .tray .corner .pinboard .diary .slip .letter".split()
)


@ANNOUNCEMENTS.kind("dotfile")
def dotfile(host: Host, tool: str, text: str) -> Announcement:
    """A hidden file in the home folder, such as people keep for who comes after them, mentions the tool."""
    name = host.skin.choice([*_DOTFILES, f".{host.name}", f".{host.world.stem(host.world.setting.words)}"])
    file = host.file(f"{host.home}/{name}", page(host, text))
    return in_file(host, file, text)


_ROSTER_HEADS = (
    ("account", "[{things}|work] [in|with|kept by|through]", "[room|floor|line]"),
    (
        "[name|user|who]",
        "[where {things} are kept|{things} served by|{things} handed out by|tool for {things}]",
        "[extension|line|room]",
    ),
)
_ROSTER_STEMS = ("rota", "roster", "accounts", "allocation", "plan", "who-has-what", "tools", "list", "overview")


@ANNOUNCEMENTS.kind("roster")
def roster(host: Host, tool: str, text: str) -> Announcement:
    """A table says which tool serves which account; only one row is about the account that has landed."""
    head = [expand(host, title).lower() for title in host.skin.choice(_ROSTER_HEADS)]
    rows = [[person.name, host.tool()] for person in host.skin.sample(host.cast[1:], host.skin.randint(1, 4))]
    own = [host.user, tool]
    rows = [[*row, expand(host, "<n>")] for row in [own, *rows]]
    host.skin.shuffle(rows)
    shown = _table(host, [head, *rows])
    needle = next(row for row in shown if host.user in row and tool in row).strip()
    at_home = host.skin.random() < 0.4
    path = somewhere(host, host.skin.choice(_ROSTER_STEMS), host.home if at_home else None)
    file = placed(host, path, "\n".join(shown) + "\n")
    return in_file(host, file, needle, named=not at_home, by_name=True)


def _table(host: Host, rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    joint = host.skin.choice(["  ", "  ", " | ", "\t", ",", ":", ";"])
    if len(joint) == 1:
        return [joint.join(row) for row in rows]
    shown = [joint.join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = ["-" * len(shown[0])] if joint == " | " else []
    return [shown[0], *rule, *shown[1:]]


_CARD_FOLDERS = ("cards", "tray", "desk", "intake", "counter", "slips", "pigeonholes", "rack", "docket")
_CARD_NAMES = "[<user>|<user>|card-<user>|<n>-<user>|<user>.<n>][|.card|.txt|.slip]"
_CARD_FIELD = "[{things} [from|with|by|in|served by|kept by|handed out by|at]|Source of {things}|[Counter|Desk|Tool|Program|Command] for {things}|{things}]"
_CARD_LEAD = "[Cards|Slips|Papers] for the [people|accounts] of <host>: <path>|<user> has a card in <path>|The card of <user> is in <path>|[One|1] card in <path>|The [tray|rack] for cards is <path>|Cards are in <path>"


@ANNOUNCEMENTS.kind("card", weight=1.5)
def card(host: Host, tool: str, text: str) -> Announcement:
    """A card in a spool folder, one for the account, has a field for the tool."""
    own = (expand(host, _CARD_FIELD), tool)
    rows = [
        ("Card", expand(host, "<n>-<m>")),
        ("Holder", host.user),
        ("Issued", f"{moment(host):%Y-%m-%d}"),
        ("By", other(host)),
        ("Place", expand(host, "<place>")),
        ("Valid", expand(host, "[until recalled|all year|weekdays|<k> years]")),
    ]
    rows = host.skin.sample(rows, host.skin.randint(2, 5))
    rows.insert(host.skin.randint(0, len(rows)), own)
    capital = host.skin.random() < 0.3
    shown = fields(host, [(name.upper() if capital else name, value) for name, value in rows], " .")
    needle = shown[rows.index(own)]
    folder = f"{host.skin.choice(['/var/spool', '/srv', host.home])}/{host.skin.choice(_CARD_FOLDERS)}"
    name = expand(host, _CARD_NAMES).lower()
    file = placed(host, f"{folder}/{name}", "\n".join(shown) + "\n")
    motd = greeting(host, expand(host, f"[{_CARD_LEAD}]", path=folder))
    listings = ("ls -F", "ls -l")
    look = [
        [f"{ls} {folder}", *way] for ls in listings for way in readings(host, file, needle, named=True) if len(way) == 1
    ]
    return Announcement(needle=needle, motd=motd, files=(file,), look=look)


_LOG_NAMES = ("handover.log", "shift.log", "journal.log", "duty.log", "day.log", "log.txt", "logbook", "watch.log")
_LOG_STAMPS = ("%Y-%m-%d %H:%M ", "%b %e %H:%M ", "[%d.%m.%Y] ", "%Y%m%d ", "%a %e %b: ", "%Y-%m-%dT%H:%MZ ")


@ANNOUNCEMENTS.kind("log")
def log(host: Host, tool: str, text: str) -> Announcement:
    """A log of those who were here before has a line on the tool, among dated lines on other things."""
    rows = [text, *remarks(host, host.some(host.skin, 2, 6))]
    host.skin.shuffle(rows)
    stamp, signature = host.skin.choice(_LOG_STAMPS), host.skin.choice(["{}: ", "{} - ", "({}) ", ""])
    writers = [other(host), other(host)]
    days = sorted(moment(host) for _ in rows)
    dated = zip(days, rows, strict=True)
    shown = [f"{day.strftime(stamp)}{signature.format(host.skin.choice(writers))}{row}" for day, row in dated]
    folder = host.skin.choice([host.home, "/var/log", f"/srv/{host.world.stem(host.world.setting.folders)}"])
    path = posixpath.join(folder, host.skin.choice([*_LOG_NAMES, f"{host.name}.log"]))
    file = placed(host, path, "\n".join(shown) + "\n")
    named = folder.startswith("/srv") or host.skin.random() < 0.3
    return in_file(host, file, text, named=named)


# Parts are joined by signs that no name holds, so that the tool's stands apart.
_FILENAMES = "[<things>@<tool>|<things>.are.in.<tool>|<things>.for.<user>.in.<tool>|<tool>.holds.<things>|<things>:<tool>|<things>=<tool>|<tool>,the.tool.for.<things>|<things>.via.<tool>|<things>.by.<tool>|<tool>:<things>.of.<user>]"
_FILENAME_THINGS = (
    "requests errands duties jobs orders chores tasks assignments REQUESTS TASKS ORDERS WORK work open.matters".split()
)


@ANNOUNCEMENTS.kind("filename", weight=1.5)
def filename(host: Host, tool: str, text: str) -> Announcement:
    """The name of an empty file in the home folder says it: nothing has to be opened."""
    things = host.skin.choice(_FILENAME_THINGS)
    name = (
        expand(host, _FILENAMES, tool=tool, things=things).replace("WORK.are", "WORK.is").replace("work.are", "work.is")
    )
    file = host.file(f"{host.home}/{name}", "")
    look = [["ls -F"], ["ls"], ["ls -l"], ["ls -la"], ["ls -A"], ["find . -type f"]]
    return Announcement(needle=name, motd=greeting(host), files=(file,), look=look)


_LINK_NAMES = "requests errands duties jobs orders chores tasks assignments my-work open-matters inbox in-tray work todo desk".split()


@ANNOUNCEMENTS.kind("link", weight=1.5)
def link(host: Host, tool: str, text: str) -> Announcement:
    """A link in the home folder, named after what it is for, points at the tool."""
    name, target = host.skin.choice(_LINK_NAMES), f"/usr/local/bin/{tool}"
    link = File(path=f"{host.home}/{name}", kind="symlink", target=target, mtime=host.mtime)
    look = [[first, f"{then} {name}"] for first in ("ls", "ls -A", "ls -a") for then in ("ls -l", "ls -ld", "ls -la")]
    host.skin.shuffle(look)
    return Announcement(needle=target, motd=greeting(host), files=(link,), look=look)


@ANNOUNCEMENTS.kind("pointer")
def pointer(host: Host, tool: str, text: str) -> Announcement:
    """Login names a file, that file names another, and only the second one names the tool."""
    near, far = somewhere(host), somewhere(host)
    lead, second_lead = line(host, "lead", path=near), line(host, "lead", path=far)
    files = placed(host, near, page(host, second_lead)), placed(host, far, page(host, text))
    hops = readings(host, files[0], second_lead, named=True), readings(host, files[1], text, named=True)
    look = [[*first, *second] for first, second in zip(*hops, strict=False)]
    banner, leads = (f"{lead}\n", []) if host.skin.random() < 0.3 else ("", [lead])
    return Announcement(needle=text, banner=banner, motd=greeting(host, *leads), files=files, look=look)


_ETC_FILES = (
    "desk site local house office station handbook defaults arrangements conventions workplace particulars".split()
)
_ETC_KEY = (
    "[requests|errands|duties|jobs|orders|assignments|open-matters|work|chores|intake|tasks][.|_|-|/| of | for ]<user>"
)
_ETC_HEAD = "[||# <host>, by <other>|; last changed <iso>|# [settings|particulars] of <host>|# changes: <other>]"


@ANNOUNCEMENTS.kind("etc", weight=1.5)
def etc(host: Host, tool: str, text: str) -> Announcement:
    """A settings file in /etc has a line for the tool; login may or may not point at the file."""
    rows = [
        ("timezone", "UTC"),
        ("contact", other(host)),
        ("rack", expand(host, "<n>")),
        ("backup", expand(host, "[nightly|weekly|on sundays]").lower()),
        ("site", expand(host, "[north|south|<place>]").lower()),
        ("printer", host.world.word()),
        ("locale", "C.UTF-8"),
    ]
    own = (expand(host, _ETC_KEY).lower(), tool)
    rows = [own, *host.skin.sample(rows, host.skin.randint(2, 5))]
    host.skin.shuffle(rows)
    shown = fields(host, rows)
    needle, stem = shown[rows.index(own)], host.skin.choice([*_ETC_FILES, host.name])
    path = f"/etc/{stem}{host.skin.choice(['', '.conf', '.cfg', '.local', '.rc'])}"
    file = placed(host, path, "\n".join([expand(host, _ETC_HEAD), *shown]).lstrip("\n") + "\n")
    announcement = in_file(host, file, needle, named=host.skin.random() < 0.6, by_name=True)
    return replace(announcement, look=[*announcement.look, [f"grep -r {host.user} /etc"]])
