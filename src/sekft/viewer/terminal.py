"""Recorded terminal text as HTML: colours are shown, whatever else drives a terminal or turns text around is named.

Everything that is returned is escaped; nothing of a rollout becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

_UNSEEN = (
    r"\x80-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f"
)
_CONTROL = r"\x00-\x08\x0b-\x1f\x7f"
_TOKEN = re.compile(
    r"(?P<sgr>\x1b\[[0-9;:]*m)"
    r"|(?P<seq>\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]{0,400}(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?)"
    r"|(?P<bold>(?P<struck>[^\x00-\x20\x7f_])\x08(?P=struck))"
    r"|(?P<under>_\x08(?P<lined>[^\x00-\x1f\x7f]))"
    r"|(?P<crlf>\r+\n)"
    rf"|(?P<control>[{_CONTROL}])|(?P<unseen>[{_UNSEEN}])"
)
_ACTS = re.compile(f"[{_CONTROL}{_UNSEEN}]")
"""Each token holds one of these, and hardly any text does: looking for them first takes a tenth of the time."""
_ON = {1: "b", 2: "dim", 3: "i", 4: "u", 7: "inv", 9: "strike"}
_OFF = {22: ("b", "dim"), 23: ("i",), 24: ("u",), 27: ("inv",), 29: ("strike",)}
_COLOURS = 8
LEAST_NEEDLE = 3
"""Characters of a text that is worth marking."""


def screen(text: str, needles: Sequence[tuple[str, str]] = ()) -> Markup:
    """What a terminal would show of the text.

    needles: (text, what it is); each occurrence is marked with what it is as its title.
    """
    found = {needle: what for needle, what in needles if len(needle.strip()) >= LEAST_NEEDLE}
    longest = sorted(found, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest))) if longest else None
    return Markup("").join(_marked(piece, style, found, pattern) for piece, style in _pieces(text))


def named(text: str) -> Markup:
    """A name, in one line: line ends and tabs in it are named, too."""
    return screen(text.replace("\n", "\u240a").replace("\t", "\u2409"))


def plain(text: str) -> str:
    """The text without what colours it and drives a terminal, for searching and for a summary in one line."""
    if not _ACTS.search(text):
        return text
    return _TOKEN.sub(lambda found: found["struck"] or found["lined"] or ("\n" if found["crlf"] else ""), text)


def _pieces(text: str) -> Iterator[tuple[str | Markup, str]]:
    """The text cut up: what is literal, with its classes, and what has been made visible."""
    style: set[str] = set()
    at = 0
    for found in _TOKEN.finditer(text) if _ACTS.search(text) else ():
        if found.start() > at:
            yield text[at : found.start()], " ".join(sorted(style))
        at = found.end()
        if found["sgr"]:
            _restyle(style, found["sgr"][2:-1])
        elif found["bold"] or found["under"]:
            yield found["struck"] or found["lined"], " ".join(sorted(style | {"b" if found["bold"] else "u"}))
        elif found["crlf"]:
            yield "\n", ""
        else:
            yield _visible(found[0]), ""
    if at < len(text):
        yield text[at:], " ".join(sorted(style))


def _restyle(style: set[str], codes: str) -> None:
    """Apply one colour sequence; what it says of 256 colours and true colour is left out."""
    numbers = [int(code) if code else 0 for code in re.split("[;:]", codes)]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            style.clear()
        elif code in _ON:
            style.add(_ON[code])
        elif code in _OFF:
            style.difference_update(_OFF[code])
        elif code in (38, 48):
            del numbers[: {5: 2, 2: 4}.get(numbers[0] if numbers else 0, 0)]
        else:
            _colour(style, code)


def _colour(style: set[str], code: int) -> None:
    for kind, start in (("fg", 30), ("bg", 40), ("fg", 90), ("bg", 100)):
        if start <= code < start + _COLOURS or (code == start + 9 and start < 90):
            style.difference_update({name for name in style if name.startswith(kind)})
            if code < start + _COLOURS:
                style.add(f"{kind}{code - start}")


def _visible(token: str) -> Markup:
    """A token that acts on a terminal or on the direction of text, by pictures or numbers."""
    shown = "".join(
        chr(0x2400 + ord(char))
        if ord(char) < 0x20
        else "\u2421"
        if char == "\x7f"
        else char
        if " " <= char < "\x7f"
        else f"⟨{ord(char):04X}⟩"
        for char in token
    )
    codes = " ".join(f"U+{ord(char):04X}" for char in token[:8])
    return Markup('<span class="ctl" title="{}">{}</span>').format(codes, shown)


def _marked(piece: str | Markup, style: str, found: dict[str, str], pattern: re.Pattern[str] | None) -> Markup:
    if isinstance(piece, Markup):
        return piece
    parts, at = [], 0
    for hit in pattern.finditer(piece) if pattern else ():
        parts += [escape(piece[at : hit.start()]), Markup('<mark title="{}">{}</mark>').format(found[hit[0]], hit[0])]
        at = hit.end()
    body = Markup("").join([*parts, escape(piece[at:])])
    return Markup('<span class="{}">{}</span>').format(style, body) if style else body
