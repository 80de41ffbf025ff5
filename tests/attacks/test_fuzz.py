"""The fuzzer finds what there is, tells how to find it again, and finds nothing in a few cases of each backend."""

from __future__ import annotations

import pytest

from sekft.protocols import Sandbox
from sekft.sandboxes.docker import DockerSandbox
from tests.attacks import fuzz
from tests.attacks.drawn import Case, case
from tests.attacks.fuzz import Fuzzer

SEED = 20
CASES = range(4)
FOUND = [(15, 44)]
"""Seed and case of what was found and mended. A change of the grammar draws other cases: then keep the messages, as
tests of their own, before they are lost."""


@pytest.fixture
def unpooled(sandbox: Sandbox) -> Sandbox:
    """No container waits: it would count as left over."""
    return DockerSandbox(warm=0) if sandbox.name == "docker" else sandbox


def drawn(seed: int, number: int) -> Case | None:
    try:
        return case(seed, number)
    except ValueError:
        return None


def test_a_seed_draws_the_same_cases() -> None:
    """Bundle and messages hang on seed and number alone; others draw others."""
    assert [drawn(1, number) for number in range(20)] == [drawn(1, number) for number in range(20)]
    assert [drawn(1, number) for number in range(20)] != [drawn(2, number) for number in range(20)]


@pytest.mark.parametrize(("seed", "number"), [*((SEED, number) for number in CASES), *FOUND])
async def test_what_was_found_is_found_no_more(unpooled: Sandbox, seed: int, number: int) -> None:
    """A few cases, and those of findings that were mended."""
    fuzzer = Fuzzer(unpooled, seed)
    await fuzzer.play(number)
    assert fuzzer.findings == []


async def test_a_finding_is_told_with_what_repeats_it(
    unpooled: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no message may take any time, each case hangs."""
    monkeypatch.setattr(fuzz, "HANG_S", 0.0)
    fuzzer = Fuzzer(unpooled, SEED)
    await fuzzer.play(0)
    assert fuzzer.findings == ["hang"]
    assert f"--sandbox {unpooled.name} --seed {SEED} --case 0\n" in capsys.readouterr().out
