"""Every command that takes `--engine ray`, on a real cluster of two nodes: its files are those of one process."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sekft.folder import documents
from sekft.sandboxes import probe
from tests import bundles, cluster
from tests.cli.test_workers import stored
from tests.cluster import Cluster
from tests.live.test_environments import tool
from tests.live.test_ray import ended, rolling
from tests.live.test_ray import scenarios as scenarios  # a fixture
from tests.live.test_ray import two as two  # a fixture

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(cluster.why_not() is not None, reason=f"no cluster here: {cluster.why_not()}"),
]
ENGINES = ("local", "ray")


def made(run: Path) -> dict[str, object]:
    """All documents of a run folder, timings aside, and its pairs and rows."""
    rows = [*run.glob("pairs/*.jsonl"), *run.glob("export/*/*/*.*")]
    stages = {name: stored(run / name) for name in ("scenarios", "rejected", "trajectories")}
    return stages | {str(path.relative_to(run)): path.read_bytes() for path in rows}


def test_a_whole_run(two: Cluster, tmp_path: Path) -> None:
    """Scenarios, rollouts of both operators, pairs and rows."""
    for engine in ENGINES:
        log = ended(
            two.begin(
                "run", "--n", "6", "--samples", "2", "--seed", "9", "--out", tmp_path / engine, "--engine", engine
            )
        )
        assert "gets no work" not in log
    near, far = (made(tmp_path / engine) for engine in ENGINES)
    assert len(documents(tmp_path / "ray/trajectories", "*/*.json")) == 6 * 2 * 2
    assert any(name.startswith("export/sft/train/") for name in far)
    assert far == near


def test_an_evaluation(two: Cluster, scenarios: Path, tmp_path: Path) -> None:
    """Rollouts and report."""
    for engine in ENGINES:
        options = ("--operator", "saboteur", "--samples", "2", "--split", "train")
        ended(two.begin("eval", "--scenarios", scenarios, *options, "--out", tmp_path / engine, "--engine", engine))
    near, far = (tmp_path / engine for engine in ENGINES)
    assert stored(far)
    assert stored(far) == stored(near)
    assert (far / "evaluation/report.json").read_bytes() == (near / "evaluation/report.json").read_bytes()


@pytest.fixture(scope="module")
def equipped() -> Iterator[Cluster]:
    """Two nodes that find what is installed beside these tests: torch, transformers, the client of Docker."""
    libraries = os.pathsep.join([os.environ.get("PYTHONPATH", ""), sysconfig.get_path("purelib")])
    with Cluster(tool("ray") / "python", PYTHONPATH=libraries.strip(os.pathsep), OMP_NUM_THREADS="1").up(2) as nodes:
        yield nodes


def test_containers_on_the_nodes(equipped: Cluster, scenarios: Path, tmp_path: Path) -> None:
    """Rollouts in Docker's sandboxes, whose daemon the nodes share here."""
    assert probe("docker") is None
    some = tmp_path / "some"
    some.mkdir()
    for path in documents(scenarios)[:3]:
        (some / path.name).write_bytes(path.read_bytes())
    for engine in ENGINES:
        ended(equipped.begin(*rolling(some, tmp_path / engine, 2), "--sandbox", "docker", "--engine", engine))
    assert len(documents(tmp_path / "ray", "*/*.json")) == 6
    assert stored(tmp_path / "ray") == stored(tmp_path / "local")


@pytest.mark.skipif(not find_spec("torch"), reason="wants the extra train: ./dev setup train")
def test_rounds_of_self_training(equipped: Cluster, tmp_path: Path) -> None:
    """Each round has all its rollouts and a student. What it types may differ in near-ties, by how many act at once."""
    from tests.training import tiny

    (tmp_path / "scenarios").mkdir()
    for kind in ("work", "empty", "blocked"):
        for split in ("train", "heldout"):
            one = bundles.sealed(getattr(bundles, kind)() | {"split": split, "family": f"{kind} {split}"})
            (tmp_path / "scenarios" / f"{one.id}.json").write_text(one.to_json())
    tiny.model(tmp_path / "base")
    options = (
        "--samples", "2", "--pass-k", "2", "--max-turns", "3", "--max-tokens", "12", "--tokens", "3000",
        "--layers", "0", "--rounds", "1", "--also", tiny.sessions(tmp_path / "sessions"), "--no-dpo",
    )  # fmt: skip
    for engine in ENGINES:
        out = tmp_path / engine
        ended(
            equipped.begin(
                "star", "--scenarios", tmp_path, "--base", tmp_path / "base", "--out", out, *options, "--engine", engine
            )
        )
    near, far = (tmp_path / engine for engine in ENGINES)
    told = [json.loads((place / "star.json").read_text()) for place in (near, far)]
    assert len(told[0]["rounds"]) == len(told[1]["rounds"]) == 2
    for place in (near, far):
        for part in ("round-0/eval", "round-1/rollouts", "round-1/eval"):
            assert len(documents(place / part, "*/student-*.json")) == 6
        assert list(place.rglob("*.safetensors"))
