"""A real small model, through a real proxy, words scenarios: it breaks most rules, and every one holds all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from sekft.folder import documents, load_scenarios
from sekft.scenario import Scenario
from tests.commands import start
from tests.live.conftest import KEY, PROXY_KEY

pytestmark = pytest.mark.live

SCENARIOS, TOKENS = 8, 48


@pytest.fixture(scope="module")
def worded(proxy_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worded") / "scenarios"
    named = {f"SEKFT_{name}": proxy_environment[f"SEKFT_{name}"] for name in ("MODEL", "URL", "KEY")}
    options = f"--n {SCENARIOS} --seed 12 --author hybrid --answer-tokens {TOKENS} --repairs 0 --concurrency 1".split()
    few_passages = "--where difficulty=plain --where documentation=terse --where decoy=none".split()
    options += few_passages
    running = start("generate", "--out", folder, *options, **named)
    _, said = running.communicate()
    assert running.returncode == 0, said
    return folder


@pytest.fixture(scope="module")
def scenarios(worded: Path) -> list[Scenario]:
    return load_scenarios(worded)


def test_every_slot_is_filled_and_gated(scenarios: list[Scenario]) -> None:
    """Whatever the model writes, as many scenarios are admitted in sandboxes as were asked for."""
    assert len(scenarios) == SCENARIOS
    assert {scenario.gate.mode for scenario in scenarios if scenario.gate} == {"sandbox"}


def test_the_provenance_says_what_the_model_did(scenarios: list[Scenario]) -> None:
    """Each names the model and how much of the wording is its own."""
    for scenario in scenarios:
        assert (scenario.provenance.author, scenario.provenance.model) == ("hybrid", "small")
        assert "passages reworded" in str(scenario.provenance.note) or "stays" in str(scenario.provenance.note)


def test_no_draw_is_lost_to_the_wording(worded: Path) -> None:
    """Every draw is admitted: the composed text stays where the model's does not hold."""
    assert documents(worded / "rejected") == []


def test_the_key_is_nowhere_in_the_folder(worded: Path) -> None:
    """Neither scenarios nor the journal of answers hold the proxy's key or the server's."""
    stored = b"".join(path.read_bytes() for path in worded.rglob("*") if path.is_file())
    assert not [key for key in (KEY, PROXY_KEY) if key.encode() in stored]
