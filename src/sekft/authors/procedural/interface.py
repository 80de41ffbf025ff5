"""How a provider is called: syntax, verbs, ids and formats, each drawn apart.

A syntax is data: how a call is spelt without and with an argument, and the sh code that
turns "$@" back into `op` and `arg`. The documentation spells calls with the same templates,
so the tool does what its documentation says.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from sekft.authors.procedural.meaning import COMMON_DOES, COMMON_VERBS, Kind, Operation, Role
from sekft.authors.procedural.phrase import phrase
from sekft.authors.procedural.words import Names


@dataclass(frozen=True)
class Syntax:
    """bare, full: spellings with slots {v} (verb), {a} (argument), {n} (noun), {k} (key words).

    code: sets op and arg, or calls `wrong` with the word it could not take. Uses @n@ and @k@ likewise.
    """

    bare: str
    full: str
    code: str


SYNTAXES: Mapping[str, Syntax] = {
    "subcommand": Syntax("{v}", "{v} {a}", "op=$1 arg=${2-}"),
    "long_option": Syntax("--{v}", "--{v} {a}", 'case $1 in --*) op=${1#--} arg=${2-} ;; *) wrong "$1" ;; esac'),
    "long_equals": Syntax(
        "--{v}",
        "--{v}={a}",
        'case $1 in --*=*) op=${1%%=*} op=${op#--} arg=${1#*=} ;; --*) op=${1#--} arg= ;; *) wrong "$1" ;; esac',
    ),
    "single_dash": Syntax(
        "-{v}", "-{v} {a}", 'case $1 in --*) wrong "$1" ;; -*) op=${1#-} arg=${2-} ;; *) wrong "$1" ;; esac'
    ),
    "plus": Syntax("+{v}", "+{v} {a}", 'case $1 in +*) op=${1#+} arg=${2-} ;; *) wrong "$1" ;; esac'),
    "colon": Syntax("{v}", "{v}:{a}", "op=${1%%:*} arg=; case $1 in *:*) arg=${1#*:} ;; esac"),
    "noun_verb": Syntax(
        "{n} {v}", "{n} {v} {a}", '[ "$1" = @n@ ] || wrong "$1"; [ $# -ge 2 ] || wrong "$1"; op=$2 arg=${3-}'
    ),
    "verb_noun": Syntax(
        "{v} {n}", "{v} {n} {a}", '[ $# -ge 2 ] || wrong "$1"; [ "$2" = @n@ ] || wrong "$2"; op=$1 arg=${3-}'
    ),
    "argument_first": Syntax("{v}", "{a} {v}", "if [ $# -ge 2 ]; then op=$2 arg=$1; else op=$1 arg=; fi"),
    "key_value": Syntax(
        "{k}={v}",
        "{k}={v} {n}={a}",
        'op= arg=; for word; do case $word in @k@=*) op=${word#*=} ;; @n@=*) arg=${word#*=} ;; *) wrong "$word" ;; esac; done',
    ),
    "at": Syntax("{v}", "{v}@{a}", "op=${1%%@*} arg=; case $1 in *@*) arg=${1#*@} ;; esac"),
}

LIST_FORMATS: Mapping[str, tuple[str, str]] = {
    # name: (header, printf format for id, title, sender)
    "table": ("%-12s %s\\n' '@ID@' 'SUBJECT", "%-12s %s\\n"),
    "tabs": ("", "%s\\t%s\\n"),
    "sentence": ("", "%s: %s\\n"),
    "brackets": ("", "[%s] %s\\n"),
    "dashes": ("", " -- %s, %s\\n"),
    "records": ("", "@id@=%s\\nabout=%s\\n--\\n"),
    "senders": ("", "%s  %s  (from %s)\\n"),
    "ruled": ("%-12s| %s\\n' '@ID@' 'ABOUT", "%-12s| %s\\n"),
}
_EXTRAS: tuple[Role, ...] = ("tally", "about", "all")
_PLACEHOLDERS = ("upper", "angle", "braces", "lower_angle")


@dataclass(frozen=True)
class Interface:
    """One tool's drawn interface; `facts` names every part of the draw."""

    tool: str
    noun: str
    nouns: str
    syntax: str
    key: str
    operations: tuple[Operation, ...]
    placeholder: str
    list_format: str
    head: str
    facts: Mapping[str, str]

    def call(self, operation: Operation, argument: str | None = None) -> str:
        """The command line for that operation."""
        syntax = SYNTAXES[self.syntax]
        template = syntax.full if operation.takes else syntax.bare
        words = template.format(v=operation.verb, a=argument or "", n=self.noun, k=self.key)
        return f"{self.tool} {words}".strip()

    def usage(self, operation: Operation) -> str:
        """The call as documented, with its placeholder."""
        return self.call(operation, self.holder(operation) if operation.takes else None)

    def holder(self, operation: Operation) -> str:
        name = operation.takes or ""
        forms = {"upper": name.upper(), "angle": f"<{name}>", "braces": "{" + name + "}", "lower_angle": f"<{name}-id>"}
        return forms[self.placeholder]

    def by_role(self, role: Role) -> Operation:
        return next(operation for operation in self.operations if operation.role == role)

    def parser(self) -> str:
        return SYNTAXES[self.syntax].code.replace("@n@", self.noun).replace("@k@", self.key)


def draw_interface(rng: random.Random, kind: Kind, names: Names, tool: str, extras: int) -> Interface:
    """Draw every part apart. extras: how many operations that the work does not need."""
    noun, nouns = rng.choice(kind.nouns)
    syntax = rng.choice(sorted(SYNTAXES))
    placeholder = rng.choice(_PLACEHOLDERS)
    takes = {"read": noun, "ack": "receipt" if "next" in kind.roles else noun}
    roles: list[Role] = [*kind.roles, *rng.sample(_EXTRAS, extras)]
    odd = rng.random() < 0.35
    used: set[str] = {noun}
    operations = []
    for role in roles:
        invented = odd and rng.random() < 0.6
        verb = names.word((1, 2)) if invented else _verb(rng, role, kind, used)
        does = phrase(
            rng, rng.choice(kind.does.get(role) or COMMON_DOES[role]), noun=noun, nouns=nouns, id=f"<{takes.get(role)}>"
        )
        operations.append(Operation(role, verb, takes.get(role), does, invented))
    rng.shuffle(operations)
    list_format, head = rng.choice(sorted(LIST_FORMATS)), rng.choice(kind.heads)
    key = rng.choice(["do", "op", "act", "call", "ask"])
    facts = {
        "syntax": syntax,
        "verbs": " ".join(f"{operation.role}={operation.verb}" for operation in operations),
        "noun": noun,
        "placeholder": placeholder,
        "list_format": list_format,
        "head": head,
    }
    return Interface(tool, noun, nouns, syntax, key, tuple(operations), placeholder, list_format, head, facts)


def _verb(rng: random.Random, role: Role, kind: Kind, used: set[str]) -> str:
    words = (kind.verbs.get(role) or COMMON_VERBS[role]).split()
    verb = rng.choice([word for word in words if word not in used])
    used.add(verb)
    return verb


def entry_ids(rng: random.Random, names: Names, forms: tuple[str, ...], count: int) -> list[str]:
    """Ids in one drawn form, ascending, so that the order of files is the order of entries."""
    form = rng.choice(forms)
    if form == "word":
        return sorted(names.word() for _ in range(count))
    if form == "pair":
        return sorted(f"{names.word((1, 2))}-{names.word((1, 2))}" for _ in range(count))
    if form == "hex":
        return sorted(f"{rng.randrange(1 << 20, 1 << 24):06x}" for _ in range(count))
    numbers = sorted(rng.sample(range(101, 999), count))
    prefix = names.word((1, 1))[:4]
    patterns = {"number": "{n}", "prefixed": prefix.upper() + "-{n}", "dotted": f"{rng.randint(1, 9)}.{{n}}"}
    return [patterns[form].format(n=number) for number in numbers]
