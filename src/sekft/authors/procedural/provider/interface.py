"""How a provider is called: syntax, verbs, option names, ids and formats, each drawn apart from what it means.

A syntax (see `syntaxes`) spells calls and reads them back in sh. Documentation and program both come
from the same `Interface`, so the tool does what its documentation says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sekft.authors.procedural.provider.semantics import Operation

PLACEHOLDERS: Mapping[str, Callable[[str], str]] = {
    "upper": str.upper,
    "angle": lambda name: f"<{name}>",
    "braces": lambda name: "{" + name + "}",
    "the_angle": lambda name: f"<the-{name}>",
    "upper_dots": lambda name: f"..{name.upper()}..",
    "underscored": lambda name: f"_{name}_",
}


class Syntax(ABC):
    """How calls are typed and read back.

    variants: one is drawn for each interface. bare: sh test that nothing was asked for.
    note:     what the calls themselves do not show; slots <tool>.
    """

    variants: tuple[str, ...] = ("",)
    bare: str = "[ $# -eq 0 ]"
    note: str = ""

    @abstractmethod
    def spell(self, interface: Interface, operation: Operation, values: Sequence[str]) -> list[str]:
        """Ways to type a call, the documented one first."""

    @abstractmethod
    def parse(self, interface: Interface) -> str:
        """sh that sets op, a1 and a2 from "$@"."""


@dataclass(frozen=True)
class Interface:
    """One tool's drawn interface; `facts` names every part of the draw.

    keys:   for each argument name the word that stands for it, as option name and placeholder.
    opkey:  the word for the operation itself, where a syntax needs one.
    former: an operation as outdated documentation spells it, and as it is.
    codes:  exit statuses of usage errors, unknown ids and a sealed store.
    """

    tool: str
    noun: str
    nouns: str
    syntax: Syntax
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

    def call(self, role: str, *arguments: str) -> str:
        """The command line for that role, as documented."""
        return self.calls(role, *arguments)[0]

    def calls(self, role: str, *arguments: str) -> list[str]:
        """Every way to type it, the documented one first."""
        return self.syntax.spell(self, self.by_role(role), arguments)

    def usage(self, operation: Operation) -> str:
        """The call as documented, with its placeholders."""
        return self.syntax.spell(self, operation, [self.holder(name) for name in operation.takes])[0]

    def holder(self, name: str) -> str:
        return PLACEHOLDERS[self.placeholder](self.keys[name])

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
