"""A service's key: what can be one, and how to take it out of whatever a service says.

A service may say a key back as it came, or escaped for the form that it is in: JSON, a URL, HTML, a program's text,
hex, or base64 as in a Basic header.
"""

from __future__ import annotations

import base64
import html
import html.entities
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from sekft.errors import UsageError

NONE = "none-needed"
SHORTEST = 8
"""Shorter keys are placeholders that ordinary text may hold."""
SHOWN = "[key]"
VARIABLES = ("SEKFT_KEY", "SEKFT_OP_KEY")
URLS = ("SEKFT_URL", "SEKFT_OP_URL")
_AROUND = " \t\r\n\v\f\0\u00a0\u200b\ufeff"
"""What is copied along with a key: blanks, a file's last line end, a byte order mark."""


def checked(variable: str, text: str) -> str:
    """The key without what was copied along with it. Raises UsageError, which never shows it, where it can be none."""
    key = text.strip(_AROUND)
    place = f"{variable}: the key of {len(key)} characters"
    if key.lower().startswith("bearer "):
        raise UsageError(f"{place} begins with the word Bearer: set the key alone")
    if len(key) > 1 and key[0] == key[-1] and key[0] in "'\"`":
        raise UsageError(f"{place} stands in quotes: set it without them")
    if odd := next((at for at, char in enumerate(key, 1) if not "!" <= char <= "~"), None):
        char = key[odd - 1]
        seen = (
            "a blank or line end" if char.isspace() else "a control character" if char < " " else "no ASCII character"
        )
        raise UsageError(f"{place} holds {seen} at {odd}, want visible ASCII alone: copy it again")
    return key


def of(env: Mapping[str, str]) -> tuple[str, ...]:
    """Every secret that the environment holds for us: keys, and what URLs carry."""
    keys = [env.get(name, "").strip(_AROUND) for name in VARIABLES]
    return tuple(
        dict.fromkeys(filter(_worth_hiding, [*keys, *(each for name in URLS for each in in_url(env.get(name, "")))]))
    )


def in_url(url: str) -> list[str]:
    """A URL's password and the values of its query, as they stand there and decoded."""
    try:
        parts = urlsplit(url.strip())
        found = [parts.password or "", *(value for _, value in parse_qsl(parts.query))]
    except ValueError:
        return []
    return list(filter(_worth_hiding, [*found, *map(unquote, found)]))


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """The text with each of these replaced, however it is escaped."""
    for secret in filter(_worth_hiding, secrets):
        text = _spellings(secret).sub(SHOWN, text)
    return text


def spelt(secret: str) -> list[str]:
    """The usual spellings of a secret, as plain texts."""
    plain = [secret, html.escape(secret), quote(secret, safe=""), quote(secret), secret.encode().hex()]
    return list(dict.fromkeys([*plain, *_in_base64(secret)]))


def _worth_hiding(secret: str) -> bool:
    return len(secret) >= SHORTEST and secret != NONE


@lru_cache(maxsize=32)
def _spellings(secret: str) -> re.Pattern[str]:
    texts, in_hex = (secret, *_in_base64(secret)), secret.encode().hex()
    whole = ["".join(map(_spelling, text)) for text in texts]
    first = "".join({re.escape(text[0]) for text in (*texts, in_hex, in_hex.upper())})  # most places are no beginning
    return re.compile(rf"(?=[\\\\%&{first}])(?:{'|'.join([*whole, f'(?i:{in_hex})'])})")


def _spelling(char: str) -> str:
    """One character as it stands or escaped, perhaps twice or more. Bounded: a text may be all backslashes."""
    code = ord(char)
    names = [name.rstrip(";") for name, text in html.entities.html5.items() if text == char and name.endswith(";")]
    forms = [
        r"\\{1,8}" if char == "\\" else r"\\{0,8}" + re.escape(char),
        *(f"%(?:25){{0,4}}(?i:{byte:02x})" for byte in char.encode() if code < 128),
        rf"\\{{1,8}}(?:u|U0000|u\{{)(?i:{code:04x})\}}?|\\{{1,8}}x(?i:{code:02x})",
        f"&(?:amp;){{0,4}}#(?:0{{0,6}}{code}|[xX]0{{0,6}}(?i:{code:x}));",
        *(f"&(?:amp;){{0,4}}{name};" for name in names),
    ]
    return f"(?:{'|'.join(forms)})"


def _in_base64(secret: str) -> list[str]:
    """What any base64 text holds that encodes the secret among other bytes, which may shift it by one or two."""
    found = []
    for shift in range(3):
        raw = bytes(shift) + secret.encode()
        text = base64.b64encode(raw).decode()[-(-shift * 8 // 6) : len(raw) * 8 // 6]
        found += [text, text.replace("+", "-").replace("/", "_")]
    return list(dict.fromkeys(found))
