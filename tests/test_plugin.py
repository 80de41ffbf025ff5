"""A package of somebody else's adds an operator, an author, a sandbox backend and a form of the export."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import sekft

PLUGIN = Path(__file__).parents[1] / "examples" / "plugin"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example's package on the path, with the metadata that installing it writes."""
    site = tmp_path / "site"
    shutil.copytree(PLUGIN / "src", site)
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = project["entry-points"].items()
    text = "".join(f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in names.items()) for group, names in groups)
    metadata = site / "sekft_example-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sekft-example\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(str(site))
    yield
    for name in [name for name in sys.modules if name.startswith("sekft_example")]:
        del sys.modules[name]


@pytest.mark.usefixtures("installed")
def test_each_family_takes_a_member_of_another_package(tmp_path: Path) -> None:
    """Author, backend, operator and form are found by their names, and their work is gated, judged and exported."""
    run = sekft.Run(tmp_path / "run")
    run.generate(n=2, seed=3, author="greeting", sandbox="logged")
    assert len(import_module("sekft_example.sandbox").OPENED) >= 2
    assert all(scenario.login.banner.startswith("Good morning.") for scenario in run.scenarios())
    assert {scenario.gate.backend for scenario in run.scenarios() if scenario.gate} == {"logged"}
    run.rollout(operator="visitor", samples=1)
    assert {trajectory.operator.kind for trajectory in run.trajectories()} == {"visitor"}
    run.rollout(operator="explorer", samples=1)
    run.export("transcript", no_card=True)
    texts = [path.read_text(encoding="utf-8") for path in (run.root / "export").rglob("*.jsonl")]
    rows = [json.loads(line) for text in texts for line in text.splitlines()]
    assert len(rows) == 2
    assert all("Good morning." in row["text"] for row in rows)


def test_without_the_package_its_names_are_unknown() -> None:
    """Nothing of the example is part of sekft."""
    with pytest.raises(sekft.UsageError, match="unknown operator 'visitor'"):
        next(sekft.rollout([], operator="visitor"))
