"""Wording by grammar: `[a|b [c|d]]` is a choice, `<name>` a slot to be filled."""

from __future__ import annotations

import random
import re

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"<([a-z_]+)>")


def phrase(rng: random.Random, template: str, **slots: object) -> str:
    """One sentence of the grammar. Choices are resolved before slots, so slots may hold brackets.

    Raises KeyError for a slot that is not given.
    """
    while _CHOICE.search(template):
        template = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    text = _SLOT.sub(lambda match: str(slots[match[1]]), template)
    text = re.sub(r" +([,.;:])(?=\s|$)", r"\1", re.sub(r"(?<=\S)  +", " ", text)).strip()
    return re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)


def sentence(rng: random.Random, template: str, **slots: object) -> str:
    """A phrase that starts with a capital, unless its first word must be copied as it is.

    A slot named `place` holds ordinary words; all others hold names, paths and texts.
    """
    text = phrase(rng, template, **slots)
    verbatim = any(_leads(text, str(value)) for name, value in slots.items() if name != "place" and value)
    return text if verbatim else text[:1].upper() + text[1:]


def _leads(text: str, value: str) -> bool:
    """Whether the text starts with that value as a whole, not with a word that happens to begin alike."""
    return text.startswith(value) and not text[len(value) : len(value) + 1].isalnum()
