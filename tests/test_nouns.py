"""The nouns as files: ids, schemas, and messages about bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sekft.dataset.pair import Pair
from sekft.errors import BundleError
from sekft.scenario import Frozen, Scenario, load_scenario
from sekft.trajectory import Trajectory, load_trajectory, schema
from tests import bundles

SCHEMAS = Path(__file__).parents[1] / "docs" / "schemas"
REGENERATE = "python -m tests.test_nouns writes it"


NOUNS: dict[str, type[Frozen]] = {"scenario": Scenario, "trajectory": Trajectory, "pair": Pair}


@pytest.mark.parametrize(("name", "kind"), NOUNS.items())
def test_published_schemas_are_the_types(name: str, kind: type[Frozen]) -> None:
    """docs/schemas holds exactly what the types say."""
    published = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert published == schema(kind), REGENERATE


def write(tmp_path: Path, body: object) -> Path:
    path = tmp_path / "bad.json"
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path


def body(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = bundles.sealed(bundles.work()).model_dump(mode="json")
    return {name: value for name, value in (made | changes).items() if value is not ...}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "bad.json: line 1, column 2: Expecting property name"),
        ("[]", "bad.json: saw a list, want a JSON object"),
        (body(schema_version=3), "bad.json: schema_version: saw 3, want 1 to 2 (a newer sekft wrote it?)"),
        (body(schema_version=...), "bad.json: schema_version: saw None, want 1 to 2"),
        (body(checker=...), "bad.json: checker: saw nothing, want: Field required"),
        (body(seed="seven"), "bad.json: seed: saw 'seven', want: Input should be a valid integer"),
        (body(colour="red"), "bad.json: colour: saw 'red', want: Extra inputs are not permitted"),
        (body(id="0" * 16), "bad.json: id: saw '0000000000000000', want"),
        (
            body(files=[{"path": "/boot/x", "content": ""}]),
            "bad.json: files.0.path: saw '/boot/x', want: Value error, path outside the writable tree",
        ),
    ],
)
def test_a_bad_file_names_field_seen_and_wanted(tmp_path: Path, content: object, said: str) -> None:
    """Whoever meets a broken bundle learns where it is broken and what belongs there."""
    with pytest.raises(BundleError) as caught:
        load_scenario(write(tmp_path, content))
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is said to."""
    with pytest.raises(BundleError, match=r"nowhere\.json: cannot be read"):
        load_trajectory(tmp_path / "nowhere.json")


def test_json_and_back(tmp_path: Path) -> None:
    """A scenario survives its file, and its id ignores gate, provenance and split."""
    scenario = bundles.sealed(bundles.work())
    assert load_scenario(write(tmp_path, scenario.to_json())) == scenario
    assert scenario.sealed(split="test").id == scenario.id
    assert scenario.sealed(seed=2).id != scenario.id


if __name__ == "__main__":
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for name, kind in NOUNS.items():
        text = json.dumps(schema(kind), indent=1, ensure_ascii=False) + "\n"
        (SCHEMAS / f"{name}.schema.json").write_text(text, encoding="utf-8")
