"""What a shell text holds: commands, words, comments, function texts, and whether more must follow.

Each function is a view of one reading (`reader`), and takes time linear in the length of the text.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from itertools import dropwhile, pairwise

from sekft.shell.reader import ShellReader

_LEADING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=|[<>]")  # an assignment, a redirection
_LEADERS = frozenset("command exec env eval time nice nohup".split())
_SHOWING = frozenset(
    "basename cat cd cmp cut date df diff dirname du egrep env fgrep file find grep head hostname id less ls man "
    "md5sum more od printenv ps pwd readlink realpath sed sha256sum sort stat tail tar test tr tree type uname uniq "
    "wc which whoami".split()
)
_PRINTING = ("awk", "echo", "printf")
"""What prints a text of its own making, which is no look."""
_AWK_WRITES = re.compile(r"\bprintf?\b[^;}\n]*>")
_CHANGING = {
    "find": ("-exec", "-delete", "-ok"),
    "sed": ("-i", "--in-place"),
    "sort": ("-o", "--output"),
    "tar": ("-x", "-c", "-r", "-u", "-z", "-j", "x", "c", "z", "--extract", "--create"),
}
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = re.compile(
    rf"(?:{_DAY} +)?{_MONTH} +\d{{1,2}}(?: +\d{{1,2}}:\d\d(?::\d\d)?)?(?: +[A-Z]{{3,4}})?(?: +\d{{4}})?"
    rf"|{_DAY}, \d{{1,2}} {_MONTH} \d{{4}}"
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?: ?[+-]\d{4}|Z)?"
    r"|\b\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\b"
    r"|\b1[6-9]\d{8}\b"
)
_NUMBER = re.compile(r"\d+")
_SHOWS_PROCESSES = re.compile(r"\b(?:ps|pgrep|pidof|top|jobs|fuser)\b|\$[$!]|&\s*$")
_PANIC = re.compile(r"((?:^|[;&|\n])[ \t]*)panic\b[^;&|\n]*")
_EXIT = re.compile(r"((?:^|[;&|\n])[ \t]*)exit +0\b")
MAY_QUOTE = re.compile(r"['\"$]|<<")
_QUOTES = re.compile(r"'[^'\n]*'|\"[^\"\\$`\n]*\"")
_BARE = r"[^'\"\\`(){}#<\n]"
_SUBSTITUTION = rf"\$\((?:\$\({_BARE}*+\)|{_BARE})*+\)"
_ONE_LINE = re.compile(rf"(?:{_SUBSTITUTION}|{_BARE}|{_QUOTES.pattern}|<(?!<))*+")
_WORD = rf"(?:>>?[ \t]*)?(?:[\w./=:,+@%-]|{_QUOTES.pattern})++"
_DOCUMENT = re.compile(
    rf"[ \t]*+[a-z][\w.-]*+(?:[ \t]++{_WORD})*+[ \t]*+<<[ \t]*+(['\"]?)(\w++)\1(?:[ \t]*+>{_WORD})*+[ \t]*+\n"
)
"""A plain command that reads a here-document."""
_RESERVED = re.compile(r"[ \t]*(?:if|then|elif|else|fi|while|until|for|do|done|case|in|esac)(?![\w.-])")
_OPENS = re.compile(r"(?<![\w.-])(?:if|while|until|for|case)(?![\w.-])")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")
REMEMBERED, REMEMBERED_CHARACTERS = 512, 4096
"""Texts, and the longest of them: the rollouts of one scenario type much the same."""
READINGS = 8
"""How often a text may be read to find the commands in it that are whole."""
_EXPANDS = re.compile(r"[$`\\*?\[~!\n]|<<")


def _read(text: str) -> ShellReader:
    """Nobody changes what it returns. Whoever measures a session asks the same of each of its commands many times."""
    return _remembered(text) if len(text) <= REMEMBERED_CHARACTERS else ShellReader(text).read()


@lru_cache(maxsize=REMEMBERED)
def _remembered(text: str) -> ShellReader:
    return ShellReader(text).read()


def simple_commands(text: str) -> list[list[str]]:
    """Each simple command as unquoted words, in order of closing, those inside substitutions included.

    Keywords, leading assignments and leaders such as `exec` are left out. A substitution is `$(…)` in its word. A
    redirection is one word of its first sign and its target: `<FILE`, `>FILE`. The head of a `for` or a `case` and the
    name of a function that is defined are commands of their own.
    """
    return _simple(text) if len(text) <= REMEMBERED_CHARACTERS else _simple.__wrapped__(text)


@lru_cache(maxsize=REMEMBERED)
def _simple(text: str) -> list[list[str]]:
    """Nobody changes what it returns."""
    return [words for words in map(_without_leaders, _read(text).commands) if words]


def comments(text: str) -> list[str]:
    """The comments that a shell would skip."""
    return [text[start:end].lstrip(" \t") for start, end in _read(text).comments]


def without_comments(text: str) -> str:
    """The text without its comments. A line that held nothing else goes, too."""
    kept, at = [], 0
    for start, end in _read(text).comments:
        kept.append(text[at:start])
        alone = start == 0 or (text[start - 1] == "\n" and text[start - 2 : start - 1] != "\\")
        at = end + 1 if alone else end
    return "".join([*kept, text[at:]])


def quoted(text: str) -> list[tuple[int, int]]:
    """(start, end) of what quotes and here-documents hold in each command of the text that is whole, in order.

    Backquotes are read over, so that commands in fences count. An apostrophe between letters quotes nothing.
    """
    if not MAY_QUOTE.search(text):
        return []
    text, spans, at, spent = text.replace("`", " "), [], 0, 0
    while at < len(text) and spent <= READINGS * len(text):
        newline = text.find("\n", at)
        end = len(text) if newline < 0 else newline
        if is_one_line(text, at, end):
            spans += [match.span() for match in _QUOTES.finditer(text, at, end)]
        else:
            reader = ShellReader(text, at).read_command()
            spent += reader.at - at
            if not reader.is_open and not reader.is_broken:
                spans += reader.quotes
                end = reader.at
        at = end + 1
    return sorted(span for span in spans if not _APOSTROPHE.match(text, span[0]))


def is_one_line(text: str, start: int, end: int) -> bool:
    """Whether a command that begins at `start` plainly ends where the line does, at `end`."""
    goes_on = text[start:end].rstrip(" \t").endswith(("|", "&"))
    return not goes_on and bool(_ONE_LINE.fullmatch(text, start, end)) and not _OPENS.search(text, start, end)


def still_open(text: str) -> bool:
    """Whether a quote, a here-document, a continued line or a construct such as `if` waits for more."""
    return _read(text).is_open


def command_end(text: str, start: int) -> int:
    """Where the line ends that completes the command which begins at `start`: at a newline or at the text's end."""
    newline = text.find("\n", start)
    end = len(text) if newline < 0 else newline
    if is_one_line(text, start, end):
        return end
    document = _DOCUMENT.match(text, start)
    if document and not _RESERVED.match(text, start):
        delimiter = re.compile(rf"^{re.escape(document[2])}$", re.MULTILINE).search(text, document.end())
        return delimiter.end() if delimiter else len(text)
    return ShellReader(text, start).read_command().at


def definitions(text: str) -> dict[str, str]:
    """name → the text of its last definition, for every function definition before the first syntax error.

    These are candidates, as it is not known which of them run.
    """
    return dict(_read(text).functions)


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """The whole text in pieces, each with the name of the program to whose command it belongs.

    The name is "" between commands and in here-documents.
    """
    reader = _read(text)
    names: dict[int, str] = {}
    for (start, words), (end, _) in pairwise([(0, []), *reader.owners, (len(text), [])]):
        if start < end:
            if id(words) not in names:
                typed = _without_leaders(words)
                names[id(words)] = program(typed) if typed else ""
            yield names[id(words)], text[start:end]


def program(words: list[str]) -> str:
    """The base name of what a simple command runs."""
    return posixpath.basename(words[0])


def calls(text: str, command: str) -> list[list[str]]:
    """The simple commands of the text that run this program, by base name, or one of its own (`tool-verb`)."""
    name = posixpath.basename(command)
    if name not in text and not MAY_QUOTE.search(text) and "\\" not in text:
        return []
    return [
        words for words in simple_commands(text) if program(words).partition("-")[0] == name or program(words) == name
    ]


def only_calls(text: str, command: str) -> bool:
    """Whether the text runs this program and nothing beside it."""
    simple = simple_commands(text)
    return bool(simple) and len(simple) == len(calls(text, command))


def arguments(words: list[str]) -> list[str]:
    """The words that reach the program: neither its name nor redirections."""
    return [word for word in words[1:] if not word.startswith(("<", ">"))]


def only_looks(text: str) -> bool:
    """Whether all that the text runs shows things and changes none, as far as its words tell."""
    commands = simple_commands(text)
    return bool(commands) and all(map(_shows, commands)) and not _targets(text)


def written(text: str) -> set[str] | None:
    """The files that the text writes by redirection; None where it changes more, as far as its words tell."""
    return _targets(text) if all(_shows(words) or _prints(words) for words in simple_commands(text)) else None


def _targets(text: str) -> set[str]:
    """The files of all redirections, those of a group of commands included."""
    return {word[1:] for words in _read(text).commands for word in words if _writes(word)}


def mentions(text: str, command: str) -> bool:
    """Whether the program's name occurs as a word or as the end of a path."""
    return re.search(rf"(?<![\w.-]){re.escape(posixpath.basename(command))}(?![\w-])", text) is not None


def _shows(words: list[str]) -> bool:
    changing = _CHANGING.get(program(words), ())
    changed = any(word.startswith(tuple(changing)) for word in words[1:]) if changing else False
    return program(words) in _SHOWING and not changed


def _prints(words: list[str]) -> bool:
    return program(words) in _PRINTING and not any(map(_AWK_WRITES.search, words[1:]))


def _writes(word: str) -> bool:
    return word.startswith(">") and word not in (">/dev/null", ">1", ">2")


def _without_leaders(words: list[str]) -> list[str]:
    return list(dropwhile(lambda word: word in _LEADERS or _LEADING.match(word), words))


def undated(output: str) -> str:
    """An output without the times that it shows."""
    return _TIME.sub("TIME", output)


def settled(output: str, action: str) -> str:
    """An output without times, the order of its lines and, where the action shows processes, without numbers.

    It serves to compare the answers to one action in one state: there nothing else can differ by chance.
    """
    text = undated(output)
    if _SHOWS_PROCESSES.search(action):
        text = _NUMBER.sub("N", text)
    return "\n".join(sorted(" ".join(line.split()) for line in text.splitlines()))


def bare(action: str) -> str:
    """An action without what changes nothing: spaces, quotes that hold back nothing, a panic's reason, exit's zero."""
    text = _EXIT.sub(r"\1exit", _PANIC.sub(r"\1panic", action.strip()))
    if _EXPANDS.search(text):
        return text
    try:
        words = shlex.shlex(text, posix=True, punctuation_chars=True)
        words.whitespace_split, words.commenters = True, ""
        return " ".join(shlex.quote(word) if not set(word) <= set("();<>|&") else word for word in words)
    except ValueError:  # an open quote
        return text
