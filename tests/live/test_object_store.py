"""Run folders on a server that speaks S3 (moto, in a process of its own), through the commands as users type them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sekft.folder import ROLLOUTS, Layout
from sekft.folder.entries import entries
from tests import sets

pytestmark = pytest.mark.live
START_S, ROLLED_S = 60.0, 120.0
BUCKET, SAMPLES = "sekft-live", 12
MAIN = "from sekft.cli import main; main()"
OFTEN = f"import sekft.folder.shard_writer as writer; writer.MOST_S = 0.5; {MAIN}"
"""The same with a shard put every half second."""
PATIENT = f"import sekft.cli.stopping as stopping; stopping.GRACE_S = 60; {MAIN}"
"""The same, which a slow machine may take its time to end."""
KEYS = {"AWS_ACCESS_KEY_ID": "live-4f1c", "AWS_SECRET_ACCESS_KEY": "live-9a7e02", "AWS_DEFAULT_REGION": "us-east-1"}
COUNT = """
import sys
from sekft.folder.entries import entries
from sekft.folder.places import placed
from sekft.folder.shards import shards
place = placed(sys.argv[1])
print(len(shards(place)), *(entry.name for entry in entries(place, "*/*-*.json")))
"""


class Store:
    """The server's environment, and what is run under it."""

    def __init__(self, python: Path, environment: Mapping[str, str]) -> None:
        self.python, self.environment = python, environment

    def start(self, code: str, *arguments: object) -> subprocess.Popen[str]:
        command = [str(self.python), "-c", code, *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=dict(self.environment), stdout=pipe, stderr=pipe, text=True)

    def run(self, *arguments: object, code: str = MAIN, status: int = 0) -> str:
        with self.start(code, *arguments) as done:
            out, err = done.communicate()
        assert done.returncode == status, err
        return out

    def held(self, address: str) -> tuple[int, list[str]]:
        """How many shards there are, and the names of the rollouts in them."""
        count, *names = self.run(address, code=COUNT).split()
        return int(count), names


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    tools = os.environ.get("SEKFT_LIVE_TOOLS") or pytest.fail("want SEKFT_LIVE_TOOLS: these tests run by ./dev live")
    place, log = Path(tools) / "store" / "bin", tmp_path_factory.mktemp("moto") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": url, "PYTHONUNBUFFERED": "1"}
    command = [str(place / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            _await(url, server, log)
            made = Store(place / "python", environment)
            made.run(code=f"import s3fs; s3fs.S3FileSystem().mkdir({BUCKET!r})")
            yield made
        finally:
            server.terminate()


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
            return
        time.sleep(0.2)
    pytest.fail(f"moto_server did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Ten scenarios and sixty rollouts on the disk."""
    return sets.filled(tmp_path_factory)


def test_stages_and_readers_take_an_address(store: Store, near: Layout, tmp_path: Path) -> None:
    """What generate, merge, audit, pairs, export, show and report make there is what they make here."""
    root, copy, pairs = (f"s3://{BUCKET}/{name}" for name in ("run", "copy", "pairs"))
    store.run("generate", "--n", 3, "--seed", sets.SEED, "--author", "procedural", "--out", root)
    store.run("rollout", "--scenarios", root, "--samples", 1, "--out", f"{root}-rolled")
    assert len(store.held(f"{root}-rolled")[1]) == 3
    made = store.run("merge", near.root, "--out", copy, "--json")
    assert json.loads(made)["documents"] == {"scenarios": 10, "trajectories": 60}
    found = {where: json.loads(store.run("audit", where, "--json")) for where in (str(near.root), copy)}
    assert [report.pop("folder") for report in found.values()] == list(found)
    assert found[copy] == found[str(near.root)]
    for name, where, paired in (("far", copy, pairs), ("near", near.root, tmp_path / "pairs")):
        store.run("pairs", "--trajectories", where, "--out", paired, "--seed", 3)
        rows = ("--pairs", paired, "--out", tmp_path / name, "--format", "jsonl")
        store.run("export", "--trajectories", where, *rows)
    for form in ("sft", "dpo", "kto"):
        file = f"{form}/train/00000.jsonl"
        assert (tmp_path / "far" / file).read_bytes() == (tmp_path / "near" / file).read_bytes()
    store.run("export", "--trajectories", copy, "--out", f"s3://{BUCKET}/rows")
    assert "sft" in store.run("show", f"s3://{BUCKET}/rows")
    name = next(entries(near.trajectories, ROLLOUTS)).name
    shown = [store.run("show", f"{where}/trajectories/{name}", "--json") for where in (near.root, copy)]
    assert shown[0] == shown[1]
    assert json.loads(store.run("compact", copy, "--json"))["moved"] == {"scenarios": 0, "trajectories": 0}
    assert store.run("report", copy, "--out", tmp_path / "run.html", "--json")
    again = json.loads(store.run("merge", copy, near.root, "--out", tmp_path / "both", "--json"))
    assert (again["alike"], again["differing"]) == (70, 0)
    there = [(each.name, each.text()) for each in entries(tmp_path / "both" / "trajectories", ROLLOUTS)]
    assert there == [(each.name, each.text()) for each in entries(near.trajectories, ROLLOUTS)]


def test_a_killed_rollout_is_resumed(store: Store, near: Layout) -> None:
    """What was put before a SIGKILL is there and is not done again; at the end every rollout is there once."""
    out, total = f"s3://{BUCKET}/killed", sets.SCENARIOS * SAMPLES
    command = ("rollout", "--scenarios", near.root, "--operator", "reference", "--samples", SAMPLES, "--out", out)
    with store.start(OFTEN, *command) as rolling:
        until = time.monotonic() + ROLLED_S
        while store.held(out)[0] < 2 and time.monotonic() < until:
            time.sleep(0.2)
        rolling.send_signal(signal.SIGKILL)
        rolling.communicate()
    count, before = store.held(out)
    assert count >= 2
    assert 0 < len(before) < total
    with store.start(MAIN, *command) as resumed:
        _, told = resumed.communicate()
    assert resumed.returncode == 0, told
    assert f"rollouts {len(before)}/{total} ({len(before)} done before)" in told
    names = store.held(out)[1]
    assert len(names) == len(set(names)) == total
    assert set(before) <= set(names)


def test_an_interrupt_puts_what_was_done(store: Store, near: Layout) -> None:
    """SIGTERM within the first minute, before any shard is due: the rollouts that ended are there."""
    out = f"s3://{BUCKET}/interrupted"
    command = ("rollout", "--scenarios", near.root, "--operator", "reference", "--samples", 40, "--out", out)
    with store.start(PATIENT, *command) as rolling:
        assert rolling.stderr
        next(line for line in rolling.stderr if "kept" in line)
        rolling.send_signal(signal.SIGTERM)
        _, told = rolling.communicate()
    assert rolling.returncode == 130, told
    assert store.held(out)[1]


def test_keys_reach_no_object(store: Store, near: Layout) -> None:
    """What commands leave in the bucket holds none of the credentials."""
    store.run("merge", near.root, "--out", f"s3://{BUCKET}/keys")
    code = (
        f"import s3fs; fs = s3fs.S3FileSystem(); found = [fs.cat(name) for name in fs.find({BUCKET!r})]; "
        f"print(len(found), [key for key in {list(KEYS.values())[:2]!r} for body in found if key.encode() in body])"
    )
    count, _, rest = store.run(code=code).partition(" ")
    assert int(count) > 4
    assert rest.strip() == "[]"


def test_what_cannot_be_reached_is_told(store: Store, near: Layout) -> None:
    """A bucket that is not there and an address without a server end a command before its work."""
    environment = dict(store.environment)
    with store.start(MAIN, "rollout", "--scenarios", near.root, "--out", "s3://no-such-bucket/x") as refused:
        assert "The specified bucket does not exist" in refused.communicate()[1]
    assert refused.returncode == 1
    away = Store(store.python, environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"})
    with away.start(MAIN, "show", f"s3://{BUCKET}/run") as refused:
        told = refused.communicate()[1]
    assert refused.returncode == 2
    assert f"s3://{BUCKET}/run: cannot be reached: EndpointConnectionError" in told
