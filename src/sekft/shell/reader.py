"""The one reader of shell text.

It follows the grammar of dash, so as to know where each construct begins and ends; it expands and runs nothing. It
reads each character a bounded number of times, whatever the text.
"""

from __future__ import annotations

import re

DEPTH_LIMIT = 40
"""Constructs inside each other; deeper nesting counts as a syntax error."""
_METACHARACTERS = frozenset(" \t\n;&|<>()")
_COMMAND_ENDS = frozenset(("", "\n", ";", "&", "|", "(", ")"))
_PLAIN = re.compile(r"[^ \t\n;&|<>()\\'\"`$]+")
_ITEM = re.compile(
    r"[ \t]*(?:[0-9]?(<<-?|[<>][&>|]?)[ \t]*)?([^ \t\n;&|<>()\\'\"`$#][^ \t\n;&|<>()\\'\"`$]*)(?=[ \t\n;&|)]|\Z)"
)
"""A word, or a redirection and its target, without quotes and expansions."""
_PLAIN_IN_QUOTES = re.compile(r"[^\"\\`$]+")
_PLAIN_IN_SINGLE_QUOTES = re.compile(r"[^']+")
_PLAIN_IN_BRACES = re.compile(r"[^}\"'\\`$]+")
_PLAIN_IN_ARITHMETIC = re.compile(r"[^()\\`$]+")
_MAY_SKIP = frozenset(" \t\\#")
_BLANKS = re.compile(r"[ \t]*(?:\\\n[ \t]*)*")
_KEYWORD = re.compile(r"(?:[!{}]|[a-z]+)(?=[ \t\n;&|<>()]|\Z)|[()]")
_FUNCTION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t]*\([ \t]*\)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?=[ \t\n;]|\Z)")
_MAY_REDIRECT = frozenset("<>0123456789")
_REDIRECTION = re.compile(r"[0-9]?(<<-?|[<>][&>|]?)")
_JOIN = re.compile(r"&&|\|\|?")
_BACKQUOTED = re.compile(r"`((?:[^`\\]++|\\.)*+)`", re.DOTALL)
_ENDS = frozenset("then else elif fi do done esac } )".split())
_COMPOUND = {"(": ")", "{": "}", "if": "fi", "while": "done", "until": "done", "for": "done", "case": "esac"}
_RESERVED = _ENDS | {"!", "in"}


class Unfinished(Exception):
    """The text ends inside a construct."""


class Broken(Exception):
    """A syntax error."""


class ShellReader:
    """Recursive descent over one text. After a syntax error it resumes on the next line, but takes no more functions.

    commands:  the words of each simple command, in order of closing.
    comments:  (start, end) of each, with the blanks before it.
    functions: name → text of the definition.
    owners:    (offset, words): from there on the text belongs to this simple command; [] stands for none.
    quotes:    (start, end) of each quoted part and here-document, in order of closing.
    is_open:   whether the text ends inside a construct.
    """

    def __init__(self, text: str, at: int = 0, depth: int = 0) -> None:
        self.text, self.at, self.depth = text, at, depth
        self.commands: list[list[str]] = []
        self.comments: list[tuple[int, int]] = []
        self.functions: dict[str, str] = {}
        self.owners: list[tuple[int, list[str]]] = []
        self.quotes: list[tuple[int, int]] = []
        self.is_open = self.is_broken = False
        self.owner: list[str] = []
        self.pending: list[tuple[str, bool]] = []  # here-documents after the next newline: delimiter, tabs stripped
        self.unended: list[tuple[str, str, slice]] = []  # functions whose here-documents follow: name, text, which

    def read(self) -> ShellReader:
        """Read to the end of the text."""
        while self.at < len(self.text):
            self.read_command()
            self.at += 1
        return self

    def read_command(self) -> ShellReader:
        """Read one complete command, up to the newline after it."""
        depth = self.depth
        try:
            self.line()
        except Broken:
            self.is_broken, self.depth = True, depth
            self.owner, self.pending, self.unended = [], [], []
            self.at = self.find("\n")
            self.own()
        except Unfinished:
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
                raise Broken
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
            raise Broken

    def blanks(self) -> None:
        """Skip spaces, continued lines and a comment."""
        if self.text[self.at : self.at + 1] not in _MAY_SKIP:
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
        if not self.pending:
            return
        pending, self.pending = self.pending, []
        unended, self.unended = self.unended, []
        outer, self.owner = self.owner, []
        self.own()
        bodies = [self.here_document(*document) for document in pending]
        self.owner = outer
        self.own()
        for name, text, documents in unended:
            self.define(name, text + "".join(bodies[documents]))

    def here_document(self, delimiter: str, strip: bool) -> str:
        """Step over one, its delimiter included; returns it with the newline before it."""
        start = self.at
        while self.at < len(self.text):
            self.at += 1
            begin, self.at = self.at, self.find("\n")
            line = self.text[begin : self.at]
            if (line.lstrip("\t") if strip else line) == delimiter:
                self.quotes.append((start, self.at))
                return self.text[start : self.at]
        raise Unfinished

    def list_of_commands(self, may_be_empty: bool = False) -> None:
        """Read commands up to a word or sign that ends a list of them, or to the end of the text."""
        self.newlines()
        while not may_be_empty or not self.ends_list():
            may_be_empty = True
            self.and_or()
            if self.here() in (";", "&") and not self.text.startswith(";;", self.at):
                self.at += 1
            elif self.here() != "\n":
                return
            self.newlines()

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
                    raise Broken
            self.command()
            self.blanks()
            if not (join := self.take(_JOIN)):
                return
            self.newlines()

    def command(self) -> None:
        word = self.keyword()
        if not self.here():
            raise Unfinished
        if word in _RESERVED:
            raise Broken
        self.enter()
        if word in _COMPOUND:
            self.at += len(word)
            self.compound(word)
            self.expect(_COMPOUND[word])
            words: list[str] = []
            self.redirections(words)
            self.commands += [words] if words else []  # a command of redirections alone
        elif match := _FUNCTION.match(self.text, self.at):
            self.function(match[1])
        else:
            self.simple_command()
        self.depth -= 1

    def expect(self, closing: str) -> None:
        self.newlines()
        if not self.here():
            raise Unfinished
        if self.keyword() != closing:
            raise Broken
        self.at += len(closing)

    def compound(self, word: str) -> None:
        """Read what stands between a compound command's first word and its last."""
        if word == "case":
            self.case()
        elif word == "for":
            self.for_words()
        else:
            self.list_of_commands()
        if word in ("while", "until", "for"):
            self.part("do")
        elif word == "if":
            self.part("then")
            while self.keyword() == "elif":
                self.part("elif")
                self.part("then")
            if self.keyword() == "else":
                self.part("else")

    def part(self, word: str) -> None:
        """Read a list of commands and the word before it."""
        self.expect(word)
        self.list_of_commands()

    def for_words(self) -> None:
        self.blanks()
        words = [self.take(_VARIABLE)]
        if not words[0]:
            raise Broken
        self.newlines()
        if self.keyword() == "in":
            self.words(words)
            if self.here() not in (";", "\n", ""):
                raise Broken
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
        sign = "|"
        self.at += self.here() == "("
        while sign == "|":
            self.blanks()
            if not self.here():
                raise Unfinished
            self.word()
            self.blanks()
            sign = self.here()
            self.at += 1
        if sign != ")":
            raise Broken

    def function(self, name: str) -> None:
        start, pending = self.at, self.pending
        first = len(pending)
        self.commands.append([name])
        self.take(_FUNCTION)
        self.newlines()
        self.command()
        text = self.text[start : self.at]
        own = slice(first if self.pending is pending else 0, len(self.pending))
        if self.pending[own]:  # here-documents of the body, whose text comes after the line
            self.unended.append((name, text, own))
        else:
            self.define(name, text)

    def define(self, name: str, text: str) -> None:
        if not self.is_broken:
            self.functions.pop(name, None)
            self.functions[name] = text

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
            raise Broken

    def words(self, words: list[str]) -> None:
        """Read words and redirections into the list."""
        while True:
            while match := _ITEM.match(self.text, self.at):
                self.at = match.end()
                if match[1]:
                    self.redirect(match[1], match[2], words)
                else:
                    words.append(match[2])
            self.redirections(words)
            if self.here() in _COMMAND_ENDS:
                return
            words.append(self.word())

    def redirections(self, words: list[str]) -> None:
        self.blanks()
        while self.here() in _MAY_REDIRECT and (operator := self.take(_REDIRECTION)):
            self.blanks()
            self.redirect(operator.lstrip("0123456789"), self.word(), words)
            self.blanks()

    def redirect(self, operator: str, target: str, words: list[str]) -> None:
        words.append(operator[0] + target)
        if operator.startswith("<<"):
            self.pending.append((target, operator == "<<-"))

    def word(self) -> str:
        """Read one word; returns it unquoted."""
        start, parts = self.at, []
        while (sign := self.here()) and sign not in _METACHARACTERS:
            parts.append(self.take(_PLAIN) or self.piece())
        if self.at == start:
            raise Broken
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
                raise Unfinished
            self.at += 1
            return "" if after == "\n" else sign + after if quoted and after not in '$`"\\' else after
        return sign

    def up_to(self, closing: str, plain: re.Pattern[str], quoted: bool = False) -> str:
        """Read pieces up to and over the closing sign; returns what they are unquoted."""
        parts, start = [], self.at - 1
        while (sign := self.here()) != closing:
            if not sign:
                raise Unfinished
            parts.append(self.take(plain) or self.piece(quoted))
        self.at += 1
        if closing != "}":
            self.quotes.append((start, self.at))
        return "".join(parts)

    def backquotes(self, quoted: bool) -> str:
        match = _BACKQUOTED.match(self.text, self.at)
        if not match:
            raise Unfinished
        inner = ShellReader(
            re.sub(r'\\([\\$`"])' if quoted else r"\\([\\$`])", r"\1", match[1]), depth=self.depth
        ).read()
        self.commands += inner.commands
        if inner.is_open or inner.is_broken:
            raise Broken
        self.at = match.end()
        return "$(…)"

    def expansion(self, quoted: bool) -> str:
        """Read `$(…)`, `$((…))` or `${…}`; returns the first as `$(…)`, the others as they are."""
        self.enter()
        start, self.at = self.at, self.at + 2
        is_command = False
        if self.text.startswith("${", start):
            self.up_to("}", _PLAIN_IN_BRACES, quoted)
        elif self.here() == "(":
            self.arithmetic()
        else:
            is_command = True
            outer = self.pending, self.unended
            self.pending, self.unended = [], []
            self.list_of_commands(may_be_empty=True)
            self.expect(")")
            self.pending, self.unended = outer
        self.depth -= 1
        return "$(…)" if is_command else self.text[start : self.at]

    def arithmetic(self) -> None:
        self.at += 1
        depth = 0
        while depth or not self.text.startswith("))", self.at):
            if not self.here():
                raise Unfinished
            if not self.take(_PLAIN_IN_ARITHMETIC):
                depth = max(0, depth + {"(": 1, ")": -1}.get(self.here(), 0))
                self.piece(quoted=True)
        self.at += 2
