"""Names. Most are invented, so that they must be copied and cannot be remembered."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

_SYLLABLES = (2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6)
_DOUBLED = frozenset("bdfglmnprstz")


@cache
def _lists() -> Mapping[str, list[str]]:
    """The words of names.toml, and of what syllables are made, each as often as it weighs."""
    text = files(__package__).joinpath("names.toml").read_text(encoding="utf-8")
    words = {name: listed.split() for name, listed in tomllib.loads(text).items()}
    return words | {
        "onsets": words["consonants"] * 4 + words["clusters"],
        "nuclei": words["vowels"] * 5 + words["diphthongs"],
        "codas": [""] * 20 + words["codas"],
    }


@dataclass
class Names:
    """Draws names that never repeat within one scenario, nor contain one another."""

    rng: random.Random
    taken: set[str] = field(default_factory=set)

    def word(self, syllables: tuple[int, int] | None = None) -> str:
        """An invented lower-case word. syllables: least and most, 2 to 6 and rather few by default."""
        while True:
            count = self.rng.randint(*syllables) if syllables else self.rng.choice(_SYLLABLES)
            text = "".join(self._syllable(first=place == 0) for place in range(count)) + self.rng.choice(
                _lists()["codas"]
            )
            if self._free(text):
                return self._take(text)

    def compound(self) -> str:
        """An invented name of two or three parts, joined by hyphens or an underscore, or one long word."""
        if self.rng.random() < 0.25:
            return self.word((3, 5))
        parts = [self.word((1, 2)), self.word((2, 3))] + ([self.word((1, 1))] if self.rng.random() < 0.1 else [])
        return self.rng.choice("---__").join(parts)

    def subject(self) -> str:
        """An ordinary noun for folders and file names, now and then joined to an invented word."""
        while True:
            text = self.rng.choice(_lists()["subjects"])
            if text not in self.taken:
                self._take(text)
                return f"{text}-{self.word((1, 2))}" if self.rng.random() < 0.25 else text

    def user(self) -> str:
        """A first name or an invented one, as people are called on a host."""
        while True:
            text = self.rng.choice(_lists()["first"]) if self.rng.random() < 0.6 else self.word((2, 3))
            if text not in self.taken or text not in _lists()["first"]:
                return self._take(text)

    def host(self) -> str:
        plain = self.rng.choice(_lists()["hosts"]) if self.rng.random() < 0.6 else self.word((2, 3))
        joint = self.rng.choice(["", "", "-"])
        return self._take(plain + self.rng.choice(["", f"{joint}{self.rng.randint(1, 48)}"]))

    def number(self, low: int, high: int) -> int:
        while True:
            value = self.rng.randint(low, high)
            if str(value) not in self.taken:
                self.taken.add(str(value))
                return value

    def _syllable(self, first: bool) -> str:
        onset = self.rng.choice(_lists()["onsets"])
        if not first and onset in _DOUBLED and self.rng.random() < 0.15:
            onset += onset
        return onset + self.rng.choice(_lists()["nuclei"])

    def _free(self, text: str) -> bool:
        if len(text) < 3 or text in _lists()["commands"] or any(bad in text for bad in _lists()["barred"]):
            return False
        return not any(text in other or other in text for other in self.taken if not other.isdigit())

    def _take(self, text: str) -> str:
        self.taken.add(text)
        return text
