"""A mailbox that several people write to, read with mail; what is done with is deleted from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.provider.contract import Ways
from sekft.authors.procedural.provider.real import REAL, TRAITS, RealProvider
from sekft.authors.procedural.provider.semantics import QueueEntry
from sekft.scenario import File

_WRAPPER = """\
#!/bin/sh
/usr/bin/mail "$@"
status=$?
for box in {boxes}; do
  if grep -qE '^(X-)?Status: ' "$box"; then
    sed -E '/^(X-)?Status: [RO]+$/d' "$box" >"$box.$$" && cat "$box.$$" >"$box"
    rm -f "$box.$$"
  fi
done
exit $status
"""
"""What was read is not noted: two who have read it leave the same box."""


@REAL.kind("mail", **TRAITS)
class Mail(RealProvider):
    """A mailbox read with mail; a letter in it says how it is used, and what was done is deleted."""

    program = "mail"
    theme = "letter"
    ids = ("number", "word", "prefixed", "lettered", "serial")
    paths = (
        "/srv/mailboxes/{stem}",
        "/srv/{stem}/{box}",
        "/opt/{stem}/{box}",
        "/var/spool/{stem}/{user}",
        "/srv/post/{stem}",
    )
    styles = {
        "box": ("inbox", "box", "post", "mbox", "in"),
        "old": (".old", ".done", "-done", ".archive", "-over"),
        "subject": ("[{id}] {title}", "{title} ({id})", "{id}: {title}", "{title} / {id}"),
        "rules": ("About this mailbox", "How this mailbox works", "Read first", "README", "Welcome to this mailbox"),
        "greeting": ("Hello,", "Good morning,", "Dear {first},", "{first},", "Hi,"),
    }  # fmt: skip
    call = "mail -f {path}"
    where = "the mailbox {path}"
    lists_by_learning = True

    @classmethod
    def acks(cls, style: Mapping[str, str]) -> tuple[str, ...]:
        return "id", "id", "none"

    @property
    def _boxes(self) -> tuple[str, str]:
        return self.place.path, self.place.path + self.style["old"]

    @property
    def store(self) -> list[str]:
        return [self.place.path.rpartition("/")[0]]

    def wrapper(self) -> str:
        return _WRAPPER.format(boxes=" ".join(self._boxes))

    def explain(self) -> list[str]:
        old = self._boxes[1]
        lines = [
            self.say(
                "[All|Open] <nouns> for <user> [arrive here|come to this mailbox].",
                "This mailbox is for <nouns> to <user>.",
                "<nouns> for <user> go to this mailbox.",
            )
        ]
        if self.ack == "id":
            lines.append(
                self.say(
                    "Delete a <noun> when [it|the work] is done[|, the others stay].",
                    "[Please delete|Delete] what is done and leave the rest.",
                    "A <noun> stays here until it is done, then delete it.",
                )
            )
        else:
            lines.append(
                self.say(
                    "No need to delete anything, it is cleared [by hand|at the end of the month].",
                    "The <nouns> stay in the box, I clear it.",
                    "No need to answer or delete anything.",
                )
            )
        lines.append(
            self.say(
                "Closed ones are in <old>.",
                "<old> has the old ones, all done.",
                "Done ones are kept in <old>.",
                old=old,
            )
        )
        return lines

    def store_files(self, host: Host, entries: Iterable[QueueEntry]) -> list[File]:
        rows, when = list(entries), _start(self.host)
        keeper = replace(rows[0], sender="root") if rows else None
        rules = self._letter(keeper.sender if keeper else "root", self.style["rules"], "\n".join(self.guide), when)
        letters = {
            e.id: self._letter(
                e.sender, self._subject(e), self._body(e), when + timedelta(hours=7 * at + 5, minutes=11 * at)
            )
            for at, e in enumerate(self.entries)
        }
        old = "".join(letters[e.id] for e in self.entries if not e.waiting)
        new = rules + "".join(letters[e.id] for e in rows if e.waiting)
        texts = dict(zip(self._boxes, (new, old), strict=True))
        return [
            *(File(path=path, content=text, mtime=host.mtime) for path, text in texts.items()),
            host.folder(self.store[0]),
        ]

    def _subject(self, entry: QueueEntry) -> str:
        return self.style["subject"].format(id=entry.id, title=entry.title)

    def _body(self, entry: QueueEntry) -> str:
        names = (*entry.sender.split()[:1], self.host.user, self.host.me.first)
        lettered = any(name in entry.body for name in names)
        if lettered and not entry.body.startswith("From "):
            return entry.body  # a letter already
        greeting = self.style["greeting"].format(first=self.host.me.first)
        gap = " " if entry.body.startswith("From ") else "\n\n"  # a line of that beginning starts the next letter
        return f"{greeting}{gap}{entry.body}\n\n{entry.sender}"

    def _letter(self, sender: str, subject: str, body: str, when: datetime) -> str:
        name, host = f"{self.host.login(sender)}@{self.host.name}", self.host.name
        head = [f"From {name} {when:%a %b %e %H:%M:%S %Y}", f"From: {sender} <{name}>", f"To: {self.host.user}@{host}"]
        return "\n".join([*head, f"Subject: {subject}", f"Date: {when:%a, %d %b %Y %H:%M:%S} +0000", "", body, "", ""])

    def _typed(self, *commands: str) -> list[str]:
        (command,) = commands
        box = self.place.path
        return [
            f"echo '{command}' | mail -f {box}",
            f"echo {command} | mail -N -f {box}",
            f"mail -f {box} <<'EOF'\n{command}\nEOF",
        ]

    @property
    def learn(self) -> Ways:
        box = self.place.path
        return [
            [f"mail -f {box}", f"echo 'p 1' | mail -f {box}"],
            [f"mail -f {box} < /dev/null", f"echo 'p 1' | mail -N -f {box}"],
            [f"echo 'p 1' | mail -f {box}"],
            [f"mail -f {box}", f"mail -f {box} <<'EOF'\np 1\nEOF"],
        ]

    @property
    def needle(self) -> str:
        return self.style["rules"]

    @property
    def asks(self) -> list[str]:
        return ["-f"]

    def lists(self) -> Ways:
        box = self.place.path
        return [[f"mail -f {box}"], [f"mail -f {box} < /dev/null"], [f"echo x | mail -f {box}"]]

    def reads(self, entry: QueueEntry) -> list[str]:
        number = next((at for at, e in enumerate(self.opened(self.entries), 2) if e.id == entry.id), None)
        if number is None:
            old = self._boxes[1]
            return [f"echo 'p /{entry.id}' | mail -f {old}"]
        return [*self._typed(f"p {number}"), f"echo 'p /{entry.id}' | mail -f {self.place.path}"]

    def reread(self, entry: QueueEntry) -> list[str]:
        return [f"mail -f {self._boxes[1]}", self.reads(entry)[0]]

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        """By its subject: numbers change with each one that is deleted."""
        if self.ack == "none":
            return []
        return self._typed(f"d /{entry.id}")


def _start(host: Host) -> datetime:
    return datetime.fromtimestamp(host.mtime - 9 * 86400, UTC)
