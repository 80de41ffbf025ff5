"""A text file in the home folder, or in a folder of it, mentions the tool among other things."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting, page, readings
from sekft.authors.procedural.host import Host

_NAMES = (
    "README README.txt README.md NOTES NOTES.txt WELCOME ABOUT ABOUT.txt read.me handover.txt START INFO notes.md index.txt"
    " 00-README desk.md house.txt letter.txt first.txt hello.txt memo.txt memo journal.txt blackboard.txt CONTENTS"
).split()


def announce(host: Host, tool: str, text: str) -> Announcement:
    folder = host.home if host.skin.random() < 0.7 else f"{host.home}/{host.names.subject()}"
    name = host.skin.choice([*_NAMES, f"{host.names.word((2, 3))}.txt", f"{host.name}.txt"])
    file = host.file(f"{folder}/{name}", page(host, text))
    return Announcement(needle=text, motd=greeting(host), files=(file,), look=readings(host, file, text))
