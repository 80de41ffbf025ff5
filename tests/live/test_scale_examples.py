"""The examples of docs/scale.md: the Slurm script's command on two real nodes, and the manifest by its schema."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from sekft.folder import documents
from tests import cluster
from tests.cluster import SEKFT, Cluster
from tests.commands import sekft
from tests.live.test_environments import ran, tool
from tests.live.test_ray import DONE_S

pytestmark = pytest.mark.live
EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = EXAMPLES / "slurm" / "rollouts.sbatch"
VALIDATE = """
import json, sys, jsonschema, yaml
schema, manifest = json.load(open(sys.argv[1])), yaml.safe_load(open(sys.argv[2]))
jsonschema.Draft202012Validator.check_schema(schema)
for each in jsonschema.Draft202012Validator(schema).iter_errors(manifest):
    print("/".join(map(str, each.path)), each.message)
"""


def faults(manifest: Path) -> str:
    """By a trimmed copy of KubeRay's CustomResourceDefinition, which says where it is from."""
    schema = Path(__file__).with_name("rayjob.schema.json")
    return ran(tool("ray") / "python", "-c", VALIDATE, schema, manifest, cwd=manifest.parent)


def test_the_manifest_is_a_rayjob(tmp_path: Path) -> None:
    """Each of its fields is known to KubeRay and to pods; a misspelt one would be found."""
    manifest = EXAMPLES / "kubernetes" / "rayjob.yaml"
    assert faults(manifest) == ""
    for old, new in (
        ("workerGroupSpecs", "workersGroupSpecs"),
        ("procMount", "procmount"),
        ("replicas: 4", "replicas: x"),
    ):
        (tmp_path / "bad.yaml").write_text(manifest.read_text().replace(old, new), encoding="utf-8")
        assert faults(tmp_path / "bad.yaml")


def test_the_slurm_script_is_a_script() -> None:
    """Bash reads it to its end."""
    done = subprocess.run(["bash", "-n", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(cluster.why_not() is not None, reason=f"no cluster here: {cluster.why_not()}")
def test_what_the_slurm_script_starts_on_each_node(tmp_path: Path) -> None:
    """The same words that srun runs, on two nodes at once: the first one runs the command, and both end."""
    run = tmp_path / "run"
    assert sekft("generate", "--n", "4", "--seed", "3", "--out", run / "scenarios").returncode == 0
    words = re.search(r"ray (symmetric-run .*)", SCRIPT.read_text().replace("\\\n", " "))
    assert words
    with Cluster(tool("ray") / "python").up(0, 2) as nodes:
        told = {'"$address"': nodes.address, '"$SLURM_JOB_NUM_NODES"': "2", '"$run"': str(run), "8": "2"}
        before, after = (part.split() for part in words[1].split(" -- "))
        before, after = ([told.get(word, word) for word in part] for part in (before, after))
        assert after.pop(0) == "sekft"
        command = ["-m", "ray.scripts.scripts", *before, "--num-cpus=1", "--", str(tool("ray") / "python"), "-c", SEKFT]
        started = [nodes.run(number, *command, *after, apart=True) for number in (0, 1)]
        said = [each.communicate(timeout=DONE_S)[0] for each in started]
    assert [each.returncode for each in started] == [0, 0], said
    assert len(documents(run / "trajectories", "*/*.json")) == 8
