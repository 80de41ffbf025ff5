"""What ends a session, what does not, and how the end is named."""

from __future__ import annotations

import pytest

from sekft.errors import InfraError
from sekft.protocols import Session
from sekft.trajectory import Ending
from tests.sandboxes.conftest import Landing, shown

EXITS = {
    "exit": 0,
    "exit 3": 3,
    "  exit  ": 0,
    "exit # done": 0,
    "true && exit": 0,
    "false || exit 4": 4,
    "if true; then exit 3; fi": 3,
    "for i in 1 2; do exit $i; done": 1,
    "{ exit 5; }": 5,
    "f() { exit 6; }; f": 6,
    "case x in x) exit 7;; esac": 7,
    "while :; do exit 2; done": 2,
    "(exit 4) || exit": 4,
    "eval 'exit 8'": 8,
    "echo 'exit 9' > f; . ./f": 9,
    "exit 300": 44,
    "echo a\nexit\necho b": 0,
    "set -e; exit 3": 3,
    "sleep 60 & exit": 0,
    "trap 'exit 5' EXIT; exit": 5,
    "\\exit": 0,
    "'exit' 2": 2,
}


@pytest.mark.parametrize(("text", "status"), EXITS.items())
async def test_exit_ends_in_every_form(session: Session, text: str, status: int) -> None:
    """exit ends the session wherever the session's own shell runs it, with its status."""
    result = await session.exec(text)
    assert result.ended == Ending(kind="exit", status=status)
    assert result.status == status


async def test_exit_takes_the_last_status(session: Session) -> None:
    """exit without a number ends with `$?`, also that of an earlier message."""
    await shown(session, "(exit 3)")
    result = await session.exec("exit")
    assert result.ended == Ending(kind="exit", status=3)


@pytest.mark.parametrize("define", ["alias q=exit", "q() { exit; }", "alias q='cd / && exit'"])
async def test_exit_by_another_name(session: Session, define: str) -> None:
    """An alias or a function from an earlier message may hold the exit."""
    await shown(session, define)
    result = await session.exec("q")
    assert result.ended
    assert result.ended.kind == "exit"


PANICS = {
    "panic": "",
    "panic no space left": "no space left",
    "panic 'no  space'": "no  space",
    "panic -- -x": "-- -x",
    'false || panic "can\'t"': "can't",
    "if ! test -e /none; then panic gone; fi": "gone",
    "set -e; panic now": "now",
    "panic quietly >/dev/null 2>&1": "quietly",
    "f() { panic deep; }; f": "deep",
    "set -u; panic strict": "strict",
    "IFS=x; panic a b": "a b",
    "panic 'two\nlines'": "two\nlines",
}


@pytest.mark.parametrize(("text", "reason"), PANICS.items())
async def test_panic_ends_in_every_form(session: Session, text: str, reason: str) -> None:
    """panic ends the session with status 77 and its words as the reason."""
    result = await session.exec(text)
    assert result.ended
    assert (result.ended.kind, result.ended.status) == ("panic", 77)
    assert (result.ended.reason or "").replace("x", " ") == reason.replace("x", " ")


async def test_panic_says_its_reason(session: Session) -> None:
    """The program's own line is the command's output."""
    assert (await session.exec("panic no space")).output == "panic: no space\n"


ON = {
    "(exit 4)": 4,
    "echo a | exit 3": 3,
    "sh -c 'exit 5'": 5,
    "echo exit": 0,
    "echo 'exit'": 0,
    ": exit": 0,
    "cat <<E\nexit\nE\n": 0,
    "exit() { :; }": 2,
    "# exit": 0,
    "x=$(exit 6)": 6,
    "exit &": 0,
    "false && exit": 1,
    "panic --help": 0,
    "panic --bad": 2,
    "(panic sub)": 77,
    "panic piped | cat": 0,
    "sh -c 'panic script'": 77,
    "echo panic": 0,
    "command /usr/bin/panic program": 77,
    "echo 'exit 3' > f; sh f": 3,
    "if true; then": 2,
    "echo )": 2,
    "echo 'abc": 2,
    "x=${y?}": 2,
    "set -u; echo $nothing": 2,
    ". ./nothing": 2,
    "readonly r=1; r=2": 2,
    "kill -INT $$": 130,
    "": 0,
    "\n\n": 0,
    "true &&": 2,
    "echo \\": 0,
}


@pytest.mark.parametrize(("text", "status"), ON.items())
async def test_what_does_not_end_a_session(session: Session, text: str, status: int) -> None:
    """Subshells, children, quoted words and fatal errors that an interactive dash survives."""
    await shown(session, "x=kept")
    result = await session.exec(text)
    assert result.ended is None
    assert result.status == status
    assert result.malformed is None
    assert (await session.exec("echo on")).output == "on\n"


SHELL_ENDED = [
    "set -e; false; echo no",
    "exec true",
    "exec nosuch",
    "exec sh -c 'exit 3'",
    "kill $$; sleep 5",
    "kill -TERM $$",
    "kill -9 $$",
    "kill -HUP $$",
    "return 5",
    "echo a; return; echo b",
]


@pytest.mark.parametrize("text", SHELL_ENDED)
async def test_other_ends_of_the_shell(session: Session, text: str) -> None:
    """errexit, exec, a signal and a top-level return end the session as none: shell_ended."""
    result = await session.exec(text)
    assert result.ended
    assert (result.ended.kind, result.ended.reason) == ("none", "shell_ended")


async def test_a_shell_error_keeps_the_state_before_it(session: Session) -> None:
    """What ran before the error counts, and the session goes on."""
    assert await shown(session, "x=1; cd /srv; y=${z?}; x=2", "echo $x $PWD $?") == "1 /srv 2\n"


async def test_lines_after_an_error_run(session: Session) -> None:
    """As at a prompt, a fatal error drops its own line and no more."""
    assert await shown(session, "echo ${nope?}; echo same\necho next") == "sh: 1: nope: parameter not set\nnext\n"


@pytest.mark.parametrize("text", ["cat <<E\nhi", "cat <<E", "cat <<-E\n\thi\n E\n"])
async def test_an_unterminated_here_document_is_malformed(session: Session, text: str) -> None:
    """It is not run: no effect, no output, the status stays."""
    await shown(session, "(exit 3)")
    result = await session.exec("echo ran > ran; " + text)
    assert result.malformed
    assert (result.output, result.status, result.ended) == ("", 3, None)
    assert await shown(session, "ls ran") != "ran\n"


HERE = [
    "cat <<E\nhi\nE",
    "cat <<E\nhi\nE\n",
    "cat <<-E\n\thi\n\tE",
    "cat <<'E'; echo b >/dev/null\nhi\nE",
    "cat <<A >/dev/null; cat <<B\nx\nA\nhi\nB",
    "echo hi # <<E",
]


@pytest.mark.parametrize("text", HERE)
async def test_a_terminated_here_document_runs(session: Session, text: str) -> None:
    """With or without a newline after its end."""
    result = await session.exec(text)
    assert (result.malformed, result.output) == (None, "hi\n")


async def test_broken_text_with_a_here_document_shows_the_shells_message(session: Session) -> None:
    """Only an unterminated here-document is malformed; any other error is the shell's to report."""
    result = await session.exec("if cat <<E\nhi\nE\n")
    assert result.malformed is None
    assert "Syntax error" in result.output


async def test_a_nul_byte_is_malformed(session: Session) -> None:
    """A NUL cannot be typed."""
    assert (await session.exec("echo a\0b")).malformed


async def test_an_ended_session_runs_nothing(session: Session) -> None:
    """exec after the ending is the caller's mistake, and is refused."""
    await session.exec("exit")
    with pytest.raises(InfraError, match="exit"):
        await session.exec("echo a")


async def test_the_tree_outlives_the_shell(session: Session) -> None:
    """After an ending, state and check still answer."""
    await session.exec("echo a > made; exit 1")
    assert "/home/ada/made" in await session.state()
    assert (await session.check("grep -q a /home/ada/made")).passed


async def test_panic_is_documented(land: Landing) -> None:
    """--help and the manual page describe it, and reading them ends nothing."""
    session = await land()
    assert "usage: panic" in await shown(session, "panic --help")
    page = await shown(session, "man panic")
    assert "PANIC(1)" in page
    assert "ends the session" in page
    assert "\b" not in page


async def test_an_unset_panic_is_the_program(session: Session) -> None:
    """Whoever removes the function has the plain program left, which ends nothing."""
    result = await session.exec("unset -f panic; panic no")
    assert result.ended is None
    assert result.status == 77


@pytest.mark.parametrize("command", ["panic \"$(printf 'a\\377b')\"", "IFS=ü; panic a b"])
async def test_a_reason_that_is_no_text_can_be_recorded(session: Session, command: str) -> None:
    """Bytes that are not UTF-8 show as in any output."""
    result = await session.exec(command)
    assert result.ended == Ending(kind="panic", status=77, reason="a\ufffdb")
