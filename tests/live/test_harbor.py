"""Tasks of the form `harbor` in real containers: judged by their own test.sh, and by Harbor where it can run."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sekft.cli.running import Lines
from sekft.dataset import harbor
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.folder import load_scenarios
from sekft.models.texts import EstimatedTokens
from sekft.scenario import Scenario
from tests import bundles, sets
from tests.live.test_environments import ran, tool

WORK, EMPTY, BLOCKED = (bundles.sealed(make()) for make in (bundles.work, bundles.empty, bundles.blocked))
RIGHT = {"reward": 1, "state": 1, "ending": 1, "retrieved": 1}


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    import docker

    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, engine: Any) -> Path:
    """The tasks of one set, both splits in one folder, and the images that they start from."""
    run, out = sets.filled(tmp_path_factory), tmp_path_factory.mktemp("export") / "out"
    export(ExportConfig(to=("harbor",)), Sources.of(run.root), out, EstimatedTokens(), Lines())
    shutil.copytree(run.scenarios, out / "scenarios")
    (out / "all").mkdir()
    for task in out.glob("harbor/*/*/task.toml"):
        task.parent.rename(out / "all" / task.parent.name)
    for place in out.glob("harbor/image-*"):
        engine.images.build(path=str(place), tag=f"sekft-harbor:{place.name.removeprefix('image-')}")
    return out


def task_of(scenario: Scenario, folder: Path) -> Path:
    (files,) = harbor.tasks(scenario)
    for name, content in files.items():
        if not name.startswith("../"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return folder / scenario.id


class Trial:
    """A container as Harbor starts it. Each text is typed into a shell of its own, as its agents do."""

    def __init__(self, container: Any, task: Path, user: str) -> None:
        self._container, self._task, self._user = container, task, user

    def type(self, *texts: str) -> str:
        done = [self._container.exec_run(["bash", "-c", text], user=self._user) for text in texts]
        return "".join(each.output.decode() for each in done)

    def put(self, part: str) -> None:
        body = io.BytesIO()
        with tarfile.open(fileobj=body, mode="w") as tar:
            tar.add(self._task / part, arcname=part)
        self._container.put_archive("/", body.getvalue())

    def judged(self) -> dict[str, int]:
        self.put("tests")
        self._container.exec_run(["mkdir", "-p", "/logs/verifier"], user="root")
        said = self._container.exec_run(["sh", "/tests/test.sh"], user="root").output.decode()
        status, text = self._container.exec_run(["cat", "/logs/verifier/reward.json"], user="root")
        assert status == 0, said
        found: dict[str, int] = json.loads(text)
        return found


@contextmanager
def started(task: Path, engine: Any) -> Iterator[Trial]:
    main = json.loads((task / "environment/docker-compose.yaml").read_text())["services"]["main"]
    image, _ = engine.images.build(path=str(task / "environment"))
    container = engine.containers.run(
        image.id, ["sh", "-c", "sleep infinity"], detach=True, hostname=main["hostname"],
        working_dir=main["working_dir"], network_mode=main["network_mode"],
        environment={name: value.replace("$$", "$") for name, value in main["environment"].items()},
    )  # fmt: skip
    try:
        yield Trial(container, task, main["environment"]["USER"])
    finally:
        container.remove(force=True)


def outcome(scenario: Scenario, texts: Sequence[str], engine: Any, folder: Path) -> dict[str, int]:
    with started(task_of(scenario, folder), engine) as trial:
        trial.type(*texts)
        return trial.judged()


@pytest.mark.live
@pytest.mark.parametrize("scenario", [WORK, EMPTY, BLOCKED], ids=["work", "empty", "blocked"])
def test_the_reference_is_right_and_nothing_is_not(
    scenario: Scenario, exported: Path, engine: Any, tmp_path: Path
) -> None:
    """Typed a command at a time the reference earns 1; nothing, `panic` at once and each wrong solution earn 0."""
    assert outcome(scenario, scenario.reference, engine, tmp_path) == RIGHT
    ends = scenario.expected.terminal
    blind = outcome(scenario, [], engine, tmp_path)
    assert (blind["reward"], blind["ending"], blind["retrieved"]) == (0, int(ends == "exit"), 0)
    panicked = outcome(scenario, ["panic no idea"], engine, tmp_path)
    assert (panicked["reward"], panicked["ending"]) == (0, int(ends == "panic"))
    for probe in scenario.probes:
        looked = [*scenario.provider.help, "chit open", "chit read 7", *probe.commands]
        assert outcome(scenario, looked, engine, tmp_path) == RIGHT | {"reward": 0, "state": 0}


@pytest.mark.live
@pytest.mark.parametrize(
    "text",
    [
        "rm ~/plan.txt",
        "chmod 600 ~/plan.txt",
        "mkfifo ~/pipe",
        "mv ~/stone.txt ~/granite; ln -s granite ~/stone.txt",
        "(sleep 2; rm ~/plan.txt) >/dev/null 2>&1 & sleep 4",
    ],
)
def test_what_else_was_done_is_seen(text: str, exported: Path, engine: Any, tmp_path: Path) -> None:
    """Right work is worth nothing beside another change."""
    found = outcome(WORK, [*WORK.reference[:-1], text], engine, tmp_path)
    assert found == RIGHT | {"reward": 0, "state": 0}


@pytest.mark.live
def test_what_goes_on_is_stopped(exported: Path, engine: Any, tmp_path: Path) -> None:
    """What the agent left running changes nothing once it is judged."""
    with started(task_of(WORK, tmp_path), engine) as trial:
        trial.type(*WORK.reference, "(while :; do echo gravel > ~/stone.txt; sleep 0.01; done) >/dev/null 2>&1 &")
        assert trial.judged()["state"] == 0
        assert "sleep 0.01" not in trial.type("ps")


@pytest.mark.live
def test_the_agent_lands_as_in_the_deploy_form(exported: Path, engine: Any, tmp_path: Path) -> None:
    """The instruction is orientation and login; user, host, home and owners are those of the sandbox."""
    task = task_of(WORK, tmp_path)
    assert (task / "instruction.md").read_text() == f"{WORK.orientation}\n\n{WORK.login.motd}{WORK.login.prompt}\n"
    with started(task, engine) as trial:
        said = trial.type("id -un; id -u; hostname; pwd; ls -l /usr/local/bin/chit | cut -c 1-10; cat /proc/net/route")
        assert said.split("\n")[:5] == ["ana", "1000", "heron", "/home/ana", "-rwxr-xr-x"]
        assert len(said.strip().split("\n")) == 6
        assert trial.type("panic --help").startswith("usage: panic")
        assert "Permission denied" in trial.type("echo >> /usr/local/bin/chit")
        assert "chit: see chit --help" in trial.type("chit nonsense; echo $?")


@pytest.mark.soak
def test_every_reference_of_a_set_is_right(exported: Path, engine: Any) -> None:
    """In one shell, as Harbor's oracle runs solve.sh, each earns 1 and nothing earns 0."""
    for scenario in load_scenarios(exported):
        task = exported / "all" / scenario.id
        with started(task, engine) as trial:
            assert trial.judged()["reward"] == 0, scenario.id
        with started(task, engine) as trial:
            trial.put("solution")
            trial.type("sh /solution/solve.sh")
            assert trial.judged() == RIGHT, scenario.id


@pytest.mark.soak
@pytest.mark.parametrize(("agent", "reward"), [("oracle", 1), ("nop", 0)])
def test_harbor_runs_the_tasks(agent: str, reward: int, exported: Path, tmp_path: Path) -> None:
    """A job over the set: its oracle earns 1 in every task, its nop 0."""
    if (
        not (tool("harbor") / "harbor").exists()
        or subprocess.run(["docker", "compose", "version"], check=False).returncode
    ):
        pytest.skip("Harbor wants Python 3.12 or newer and Docker's compose plug-in")
    os.environ.setdefault("DOCKER_CONFIG", str(Path.home() / ".docker"))  # HOME is another one for tools
    ran(
        tool("harbor") / "harbor", "run", "-p", exported / "all", "--agent", agent, "-n", "2", "-o", "jobs", "-y",
        "--quiet", cwd=tmp_path,
    )  # fmt: skip
    results = [json.loads(path.read_text()) for path in tmp_path.glob("jobs/*/*/result.json")]
    assert len(results) == len(list((exported / "all").iterdir()))
    assert {each["verifier_result"]["rewards"]["reward"] for each in results} == {reward}
