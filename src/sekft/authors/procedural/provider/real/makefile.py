"""A folder with a Makefile whose help says what can be made: what waits is listed, shown and closed by make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.provider.contract import Ways
from sekft.authors.procedural.provider.real import REAL, TRAITS, RealProvider
from sekft.authors.procedural.provider.semantics import QueueEntry
from sekft.scenario import File

_GUIDES = ("comments", "comments", "README", "USAGE", "HELP")


@REAL.kind("makefile", **TRAITS)
class Makefile(RealProvider):
    """A Makefile that documents itself: make lists, shows and closes what waits."""

    program = "make"
    theme = "job"
    paths = ("/srv/{stem}", "/opt/{stem}", "/srv/jobs/{stem}", "/usr/local/share/{stem}")
    styles = {
        "list": ("list", "ls", "queue", "open", "todo", "status"),
        "show": ("show", "print", "cat", "view"),
        "done": ("done", "close", "finish", "complete"),
        "past": ("closed", "archive", "history", "log"),
        "var": ("ID", "ID", "N", "JOB", "ITEM"),
        "box": ("new", "in", "open.d", "queue.d", "pending"),
        "shelf": ("old", "out", "closed", "closed.d", "archive.d"),
        "guide": _GUIDES,
        "bare": ("help", "list"),
    }
    call = "make -C {path} help"
    where = "{path}, a folder with a Makefile"
    shuts = True

    @classmethod
    def acks(cls, style: Mapping[str, str]) -> tuple[str, ...]:
        return "id", "id", "none"

    @property
    def store(self) -> list[str]:
        return [f"{self.place.path}/{self.style[folder]}" for folder in ("box", "shelf")]

    def store_files(self, host: Host, entries: Iterable[QueueEntry]) -> list[File]:
        box, shelf = self.store
        files = [
            File(
                path=f"{box if entry.waiting else shelf}/{entry.id}",
                content=f"{entry.title}\nfrom {entry.sender}\n\n{entry.body}\n",
                mtime=host.mtime,
            )
            for entry in entries
        ]
        files += [File(path=f"{box}/.shut", content=self.sealed, mtime=host.mtime)] if self.sealed else []
        return [*files, host.folder(self.place.path), host.folder(box), host.folder(shelf)]

    def explain(self) -> list[str]:
        style, var = self.style, self.style["var"]
        rows = [
            (style["list"], self.say("list open <nouns>", "show open <nouns>", "list what is open")),
            (f"{style['show']} {var}=...", self.say("show [one|a] <noun>", "print [one|a] <noun>")),
            (style["past"], self.say("list closed <nouns>", "closed <nouns>")),
        ]  # fmt: skip
        if self.ack == "id":
            closes = self.say(
                "close a <noun> [when|once] it is done", "mark a <noun> as done", "close a <noun> that is done"
            )
            rows.insert(2, (f"{style['done']} {var}=...", closes))
        wide = max(len(call) for call, _ in rows) + self.host.skin.randint(1, 4)
        joint = self.host.skin.choice(["  ", "  ", "- ", "# "])
        head = self.say("<nouns> for <user>", "<nouns> on <host>", "<nouns> of <house>", "<noun> list of <house>")
        lines = [f"make {call:<{wide}}{joint}{does[:1].lower()}{does[1:]}" for call, does in rows]
        return [head, "", *lines]

    def documents(self) -> list[File]:
        path, guide = self.place.path, self.style["guide"]
        files = [self.host.file(f"{path}/Makefile", self._makefile())]
        if guide != "comments":
            files.append(self.host.file(f"{path}/{guide}", "\n".join(self.guide) + "\n"))
        return files

    def _makefile(self) -> str:
        style, guide = self.style, self.style["guide"]
        box, shelf, var = style["box"], style["shelf"], style["var"]
        goals = [style[name] for name in ("list", "show", "past", "done") if name != "done" or self.ack == "id"]
        said = [f"## {line}".rstrip() for line in self.guide] if guide == "comments" else []
        helps = "@sed -n 's/^## \\{0,1\\}//p' Makefile" if guide == "comments" else f"@cat {guide}"
        shut = f"@if test -e {box}/.shut; then cat {box}/.shut; exit 1; fi"

        def one(name: str) -> str:
            return f'@test -n "$({var})" || {{ echo "usage: make {name} {var}=..."; exit 1; }}'

        def row(folder: str) -> str:
            return f'for it in $$(ls {folder}); do echo "$$it  $$(sed -n 1p {folder}/$$it), $$(sed -n 2p {folder}/$$it)"; done'

        found = f"$(wildcard {box}/$({var}) {shelf}/$({var}))"
        shown = f'@$(if {found},cat {found},echo "$({var}): unknown"; exit 1)'
        rules = [
            ("help", [helps]),
            (style["list"], [shut, f"@test -n \"$$(ls {box})\" || echo '{self.empty}'", f"@{row(box)}"]),
            (style["show"], [shut, one(style["show"]), shown]),
            (style["past"], [f"@{row(shelf)}"]),
        ]  # fmt: skip
        if self.ack == "id":
            closing = f'@test -f "{box}/$({var})" && mv "{box}/$({var})" {shelf}/ && echo "$({var}) closed"'
            rules.append((style["done"], [shut, one(style["done"]), closing]))
        text = [*said, f".DEFAULT_GOAL := {self._bare}", f".PHONY: help {' '.join(goals)}"]
        return (
            "\n".join([*text, *(f"\n{name}:\n" + "\n".join(f"\t{line}" for line in lines) for name, lines in rules)])
            + "\n"
        )

    @property
    def _bare(self) -> str:
        return self.style["list"] if self.style["bare"] == "list" else "help"

    def _calls(self, goal: str) -> list[str]:
        path = self.place.path
        return [f"make -C {path} {goal}", f"cd {path} && make {goal}", f"make --directory={path} {goal}"]

    @property
    def learn(self) -> Ways:
        path, guide = self.place.path, self.style["guide"]
        ways = [[f"make -C {path} help"], [f"ls -F {path}", f"make -C {path} help"], [f"cd {path}", "ls", "make help"]]
        read = "Makefile" if guide == "comments" else guide
        return [*ways, [f"ls {path}", f"cat {path}/{read}"], [f"cat {path}/Makefile", f"make -C {path} help"]]

    @property
    def needle(self) -> str:
        return f"make {self.style['show']} {self.style['var']}="

    @property
    def asks(self) -> list[str]:
        return [self.style["list"], *([self.place.path] if self.style["bare"] == "list" else [])]

    def lists(self) -> Ways:
        return [[call] for call in self._calls(self.style["list"])]

    def reads(self, entry: QueueEntry) -> list[str]:
        return self._calls(f"{self.style['show']} {self.style['var']}={entry.id}")

    def reread(self, entry: QueueEntry) -> list[str]:
        return [self._calls(self.style["past"])[0], self.reads(entry)[0]]

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        return self._calls(f"{self.style['done']} {self.style['var']}={entry.id}") if self.ack == "id" else []
