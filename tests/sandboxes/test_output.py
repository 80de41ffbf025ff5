"""What a command shows: decoded, bounded, in time."""

from __future__ import annotations

import hashlib
import time

import pytest

from sekft.protocols import Session
from tests.sandboxes.conftest import Landing, shown


async def test_stdout_and_stderr_share_one_pipe_in_order(session: Session) -> None:
    """As on a terminal."""
    assert await shown(session, "echo a; echo b >&2; echo c") == "a\nb\nc\n"


async def test_output_without_a_last_newline_stays_as_it_is(session: Session) -> None:
    """Nothing is added to it, and no blank line of its own is taken away."""
    assert await shown(session, "printf a") == "a"
    assert await shown(session, "printf 'a\\n\\n\\n'") == "a\n\n\n"
    assert await shown(session, "true") == ""
    assert await shown(session, "echo") == "\n"
    assert (await session.exec("printf 'a\\n'; exit")).output == "a\n"


@pytest.mark.parametrize("text", ["exec 2>/tmp/log; echo hi", "set +i; echo hi", "set -v; echo hi", "set -I; echo hi"])
async def test_the_end_of_input_leaves_no_trace(session: Session, text: str) -> None:
    """Whatever the command does to its own shell, its last newline is its own."""
    assert (await session.exec(text)).output == "hi\n"


async def test_invalid_utf8_and_nul_become_replacement_characters(session: Session) -> None:
    """Each invalid byte and each NUL shows as U+FFFD; the digest is that of the raw bytes."""
    result = await session.exec("printf 'a\\377b\\000c\\303\\251\\n'")
    assert result.output == "a\ufffdb\ufffdc\u00e9\n"
    assert result.raw_sha256 == hashlib.sha256(b"a\xffb\0c\xc3\xa9\n").hexdigest()
    assert not result.truncated


async def test_control_characters_are_kept(session: Session) -> None:
    """Escapes, returns and backspaces are the program's own output."""
    assert await shown(session, "printf '\\033[1mx\\r\\b\\n'") == "\033[1mx\r\b\n"


async def test_a_long_output_keeps_head_and_tail(session: Session) -> None:
    """The middle gives way to one fixed line that counts what it stands for."""
    result = await session.exec("seq 1 20000")
    whole = "".join(f"{n}\n" for n in range(1, 20001))
    assert result.truncated
    assert len(result.output.encode()) <= 32 * 1024
    head, _, rest = result.output.partition("[… ")
    count, _, tail = rest.partition(" bytes omitted …]\n")
    assert int(count) == result.dropped_bytes
    assert whole.startswith(head.removesuffix("\n"))
    assert whole.endswith(tail)
    assert result.raw_sha256 == hashlib.sha256(whole.encode()).hexdigest()


async def test_output_at_the_limit_is_whole(land: Landing) -> None:
    """limits.output_bytes itself is not too much; one byte more is."""
    session = await land(limits={"output_bytes": 1000})
    at = await session.exec("head -c 999 /dev/zero | tr '\\0' x; echo")
    above = await session.exec("head -c 1000 /dev/zero | tr '\\0' x; echo")
    assert (at.truncated, len(at.output)) == (False, 1000)
    assert above.truncated
    assert len(above.output.encode()) <= 1000


async def test_binary_output_fits_after_decoding(session: Session) -> None:
    """U+FFFD takes three bytes: the limit counts what is recorded, and no character is cut in two."""
    result = await session.exec("head -c 30000 /dev/zero | tr '\\0' '\\377'")
    assert result.truncated
    assert len(result.output.encode()) <= 32 * 1024
    assert set(result.output.replace("\ufffd", "")) <= set("[… 0123456789bytes omitted …]\n")


async def test_a_flood_is_killed(land: Landing) -> None:
    """Beyond limits.flood_bytes everything is killed, and the output says so."""
    session = await land(limits={"flood_bytes": 1 << 20})
    result = await session.exec("yes", timeout_s=20)
    assert result.output.endswith("\n[killed after 1048576 bytes of output]\n")
    assert (result.status, result.truncated, result.timed_out, result.state_kept) == (137, True, False, False)
    assert result.ended is None
    assert await shown(session, "echo on $?") == "on 137\n"


async def test_a_timeout_is_said_and_keeps_the_last_state(session: Session) -> None:
    """The output so far, then the fixed text; the state before the command holds."""
    await shown(session, "x=1")
    result = await session.exec("x=2; cd /; printf begun; sleep 30", timeout_s=2)
    assert result.output == "begun\n[timed out after 2 s]\n"
    assert (result.timed_out, result.status, result.state_kept, result.ended) == (True, 124, False, None)
    assert await shown(session, "echo $? $x $PWD") == "124 1 /home/ada\n"


@pytest.mark.parametrize("command", [
    "sleep 61.7 & wait",
    "(setsid sleep 61.7 &); sleep 61.7",
    "trap '' TERM HUP INT; sleep 61.7; sleep 61.7",
    "while :; do :; done",
    "sh -c 'kill -STOP $$'",
    "kill -STOP $$",
])  # fmt: skip
async def test_a_timeout_kills_everything(session: Session, command: str) -> None:
    """A timed-out command leaves nothing running, not even what it forked, detached or stopped."""
    result = await session.exec(command, timeout_s=0.3)
    assert result.timed_out
    assert len((await shown(session, "echo /proc/[0-9]*")).split()) == 2  # PID 1 and the shell


@pytest.mark.parametrize("command", ["cat", "read x; echo $?", "sh", "dash -i", "head -n1", "sort -"])
async def test_stdin_readers_end_at_once(session: Session, command: str) -> None:
    """Standard input is empty: whatever reads it sees its end."""
    result = await session.exec(command, timeout_s=5)
    assert not result.timed_out
    assert result.ended is None


async def test_there_is_no_terminal(session: Session) -> None:
    """Neither a tty on the descriptors nor one behind /dev/tty."""
    assert await shown(session, "[ -t 0 ] || [ -t 1 ] || echo none; (: </dev/tty) 2>/dev/null || echo none") == (
        "none\nnone\n"
    )


async def test_a_command_returns_when_its_shell_does(session: Session) -> None:
    """A job in the background that holds the output does not delay the result."""
    begun = time.monotonic()
    result = await session.exec("sleep 20 & echo started")
    assert result.output == "started\n"
    assert time.monotonic() - begun < 15


async def test_a_command_of_a_mebibyte_runs(session: Session) -> None:
    """No argument limit stands between what was typed and the shell."""
    result = await session.exec(": " + "x" * (1 << 20) + "\necho done")
    assert result.output == "done\n"


async def test_a_long_here_document_arrives_whole(session: Session) -> None:
    """A hundred thousand lines, byte for byte."""
    body = "".join(f"line {n} é $x\n" for n in range(30000))
    result = await session.exec(f"cat > f <<'END'\n{body}END\nsha256sum < f")
    assert result.output.split()[0] == hashlib.sha256(body.encode()).hexdigest()


async def test_a_long_broken_line_runs_nothing(session: Session) -> None:
    """A syntax error in a line longer than a packet is the shell's message, and no part of the line runs."""
    result = await session.exec("echo ran; : " + "x" * 5000 + " ) ; echo ran")
    assert result.output == 'sh: 1: Syntax error: ")" unexpected\n'
    assert result.status == 2


async def test_sixty_four_chatty_jobs_at_once(session: Session) -> None:
    """Many jobs that outlive their commands neither block nor break the session."""
    for _ in range(70):
        await session.exec("(sleep 0.4; echo late) &")
    assert await shown(session, "sleep 0.6; echo on") == "on\n"


async def test_lone_surrogates_can_be_typed(session: Session) -> None:
    """Text that no UTF-8 can hold is typed as a question mark, not refused with an exception."""
    assert await shown(session, "echo 'a\ud800b'") == "a?b\n"
