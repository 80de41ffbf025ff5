"""The state that one command's shell leaves and the next command's shell starts with.

The host writes a prologue from a frozen ShellState; the shell reads it as its ENV file before it
reads what was typed, and on its exit runs userlands/files/end, whose output is the dump. The
dump comes from the agent's side: it is parsed as untrusted, and a bad one counts as no dump.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice

from sekft.shell.syntax import definitions

STATE_BYTES = 1 << 20
"""Of a dump; runner.h has the same."""
READ_BYTES = 4096
"""Of a message that is read for function definitions: reading takes a millisecond for each thousand."""
MOST_NAMES = 512
"""Of variables and of aliases."""
MOST_FUNCTIONS = 256
MOST_PARAMETERS = 1024
MOST_QUOTES = 8192
"""Apostrophes of a dump: each is a step of its reading."""
MOST_TEXT = 1 << 16
"""Characters of all aliases, and of all functions with the aliases that each was read under."""
MOST_PATH_BYTES = 4096
PROMPT_BYTES = 1000
"""Of PS1 as it was set, and as it is shown."""
REASON_BYTES = 1024
MOST_MARKS = 16
"""Of a panic in a dump: values may hold its like."""

PANIC_MARK = "sekft_panic"
PANIC = (
    'panic() { /usr/bin/panic "$@" || { set -- "$?" "$*"; '
    f'case $1 in 77) {PANIC_MARK}=$2; exit 77 ;; esac; return "$1"; }}; }}'
)
REMEMBERED_BYTES = 4096
_MAGIC = b"sekft1"
_STATE_FILE = "/run/sekft/state"
_OPTIONS_KEPT = "aCefuvxb"
_SHELLS_OWN = frozenset({"ENV", "PPID", "LINENO", "PWD", "OLDPWD", "PS1", "PS2", "_", PANIC_MARK})
_FRESH = ("IFS", "PATH", "PS4")  # a fresh dash sets these by itself
_HIDDEN_BY_DUMP = frozenset({"printf", "pwd", "umask", "alias", "type"})
_ASK_FIRST = "(\\unset -f type; \\type printf pwd umask alias); (\\unset -f command; \\command -V type)"
_QUOTED = rb"""((?:'[^']*'|"'+")*)"""
_LISTED = re.compile(rb"(?:export |readonly )?([A-Za-z_][A-Za-z0-9_]*)(?:=" + _QUOTED + rb")?\n")
_ALIAS = re.compile(rb"([^=\n']+)=" + _QUOTED + rb"\n")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAY_DEFINE = re.compile(r"\((?:[ \t]|\\\n)*\)")
_WORD = re.compile(r"[^\s;&|()<>`]+")
_PANICKED = re.compile(PANIC_MARK.encode() + b"=")
_REASON = re.compile(_QUOTED + rb"\n")
_PARTS = re.compile(rb"""'([^']*)'|"('+)\"""")


@dataclass(frozen=True, slots=True)
class Function:
    """aliases: those that applied when the text was read, and may apply in it."""

    name: str
    text: str
    aliases: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ShellState:
    """Text is UTF-8 with surrogate escapes. variables holds what is set, exported or not.

    heard: the shell's standard error was the session's output when it ended.
    """

    cwd: str
    variables: Mapping[str, str]
    exported: frozenset[str] = frozenset()
    readonly: frozenset[str] = frozenset()
    oldpwd: str | None = None
    status: int = 0
    last_argument: str = ""
    options: str = ""
    umask: str = "0022"
    aliases: Mapping[str, str] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    functions: tuple[Function, ...] = (Function("panic", PANIC),)
    prompt: str | None = None
    heard: bool = True

    def value(self, name: str) -> str:
        """What $name expands to at the prompt."""
        special = {"_": self.last_argument, "PWD": self.cwd, "OLDPWD": self.oldpwd or "", "?": str(self.status)}
        return special[name] if name in special else self.variables.get(name, "")


def quote(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def is_unread(text: str) -> bool:
    """Whether the text is too long to be read for the functions that it may define."""
    return len(text) > READ_BYTES and _MAY_DEFINE.search(text) is not None


def candidates(state: ShellState, text: str) -> tuple[Function, ...]:
    """The functions that may exist after `text` ran: those there are, and those that it may define.

    A long text is not read: it defines none that lasts, and what it names is forgotten.
    """
    if is_unread(text):
        named = frozenset(_NAME.findall(text))
        return tuple(function for function in state.functions if function.name not in named)
    new = definitions(text) if _MAY_DEFINE.search(text) else {}
    kept = tuple(function for function in state.functions if function.name not in new)
    return kept + tuple(Function(name, body) for name, body in new.items())


def prologue(state: ShellState, functions: Iterable[Function]) -> bytes:
    """The ENV file. functions: the candidates that the dump must list."""
    lines = [
        f"cd -- {quote(state.cwd)} 2>/dev/null || cd /",
        "unset ENV OLDPWD" if state.oldpwd is None else f"unset ENV; OLDPWD={quote(state.oldpwd)}",
        *(f"unset {name}" for name in _FRESH if name not in state.variables),
        *(f"{name}={quote(value)}" for name, value in sorted(state.variables.items())),
        "PS1= PS2=",
        *([f"export {' '.join(sorted(state.exported))}"] if state.exported else []),
        *([f"readonly {' '.join(sorted(state.readonly))}"] if state.readonly else []),
        f"umask {state.umask}",
        "set -- " + " ".join(quote(value) for value in state.positional),
        *_define(state.functions),
        *traps(functions),
        *(f"\\alias {quote(f'{name}={value}')}" for name, value in state.aliases.items()),
        "\\exec 7<&- 8<&-",
        _last(state),
    ]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _define(functions: Iterable[Function]) -> list[str]:
    lines: list[str] = []
    for function in functions:
        lines += [f"alias {quote(f'{name}={value}')}" for name, value in function.aliases]
        lines.append(function.text)
        lines += ["\\unalias -a"] if function.aliases else []
    return lines


def traps(functions: Iterable[Function]) -> list[str]:
    """The end trap, and one that lets `kill $$` end a shell that would ignore it."""
    names = {function.name for function in functions}
    known = f"; \\type {' '.join(sorted(names))}" if names else ""
    # `end` unsets what it uses itself, and so does whoever asks: hence two shells that ask about each other's.
    first = f"{_ASK_FIRST}; " if names & _HIDDEN_BY_DUMP else ""
    # Quiet first (xtrace), then a look at the shell's own standard error, which the last part replaces.
    keep = '{ \\set -- "$?" "$-" "${_-}" "$#" "$@"; \\set +efuvxCa; } 2>/dev/null; \\[ -p /proc/self/fd/2 ]; '
    dump = (
        keep
        + '{ \\set -- "$?" "$@"; '
        + first
        + "\\. /usr/lib/sekft/end"
        + known
        + "; } >|"
        + _STATE_FILE
        + " 2>/dev/null"
    )
    return [f"trap {quote(dump)} EXIT", "trap '\\unset -f kill; \\kill -9 $$' TERM"]


def listed_traps(functions: Iterable[Function]) -> list[bytes]:
    """What `trap` prints about our traps: it is taken out of the output."""
    return [line.replace("trap ", "trap -- ", 1).encode() + b"\n" for line in traps(functions)]


def _last(state: ShellState) -> str:
    """Options and $? come last, in one line: none of it may be traced, echoed or rewritten by an alias."""
    options = "".join(sorted(set(state.options) & set(_OPTIONS_KEPT)))
    commands = [f"\\set -{options}"] if options else []
    # return sets $? and, by what follows its number, $_; under errexit it would end the shell
    commands.append((":" if "e" in options else f"\\return {state.status & 255}") + f" {quote(state.last_argument)}")
    return "{ " + "; ".join(commands) + "; } 2>/dev/null"


def read_dump(dump: bytes, before: ShellState, functions: tuple[Function, ...]) -> ShellState | None:
    """The state after a command; None when the dump is not whole, or beyond a limit."""
    if len(dump) > STATE_BYTES or dump.count(b"'") > MOST_QUOTES or dump.count(b"\0") > MOST_PARAMETERS:
        return None
    fields = dump.split(b"\0")
    try:
        heard = fields[1] == b"0"
        status, options, last, count = int(fields[2]), _text(fields[3]), _text(fields[4]), int(fields[5])
        positional, rest = fields[6 : 6 + count], fields[6 + count :]
        if not fields[0].endswith(_MAGIC) or len(rest) != 7 or not 0 <= count <= len(fields):
            return None
        cwd, umask = _text(rest[0].removesuffix(b"\n")), _text(rest[1].strip())
        exported, readonly, variables = (_assigned(_LISTED, text) for text in rest[2:5])
        aliases = _assigned(_ALIAS, rest[5])
        confirmed = _confirmed(functions, fields[0] + b"\n" + rest[6], before, aliases)
    except (ValueError, IndexError):
        return None
    if not re.fullmatch("[0-7]{3,4}", umask) or not cwd.startswith("/") or len(rest[0]) > MOST_PATH_BYTES:
        return None
    return ShellState(
        cwd=cwd,
        variables={
            name: value
            for name, value in variables.items()
            if name not in _SHELLS_OWN and (name, value) != ("OPTIND", "1")
        },
        exported=frozenset(exported) - _SHELLS_OWN | {"PWD"} & frozenset(exported),
        readonly=frozenset(readonly) - _SHELLS_OWN,
        oldpwd=variables.get("OLDPWD"),
        status=status & 255,
        last_argument=last,
        options=options,
        umask=umask,
        aliases=aliases,
        positional=tuple(_text(value) for value in positional),
        functions=confirmed,
        prompt=variables.get("PS1", before.prompt or "")[: PROMPT_BYTES + 1] or before.prompt,
        heard=heard,
    )


def panic_reason(dump: bytes) -> str | None:
    """The reason that the session function `panic` left in the dump; None when it did not run."""
    for mark in islice(_PANICKED.finditer(dump), MOST_MARKS):
        match = _REASON.match(dump, mark.end())
        if match and dump[max(0, mark.start() - 1) : mark.start()] in (b"", b"\n", b"\0"):
            return _text(_unquote(match[1])[:REASON_BYTES])
    return None


def _confirmed(
    functions: tuple[Function, ...], types: bytes, before: ShellState, aliases: Mapping[str, str]
) -> tuple[Function, ...]:
    """Those that there are, each with the aliases that it was read under. Raises ValueError beyond a limit."""
    defined = set(_text(types).split("\n"))
    known = {function.name: function for function in before.functions}
    both = {**before.aliases, **aliases}  # a new function may have been read under either
    found: list[Function] = []
    room = MOST_TEXT - sum(map(_length, aliases.items()))
    for function in functions:
        if f"{function.name} is a shell function" not in defined:
            continue
        if known.get(function.name) != function:
            function = replace(function, aliases=_applying(function.text, both, room))
        room -= len(function.text) + sum(map(_length, function.aliases))
        if room < 0 or len(found) == MOST_FUNCTIONS:
            raise ValueError("functions and aliases beyond their limit")
        found.append(function)
    return tuple(found)


def _applying(text: str, aliases: Mapping[str, str], room: int) -> tuple[tuple[str, str], ...]:
    """The aliases that are words of the text, or of what one of these stands for; as many as there is room for."""
    found: dict[str, str] = {}
    texts = [text] if aliases else []
    while texts and room >= 0:
        for word in _WORD.findall(texts.pop()):
            if word in aliases and word not in found and room >= 0:
                found[word] = aliases[word]
                room -= _length((word, aliases[word]))
                texts.append(aliases[word])
    return tuple(found.items())


def _length(alias: tuple[str, str]) -> int:
    return len(alias[0]) + len(alias[1])


def _assigned(pattern: re.Pattern[bytes], text: bytes) -> Mapping[str, str]:
    """NAME='value' lines. Raises ValueError when anything else is among them."""
    return _parsed(pattern, text) if len(text) <= REMEMBERED_BYTES else _parsed.__wrapped__(pattern, text)


@lru_cache(maxsize=256)  # from one command to the next most of a shell's variables are the same
def _parsed(pattern: re.Pattern[bytes], text: bytes) -> Mapping[str, str]:
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        if len(values) == MOST_NAMES:
            raise ValueError(f"more than {MOST_NAMES} assignments")
        match = pattern.match(text, at)
        if not match:
            raise ValueError(f"not a shell assignment at byte {at}")
        values[_text(match[1])] = _text(_unquote(match[2] or b""))
        at = match.end()
    return values


def _unquote(quoted: bytes) -> bytes:
    return b"".join(part[1] if part[1] is not None else part[2] for part in _PARTS.finditer(quoted))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
