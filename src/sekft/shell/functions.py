"""Finds the function definitions in typed text: dash cannot print a function, so its text is kept.

A small parser of the shell's grammar, only as deep as needed to know where a definition begins
and ends: quotes, expansions, here-documents, compound commands. What it finds are candidates;
the shell's own dump tells which of them really are functions.
"""

from __future__ import annotations

import re
from contextlib import suppress

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FUNCTION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t]*\([ \t]*\)")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_METACHARACTERS = " \t\n;&|<>()"
_NOISE = {"then", "else", "elif", "do", "!"}
_CLOSER = {"{": {"}"}, "if": {"fi"}, "while": {"done"}, "until": {"done"}, "for": {"done"}}


class _Unfinished(Exception):
    """The text ends, or breaks the grammar, inside a construct."""


def definitions(text: str) -> dict[str, str]:
    """name → the text of its last definition, for every definition anywhere in the text."""
    parser = _Parser(text)
    with suppress(_Unfinished, RecursionError):  # the shell reports the error; what was defined before it counts
        parser.commands(frozenset())
    return parser.found


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[str, str] = {}
        self.pending: list[tuple[str, bool]] = []  # here-documents whose bodies begin after the next newline

    def here(self) -> str:
        return self.text[self.at : self.at + 1]

    def blanks(self) -> None:
        """Skip spaces, continued lines and a comment."""
        while True:
            if self.here() in (" ", "\t") and self.here():
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif self.here() == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def newline(self) -> None:
        """Step over a newline and over the bodies of the here-documents that it starts."""
        self.at += 1
        pending, self.pending = self.pending, []
        for delimiter, strip in pending:
            self.here_document(delimiter, strip)

    def newlines(self) -> None:
        self.blanks()
        while self.here() == "\n":
            self.newline()
            self.blanks()

    def here_document(self, delimiter: str, strip: bool) -> None:
        while self.at < len(self.text):
            end = self.text.find("\n", self.at)
            end = len(self.text) if end < 0 else end
            line = self.text[self.at : end]
            self.at = min(end + 1, len(self.text))
            if (line.lstrip("\t") if strip else line) == delimiter:
                return
        raise _Unfinished

    def commands(self, closers: frozenset[str]) -> str:
        """Parse commands until one of the closers stands where a command could; returns it, consumed."""
        while True:
            self.blanks()
            char = self.here()
            if not char:
                if closers:
                    raise _Unfinished
                return ""
            for closer in (";;", ")"):
                if closer in closers and self.text.startswith(closer, self.at):
                    self.at += len(closer)
                    return closer
            if char == "\n":
                self.newline()
            elif char in ";&|":
                self.at += 1
            elif (word := self.peek()) in closers:
                self.at += len(word)
                return word
            elif word in _NOISE:
                self.at += len(word)
            else:
                self.command()

    def peek(self) -> str:
        """The plain word here, unexpanded; empty when it is anything else."""
        match = re.compile(r"[^\s;&|<>()\\'\"`$]+").match(self.text, self.at)
        if not match:
            return ""
        after = self.text[match.end() : match.end() + 1]
        return match[0] if not after or after in _METACHARACTERS else ""

    def command(self) -> None:
        function = _FUNCTION.match(self.text, self.at)
        if function:
            self.function(function)
            return
        word = self.peek()
        if self.here() == "(":
            self.at += 1
            self.commands(frozenset({")"}))
        elif word == "case":
            self.case()
        elif word in _CLOSER:
            self.at += len(word)
            if word == "for":
                self.words()
            self.commands(frozenset(_CLOSER[word]))
        else:
            if not self.words():
                raise _Unfinished
            return
        self.words()  # redirections

    def function(self, match: re.Match[str]) -> None:
        start, self.at = self.at, match.end()
        self.newlines()
        if not self.here():
            raise _Unfinished
        self.command()
        if self.pending:  # a here-document redirection on the body: its text comes after the line
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end
            if self.here():
                self.newline()
        self.found.pop(match[1], None)
        self.found[match[1]] = self.text[start : self.at]

    def case(self) -> None:
        self.at += len("case")
        self.blanks()
        self.word()
        self.newlines()
        if self.peek() != "in":
            raise _Unfinished
        self.at += 2
        while True:
            self.newlines()
            if self.peek() == "esac":
                self.at += 4
                return
            self.pattern()
            if self.commands(frozenset({";;", "esac"})) == "esac":
                return

    def pattern(self) -> None:
        if self.here() == "(":
            self.at += 1
        while self.here() != ")":
            if not self.here() or self.here() == "\n":
                raise _Unfinished
            if self.here() in " \t|":
                self.at += 1
            else:
                self.word()
        self.at += 1

    def words(self) -> int:
        """Skip the words and redirections of a simple command; tells how many there were."""
        count = 0
        while True:
            self.blanks()
            char = self.here()
            if not char or char in "\n;&|()":
                return count
            if char in "<>":
                self.redirection()
            else:
                self.word()
            count += 1

    def redirection(self) -> None:
        match = re.compile(r"<<-?|<&|<>|<|>>|>&|>\||>").match(self.text, self.at)
        assert match
        self.at = match.end()
        self.blanks()
        start = self.at
        self.word()
        if match[0].startswith("<<"):
            delimiter = re.sub(r"\\(.)|['\"]", lambda part: part[1] or "", self.text[start : self.at])
            self.pending.append((delimiter, match[0] == "<<-"))

    def word(self) -> None:
        start = self.at
        while (char := self.here()) and char not in _METACHARACTERS:
            self.piece(char)
        if self.at == start:
            raise _Unfinished

    def piece(self, char: str) -> None:
        """Step over one character of a word, or over a whole quoted or expanded part."""
        if char == "\\":
            self.at += 2
        elif char == "'":
            self.until("'")
        elif char == '"':
            self.at += 1
            while (inner := self.here()) != '"':
                self.inside(inner)
            self.at += 1
        elif char == "`":
            self.backquotes()
        elif char == "$":
            self.expansion()
        else:
            self.at += 1

    def inside(self, char: str) -> None:
        """One part of a double-quoted string."""
        if not char:
            raise _Unfinished
        if char in "\\$`":
            self.piece(char)
        else:
            self.at += 1

    def until(self, quote: str) -> None:
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise _Unfinished
        self.at = end + 1

    def backquotes(self) -> None:
        self.at += 1
        while (char := self.here()) != "`":
            if not char:
                raise _Unfinished
            self.at += 2 if char == "\\" else 1
        self.at += 1

    def expansion(self) -> None:
        if self.text.startswith("$((", self.at):
            self.arithmetic()
        elif self.text.startswith("$(", self.at):
            self.at += 2
            outer, self.pending = self.pending, []
            self.commands(frozenset({")"}))
            self.pending = outer
        elif self.text.startswith("${", self.at):
            self.at += 2
            while (char := self.here()) != "}":
                if not char:
                    raise _Unfinished
                self.piece(char)
            self.at += 1
        else:
            self.at += 1

    def arithmetic(self) -> None:
        self.at += 3
        depth = 2
        while depth:
            char = self.here()
            if not char:
                raise _Unfinished
            depth += {"(": 1, ")": -1}.get(char, 0)
            self.at += 1
