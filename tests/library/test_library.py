"""The library: what `import sekft` offers, and that each of it works."""

from __future__ import annotations

import asyncio
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sekft
from tests import bundles

SCENARIO = bundles.sealed(bundles.work())


def test_the_public_names_are_these() -> None:
    """Every name of __all__ is there, and is the object that its module defines."""
    assert sorted(sekft.__all__) == sekft.__all__
    assert set(dir(sekft)) >= set(sekft.__all__)
    for name in sekft.__all__:
        assert getattr(sekft, name).__name__ == name


def test_types_and_names_agree() -> None:
    """What a type checker is told of the package is what it gives."""
    source = Path(sekft.__file__).read_text(encoding="utf-8")
    block = source[source.index("if TYPE_CHECKING:") : source.index("_HOMES = ")]
    told = {
        (home, name)
        for home, names in re.findall(r"from sekft\.([\w.]+) import \(?([\w,\s]+?)(?:\)|\n(?=    from|\n))", block)
        for name in re.findall(r"\w+", names)
    }
    assert told == {(home, name) for home, names in sekft._HOMES.items() for name in names.split()}
    assert {name for _, name in told} == set(sekft.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'generrate'"):
        _ = sekft.generrate


def test_importing_it_loads_no_stage() -> None:
    """The import is as quick as it was: names load when they are used."""
    code = "import sekft, sys; print([name for name in sys.modules if name.startswith('sekft.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def scenarios() -> list[sekft.Scenario]:
    return list(sekft.generate(n=3, seed=7))


def test_generate_streams_what_the_folder_would_hold(scenarios: list[sekft.Scenario], tmp_path: Path) -> None:
    """The same options give the same scenarios, with a folder and without."""
    run = sekft.Run(tmp_path / "run")
    assert run.generate(n=3, seed=7).scenarios.admitted == 3
    assert {scenario.id for scenario in run.scenarios()} == {scenario.id for scenario in scenarios}
    assert all(scenario.gate and scenario.gate.mode == "sandbox" for scenario in scenarios)


def test_rollout_streams_judged_trajectories(scenarios: list[sekft.Scenario]) -> None:
    """Every scenario and sample once, judged and recorded."""
    rolled = list(sekft.rollout(scenarios, operator="explorer", samples=2))
    assert sorted((each.scenario_id, each.sample) for each in rolled) == sorted(
        (scenario.id, sample) for scenario in scenarios for sample in range(2)
    )
    assert all(trajectory.keep for trajectory in rolled)


def test_a_config_may_be_given_as_one(scenarios: list[sekft.Scenario]) -> None:
    """A verb takes its config as a value, keywords, or both, of which keywords win."""
    config = sekft.GenerateConfig(n=2, seed=7)
    assert {scenario.id for scenario in sekft.generate(config, n=1)} <= {scenario.id for scenario in scenarios}


async def test_a_running_loop_is_no_hindrance(scenarios: list[sekft.Scenario]) -> None:
    """In a notebook, whose thread runs a loop already, the synchronous verbs work, too."""
    (trajectory,) = sekft.rollout(scenarios[:1], samples=1)
    assert trajectory.keep
    async for again in sekft.arollout(scenarios[:1], samples=1):
        assert again.id == trajectory.id


def test_a_stream_that_is_left_stops(scenarios: list[sekft.Scenario]) -> None:
    """Breaking off a loop ends the work behind it: nothing of it is left running."""
    for _ in sekft.rollout(scenarios, samples=3):
        break
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_bad_options_are_refused_before_any_work() -> None:
    """A misspelt option, a value out of bounds and an unknown operator are told by name."""
    for options, says in (
        ({"sampels": 1}, "no option 'sampels'; options: "),
        ({"samples": 0}, "--samples 0: "),
        ({"operator": "wizard"}, "unknown operator 'wizard', want one of"),
    ):
        with pytest.raises(sekft.UsageError, match=says):
            next(sekft.rollout([SCENARIO], **options))


def test_admit_and_replay_judge_one_scenario(scenarios: list[sekft.Scenario]) -> None:
    """A sound scenario is admitted, a broken one rejected with its reason; a trajectory replays."""
    assert isinstance(sekft.admit(scenarios[0]), sekft.Admitted)
    broken = scenarios[0].sealed(checker="exit 0") if scenarios[0].expected.kind == "work" else SCENARIO
    rejected = sekft.admit(broken.sealed(checker=" "))
    assert isinstance(rejected, sekft.Rejected)
    assert rejected.reason == "no_checker"
    (trajectory,) = sekft.rollout(scenarios[:1], samples=1)
    assert sekft.replay(scenarios[0], trajectory).difference is None


async def test_a_session_is_held_by_hand(scenarios: list[sekft.Scenario]) -> None:
    """land() is stepped, play() is given a function; the same actions give the same record."""
    scenario = scenarios[0]
    commands = iter(scenario.reference)
    async with sekft.land(scenario) as shell:
        assert [message["role"] for message in shell.messages] == ["system", "user"]
        with pytest.raises(sekft.UsageError, match="not over"):
            _ = shell.result
        while not shell.over:
            await shell.step(next(commands))
    assert shell.result.keep
    again = iter(scenario.reference)
    assert (await sekft.play(scenario, lambda messages: next(again))).id == shell.result.id


async def test_leaving_a_session_is_unfinished(scenarios: list[sekft.Scenario]) -> None:
    """Who leaves the block without an ending has not finished."""
    async with sekft.land(scenarios[0]) as shell:
        await shell.step("ls")
    assert shell.result.outcome == "unfinished"


def test_evaluate_and_compare_measure(scenarios: list[sekft.Scenario]) -> None:
    """An evaluation over scenarios without a folder, and what differs between two."""
    right = sekft.evaluate(scenarios, operator="explorer")
    blind = sekft.evaluate(scenarios, operator="blind")
    assert right.all.rates["right"].value == 1.0
    comparison = sekft.compare({"explorer": right, "blind": blind})
    (line,) = comparison.overall
    assert (line.rate_one, line.rate_other) == (1.0, 0.0)


def examples() -> list[tuple[str, str]]:
    """The code in the docstrings of the public functions and of Run."""
    found = []
    for name in sekft.__all__:
        value = getattr(sekft, name)
        code = [line[8:] for line in (value.__doc__ or "").splitlines() if line.startswith(" " * 8)]
        if code and (inspect.isfunction(value) or name == "Run"):
            found.append((name, "\n".join(code)))
    return found


def test_every_public_function_has_an_example() -> None:
    """A reader sees each verb at work."""
    verbs = {name for name in sekft.__all__ if inspect.isfunction(getattr(sekft, name))}
    assert verbs <= {name for name, _ in examples()}


@pytest.fixture(scope="module")
def at_hand(scenarios: list[sekft.Scenario]) -> dict[str, Any]:
    """What the examples have by other examples."""
    (trajectory,) = sekft.rollout(scenarios[:1], samples=1)
    first = second = sekft.evaluate(scenarios[:1], operator="explorer")
    return {
        "sekft": sekft, "scenario": scenarios[0], "scenarios": scenarios[:1], "trajectory": trajectory,
        "first": first, "second": second,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "code"), examples(), ids=[name for name, _ in examples()])
def test_examples_run(
    name: str, code: str, at_hand: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code in a docstring does what it says, with a scenario and a trajectory at hand."""
    monkeypatch.chdir(tmp_path)
    names = dict(at_hand)
    if re.search(r"\b(await|async)\b", code):
        body = "async def example():\n" + "".join(f"    {line}\n" for line in code.splitlines())
        exec(body, names)
        asyncio.run(names["example"]())
    else:
        exec(code, names)


PAGE = (Path(__file__).parent.parent.parent / "docs/python-api.md").read_text(encoding="utf-8")


def test_errors_that_the_page_names_are_names_of_the_library() -> None:
    """What a docstring says is raised can be caught as sekft.NAME."""
    sentences = re.findall(r"[Rr]aises? ([^.]*)\.", PAGE)
    named = {name for sentence in sentences for name in re.findall(r"\b[A-Z]\w+[a-z]\w*\b", sentence)}
    assert named >= {
        "UsageError",
        "StoreError",
        "EndpointError",
        "SandboxUnavailable",
        "NothingKept",
        "AuthorExhausted",
    }
    assert named <= set(sekft.__all__)


@pytest.mark.parametrize("name", ["Scenario", "Trajectory", "Turn", "Summary", "Evaluation", "Audit", "PairReport"])
def test_the_page_lists_the_fields_of_each_noun(name: str) -> None:
    """Nobody has to guess what a scenario or a summary holds."""
    section = PAGE.split(f"\n### `{name}`\n")[1].split("\n### ")[0]
    assert [field for field in getattr(sekft, name).model_fields if f"\n| `{field}` | `" not in section] == []
