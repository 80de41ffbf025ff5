"""How a provider is called: syntax, verbs, option names, ids and formats, each drawn apart from what it means.

A syntax (see `syntaxes`) is an Interface that spells calls and reads them back in sh. Documentation and program
both come from it, so the tool does what its documentation says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sekft.authors.procedural.provider.semantics import Operation, placeholder


@dataclass(frozen=True)
class Interface(ABC):
    """One tool's drawn interface; `facts` names every part of the draw. Its class is its syntax.

    variants: one is drawn for each interface. bare: sh test that nothing was asked for.
    note:   what the calls themselves do not show; slots <tool>.

    keys:   for each argument name the word that stands for it, as option name and placeholder.
    opkey:  the word for the operation itself, where a syntax needs one.
    former: an operation as outdated documentation spells it, and as it is.
    codes:  exit statuses of usage errors, unknown ids and a sealed store.
    """

    variants: ClassVar[tuple[str, ...]] = ("",)
    bare: ClassVar[str] = "[ $# -eq 0 ]"
    note: ClassVar[str] = ""

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

    @abstractmethod
    def spell(self, operation: Operation, values: Sequence[str]) -> list[str]:
        """Ways to type a call, the documented one first."""

    @abstractmethod
    def parse(self) -> str:
        """sh that sets op, a1 and a2 from "$@"."""

    def call(self, role: str, *arguments: str) -> str:
        """The command line for that role, as documented."""
        return self.calls(role, *arguments)[0]

    def calls(self, role: str, *arguments: str) -> list[str]:
        """Every way to type it, the documented one first."""
        return self.spell(self.by_role(role), arguments)

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

    def by_name(self) -> str:
        """Shell text that puts the named values v_<argument> into a1 and a2, as each operation takes them."""
        rows = []
        for operation in self.known:
            places = " ".join(f"a{at}=${{v_{name}-}}" for at, name in enumerate(operation.takes, 1))
            rows.append(f"{operation.verb}) {places or ':'} ;;")
        return "case $op in " + " ".join(rows) + " esac"
