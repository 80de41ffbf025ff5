"""Prologue and dump: what one shell leaves, the next one has, whatever it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekft.sandboxes.shell_state import Function, ShellState, candidates, panic_reason, prologue, quote, read_dump
from sekft.sandboxes.userland import tools
from tests.dash import dash

TEXT = st.binary(max_size=40).map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
NAME = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z").filter(lambda name: name not in ("if", "fi", "do", "in"))
FRESH = ShellState("/", {"IFS": " \t\n", "PATH": "/usr/bin:/bin", "PS4": "+ "}, frozenset({"PATH"}))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shell")


def after(state: ShellState, text: str, place: Path) -> ShellState | None:
    """The state that a real dash leaves when it starts with the prologue and reads the text."""
    functions = candidates(state, text)
    start = prologue(state, functions).replace(b"/usr/lib/sekft/end", bytes(tools() / "end"))
    (place / "env").write_bytes(start.replace(b"/run/sekft/state", bytes(place / "state")))
    (place / "sh").write_text(text + "\n", encoding="utf-8", errors="surrogateescape")
    (place / "state").unlink(missing_ok=True)
    command = [*dash(), "-i", "+m", str(place / "sh")]
    subprocess.run(command, env={"ENV": str(place / "env")}, stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    dump = (place / "state").read_bytes() if (place / "state").exists() else b""
    return read_dump(dump, state, functions)


@settings(max_examples=settings().max_examples * 2 // 5, deadline=None)
@given(variables=st.dictionaries(NAME, TEXT, max_size=4), positional=st.lists(TEXT, max_size=3), last=TEXT)
def test_any_state_survives_a_shell(place: Path, variables: dict[str, str], positional: list[str], last: str) -> None:
    """Dump and prologue are inverse: variables, parameters and $_ of any bytes come back as they were."""
    state = ShellState(
        "/",
        {**FRESH.variables, **variables},
        FRESH.exported | frozenset(list(variables)[:2]),
        readonly=frozenset(list(variables)[1:3]),
        positional=tuple(positional),
        last_argument=last,
        aliases={"l": quote(last)},
        umask="0027",
    )
    came = after(state, "", place)
    assert came is not None
    assert came.variables == state.variables
    assert came.readonly == state.readonly
    assert came.exported >= state.exported
    assert (came.positional, came.last_argument, came.umask) == (state.positional, last, "0027")
    assert came.aliases == state.aliases


@pytest.mark.parametrize("status", [0, 1, 77, 255])
@pytest.mark.parametrize("options", ["", "u", "fC", "x", "v", "a"])
def test_status_and_options_survive_a_shell(place: Path, status: int, options: str) -> None:
    """`$?` and the options come back; tracing and echoing change nothing."""
    came = after(ShellState("/", FRESH.variables, status=status, options=options), "", place)
    assert came is not None
    assert (came.status, set(came.options) - {"i"}) == (status, set(options))


def test_only_confirmed_functions_are_kept(place: Path) -> None:
    """A definition that never ran is no function; one that ran is, in the text's own words."""
    came = after(FRESH, "f() { echo f; }; if false; then g() { :; }; fi", place)
    assert came is not None
    assert [function.name for function in came.functions] == ["panic", "f"]
    assert came.functions[1] == Function("f", "f() { echo f; }")


@settings(max_examples=settings().max_examples * 2, deadline=None)
@given(st.binary(max_size=200))
def test_no_forged_dump_breaks_the_reader(noise: bytes) -> None:
    """Whatever the agent writes in the state's place, reading it gives a state or none, and never an exception."""
    read_dump(noise, FRESH, ())
    read_dump(b"sekft1\0" + noise, FRESH, ())
    panic_reason(noise)


WHOLE = b"sekft1\x000\x000\0i\0_\x000\0/\n\x000022\n\0\0\0x='1'\n\0\0"


def test_a_whole_dump_is_read() -> None:
    """The smallest dump there is."""
    state = read_dump(WHOLE, FRESH, ())
    assert state is not None
    assert (state.cwd, dict(state.variables)) == ("/", {"x": "1"})


@pytest.mark.parametrize(("old", "new"), [
    (b"sekft1", b"sekft2"), (b"/\n", b"tmp\n"), (b"0022", b"0099"), (b"x='1'\n", b"x='1\n"),
    (b"x='1'\n", b"rm -rf /\n"),
    (b"\x000\0i", b"\0a\0i"), (b"\x000\0/", b"\x009\0/"), (b"\x000\0/", b"\x00-1\0/"), (b"x='1'\n", b"x=$(id)\n"),
])  # fmt: skip
def test_a_bad_dump_is_no_dump(old: bytes, new: bytes) -> None:
    """One wrong part and none of it is believed."""
    assert old in WHOLE
    assert read_dump(WHOLE.replace(old, new, 1), FRESH, ()) is None


def test_values_from_a_dump_cannot_become_commands(place: Path) -> None:
    """What looks like shell text in a value is quoted on its way back."""
    state = ShellState(
        "/", {**FRESH.variables, "v": f"'; touch {place}/owned; '"}, positional=(f"$(touch {place}/owned)",)
    )
    assert after(state, "", place) is not None
    assert not (place / "owned").exists()
