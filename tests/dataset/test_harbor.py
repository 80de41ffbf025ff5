"""Tasks for Harbor say what the sandbox holds. tests/live/test_harbor.py runs them in containers."""

from __future__ import annotations

import io
import json
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sekft.cli.running import Lines
from sekft.dataset import harbor
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.folder import load_scenarios
from sekft.models.texts import EstimatedTokens
from sekft.protocols import SandboxSpec
from sekft.sandboxes import pick
from sekft.scenario import Scenario
from sekft.trajectory import State
from tests import bundles, sets

WORK, BLOCKED = bundles.sealed(bundles.work()), bundles.sealed(bundles.blocked())
IDS = {"/etc/passwd", "/etc/group"}
"""In a container root is 0, in the sandbox it shows as another."""


def task_of(scenario: Scenario) -> Mapping[str, bytes]:
    (files,) = harbor.tasks(scenario)
    return {name.removeprefix(f"{scenario.id}/"): body for name, body in files.items()}


def told(state: State) -> Iterator[str]:
    """As test.sh tells it."""
    for path, entry in state.items():
        yield f"{path}\t{entry.target}" if entry.type == "symlink" else f"{path}\t{entry.type} {entry.mode:o}"
        if entry.digest:
            yield f"{path}\t{entry.digest}"


@pytest.mark.parametrize("scenario", [WORK, BLOCKED], ids=["work", "blocked"])
async def test_the_state_before_is_the_sandbox_s(scenario: Scenario) -> None:
    """What a task compares with is what a fresh sandbox holds, path by path."""
    async with pick().open(SandboxSpec.of(scenario)) as session:
        want = {line for line in told(await session.state()) if line.split("\t")[0] not in IDS}
    found = set(task_of(scenario)["tests/before"].decode().splitlines())
    assert {line for line in found if line.split("\t")[0] not in IDS} == want


def test_fixtures_have_their_owners_and_the_provider_its_place() -> None:
    """Owners, modes and bytes are the bundle's; the provider's program is beside the one that notes what it prints."""
    task = task_of(WORK)
    with tarfile.open(fileobj=io.BytesIO(task["environment/fixtures.tar"])) as tar:
        held = {f"/{each.name}": each for each in tar.getmembers()}
        body = tar.extractfile(held["/usr/lib/sekft/real/usr/local/bin/chit"])
        assert body is not None
        assert body.read().decode() == bundles.CHIT
    program, plan = held["/usr/local/bin/chit"], held["/home/ana/plan.txt"]
    assert (program.uid, program.mode, plan.uid, plan.mode) == (0, 0o755, 1000, 0o644)
    assert held["/tmp"].mode == 0o1777
    digest, path = task["tests/programs"].decode().split()
    assert path == "/usr/local/bin/chit"
    assert digest not in task["tests/before"].decode()


def test_settings_are_what_harbor_and_compose_read() -> None:
    """task.toml, the compose file with every dollar doubled, and the reference as a script."""
    login = WORK.login.model_copy(update={"env": {"NOTE": 'a "b" $HOME\n\\c'}})
    scenario = WORK.sealed(login=login)
    task = task_of(scenario)
    settings = tomllib.loads(task["task.toml"].decode())
    assert settings["task"] == {"name": f"sekft/{scenario.id}"}
    assert (settings["agent"]["user"], settings["verifier"]["user"]) == ("ana", "root")
    assert settings["metadata"].items() >= scenario.cell.items()
    main = json.loads(task["environment/docker-compose.yaml"])["services"]["main"]
    assert main["environment"]["NOTE"] == 'a "b" $$HOME\n\\c'
    assert (main["hostname"], main["working_dir"], main["network_mode"]) == ("heron", "/home/ana", "none")
    assert task["solution/solve.sh"].decode().splitlines()[2:-1] == WORK.reference
    for secret in (scenario.checker, *scenario.reference[1:-1], *scenario.needles.directives):
        assert secret not in task["instruction.md"].decode() + task["environment/docker-compose.yaml"].decode()


def test_an_export_holds_each_scenario_s_task_and_nothing_older(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """A folder a scenario in its split, the images beside them, the same bytes again, and no task that is gone."""
    run = sets.filled(tmp_path_factory)

    def exported() -> dict[str, bytes]:
        export(ExportConfig(to=("harbor",)), Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
        return {str(path): path.read_bytes() for path in tmp_path.glob("harbor/**/*") if path.is_file()}

    before = exported()
    scenarios = load_scenarios(run.root)
    names = {f"{each.parents[0].name}/{each.name}" for each in tmp_path.glob("harbor/[th]*/*")}
    assert names == {f"{each.split}/{each.id}" for each in scenarios}
    userlands = {f"image-{each.userland}" for each in scenarios}
    assert {each.name for each in tmp_path.glob("harbor/image-*")} == userlands
    assert exported() == before
    gone = run.scenarios / f"{scenarios[0].id}.json"
    gone.unlink()
    assert not [path for path in exported() if scenarios[0].id in path]
