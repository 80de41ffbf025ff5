"""A git repository whose README says where the directives are: branches, files, notes, or one file with a history."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.provider.contract import Ways
from sekft.authors.procedural.provider.real import REAL, TRAITS, RealProvider
from sekft.authors.procedural.provider.real.objects import Objects
from sekft.authors.procedural.provider.semantics import QueueEntry
from sekft.scenario import File

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
_HAS = """d=$1; has() { [ -e "$d/$1" ] || grep -qs " $1\\$" "$d/packed-refs"; }"""
_IS = '{{ grep -qs {id} "$d/refs/heads/main" || grep -qs "{id} refs/heads/main" "$d/packed-refs"; }}'
_COPIES = """\
more= copies=$(find /home /srv /opt -type d -name .git 2>/dev/null)
for copy in $copies; do
  case $copy in *[!A-Za-z0-9._/-]*|*/../*) continue ;; esac
  grep -qsx "[[:space:]]*url = {path}/*" "$copy/config" && more="$more -path ${{copy%/.git}} -prune -o"
done"""
_DAY = 86400


@dataclass
class History:
    """Commits one after the other, and what points at them. texts: the files of the last one. when: its time."""

    place: str
    keeper: str
    when: int
    texts: dict[str, str]
    tip: str = ""
    objects: Objects = field(default_factory=Objects)
    refs: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def commit(self, author: str, message: str, texts: Mapping[str, str], parent: str | None) -> str:
        self.when += _DAY // 3 + 977
        return self.objects.commit(
            texts, parent or None, f"{author} <{author.split()[0].lower()}@{self.place}>", self.when, message
        )

    def advance(self, author: str, message: str, texts: dict[str, str]) -> None:
        """A commit on main."""
        self.tip, self.texts = self.commit(author, message, texts, self.tip), texts


@REAL.kind("git", **TRAITS)
class Git(RealProvider):
    """A git repository whose README says where requests are: branches, files or notes; a tag or a deletion closes one."""

    program = "git"
    theme = "case"
    ids = ("number", "word", "prefixed", "hex", "serial")
    paths = (
        "/srv/git/{stem}.git",
        "/srv/{stem}.git",
        "/opt/git/{stem}.git",
        "/var/lib/git/{stem}.git",
        "/srv/repos/{stem}.git",
    )
    shapes = {
        "form": ("branches", "branches", "files", "files", "notes", "sheet"),
        "close": ("delete", "tag"),
    }
    styles = {
        "readme": ("README", "README.md", "README.txt", "ABOUT.md", "CONTRIBUTING.md"),
        "at": ("inbox", "open", "todo", "requests", "queue", "incoming"),
        "end": ("", ".txt", ".md"),
        "name": ("REQUEST", "TODO", "request.txt", "request.md"),
        "sheet": ("TODO", "TODO.md", "ISSUES", "issues.txt", "OPEN.md"),
        "tag": ("done", "closed", "finished", "resolved"),
    }
    call = "git -C {path}"
    where = "the git repository {path}"

    @classmethod
    def acks(cls, style: Mapping[str, str]) -> tuple[str, ...]:
        return ("none",) if style["form"] == "sheet" else ("id", "id", "none")

    @property
    def _form(self) -> str:
        return self.style["form"]

    @property
    def _deletes(self) -> bool:
        """A branch is deleted when its work is done; otherwise a tag says so."""
        return self.ack == "id" and self._form == "branches" and self.style["close"] == "delete"

    @property
    def _tags(self) -> bool:
        return self.ack == "id" and not self._deletes

    @property
    def store(self) -> list[str]:
        return [self.place.path]

    @property
    def volatile(self) -> list[str]:
        """A working copy in the home under its own name, and what git may be told of its user."""
        stem = self.place.path.rpartition("/")[2].removesuffix(".git")
        return [f"{self.host.home}/{stem}", f"{self.host.home}/.gitconfig"]

    def explain(self) -> list[str]:
        at, sheet, tag = self.style["at"], self.style["sheet"], self.style["tag"]
        lines = {
            "branches": [self.say("Each open <noun> is a branch <at>/ID with a file <file>.", "Open <nouns> are branches <at>/ID, [described|the text is] in <file>.", "One branch per <noun>: <at>/ID, with a <file>.", at=at, file=self.style["name"])],
            "files": [self.say("Each open <noun> is a file in <at>/.", "<at>/ has a file for each open <noun>.", "Open <nouns> are in <at>/, one file each.", at=at)],
            "notes": [self.say("<nouns> are git notes (refs/notes/<at>) on the commits in the log.", "The text of a <noun> is a git note on its commit, in refs/notes/<at>.", at=at)],
            "sheet": [self.say("Open <nouns> are listed in <sheet>, done ones are taken out.", "<sheet> has the open <nouns>, its history the old ones.", "See <sheet> for the open <nouns>.", sheet=sheet)],
        }[self._form]  # fmt: skip
        if self._deletes:
            lines.append(
                self.say(
                    "[Delete|Remove] the branch when the work is done.",
                    "When a <noun> is done, delete its branch[|, no merge needed].",
                    "Branches are deleted, not merged, when the work is done.",
                )
            )
        elif self._tags:
            lines.append(
                self.say(
                    "When it is done, set the tag <tag>/ID (on any commit).",
                    "A <noun> is open until there is a tag <tag>/ID.",
                    "Tag done <nouns> <tag>/ID, on any commit.",
                    tag=tag,
                )
            )
        else:
            lines.append(
                self.say(
                    "No need to push anything back.",
                    "[We|Those who asked] close them[| ourselves].",
                    "Read only, [we|the owners] close the <nouns>.",
                )
            )
        if self._form in ("files", "branches") and not self._tags:
            lines.append(self.say("Closed ones are [removed|deleted|gone].", "Closed <nouns> are no longer there."))
        return lines

    @cached_property
    def _built(self) -> History:
        """The history up to landing."""
        style, name = self.style, self.host.name
        title = f"{'# ' * style['readme'].endswith('.md')}{self.nouns.capitalize()} of {self.host.world.setting.place}"
        texts = {style["readme"]: "\n".join([title, "", *self.guide]) + "\n"}
        texts |= {f"{style['at']}/.keep": ""} if self._form == "files" else {}
        keeper = self.entries[0].sender if self.entries else name
        history = History(name, keeper, self.host.mtime - 40 * _DAY, texts)
        history.advance(keeper, f"add {style['readme']}", texts)
        add = {"branches": self._branch, "files": self._file, "notes": self._note, "sheet": self._part}[self._form]
        for entry in self.entries:
            add(history, entry, f"{self.noun} {entry.id}: {entry.title}")
            if self._tags and not entry.waiting:
                history.refs[f"refs/tags/{style['tag']}/{entry.id}"] = history.tip
        if self._form == "sheet" and not history.texts.get(style["sheet"]):
            sheet = {style["sheet"]: f"{self.empty}\n"}
            history.advance(keeper, f"{style['sheet']}: nothing open", {**history.texts, **sheet})
        if self._form == "notes":
            text = history.notes or {".keep": ""}
            added = history.commit(keeper, "Notes added by 'git notes add'", text, None)
            history.refs[f"refs/notes/{style['at']}"] = added
        history.refs["refs/heads/main"] = history.tip
        return history

    def _branch(self, history: History, entry: QueueEntry, subject: str) -> None:
        name, texts = self.style["name"], history.texts
        tip = history.commit(entry.sender, subject, {**texts, name: _text(entry)}, history.tip)
        if entry.waiting or self._tags:
            history.refs[f"refs/heads/{self.style['at']}/{entry.id}"] = tip
        else:
            history.tip = tip
            history.advance(history.keeper, f"close {entry.id}, remove {name}", texts)

    def _file(self, history: History, entry: QueueEntry, subject: str) -> None:
        before, path = history.texts, f"{self.style['at']}/{entry.id}{self.style['end']}"
        history.advance(entry.sender, subject, {**before, path: _text(entry)})
        if not (entry.waiting or self._tags):
            history.advance(history.keeper, f"close {self.noun} {entry.id}", before)

    def _part(self, history: History, entry: QueueEntry, subject: str) -> None:
        before, sheet = {self.style["sheet"]: "", **history.texts}, self.style["sheet"]
        history.advance(
            entry.sender, subject, {**before, sheet: f"{before[sheet]}{self._head(entry)}\n{entry.body}\n\n"}
        )
        if not entry.waiting:
            history.advance(history.keeper, f"close {entry.id}", before)

    def _note(self, history: History, entry: QueueEntry, subject: str) -> None:
        log = history.texts.get("log", "") + f"{entry.id}\n"
        history.advance(entry.sender, subject, {**history.texts, "log": log})
        if entry.waiting or self._tags:
            history.notes[history.tip] = entry.body + "\n"

    def _head(self, entry: QueueEntry) -> str:
        return f"## {entry.id} ({entry.sender}): {entry.title}"

    def store_files(self, host: Host, entries: Iterable[QueueEntry]) -> list[File]:
        name, pack, index = self._built.objects.pack()
        path = self.place.path
        texts = {
            "HEAD": "ref: refs/heads/main\n",
            "config": _CONFIG,
            "description": f"{self.nouns} of {self.host.name}\n",
        }
        texts |= {ref: f"{commit}\n" for ref, commit in self._built.refs.items()}
        files = [File(path=f"{path}/{name}", content=text, mtime=host.mtime) for name, text in texts.items()]
        for end, data in (("pack", pack), ("idx", index)):
            body = base64.b64encode(data).decode()
            files.append(
                File(path=f"{path}/objects/pack/pack-{name}.{end}", content_b64=body, mode="0444", mtime=host.mtime)
            )
        folders = {
            path,
            f"{path}/objects",
            f"{path}/objects/pack",
            f"{path}/refs",
            f"{path}/refs/heads",
            f"{path}/refs/tags",
        }
        for file in files:
            above = file.path.rpartition("/")[0]
            while above.startswith(path) and above not in folders:
                folders.add(above)
                above = above.rpartition("/")[0]
        return [*files, *(host.folder(folder) for folder in sorted(folders))]

    def apart(self, answered: Sequence[QueueEntry]) -> Mapping[str, str]:
        """The references decide: a repository that was packed anew is the same."""
        at, tag, done = self.style["at"], self.style["tag"], {entry.id for entry in answered}
        tests = [_HAS, _IS.format(id=self._built.refs["refs/heads/main"])]
        for entry in self.opened(self.entries):
            if self._form == "branches":
                tests.append(f"{'! ' * (self._deletes and entry.id in done)}has refs/heads/{at}/{entry.id}")
            if self._tags:
                tests.append(f"{'! ' * (entry.id not in done)}has refs/tags/{tag}/{entry.id}")
        script = tests[0] + "; " + " && ".join(tests[1:])
        return {self.place.path: script, **dict.fromkeys(self.volatile, "")}

    @property
    def setup(self) -> str:
        """A working copy of this repository is nobody's result, wherever it lies."""
        return _COPIES.format(path=self.place.path)

    def _calls(self, call: str) -> list[str]:
        path = self.place.path
        return [f"git -C {path} {call}", f"git --git-dir={path} {call}"]

    def _in_copy(self, *commands: str) -> list[str]:
        copy = f"/tmp/{self.place.path.rpartition('/')[2].removesuffix('.git')}"
        return [f"git clone -q {self.place.path} {copy}", *(command.format(copy=copy) for command in commands)]

    @property
    def learn(self) -> Ways:
        readme = self.style["readme"]
        trees = self._calls("ls-tree --name-only HEAD")
        shows = self._calls(f"show HEAD:{readme}")
        ways = [[tree, show] for tree, show in zip(trees, shows, strict=True)]
        ways.append([self._calls("log --oneline")[0], trees[0], shows[0]])
        return [*ways, self._in_copy("ls {copy}", f"cat {{copy}}/{readme}")]

    @property
    def needle(self) -> str:
        return self.style["sheet"] if self._form == "sheet" else self.style["at"]

    @property
    def asks(self) -> list[str]:
        if self._form == "branches":
            return ["branch", "for-each-ref", "show-ref", "ls-remote", "clone", "fetch", "log --all"]
        if self._form == "notes":
            return [
                "notes",
                "log --notes",
                "for-each-ref",
                f"log {self.style['at']}",
                f"show {self.style['at']}",
                f"fetch {self.style['at']}",
            ]
        name = self.style["sheet"] if self._form == "sheet" else self.style["at"]
        return [
            f"ls-tree {name}",
            "ls-tree -r",
            f"show {name}",
            f"cat-file {name}",
            "clone",
            "archive",
            f"grep {name}",
            "log -p",
            "log --stat",
        ]

    def lists(self) -> Ways:
        at = self.style["at"]
        tags = self._calls("tag --list") if self._tags else []
        calls = {
            "branches": self._calls("branch --all"),
            "files": self._calls(f"ls-tree --name-only HEAD {at}/"),
            "notes": self._calls(f"log --notes={at}"),
            "sheet": self._calls(f"show HEAD:{self.style['sheet']}"),
        }[self._form]
        other = {
            "branches": self._calls(f"for-each-ref refs/heads/{at}")[0],
            "files": self._calls("ls-tree -r HEAD")[0],
            "notes": self._calls(f"log -p --notes={at}")[0],
            "sheet": self._calls(f"cat-file -p HEAD:{self.style['sheet']}")[0],
        }[self._form]
        return [*([call, *tags[place : place + 1]] for place, call in enumerate(calls)), [other, *tags[:1]]]

    def reads(self, entry: QueueEntry) -> list[str]:
        at = self.style["at"]
        where = {
            "branches": f"{at}/{entry.id}:{self.style['name']}",
            "files": f"HEAD:{at}/{entry.id}{self.style['end']}",
        }.get(self._form)
        if where is None:
            return []
        if not (entry.waiting or self._tags):
            return self._calls("log -p")
        return [*self._calls(f"show {where}"), f"git -C {self.place.path} cat-file -p {where}"]

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        if self._deletes:
            return [
                *self._calls(f"branch -D {self.style['at']}/{entry.id}"),
                f"git -C {self.place.path} update-ref -d refs/heads/{self.style['at']}/{entry.id}",
            ]
        return self._calls(f"tag {self.style['tag']}/{entry.id}") if self._tags else []


def _text(entry: QueueEntry) -> str:
    return f"{entry.title}\n\n{entry.body}\n"
