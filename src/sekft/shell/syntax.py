"""The one reader of shell text: commands, words, comments, function texts, and whether more must follow.

It follows the grammar of dash closely enough to know where each construct begins and ends; it expands and runs nothing.
It reads each character a bounded number of times, whatever the text. The functions below are views of one reading.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise

DEPTH_LIMIT = 40
"""Constructs inside each other; deeper nesting counts as a syntax error."""
_METACHARACTERS = frozenset(" \t\n;&|<>()")
_COMMAND_ENDS = frozenset(("", "\n", ";", "&", "|", "(", ")"))
_PLAIN = re.compile(r"[^ \t\n;&|<>()\\'\"`$]+")
_PLAIN_IN_QUOTES = re.compile(r"[^\"\\`$]+")
_PLAIN_IN_SINGLE_QUOTES = re.compile(r"[^']+")
_PLAIN_IN_BRACES = re.compile(r"[^}\"'\\`$]+")
_PLAIN_IN_ARITHMETIC = re.compile(r"[^()\\`$]+")
_BLANKS = re.compile(r"[ \t]*(?:\\\n[ \t]*)*")
_KEYWORD = re.compile(r"(?:[!{}]|[a-z]+)(?=[ \t\n;&|<>()]|\Z)|[()]")
_FUNCTION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t]*\([ \t]*\)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?=[ \t\n;]|\Z)")
_REDIRECTION = re.compile(r"[0-9]?(<<-?|[<>][&>|]?)")
_JOIN = re.compile(r"&&|\|\|?")
_BACKQUOTED = re.compile(r"`((?:[^`\\]++|\\.)*+)`", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_ENDS = frozenset("then else elif fi do done esac } )".split())
_COMPOUND = {"(": ")", "{": "}", "if": "fi", "while": "done", "until": "done", "for": "done", "case": "esac"}
_RESERVED = _ENDS | {"!", "in"}
_LEADERS = frozenset("command exec env eval time nice nohup".split())
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


def simple_commands(text: str) -> list[list[str]]:
    """Each simple command as unquoted words, in order of closing, those inside substitutions included.

    Keywords, leading assignments and leaders such as `exec` are left out. A substitution is `$(…)` in its word. A
    redirection is one word of its first sign and its target: `<FILE`, `>FILE`. The head of a `for` or a `case` and the
    name of a function that is defined are commands of their own.
    """
    return [words for words in map(_without_leaders, _Reader(text).read().commands) if words]


def comments(text: str) -> list[str]:
    """The comments that a shell would skip."""
    return [text[start:end].lstrip(" \t") for start, end in _Reader(text).read().comments]


def without_comments(text: str) -> str:
    """The text without its comments. A line that held nothing else goes, too."""
    kept, at = [], 0
    for start, end in _Reader(text).read().comments:
        kept.append(text[at:start])
        alone = start == 0 or (text[start - 1] == "\n" and text[start - 2 : start - 1] != "\\")
        at = end + 1 if alone else end
    return "".join([*kept, text[at:]])


def still_open(text: str) -> bool:
    """Whether a quote, a here-document, a continued line or a construct such as `if` waits for more."""
    return _Reader(text).read().is_open


def command_end(text: str, start: int) -> int:
    """Where the line ends that completes the command which begins at `start`: at a newline or at the text's end."""
    return _Reader(text, start).read_command().at


def definitions(text: str) -> dict[str, str]:
    """name → the text of its last definition, for every function definition before the first syntax error.

    These are candidates, as it is not known which of them run.
    """
    return _Reader(text).read().functions


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """The whole text in pieces, each with the name of the program to whose command it belongs.

    The name is "" between commands and in here-documents.
    """
    reader = _Reader(text).read()
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
    return [
        words for words in simple_commands(text) if program(words).partition("-")[0] == name or program(words) == name
    ]


def arguments(words: list[str]) -> list[str]:
    """The words that reach the program: neither its name nor redirections."""
    return [word for word in words[1:] if not word.startswith(("<", ">"))]


def only_looks(text: str) -> bool:
    """Whether all that the text runs shows things and changes none, as far as its words tell."""
    commands = simple_commands(text)
    return bool(commands) and all(map(_shows, commands))


def mentions(text: str, command: str) -> bool:
    """Whether the program's name occurs as a word or as the end of a path."""
    return re.search(rf"(?<![\w.-]){re.escape(posixpath.basename(command))}(?![\w-])", text) is not None


def _shows(words: list[str]) -> bool:
    changing = _CHANGING.get(program(words), ())
    writes = any(word.startswith(">") and word not in (">/dev/null", ">1", ">2") for word in words)
    changed = any(word.startswith(tuple(changing)) for word in words[1:]) if changing else False
    return program(words) in _SHOWING and not writes and not changed


def _without_leaders(words: list[str]) -> list[str]:
    at = 0
    while at < len(words) and (
        words[at] in _LEADERS or words[at].startswith(("<", ">")) or _ASSIGNMENT.fullmatch(words[at])
    ):
        at += 1
    return words[at:]


class _Unfinished(Exception):
    """The text ends inside a construct."""


class _Broken(Exception):
    """A syntax error."""


class _Reader:
    """Recursive descent over one text. After a syntax error it resumes on the next line, but takes no more functions.

    commands:  the words of each simple command, in order of closing.
    comments:  (start, end) of each, with the blanks before it.
    functions: name → text of the definition.
    owners:    (offset, words): from there on the text belongs to this simple command; [] stands for none.
    is_open:   whether the text ends inside a construct.
    """

    def __init__(self, text: str, at: int = 0, depth: int = 0) -> None:
        self.text, self.at, self.depth = text, at, depth
        self.commands: list[list[str]] = []
        self.comments: list[tuple[int, int]] = []
        self.functions: dict[str, str] = {}
        self.owners: list[tuple[int, list[str]]] = []
        self.is_open = self.is_broken = False
        self.owner: list[str] = []
        self.pending: list[tuple[str, bool]] = []  # here-documents after the next newline: delimiter, tabs stripped
        self.unended: list[tuple[str, int]] = []  # functions whose here-documents follow: name, start

    def read(self) -> _Reader:
        """Read to the end of the text."""
        while self.at < len(self.text):
            self.read_command()
            self.at += 1
        return self

    def read_command(self) -> _Reader:
        """Read one complete command, up to the newline after it."""
        depth = self.depth
        try:
            self.line()
        except _Broken:
            self.is_broken, self.depth = True, depth
            self.owner, self.pending, self.unended = [], [], []
            self.at = self.find("\n")
            self.own()
        except _Unfinished:
            self.is_open, self.at = not self.is_broken, len(self.text)
        return self

    def line(self) -> None:
        self.blanks()
        while self.here() not in ("", "\n"):
            self.and_or()
            if self.here() in (";", "&"):
                self.at += 1
                self.blanks()
            elif self.here() not in ("", "\n"):
                raise _Broken
        self.here_documents()

    def here(self) -> str:
        return self.text[self.at : self.at + 1]

    def find(self, sign: str) -> int:
        """Where the sign stands next, or the end of the text."""
        match = self.text.find(sign, self.at)
        return len(self.text) if match < 0 else match

    def take(self, pattern: re.Pattern[str]) -> str:
        """Step over what matches the pattern here; "" when nothing does."""
        match = pattern.match(self.text, self.at)
        if not match:
            return ""
        self.at = match.end()
        return match[0]

    def keyword(self) -> str:
        """The word here if it is plain enough to be reserved, or the parenthesis."""
        match = _KEYWORD.match(self.text, self.at)
        return match[0] if match else ""

    def own(self) -> None:
        self.owners.append((self.at, self.owner))

    def enter(self) -> None:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise _Broken

    def blanks(self) -> None:
        """Skip spaces, continued lines and a comment."""
        if self.here() not in (" ", "\t", "\\", "#"):
            return
        start = self.at
        start += len(self.take(_BLANKS).rstrip(" \t"))
        if self.here() == "#":
            self.at = self.find("\n")
            self.comments.append((start, self.at))

    def newlines(self) -> None:
        """Skip empty lines and comments, and the here-documents that wait."""
        self.blanks()
        while self.here() == "\n":
            self.here_documents()
            self.at += 1
            self.blanks()

    def here_documents(self) -> None:
        """At a newline, step over the here-documents that wait for it, up to the newline after them."""
        if self.pending:
            pending, self.pending = self.pending, []
            outer, self.owner = self.owner, []
            self.own()
            for delimiter, strip in pending:
                self.here_document(delimiter, strip)
            self.owner = outer
            self.own()
        unended, self.unended = self.unended, []
        for name, start in unended:
            self.define(name, start)

    def here_document(self, delimiter: str, strip: bool) -> None:
        while self.at < len(self.text):
            self.at += 1
            start, self.at = self.at, self.find("\n")
            line = self.text[start : self.at]
            if (line.lstrip("\t") if strip else line) == delimiter:
                return
        raise _Unfinished

    def list_of_commands(self, may_be_empty: bool = False) -> None:
        """Read commands up to a word or sign that ends a list of them, or to the end of the text."""
        self.newlines()
        if may_be_empty and self.ends_list():
            return
        while True:
            self.and_or()
            if self.here() in (";", "&") and not self.text.startswith(";;", self.at):
                self.at += 1
            elif self.here() != "\n":
                return
            self.newlines()
            if self.ends_list():
                return

    def ends_list(self) -> bool:
        return not self.here() or self.keyword() in _ENDS or self.text.startswith(";;", self.at)

    def and_or(self) -> None:
        """Commands joined by `|`, `&&` and `||`."""
        join = "&&"
        while True:
            if join != "|" and self.keyword() == "!":
                self.at += 1
                self.blanks()
                if not self.here():
                    raise _Broken
            self.command()
            self.blanks()
            if not (join := self.take(_JOIN)):
                return
            self.newlines()

    def command(self) -> None:
        word = self.keyword()
        if not self.here():
            raise _Unfinished
        if word in _RESERVED:
            raise _Broken
        if word in _COMPOUND:
            self.at += len(word)
            self.enter()
            self.compound(word)
            self.expect(_COMPOUND[word])
            self.depth -= 1
            self.redirections()
        elif match := _FUNCTION.match(self.text, self.at):
            self.function(match[1])
        else:
            self.simple_command()

    def expect(self, closing: str) -> None:
        self.newlines()
        if not self.here():
            raise _Unfinished
        if self.keyword() != closing:
            raise _Broken
        self.at += len(closing)

    def compound(self, word: str) -> None:
        """Read what stands between a compound command's first word and its last."""
        if word == "case":
            self.case()
            return
        if word == "for":
            self.for_words()
        else:
            self.list_of_commands()
        if word == "if":
            self.expect("then")
            self.list_of_commands()
            while self.keyword() == "elif":
                self.at += len("elif")
                self.list_of_commands()
                self.expect("then")
                self.list_of_commands()
            if self.keyword() == "else":
                self.at += len("else")
                self.list_of_commands()
        elif word in ("while", "until", "for"):
            self.expect("do")
            self.list_of_commands()

    def for_words(self) -> None:
        self.blanks()
        words = [self.take(_VARIABLE)]
        if not words[0]:
            raise _Broken
        self.newlines()
        if self.keyword() == "in":
            self.words(words)
            if self.here() not in (";", "\n", ""):
                raise _Broken
        if self.here() == ";":
            self.at += 1
        self.commands.append(words)

    def case(self) -> None:
        self.blanks()
        words = [self.word(), "in"]
        self.commands.append(words)
        self.expect("in")
        self.newlines()
        while self.keyword() != "esac":
            self.pattern()
            self.list_of_commands(may_be_empty=True)
            if not self.text.startswith(";;", self.at):
                return
            self.at += 2
            self.newlines()

    def pattern(self) -> None:
        """Read `a | b)`."""
        self.at += self.here() == "("
        while self.here() != ")":
            self.blanks()
            if not self.here():
                raise _Unfinished
            self.word()
            self.blanks()
            if self.here() == "|":
                self.at += 1
            elif self.here() != ")":
                raise _Broken
        self.at += 1

    def function(self, name: str) -> None:
        start = self.at
        self.commands.append([name])
        self.take(_FUNCTION)
        self.newlines()
        self.enter()
        self.command()
        self.depth -= 1
        if self.pending:  # a here-document redirection on the body: its text comes after the line
            self.unended.append((name, start))
        else:
            self.define(name, start)

    def define(self, name: str, start: int) -> None:
        if not self.is_broken:
            self.functions.pop(name, None)
            self.functions[name] = self.text[start : self.at]

    def simple_command(self) -> None:
        words: list[str] = []
        outer, self.owner = self.owner, words
        self.own()
        try:
            self.words(words)
        finally:
            self.owner = outer
            self.own()
            if words:
                self.commands.append(words)
        if not words:
            raise _Broken

    def words(self, words: list[str]) -> None:
        """Read words and redirections into the list."""
        while True:
            self.redirections(words)
            if self.here() in _COMMAND_ENDS:
                return
            words.append(self.word())

    def redirections(self, words: list[str] | None = None) -> None:
        self.blanks()
        while operator := self.take(_REDIRECTION):
            operator = operator.lstrip("0123456789")
            self.blanks()
            target = self.word()
            if operator.startswith("<<"):
                self.pending.append((target, operator == "<<-"))
            if words is not None:
                words.append(operator[0] + target)
            self.blanks()

    def word(self) -> str:
        """Read one word; returns it unquoted."""
        start, parts = self.at, []
        while (sign := self.here()) and sign not in _METACHARACTERS:
            parts.append(self.take(_PLAIN) or self.piece())
        if self.at == start:
            raise _Broken
        return "".join(parts)

    def piece(self, quoted: bool = False) -> str:
        """Read a quoted or expanded part of a word, or one character; returns it unquoted. quoted: in double quotes."""
        sign, after = self.here(), self.text[self.at + 1 : self.at + 2]
        if sign == "$" and after in ("(", "{"):
            return self.expansion(quoted)
        if sign == "`":
            return self.backquotes(quoted)
        self.at += 1
        if sign == '"':
            return self.up_to('"', _PLAIN_IN_QUOTES, quoted=True)
        if sign == "'" and not quoted:
            return self.up_to("'", _PLAIN_IN_SINGLE_QUOTES)
        if sign == "\\":
            if not after:
                raise _Unfinished
            self.at += 1
            return "" if after == "\n" else sign + after if quoted and after not in '$`"\\' else after
        return sign

    def up_to(self, closing: str, plain: re.Pattern[str], quoted: bool = False) -> str:
        """Read pieces up to and over the closing sign; returns what they are unquoted."""
        parts = []
        while (sign := self.here()) != closing:
            if not sign:
                raise _Unfinished
            parts.append(self.take(plain) or self.piece(quoted))
        self.at += 1
        return "".join(parts)

    def backquotes(self, quoted: bool) -> str:
        match = _BACKQUOTED.match(self.text, self.at)
        if not match:
            raise _Unfinished
        self.enter()
        inner = _Reader(re.sub(r'\\([\\$`"])' if quoted else r"\\([\\$`])", r"\1", match[1]), depth=self.depth).read()
        self.depth -= 1
        self.commands += inner.commands
        if inner.is_open or inner.is_broken:
            raise _Broken
        self.at = match.end()
        return "$(…)"

    def expansion(self, quoted: bool) -> str:
        """Read `$(…)`, `$((…))` or `${…}`."""
        self.enter()
        start = self.at
        self.at += 2
        value = "$(…)"
        if self.text.startswith("${", start):
            self.up_to("}", _PLAIN_IN_BRACES, quoted)
            value = self.text[start : self.at]
        elif self.here() == "(":
            self.arithmetic()
            value = self.text[start : self.at]
        else:
            outer = self.pending, self.unended
            self.pending, self.unended = [], []
            self.list_of_commands(may_be_empty=True)
            self.expect(")")
            self.pending, self.unended = outer
        self.depth -= 1
        return value

    def arithmetic(self) -> None:
        self.at += 1
        depth = 0
        while depth or not self.text.startswith("))", self.at):
            if not self.here():
                raise _Unfinished
            if not self.take(_PLAIN_IN_ARITHMETIC):
                depth = max(0, depth + {"(": 1, ")": -1}.get(self.here(), 0))
                self.piece(quoted=True)
        self.at += 2
