"""A set is pushed to a hub and verified from there: what holds, what does not, and that no token is left anywhere."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from sekft.cli.running import Lines
from sekft.dataset import card
from sekft.dataset.export import ExportConfig, Sources, export
from sekft.models.texts import EstimatedTokens
from sekft.scenario import Alternative, parse_scenario
from tests import sets
from tests.commands import sekft
from tests.loopback import JsonHandler, listening

FEW = 3
TOKEN = "hf_notarealtoken4711"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions and scenarios of a few scenarios of one set, as JSONL, with the card."""
    run, out = sets.filled(tmp_path_factory), tmp_path_factory.mktemp("export") / "out"
    for path in sorted(run.scenarios.glob("*.json"))[FEW:]:
        path.unlink()
        shutil.rmtree(run.trajectories / path.stem)
    config = ExportConfig(to=("sft", "scenarios"), format="jsonl")
    made = export(config, Sources.of(run.root), out, EstimatedTokens(), Lines())
    card.write(out, made, Sources.of(run.root), config)
    return out


def altered(exported: Path, out: Path, form: str, old: str, new: str) -> Path:
    """A copy in which a text of that form's rows is another one, once."""
    shutil.copytree(exported, out)
    for file in sorted((out / form).rglob("*.jsonl")):
        text = file.read_text(encoding="utf-8")
        if old in text:
            file.write_text(text.replace(old, new, 1), encoding="utf-8")
            return out
    raise AssertionError(f"no row of {form} holds {old!r}")


def test_a_set_that_holds_is_told_so(exported: Path) -> None:
    """Each scenario of the sample passes the gate again, and each recorded session gives the same screens."""
    done = sekft("verify", exported, "--sample", "2", "--json")
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["scenarios"] == FEW
    assert len(body["sample"]) == 2
    assert [(each["refused"], each["typed"], each["session"]) for each in body["sample"]] == [(None, True, None)] * 2


def test_sessions_that_are_not_what_was_recorded_are_found(exported: Path, tmp_path: Path) -> None:
    """A screen that says another word than the scenario's sandbox makes the set fail, and is shown."""
    first = json.loads(next(iter(sorted((exported / "sft").rglob("*.jsonl")))).read_text().splitlines()[0])
    torn = altered(exported, tmp_path / "torn", "sft", json.dumps(first["messages"][1]["content"])[1:-1], "Forged. ")
    done = sekft("verify", torn, "--sample", "0", "--json")
    assert done.returncode == 1, done.stderr
    (fault,) = [each for each in json.loads(done.stdout)["sample"] if each["session"]]
    assert fault["id"] == first["scenario_id"]
    assert fault["session"].startswith("message 1: recorded 'Forged. '")


def test_a_set_cannot_drive_the_terminal(exported: Path, tmp_path: Path) -> None:
    """What a hostile bundle says is shown without its control characters."""
    torn = Path(shutil.copytree(exported, tmp_path / "torn"))
    file = min((torn / "scenarios").rglob("*.jsonl"))
    row = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
    named = Alternative(kind="\x1b]0;mine\x07", commands=["panic mine"])
    hostile = parse_scenario(row["bundle"], "row").sealed(alternatives=[named])
    file.write_text(json.dumps({**row, "bundle": hostile.to_json()}) + "\n", encoding="utf-8")
    done = sekft("verify", torn, "--sample", "0")
    assert done.returncode == 1
    assert "]0;mine" in done.stdout
    assert "\x1b" not in done.stdout


def test_an_altered_bundle_and_a_set_without_scenarios_are_refused(exported: Path, tmp_path: Path) -> None:
    """A bundle whose content is not what its id says names its row; an export without the form says how to get it."""
    torn = altered(exported, tmp_path / "torn", "scenarios", "#!/bin/sh", "#!/bin/no")
    done = sekft("verify", torn, "--sample", "1")
    assert done.returncode == 1
    assert "id: saw" in done.stderr
    shutil.rmtree(torn / "scenarios")
    done = sekft("verify", torn)
    assert done.returncode == 2
    assert "sekft export --to scenarios" in done.stderr


@pytest.mark.parametrize(
    "row", ['{"messages": []}', '{"scenario_id": "x"}', "[]", '{"scenario_id": "x", "messages": ["ls"]}']
)
def test_a_row_that_is_no_session_is_named(row: str, exported: Path, tmp_path: Path) -> None:
    """Whatever a downloaded file holds, its place is told, and no program error."""
    torn = Path(shutil.copytree(exported, tmp_path / "torn"))
    file = min((torn / "sft").rglob("*.jsonl"))
    file.write_text(f"{file.read_text(encoding='utf-8')}{row}\n", encoding="utf-8")
    done = sekft("verify", torn)
    assert done.returncode == 1
    assert re.search(rf"{re.escape(str(file))}:\d+: .* want a row of the form sft", done.stderr), done.stderr


@dataclass
class Hub:
    """What a hub was asked. files: of the commit, by path."""

    url: str
    private: bool = True
    created: list[dict[str, object]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)


@contextmanager
def hub(status: int = 200) -> Iterator[Hub]:
    """The part of the Hub's API that an upload of small files asks, on loopback. status: of the creation."""

    class Handler(JsonHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            served.tokens.add(self.headers.get("Authorization", ""))
            if self.path == "/api/repos/create":
                served.created.append(json.loads(body))
                self.answer(status, {"url": f"{served.url}/datasets/ada/shells", "error": "no such owner"})
            elif "/preupload/" in self.path:
                paths = [each["path"] for each in json.loads(body)["files"]]
                modes = [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]
                self.answer(200, {"files": modes})
            elif "/commit/" in self.path:
                for row in map(json.loads, body.splitlines()):
                    if row["key"] == "file":
                        served.files[row["value"]["path"]] = base64.b64decode(row["value"]["content"])
                place = f"{served.url}/datasets/ada/shells/commit/0" + "a" * 39
                self.answer(200, {"commitUrl": place, "commitOid": "0" + "a" * 39, "pullRequestUrl": None})
            else:
                self.answer(200, {"errors": [], "warnings": []})

        def do_GET(self) -> None:
            body = {"id": "ada/shells", "sha": "0" + "b" * 39, "siblings": [], "xetEnabled": False}
            self.answer(status, {**body, "private": served.private})

    with listening(Handler) as address:
        served = Hub(address)
        yield served


def environ(hub: Hub, home: Path) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }


def test_a_push_shows_what_it_would_upload(exported: Path, tmp_path: Path) -> None:
    """Without --yes no request is made, and the files and their size are told."""
    with hub() as served:
        done = sekft("push", exported, "ada/shells", **environ(served, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "nothing yet: add --yes" in done.stdout
    assert "scenarios/train/00000.jsonl" in done.stdout
    assert not served.tokens


def test_a_push_uploads_every_visible_file(exported: Path, tmp_path: Path) -> None:
    """What is on the hub afterwards is the folder without what is hidden, and no file anywhere holds the token."""
    pushed = Path(shutil.copytree(exported, tmp_path / "set"))
    (pushed / "sft" / ".env").write_text("nobody's business\n")
    with hub() as served:
        done = sekft("push", pushed, "ada/shells", "--yes", "--private", "--json", **environ(served, tmp_path))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["url"] == f"{served.url}/datasets/ada/shells/commit/0" + "a" * 39
    want = {str(path.relative_to(exported)): path for path in exported.rglob("*") if path.is_file()}
    assert served.files == {name: path.read_bytes() for name, path in want.items() if not name.startswith(".")}
    assert "private" in (served.created[0].get("visibility"), *served.created[0])
    assert served.tokens == {f"Bearer {TOKEN}"}
    for folder in (exported, tmp_path):
        assert not [path for path in folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_what_was_pushed_is_verified_from_its_copy(exported: Path, tmp_path: Path) -> None:
    """The files that the hub has are a set that holds."""
    with hub() as served:
        sekft("push", exported, "ada/shells", "--yes", **environ(served, tmp_path))
    for name, content in served.files.items():
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).write_bytes(content)
    done = sekft("verify", tmp_path / "copy", "--sample", "1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_push_that_is_refused_says_why(exported: Path, tmp_path: Path) -> None:
    """The hub's refusal, a folder that is no export and a name that is none are told, and nothing is uploaded."""
    with hub(status=403) as served:
        done = sekft("push", exported, "ada/shells", "--yes", **environ(served, tmp_path))
    assert done.returncode == 1
    assert "push: ada/shells" in done.stderr
    assert TOKEN not in done.stderr
    assert not served.files
    for folder, name, says in ((tmp_path, "ada/shells", "holds no export.json"), (exported, "shells", "OWNER/NAME")):
        done = sekft("push", folder, name)
        assert done.returncode == 2
        assert says in done.stderr


def test_a_public_set_is_not_taken_for_a_private_one(exported: Path, tmp_path: Path) -> None:
    """--private uploads nothing into a repository that everybody can read."""
    with hub() as served:
        served.private = False
        done = sekft("push", exported, "ada/shells", "--yes", "--private", **environ(served, tmp_path))
    assert done.returncode == 1
    assert "public already" in done.stderr
    assert not served.files


@pytest.mark.parametrize(
    ("token", "status", "says"),
    [
        (TOKEN, 1, "refused"),
        (f"{TOKEN}\x01", 2, "control character"),
        (f"{TOKEN}é", 2, "no ASCII"),
        ("", 1, "no token"),
    ],
)
def test_no_failure_shows_the_token(token: str, status: int, says: str, exported: Path, tmp_path: Path) -> None:
    """Where no hub answers, or the token can be none, that is told in a line that does not hold it."""
    with hub() as served:
        gone = served
    environ_ = {**environ(gone, tmp_path), "HF_TOKEN": token}
    done = sekft("push", exported, "ada/shells", "--yes", **environ_)
    assert done.returncode == status
    assert says in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
