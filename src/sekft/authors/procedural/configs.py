"""How settings lie in a configuration file: its text, how a key is spelled there, and sed that changes its value.

A format is chosen with `draw`. Every command works in every userland; values hold no blank, quote, '|' or '&'.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Pair = tuple[str, str]
"""A key as the setting has it, and its value."""


_NUMBER = re.compile(r"(0|[1-9]\d*)(\.\d+)?")


def _same(key: str) -> str:
    return key


def _upper(key: str) -> str:
    return key.upper().replace("-", "_").replace(".", "_")


def _camel(key: str) -> str:
    return "".join(part.capitalize() for part in key.replace("-", "_").replace(".", "_").split("_"))


def _quoted(value: str) -> str:
    return value if _NUMBER.fullmatch(value) else f'"{value}"'


@dataclass(frozen=True)
class ConfigFormat:
    """One way in which settings are kept.

    name:    as people call the format. endings: of the file's name, separated by blanks.
    pair:    a line, of {key} and {value}. top: the lines above all pairs, with {section} and {of}. foot: below them.
    spelled: the key as it stands in this format. written: the value as it stands there.
    remark:  what begins a line that is a comment; "" where the format has none.
    """

    name: str
    endings: str
    pair: str
    top: str
    foot: str = ""
    spelled: Callable[[str], str] = _same
    written: Callable[[str], str] = _same
    remark: str = "# "

    def line(self, key: str, value: str) -> str:
        return self.pair.format(key=self.spelled(key), value=self.written(value))

    def text(self, section: str, of: str, pairs: Sequence[Pair], remark: str = "") -> str:
        """The whole file. section: one word. of: what it sets. remark: a comment above all, where there can be one."""
        head = f"{self.remark}{remark}\n" if remark and self.remark else ""
        lines = [self.line(key, value) for key, value in pairs]
        if self.name == "JSON":
            lines[-1] = lines[-1].removesuffix(",")
        top = self.top.format(section=section, of=of[:1].upper() + of[1:])
        return head + top + "".join(line + "\n" for line in lines) + self.foot

    def change(self, key: str, value: str) -> str:
        """A sed command that gives the key this value, whatever it is now."""
        before, _, after = self.pair.format(key=self.spelled(key), value="\0").partition("\0")
        tail, rest = ("[^,]*", "") if after == "," else (".*", after)
        return f"s|^{before}{tail}{rest}|{before}{self.written(value)}{rest}|"

    def exact(self, key: str, old: str, value: str) -> str:
        """A sed command that replaces this very value of the key."""
        return f"s|{self._bare(key, old)}|{self._bare(key, value)}|"

    def _bare(self, key: str, value: str) -> str:
        return self.line(key, value).strip().removesuffix(",")


FORMATS = (
    ConfigFormat("INI", ".ini .conf .cfg", "{key} = {value}", "[{section}]\n", remark="; "),
    ConfigFormat("INI", ".ini .cfg", "{key}={value}", "[{section}]\n", remark="; "),
    ConfigFormat("key=value", ".conf .cfg", "{key}={value}", ""),
    ConfigFormat("key value", ".conf .cfg", "{key} {value}", ""),
    ConfigFormat("YAML", ".yaml .yml", "  {key}: {value}", "{section}:\n"),
    ConfigFormat("YAML", ".yml .yaml", "{key}: {value}", "---\n"),
    ConfigFormat("TOML", ".toml", "{key} = {value}", "[{section}]\n", written=_quoted),
    ConfigFormat(
        "unit",
        ".service",
        "{key}={value}",
        "[Unit]\nDescription={of}\n\n[{section}]\n",
        "\n[Install]\nWantedBy=multi-user.target\n",
        _camel,
    ),
    ConfigFormat("shell defaults", ".env", "{key}={value}", "", "", _upper),
    ConfigFormat("shell exports", ".sh", "export {key}={value}", "", "", _upper),
    ConfigFormat("JSON", ".json", '  "{key}": {value},', "{{\n", "}\n", _same, _quoted, ""),
)

WHY = (
    "<who> asked for it on <day>.",
    "<who> and <role> agreed on it on <day>.",
    "<role> wants to try it until <soon>.",
    "We try something else before <event>.",
    "<who> tried it for <3..20> days, and it works better.",
)
"""Reasons to change any setting, as sentences that "so" may follow."""


def draw(rng: random.Random) -> ConfigFormat:
    return rng.choice(FORMATS)
