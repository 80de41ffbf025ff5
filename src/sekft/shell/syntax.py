"""The simple commands inside a typed text: which programs it runs, with which words.

This reads shell text the way a reviewer does, to tell `tool list` from `cat /usr/bin/tool`;
it never runs anything and it need not be exact for texts that no operator would type.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEREDOC = re.compile(r"<<-?\s*(?P<quote>['\"\\]?)(?P<word>[A-Za-z0-9_.:-]+)['\"]?")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_KEYWORDS = {"!", "{", "}", "(", ")", "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "for", "case"}
_LEADERS = _KEYWORDS | {"esac", "in", "command", "exec", "env", "eval", "time", "nice", "nohup"}
_SHOWING = frozenset(
    "basename cat cd cmp cut date df diff dirname du egrep env fgrep file find grep head hostname id less ls man "
    "md5sum more od printenv ps pwd readlink realpath sed sha256sum sort stat tail tar test tr tree type uname uniq "
    "wc which whoami".split()
)
_CHANGING = {
    "find": ("-exec", "-delete", "-ok"),
    "sed": ("-i", "--in-place"),
    "sort": ("-o", "--output"),
    "tar": ("-x", "-c", "-r", "-u", "-z", "-j", "x", "c", "z", "--extract", "--create"),
}
_SEPARATORS = ";&|\n(){}"


@dataclass
class _Scan:
    """A reader over one text; commands collect as they close."""

    commands: list[list[str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    word: str | None = None
    comments: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.word = (self.word or "") + text

    def end_word(self) -> None:
        if self.word is not None:
            self.words.append(self.word)
            self.word = None

    def end_command(self) -> None:
        self.end_word()
        if self.words:
            self.commands.append(self.words)
            self.words = []


def simple_commands(text: str) -> list[list[str]]:
    """Each simple command as unquoted words, substitutions included, in order of closing.

    A redirection is one word of its first sign and its target: `<FILE`, `>FILE`.
    """
    scan = _Scan()
    _read(without_heredocs(text), scan)
    return [words for words in map(_without_leaders, scan.commands) if words]


def comments(text: str) -> list[str]:
    """The comments a shell would skip, outside quotes and here-documents."""
    scan = _Scan()
    _read(without_heredocs(text), scan)
    return scan.comments


def program(words: list[str]) -> str:
    """The base name of what a simple command runs."""
    return posixpath.basename(words[0])


def calls(text: str, command: str) -> list[list[str]]:
    """The simple commands of the text that run this program, by base name, or one of its own (`tool-verb`)."""
    wanted = posixpath.basename(command)
    return [
        words
        for words in simple_commands(text)
        if program(words).partition("-")[0] == wanted or program(words) == wanted
    ]


def arguments(words: list[str]) -> list[str]:
    """The words that reach the program: neither its name nor redirections."""
    return [word for word in words[1:] if not word.startswith(("<", ">"))]


def only_looks(text: str) -> bool:
    """Whether all that the text runs shows things and changes none, as far as its words tell."""
    commands = simple_commands(text)
    return bool(commands) and all(map(_shows, commands))


def _shows(words: list[str]) -> bool:
    changing = _CHANGING.get(program(words), ())
    writes = any(word.startswith(">") and word not in (">/dev/null", ">1", ">2") for word in words)
    changed = any(word.startswith(tuple(changing)) for word in words[1:]) if changing else False
    return program(words) in _SHOWING and not writes and not changed


def mentions(text: str, command: str) -> bool:
    """Whether the program's name occurs as a word or as the end of a path."""
    return re.search(rf"(?<![\w.-]){re.escape(posixpath.basename(command))}(?![\w-])", text) is not None


def without_heredocs(text: str) -> str:
    """The text less the bodies of its here-documents."""
    kept: list[str] = []
    waiting: list[str] = []
    for line in text.split("\n"):
        if waiting:
            if line.lstrip("\t") == waiting[0]:
                waiting.pop(0)
            continue
        kept.append(line)
        waiting = [match["word"] for match in _HEREDOC.finditer(line)]
    return "\n".join(kept)


def _without_leaders(words: list[str]) -> list[str]:
    rest = list(words)
    while rest and (rest[0] in _LEADERS or rest[0].startswith(("<", ">")) or _ASSIGNMENT.fullmatch(rest[0])):
        rest.pop(0)
    return rest


def _read(text: str, scan: _Scan) -> None:
    position = 0
    while position < len(text):
        position = _step(text, position, scan)
    scan.end_command()


def _step(text: str, at: int, scan: _Scan) -> int:
    """Consume one piece of the text; returns where the next begins."""
    char = text[at]
    if char == "\\":
        if text[at + 1 : at + 2] != "\n":
            scan.add(text[at + 1 : at + 2])
        return at + 2
    if char == "'":
        return _quoted(text, at, scan)
    if char == '"':
        return _double_quoted(text, at, scan)
    if char == "#" and scan.word is None:
        end = _find(text, "\n", at)
        scan.comments.append(text[at:end])
        return end
    if char == "`" or text.startswith("$(", at):
        return _substitution(text, at, scan)
    if text.startswith("${", at):
        end = _find(text, "}", at)
        scan.add(text[at : end + 1])
        return end + 1
    if char in "<>":
        return _redirection(text, at, scan)
    if char in _SEPARATORS:
        scan.end_command()
    elif char.isspace():
        scan.end_word()
    else:
        scan.add(char)
    return at + 1


def _quoted(text: str, at: int, scan: _Scan) -> int:
    end = _find(text, "'", at + 1)
    scan.add(text[at + 1 : end])
    return end + 1


def _double_quoted(text: str, at: int, scan: _Scan) -> int:
    scan.add("")
    at += 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            scan.add(text[at + 1 : at + 2])
            at += 2
        elif text[at] == "`" or text.startswith("$(", at):
            at = _substitution(text, at, scan)
        else:
            scan.add(text[at])
            at += 1
    return at + 1


def _substitution(text: str, at: int, scan: _Scan) -> int:
    """Read the inner commands into the list; the word keeps a placeholder."""
    if text[at] == "`":
        end = _find(text, "`", at + 1)
        inner = text[at + 1 : end]
    else:
        end = _closing(text, at + 2)
        inner = text[at + 2 : end]
    scan.commands.extend(_inner(inner))
    scan.add("$(…)")
    return end + 1


def _inner(text: str) -> list[list[str]]:
    scan = _Scan()
    _read(text, scan)
    return scan.commands


def _closing(text: str, at: int) -> int:
    depth = 1
    for position, char in _unquoted(text, at):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth == 0:
            return position
    return len(text)


def _unquoted(text: str, at: int) -> Iterator[tuple[int, str]]:
    quote = ""
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            at += 1
        elif char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        elif not quote:
            yield at, char
        at += 1


def _redirection(text: str, at: int, scan: _Scan) -> int:
    """Start a word of the operator's first sign and its target, `</etc/motd` or `>2`."""
    if scan.word is not None and scan.word.isdigit():
        scan.word = None
    scan.end_word()
    scan.add(text[at])
    while at < len(text) and text[at] in "<>&-| \t":
        at += 1
    return at


def _find(text: str, wanted: str, at: int) -> int:
    found = text.find(wanted, at)
    return len(text) if found < 0 else found
