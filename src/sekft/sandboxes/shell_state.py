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

from sekft.shell.syntax import definitions

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
_QUOTED = rb"""((?:'[^']*'|"'+")*)"""
_LISTED = re.compile(rb"(?:export |readonly )?([A-Za-z_][A-Za-z0-9_]*)(?:=" + _QUOTED + rb")?\n")
_ALIAS = re.compile(rb"([^=\n']+)=" + _QUOTED + rb"\n")
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


def candidates(state: ShellState, text: str) -> tuple[Function, ...]:
    """The functions that may exist after `text` ran: those there are, and those that it may define."""
    new = definitions(text)
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
    names = " ".join(sorted({function.name for function in functions}))
    known = f"; \\type {names}" if names else ""
    # Quiet first (xtrace), then a look at the shell's own standard error, which the last part replaces.
    keep = '{ \\set -- "$?" "$-" "${_-}" "$#" "$@"; \\set +efuvxCa; } 2>/dev/null; \\[ -p /proc/self/fd/2 ]; '
    dump = keep + '{ \\set -- "$?" "$@"; \\. /usr/lib/sekft/end' + known + "; } >|" + _STATE_FILE + " 2>/dev/null"
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
    """The state after a command; None when the dump is not whole."""
    fields = dump.split(b"\0")
    try:
        heard = fields[1] == b"0"
        status, options, last, count = int(fields[2]), _text(fields[3]), _text(fields[4]), int(fields[5])
        positional, rest = fields[6 : 6 + count], fields[6 + count :]
        if fields[0] != _MAGIC or len(rest) != 7 or not 0 <= count <= len(fields):
            return None
        cwd, umask = _text(rest[0].removesuffix(b"\n")), _text(rest[1].strip())
        exported, readonly, variables = (_assigned(_LISTED, text) for text in rest[2:5])
        aliases = _assigned(_ALIAS, rest[5])
    except (ValueError, IndexError):
        return None
    if not re.fullmatch("[0-7]{3,4}", umask) or not cwd.startswith("/"):
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
        functions=_confirmed(functions, rest[6], before, aliases),
        prompt=variables.get("PS1") or before.prompt,
        heard=heard,
    )


def panic_reason(dump: bytes) -> str | None:
    """The reason that the session function `panic` left in the dump; None when it did not run."""
    match = re.search(rb"(?:^|[\n\0])" + PANIC_MARK.encode() + b"=" + _QUOTED + rb"\n", dump)
    return _text(_unquote(match[1])) if match else None


def _confirmed(
    functions: tuple[Function, ...], types: bytes, before: ShellState, aliases: Mapping[str, str]
) -> tuple[Function, ...]:
    """`type` cannot be asked about the few names that the dump itself needs; these are believed."""
    defined = set(_text(types).split("\n"))
    both = {**before.aliases, **aliases}  # a new function may have been read under either
    return tuple(
        function
        if function in before.functions
        else replace(function, aliases=tuple(alias for alias in both.items() if alias[0] in function.text))
        for function in functions
        if f"{function.name} is a shell function" in defined or function.name in _HIDDEN_BY_DUMP
    )


def _assigned(pattern: re.Pattern[bytes], text: bytes) -> Mapping[str, str]:
    """NAME='value' lines. Raises ValueError when anything else is among them."""
    return _parsed(pattern, text) if len(text) <= REMEMBERED_BYTES else _parsed.__wrapped__(pattern, text)


@lru_cache(maxsize=256)  # from one command to the next most of a shell's variables are the same
def _parsed(pattern: re.Pattern[bytes], text: bytes) -> Mapping[str, str]:
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
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
