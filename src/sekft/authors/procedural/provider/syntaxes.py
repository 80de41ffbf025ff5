"""How a provider is called: an interface and its call syntax, drawn apart from what the calls mean.

A syntax is an Interface that spells calls and reads them back in sh. Documentation and program both come from it, so the
tool does what its documentation says. Add one with `@SYNTAXES.kind(name)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sekft.authors.procedural.provider.semantics import Operation, placeholder
from sekft.taxonomy import Kinds


@dataclass(frozen=True)
class Interface(ABC):
    """One tool's drawn interface; `facts` names every part of the draw. Its class is its syntax.

    variants: one is drawn for each interface. bare: sh test that nothing was asked for.
    keys:   for each argument name the word that stands for it, as option name and placeholder.
    opkey:  the word for the operation itself, where a syntax needs one.
    former: an operation as outdated documentation spells it, and as it is.
    work:   what the setting calls its work, where that is what entries are called, too.
    codes:  exit statuses of usage errors, unknown ids and a sealed store.
    """

    variants: ClassVar[tuple[str, ...]] = ("",)
    bare: ClassVar[str] = "[ $# -eq 0 ]"

    tool: str
    noun: str
    nouns: str
    variant: str
    keys: Mapping[str, str]
    opkey: str
    operations: tuple[Operation, ...]
    placeholder: str
    list_format: str
    head: str
    ack: str
    done_word: str
    codes: Mapping[str, int]
    drop_file: str
    facts: dict[str, str]
    former: tuple[Operation, Operation] | None = None
    work: str | None = None

    @abstractmethod
    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        """Ways to type a call, the documented one first."""

    @abstractmethod
    def parse(self) -> str:
        """sh that sets op, a1 and a2 from "$@"."""

    @property
    def stays(self) -> bool:
        """Whether the arguments of one call hold for the next, which may then leave them out."""
        return False

    def usage(self, operation: Operation) -> str:
        """The call as documented, with its placeholders."""
        return self.spell(operation, [self.holder(name) for name in operation.takes])[0]

    def holder(self, name: str) -> str:
        """What stands for an argument in a call as documented."""
        return placeholder(self.placeholder, self.keys[name])

    def by_role(self, role: str) -> Operation:
        return next(operation for operation in self.operations if operation.role == role)

    def has(self, role: str) -> bool:
        return any(operation.role == role for operation in self.operations)

    @property
    def documented(self) -> tuple[Operation, ...]:
        """The operations as the documentation tells them."""
        if self.former is None:
            return self.operations
        old, new = self.former
        return tuple(old if operation is new else operation for operation in self.operations)

    @property
    def known(self) -> tuple[Operation, ...]:
        """What the program reads, the outdated spelling included."""
        return self.operations if self.former is None else (*self.operations, self.former[0])

    def pairs(self, operation: Operation, values: Sequence[str]) -> list[tuple[str, str]]:
        """(word for the argument, its value) for each value of a call."""
        return [(self.keys[name], value) for name, value in zip(operation.takes, values, strict=False)]

    def arguments(self) -> list[tuple[str, str]]:
        """(argument name, its word) for every argument that any operation takes."""
        return [(name, self.keys[name]) for name in dict.fromkeys(name for o in self.known for name in o.takes)]

    @property
    def second_keys(self) -> list[str]:
        """The words for arguments that come second in some operation."""
        return list(dict.fromkeys(self.keys[name] for o in self.known for name in o.takes[1:]))

    def by_name(self) -> str:
        """Shell text that puts the named values v_<argument> into a1 and a2, as each operation takes them."""
        rows = []
        for operation in self.known:
            places = " ".join(f"a{at}=${{v_{name}-}}" for at, name in enumerate(operation.takes, 1))
            rows.append(f"{operation.verb}) {places or ':'} ;;")
        return "case $op in " + " ".join(rows) + " esac"


SYNTAXES = Kinds[type[Interface]]()
_NOTHING_SET = '[ $# -eq 0 ] && [ -z "${@OPKEY@-}" ]'
"""sh test that neither arguments nor the operation's variable ask for anything."""
_RARE_LAYOUTS = ("bullets", "numbered", "prose", "questions", "session", "table", "tagged")
_PLAINLY, _WITH_PROSE, _WITH_TAGS = (
    {"layout": [layout for layout in _RARE_LAYOUTS if layout not in but]}
    for but in ((), ("prose", "questions"), ("tagged",))
)
"""What a rare syntax does not meet: a rare layout beside it, but for those with which it is held out (bench/proof/plan.toml)."""


@SYNTAXES.kind("combined", weight=4)
class Combined(Interface):
    """The operation is given in one way and its arguments in another.

    A variant names both ways in the order in which they are typed, the operation's in capitals.
    """

    variants = tuple(
        f"{operation}+{argument}"
        for operation, arguments in {
            "WORD": "option joined key variable exported stdin",
            "FLAG": "option joined key variable exported stdin",
            "OPTION": "word key variable exported stdin",
            "JOINED": "word key variable exported stdin",
            "KEY": "word option joined variable exported stdin",
            "VARIABLE": "word option joined key stdin",
            "EXPORTED": "word option joined key stdin",
        }.items()
        for argument in arguments.split()
    ) + tuple(
        f"{argument}+{operation}"
        for operation, arguments in {
            "WORD": "option joined key",
            "FLAG": "word option joined key",
            "OPTION": "word key",
            "JOINED": "word key",
            "KEY": "word option joined",
        }.items()
        for argument in arguments.split()
    )
    bare = _NOTHING_SET

    @property
    def stays(self) -> bool:
        return self._ways[1] == "exported"

    @property
    def _ways(self) -> tuple[str, str]:
        """Of the operation and of its arguments."""
        operation, argument = sorted(self.variant.split("+"), key=str.islower)
        return operation.lower(), argument

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        way, other = self._ways
        parts = [(way, _in_way(way, self.opkey, operation.verb))]
        given = [(other, _in_way(other, key, value)) for key, value in self.pairs(operation, values)]
        parts = [*parts, *given] if self.variant[0].isupper() else [*given, *parts]
        typed = {
            place: [text for way, text in parts if (way if way in _PLACES else "word") == place]
            for place in ("word", *_PLACES)
        }
        call = " ".join([*typed["variable"], self.tool, *typed["word"]])
        request, exported = " ".join(typed["stdin"]), " ".join(typed["exported"])
        calls = [f"echo '{request}' | {call}", f"printf '%s\\n' '{request}' | {call}"] if request else [call]
        return [f"export {exported} && {call}" for call in calls] if exported else calls

    def parse(self) -> str:
        way, other = self._ways
        rows = [_reads(other, key, f"v_{name}") for name, key in self.arguments()]
        rows += (
            [f"--{o.verb}) op={o.verb} ;;" for o in self.known] if way == "flag" else [_reads(way, self.opkey, "op")]
        )
        rows.append(_REST["operation" if way == "word" else "argument" if other == "word" else "nothing"])
        values = [f"v_{name}={_start(other, key)}" for name, key in self.arguments()]
        start = f"op={_start(way, self.opkey)} a1= a2= {' '.join(values)}"
        lines = [start, f"while [ $# -gt 0 ]; do case $1 in {' '.join(filter(None, rows))} esac; shift; done"]
        if other == "stdin":
            takes = "|".join(operation.verb for operation in self.known if operation.takes) or "''"
            lines.append(f"case $op in {takes}) read -r a1 a2 || : ;; esac")
        elif other != "word":
            lines.append(self.by_name())
        return "\n".join([*lines, '[ -n "$op" ] || nothing'])


_REST = {
    "operation": '*) [ -z "$op" ] || wrong "$1"; op=$1 ;;',
    "argument": '-*) wrong "$1" ;; *) [ -z "$a2" ] || wrong "$1"; if [ -z "$a1" ]; then a1=$1; else a2=$1; fi ;;',
    "nothing": '*) wrong "$1" ;;',
}
"""sh for a word that nothing else reads: what it stands for."""
_PLACES = ("variable", "exported", "stdin")  # ways whose texts stand elsewhere than behind the tool's name


def _in_way(way: str, key: str, value: str) -> str:
    """A value with its key, as one way of Combined has it."""
    return {
        "exported": f"{_variable(key)}={value}",
        "flag": f"--{value}",
        "joined": f"--{key}={value}",
        "key": f"{key}={value}",
        "option": f"--{key} {value}",
        "variable": f"{_variable(key)}={value}",
    }.get(way, value)


def _reads(way: str, key: str, name: str) -> str:
    """The row of a `case` that sets the variable to what the words give in this way, "" where words do not give it."""
    if way == "key":
        return f"{key}=*) {name}=${{1#*=}} ;;"
    return _option(f"--{key}", "", name) if way in ("joined", "option") else ""


def _start(way: str, key: str) -> str:
    """What the variable is before any word is read."""
    return f"${{{_variable(key)}-}}" if way in ("exported", "variable") else ""


@SYNTAXES.kind("environment", weight=0.5, excludes=_PLAINLY)
class Environment(Interface):
    """Variables set before the command name say what is wanted."""

    bare = _NOTHING_SET

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        words = [f"{self.opkey.upper()}={operation.verb}"]
        words += [f"{_variable(key)}={value}" for key, value in self.pairs(operation, values)]
        return [" ".join([*words, self.tool])]

    def parse(self) -> str:
        values = " ".join(f"v_{name}=${{{_variable(key)}-}}" for name, key in self.arguments())
        return f'[ $# -eq 0 ] || wrong "$1"\nop=${self.opkey.upper()} {values}\n{self.by_name()}'


def _variable(word: str) -> str:
    """The word as a variable's name."""
    return word.upper().replace("-", "_")


@SYNTAXES.kind("function", weight=0.5, excludes=_PLAINLY)
class FunctionCall(Interface):
    """One quoted expression in the form of a function call."""

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        text = f"{operation.verb}({', '.join(values)})"
        return [f"{self.tool} '{text}'", f'{self.tool} "{text}"']

    def parse(self) -> str:
        return (
            "case $1 in *'('*')') ;; *) wrong \"$1\" ;; esac\n"
            "op=${1%%'('*} rest=${1#*'('}; rest=${rest%')'} a2=\n"
            "a1=${rest%%,*}; case $rest in *,*) a2=${rest#*,}; a2=${a2# } ;; esac"
        )


@SYNTAXES.kind("joined", weight=0.5, excludes=_PLAINLY)
class Joined(Interface):
    """Operation and arguments are one word, joined by a sign."""

    variants = (":", "/", "=", "@", ",", "::")

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        return [f"{self.tool} {self.variant.join([operation.verb, *values])}"]

    def parse(self) -> str:
        sign = self.variant
        cut = (
            f"case $rest in *'{sign}'*) %s=${{rest%%%%'{sign}'*}} rest=${{rest#*'{sign}'}} ;; *) %s=$rest rest= ;; esac"
        )
        return "rest=$1\n" + "\n".join(cut % (name, name) for name in ("op", "a1", "a2"))


@SYNTAXES.kind("key_value", weight=1.8)
class KeyValue(Interface):
    """Words of the form key=value, in any order."""

    variants = ("=", ":")

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        first = f"{self.opkey}{self.variant}{operation.verb}"
        rest = [f"{key}{self.variant}{value}" for key, value in self.pairs(operation, values)]
        ways = [[first, *rest], [*rest, first]]
        return [" ".join([self.tool, *way]) for way in (ways if rest else ways[:1])]

    def parse(self) -> str:
        sign = self.variant
        rows = [f"{self.opkey}{sign}*) op=${{word#*{sign}}} ;;"]
        rows += [f"{key}{sign}*) v_{name}=${{word#*{sign}}} ;;" for name, key in self.arguments()]
        return f'op=\nfor word; do case $word in {" ".join(rows)} *) wrong "$word" ;; esac; done\n{self.by_name()}'


@SYNTAXES.kind("long_options", weight=4)
class LongOptions(Interface):
    """Long options only: the operation's takes the first argument, a second has an option of its own."""

    variants = ("=", " ")

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        names = [operation.verb, *(key for key, _ in self.pairs(operation, values)[1:])]
        options = [f"--{name}{self.variant}{value}" for name, value in zip(names, values, strict=False)]
        return [" ".join([self.tool, *(options or [f"--{operation.verb}"])])]

    def parse(self) -> str:
        rows = [_option(f"--{o.verb}", f"op={o.verb}", "a1" if o.takes else "") for o in self.known]
        rows += [_option(f"--{key}", "", "a2") for key in self.second_keys]
        return f'op= a1= a2=\nwhile [ $# -gt 0 ]; do case $1 in {" ".join(rows)} *) wrong "$1" ;; esac; shift; done'


def _option(name: str, sets: str, value: str) -> str:
    """sh of one option, whose value comes after "=" or as the next word. sets: what else it sets."""
    if not value:
        return f"{name}) {sets} ;;"
    joined = f"{name}=*) {sets} {value}=${{1#*=}} ;;"
    return f"{joined} {name}) {sets} {value}=${{2-}}; [ $# -lt 2 ] || shift ;;"


@SYNTAXES.kind("menu", weight=0.5, excludes=_PLAINLY)
class Menu(Interface):
    """A numbered menu: the number says what is to be done, its arguments follow."""

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        return [" ".join([self.tool, str(operation.number), *values])]

    def parse(self) -> str:
        rows = " ".join(f"{operation.number}) op={operation.verb} ;;" for operation in self.known)
        return f'case $1 in {rows} *) wrong "$1" ;; esac; a1=${{2-}} a2=${{3-}}'


@SYNTAXES.kind("phrase", weight=2.4)
class Phrase(Interface):
    """Operation and noun together, in one order or the other, where the operation is about an entry or a list of them."""

    variants = ("verb_noun", "noun_verb")

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        words = [operation.verb]
        if operation.role in _OF_MANY:
            words.append(self.nouns if self.variant == "verb_noun" else self.noun)
        elif operation.role in _OF_ONE and "receipt" not in operation.takes:
            words.append(self.noun)
        return [" ".join([self.tool, *(words if self.variant == "verb_noun" else words[::-1]), *values])]

    def parse(self) -> str:
        noun = f"case ${{1-}} in {self.noun}|{self.nouns}) shift ;; esac"
        verb = "op=${1-}; [ $# -eq 0 ] || shift"
        first, second = (verb, noun) if self.variant == "verb_noun" else (noun, verb)
        return f"{first}; {second}; a1=${{1-}} a2=${{2-}}"


_OF_MANY = ("list", "sheet", "past")
_OF_ONE = ("read", "next", "ack", "hold", "drop", "older")
"""Roles whose operation is about several entries, and about one."""


@SYNTAXES.kind("query", weight=0.5, excludes=_PLAINLY)
class Query(Interface):
    """One quoted expression: the operation, then conditions."""

    variants = ("where", "with", "for", "of")

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        conditions = [f"{key}={value}" for key, value in self.pairs(operation, values)]
        text = operation.verb + (f" {self.variant} " if conditions else "") + " and ".join(conditions)
        return [f"{self.tool} '{text}'", f'{self.tool} "{text}"']

    def parse(self) -> str:
        rows = [f"'{self.variant}'|and) ;;"]
        rows += [f"{key}=*) v_{name}=${{word#*=}} ;;" for name, key in self.arguments()]
        return f'set -f; set -- $*; set +f; op=$1; shift\nfor word; do case $word in {" ".join(rows)} *) wrong "$word" ;; esac; done\n{self.by_name()}'


@SYNTAXES.kind("request_file", weight=0.6, excludes=_WITH_PROSE)
class RequestFile(Interface):
    """The request is a line in a file whose name is the only argument."""

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        request, path = " ".join([operation.verb, *values]), self.drop_file
        return [
            f"echo '{request}' > {path} && {self.tool} {path}",
            f"printf '%s\\n' '{request}' > {path} && {self.tool} {path}",
        ]

    def parse(self) -> str:
        return '[ -f "$1" ] || wrong "$1"\nop= a1= a2=; read -r op a1 a2 <"$1" || :\n[ -n "$op" ] || nothing'


@SYNTAXES.kind("short_options", weight=4)
class ShortOptions(Interface):
    """Short options only: the operation's takes the first argument, a second has an option of its own."""

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        names = [operation.letter, *(self._letter(key) for key, _ in self.pairs(operation, values)[1:])]
        options = [f"-{name} {value}" for name, value in zip(names, values, strict=False)]
        return [" ".join([self.tool, *(options or [f"-{operation.letter}"])])]

    def _letter(self, key: str) -> str:
        """The first letter of the word that no operation has."""
        taken = {operation.letter for operation in self.known}
        return next(letter for letter in f"{key}{key.upper()}KVX" if letter.isalpha() and letter not in taken)

    def parse(self) -> str:
        rows = [
            f"-{o.letter}) op={o.verb};" + (" a1=${2-}; [ $# -lt 2 ] || shift ;;" if o.takes else " ;;")
            for o in self.known
        ]
        rows += [f"-{self._letter(key)}) a2=${{2-}}; [ $# -lt 2 ] || shift ;;" for key in self.second_keys]
        return f'op= a1= a2=\nwhile [ $# -gt 0 ]; do case $1 in {" ".join(rows)} *) wrong "$1" ;; esac; shift; done'


@SYNTAXES.kind("sigil", weight=0.5, excludes=_WITH_TAGS)
class Sigil(Interface):
    """The operation is a word behind a sign."""

    variants = ("+", "-", "%", ":", "@", ",")

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        return [" ".join([f"{self.tool} {self.variant}{operation.verb}", *values])]

    def parse(self) -> str:
        sign = self.variant
        return f"case $1 in '{sign}'*) op=${{1#'{sign}'}} a1=${{2-}} a2=${{3-}} ;; *) wrong \"$1\" ;; esac"


@SYNTAXES.kind("stdin", weight=0.6, excludes=_PLAINLY)
class StandardInput(Interface):
    """The request is a line on standard input; there are no arguments."""

    variants = ("words", "lines")
    bare = "false"

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        words, tool = [operation.verb, *values], self.tool
        if self.variant == "lines":
            escaped = "\\n".join(words)
            return [f"printf '{escaped}\\n' | {tool}", "\n".join([f"{tool} <<'EOF'", *words, "EOF"])]
        request = " ".join(words)
        return [
            f"echo '{request}' | {tool}",
            f"printf '%s\\n' '{request}' | {tool}",
            f"{tool} <<'EOF'\n{request}\nEOF",
        ]

    def parse(self) -> str:
        words, lines = (
            "op= a1= a2=; read -r op a1 a2 || :",
            "a1= a2=; read -r op || op=; read -r a1 || :; read -r a2 || :",
        )
        return f'[ $# -eq 0 ] || wrong "$1"\n{lines if self.variant == "lines" else words}\n[ -n "$op" ] || nothing'


@SYNTAXES.kind("subcommand", weight=5)
class Subcommand(Interface):
    """The operation is the first word, its arguments follow."""

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        return [" ".join([self.tool, operation.verb, *values])]

    def parse(self) -> str:
        return "op=$1 a1=${2-} a2=${3-}"


@SYNTAXES.kind("subject_first", weight=0.6, excludes=_WITH_PROSE)
class SubjectFirst(Interface):
    """The entry comes first, what to do with it second."""

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        return [" ".join([self.tool, *values[:1], operation.verb, *values[1:]])]

    def parse(self) -> str:
        alone = "|".join(operation.verb for operation in self.known if not operation.takes) or "''"
        verbs = "|".join(operation.verb for operation in self.known)
        return f'case $1 in {alone}) op=$1 a1= a2= ;; *) case ${{2-}} in {verbs}) ;; *) wrong "${{2-$1}}" ;; esac; op=$2 a1=$1 a2=${{3-}} ;; esac'


@SYNTAXES.kind("tool_per_verb")
class ToolPerVerb(Interface):
    """A program of its own for each operation; the bare name only explains."""

    bare = '[ $# -eq 0 ] && [ "${0##*/}" = @TOOL@ ]'

    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        return [" ".join([f"{self.tool}-{operation.verb}", *values])]

    def parse(self) -> str:
        prefix = f"{self.tool}-"
        return (
            f'op=${{0##*/}}; case $op in {prefix}*) op=${{op#{prefix}}} a1=${{1-}} a2=${{2-}} ;; *) wrong "$1" ;; esac'
        )
