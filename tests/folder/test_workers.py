"""An ordered map over processes: the same parts whatever their number, errors in place, and a clean end of all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekft.errors import BundleError, SekftError
from sekft.folder import workers
from sekft.folder.workers import mapped
from tests.processes import descendants, is_dead, until


def squared(number: int) -> tuple[int, int]:
    """With who did it; 13 breaks as a file would, 17 as a program."""
    if number == 13:
        raise BundleError("thirteen.json: saw 13, want another")
    if number == 17:
        raise ZeroDivisionError("seventeen")
    return number * number, os.getpid()


def big(number: int) -> bytes:
    """More than a pipe holds."""
    return bytes([number % 256]) * (3 << 20)


def died(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def printed(number: int) -> int:
    print("a library's chatter")
    return number


def running() -> set[int]:
    """Our child processes."""
    return set(map(int, Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()))


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_the_parts_come_in_the_order_of_the_items(number: int) -> None:
    """Also of one process, and of more items than are under way at once; then no process is left."""
    before = running()
    with mapped(squared, range(100, 3000), workers=number, alone_s=0) as parts:
        found = list(parts)
    assert [square for square, _ in found] == [each * each for each in range(100, 3000)]
    assert len({pid for _, pid in found}) == max(1, number)
    assert (os.getpid() in {pid for _, pid in found}) == (number == 0)
    assert running() == before


@pytest.mark.parametrize("number", [0, 2])
def test_an_error_is_raised_at_its_items_place(number: int) -> None:
    """What came before it arrives first, and its words are as they were."""
    found: list[int] = []
    with (
        pytest.raises(BundleError, match=r"^thirteen\.json: saw 13, want another$"),
        mapped(squared, range(600), workers=number, alone_s=0, weigh=lambda _: 20) as parts,
    ):
        found.extend(square for square, _ in parts)
    assert found == [each * each for each in range(13)]


def test_a_programs_fault_tells_where_it_was() -> None:
    """An error that nobody meant comes with the trace of the process that raised it."""
    with (
        pytest.raises(ZeroDivisionError) as raised,
        mapped(squared, range(14, 20), workers=1, alone_s=0) as parts,
    ):
        list(parts)
    assert "in squared" in raised.value.__notes__[0]


def test_what_the_items_raise_comes_after_the_parts_before_it() -> None:
    """A folder that cannot be listed to its end is read up to there."""

    def items() -> Iterator[int]:
        yield from range(20, 500)
        raise SekftError("the list ends here")

    found: list[int] = []
    with pytest.raises(SekftError, match="the list ends here"), mapped(squared, items(), workers=2, alone_s=0) as parts:
        found.extend(square for square, _ in parts)
    assert found == [each * each for each in range(20, 500)]


def test_parts_larger_than_a_pipe_arrive_whole() -> None:
    """Neither side waits for the other for ever where both have much to say."""
    with mapped(big, range(40), workers=2, alone_s=0, weigh=lambda _: 64) as parts:
        assert [part[0] for part in parts if len(part) == 3 << 20] == list(range(40))
    with mapped(len, (bytes(3 << 20) for _ in range(40)), workers=2, alone_s=0, weigh=lambda _: 64) as sizes:
        assert list(sizes) == [3 << 20] * 40


def test_a_worker_that_is_killed_is_told_of() -> None:
    """The message names the process and what killed it, and the others end."""
    before = running()
    with (
        pytest.raises(SekftError, match=r"worker process \d+ died \(SIGKILL\); the machine may be short of memory"),
        mapped(died, range(1000), workers=2, alone_s=0) as parts,
    ):
        list(parts)
    assert running() == before


def test_little_work_starts_no_process() -> None:
    """A start takes longer than a small folder."""
    with mapped(squared, range(100, 200), workers=2, alone_s=60) as parts:
        assert {pid for _, pid in parts} == {os.getpid()}


def test_what_cannot_be_sent_is_done_here() -> None:
    """A closure stays in this process."""
    with mapped(lambda number: (number, os.getpid()), range(300), workers=2, alone_s=0) as parts:
        assert list(parts) == [(number, os.getpid()) for number in range(300)]


def test_what_a_worker_prints_is_no_answer() -> None:
    """It goes to the error stream."""
    with mapped(printed, range(300), workers=2, alone_s=0) as parts:
        assert list(parts) == list(range(300))


def test_memory_is_bounded_by_what_is_under_way() -> None:
    """Items are taken as parts are: no more than a few chunks of each worker ahead."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 100_000:
            taken += 1
            yield taken + 100

    with mapped(squared, items(), workers=2, alone_s=0) as parts:
        for at, _ in enumerate(parts):
            assert taken - at <= (2 * workers.AHEAD + 2) * workers.WEIGHT
            if at == 3000:
                break


SCRIPT = """
    import sys, time
    from sekft.folder.workers import mapped

    def work(number):
        return number

    if "closure" in sys.argv:
        with mapped(work, range(5), workers=2, alone_s=0) as parts:
            print(list(parts))
    else:
        with mapped(time.sleep, [0.01] * 100_000, workers=2, alone_s=0, weigh=lambda _: 32) as parts:
            for at, _ in enumerate(parts):
                if at == 0:
                    print("begun", flush=True)
"""


def script(place: Path, *words: str) -> subprocess.Popen[str]:
    path = place / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, str(path), *words], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_we_end_the_workers_end(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C and kill -9 of the parent leave no process behind."""
    process = script(tmp_path)
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    born = descendants(process.pid)
    assert len(born) == 2
    process.send_signal(number)
    process.communicate(timeout=60)
    assert until(lambda: all(map(is_dead, born)))


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    """What a script defines is worked on in its own process; no worker runs the script again."""
    process = script(tmp_path, "closure")
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "[0, 1, 2, 3, 4]\n")
