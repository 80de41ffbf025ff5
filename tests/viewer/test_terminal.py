"""Terminal text as HTML: what is recorded is shown, and nothing of it acts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekft.viewer.terminal import named, plain, screen

OURS = re.compile(r'</?(span|mark)( (class|title)="[^"<>]*")*>')
SHOWN = [
    ("\x1b[1;31mred\x1b[0m plain", '<span class="b fg1">red</span> plain'),
    ("\x1b[38;5;200mpink\x1b[39m", "pink"),
    ("a\x08ab", '<span class="b">a</span>b'),
    ("_\x08u", '<span class="u">u</span>'),
    ("one\r\ntwo", "one\ntwo"),
    ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
]


@pytest.mark.parametrize(("text", "html"), SHOWN)
def test_colours_and_overstrikes_are_shown(text: str, html: str) -> None:
    """Colour sequences and struck letters become classes, line ends stay, markup is escaped."""
    assert screen(text) == html


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x1b]0;title\x07", "\x07", "\x9b31m", "\u202etxt", "\u2066a", "\u200b", "\ud800"]
)
def test_what_drives_a_terminal_is_named(text: str) -> None:
    """A sequence or a character that acts on a terminal, or turns text around, is shown by pictures and named."""
    html = screen(text)
    assert 'class="ctl"' in html
    assert f"U+{ord(text[0]):04X}" in html
    assert text[0] not in html


@given(st.text(alphabet=st.characters(codec=None) | st.sampled_from("\x1b[]m0;<>&\"'\x08\x07\u202e"), max_size=200))
def test_nothing_but_our_own_elements_comes_out(text: str) -> None:
    """Whatever the text, its HTML holds our spans alone and no control character but line ends and tabs."""
    html = OURS.sub("", str(screen(text, [(text[3:9], "a needle")])))
    assert "<" not in html
    assert ">" not in html
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)


def test_needles_are_marked_with_what_they_are() -> None:
    """A text that decides is marked wherever it appears, the longest of several that fit."""
    html = screen("ask <chit> now", [("<chit>", "the announcement"), ("<chit> now", "evidence")])
    assert html == 'ask <mark title="evidence">&lt;chit&gt; now</mark>'


def test_a_name_is_one_line() -> None:
    """A file name with a line end cannot look like two names."""
    assert "\n" not in named("a\nb\tc")


def test_text_for_search_has_no_colours() -> None:
    """What colours a word does not cut it in two."""
    assert plain("\x1b[1mre\x1b[0md l\x08li\r\nne\x1b[2J") == "red li\nne"
