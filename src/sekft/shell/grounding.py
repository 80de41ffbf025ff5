"""Grounded actions: every name, verb, flag, path and value was seen before it was typed.

An action is cut into atoms at spaces and shell punctuation. An atom is grounded when it is
in the published vocabulary (vocabulary.txt), is a single digit, or stood as a whole atom, or as a part of one
between dots, hyphens and underscores, in what the environment showed earlier or in an earlier
grounded action. A short option is free
after a common command (`ls -la`), never after a tool that had to be learnt. What the list says of one program, such as
git, holds in a command that runs it. A sed address is as
grounded as its number (`12d`), a file name as its parts between dots. The reason of a
panic is exempt: it is prose by its nature. `syntax` tells to which command an atom belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain

from sekft.shell.syntax import pieces
from sekft.trajectory import Turn

_CUT = re.compile(r"""(?:\\n|[\s|&;<>(){}$"'`*?\[\]!=:,/@~#^%\\])+""")
_OPENS = frozenset(" \t\n|&;<>(){}$\"'`*?[]!=:,/@~#^%")  # a backslash may belong to the letter that it stands before
_ENDS = _OPENS | {"\\"}
_OPENS_PART, _ENDS_PART = _OPENS | set("._-"), _ENDS | set("._-")
_PLACES = 8
_ADDRESS = re.compile(r"(\d+)[dpq]")
_SHORT_OPTION = re.compile(r"-[A-Za-z0-9]{1,5}|-")
_EDGE = ".-+_"
_JOINT = re.compile(r"[._-]")
_REMEMBERED_ATOMS, _ATOM_CHARACTERS = 1 << 13, 64
_REMEMBERED, _REMEMBERED_CHARACTERS = 256, 1 << 13
"""Texts, and the longest of them: what one rollout shows and types, the others of its scenario mostly do, too."""
PROGRAMS = frozenset(("curl", "git", "jq", "mail", "make", "sqlite3"))
"""With a section of their own in the list."""


@cache
def vocabulary() -> dict[str, frozenset[str]]:
    """The published list, section by section."""
    sections: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in files("sekft.shell").joinpath("vocabulary.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), set())
        elif line and not line.startswith("#"):
            current.update(line.split())
    return {name: frozenset(words) for name, words in sections.items()}


@cache
def _common() -> frozenset[str]:
    return frozenset().union(*(words for name, words in vocabulary().items() if name not in PROGRAMS))


def common_to(programs: Iterable[str]) -> frozenset[str]:
    """What the list says of these programs alone."""
    return frozenset().union(*(vocabulary()[name] for name in PROGRAMS & set(programs)))


class Seen:
    """What an operator has been shown so far, as atoms. A text is taken apart once somebody needs more than a look."""

    def __init__(self) -> None:
        self._atoms: set[str] = set()
        self._whole: list[str] = []

    @property
    def atoms(self) -> set[str]:
        for text in self._whole:
            self._atoms |= _shown(text) if len(text) <= _REMEMBERED_CHARACTERS else _shown.__wrapped__(text)
        self._whole.clear()
        return self._atoms

    def add(self, text: str) -> None:
        self._whole.append(text)

    def missing(self, action: str) -> list[str]:
        """The atoms of the action that nothing has shown, in order; empty when it is grounded."""
        short = len(action) <= _REMEMBERED_CHARACTERS
        atoms = _uncommon(action) if short else _uncommon.__wrapped__(action)
        shown = set(filter(self._is_shown, atoms))
        if len(shown) == len(atoms):  # whoever types what, all of it is known
            return []
        typed = _typed(action) if short else _typed.__wrapped__(action)
        missing = (atom for program, atom in typed if atom not in shown and not self._grounded(program, atom))
        return list(dict.fromkeys(missing))

    def _is_shown(self, atom: str) -> bool:
        """Whether it is plain to see; of what is not, `atoms` tells."""
        return atom in self._atoms or any(_stands_in(atom, text) for text in self._whole)

    def _grounded(self, command: str, atom: str) -> bool:
        if _SHORT_OPTION.fullmatch(atom):
            return _takes_options(command) or self._known(atom)
        if self._known(atom):
            return True
        bare = atom.strip(_EDGE)
        if address := _ADDRESS.fullmatch(bare):
            bare = address[1]
        if not bare or atom.startswith("-"):
            return not bare
        return self._known(bare) or all(self._known(part) for part in bare.split("."))

    def _known(self, word: str) -> bool:
        if word in _common() or (word.isdigit() and len(word) == 1) or (word and self._is_shown(word)):
            return True
        may_be_shown = not word or any(word in text for text in self._whole)
        return may_be_shown and word in self.atoms


def _takes_options(command: str) -> bool:
    """Whether a short option is free after it."""
    return command in PROGRAMS or any(command in vocabulary()[name] for name in ("commands", "slips"))


def ungrounded(turns: Sequence[Turn]) -> dict[int, list[str]]:
    """For each action's turn index, its atoms that were not grounded; empty when all are."""
    seen, guesses = Seen(), {}
    for index, turn in enumerate(turns):
        if turn.role == "action" and (missing := seen.missing(turn.content)):
            guesses[index] = missing
        seen.add(f"{turn.orientation or ''}\n{turn.content}")
    return guesses


@lru_cache(maxsize=_REMEMBERED)
def _shown(text: str) -> frozenset[str]:
    """The atoms of a text, and the parts of each."""
    return frozenset(chain.from_iterable(map(_parts, set(_atoms(text)))))


def _parts(atom: str) -> tuple[str, ...]:
    if atom.isalnum():
        return (atom,)
    return _parts_of(atom) if len(atom) <= _ATOM_CHARACTERS else _parts_of.__wrapped__(atom)


@lru_cache(maxsize=_REMEMBERED_ATOMS)
def _parts_of(atom: str) -> tuple[str, ...]:
    return (atom, atom.strip(_EDGE), *_JOINT.split(atom), *atom.split("."))


@lru_cache(maxsize=_REMEMBERED)
def _typed(action: str) -> tuple[tuple[str, str], ...]:
    """The atoms of an action, each with the program to whose command it belongs; not what the programs are known by."""
    parts = list(pieces(action))
    own = common_to(program for program, _ in parts)
    return tuple(
        (program, atom)
        for program, text in parts
        for atom in (_atoms(text) if program != "panic" else ("panic",))
        if atom not in own
    )


@lru_cache(maxsize=_REMEMBERED)
def _uncommon(action: str) -> frozenset[str]:
    """Its atoms, wherever a command ends, that are not in the list of what is common to all programs."""
    return frozenset(atom for atom in _CUT.split(action) if len(atom) > 1 or not atom.isdigit()) - _common() - {""}


def _stands_in(atom: str, text: str) -> bool:
    """Whether the text plainly holds it as an atom or as a part of one: at one of the first places where it is."""
    at, opens, ends = -1, *((_OPENS_PART, _ENDS_PART) if atom.isalnum() else (_OPENS, _ENDS))
    for _ in range(_PLACES):
        if (at := text.find(atom, at + 1)) < 0:
            return False
        before, end = text[at - 1] if at else " ", at + len(atom)
        if before in opens and (
            end == len(text) or text[end] in ends or (before in _OPENS and _is_bare(atom, text, end))
        ):
            return True
    return False


def _is_bare(atom: str, text: str, end: int) -> bool:
    """Whether only such signs as a full stop follow it there in what the text holds as an atom."""
    if atom[0] in _EDGE or atom[-1] in _EDGE:
        return False
    while end < len(text) and text[end] in _EDGE:
        end += 1
    return end == len(text) or text[end] in _ENDS


def _atoms(text: str) -> Iterator[str]:
    return (atom for atom in _CUT.split(text) if atom)
