"""The reset and step server: sessions with leases, limits, a token and clean ends, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sekft.cli.stopping import INTERRUPTED
from sekft.env.server import LeasedSessions, Refused
from sekft.sandboxes import pick
from tests import bundles
from tests.commands import SEKFT, environment, sekft
from tests.env.test_episode import Breaking

WORK, EMPTY = bundles.sealed(bundles.work()), bundles.sealed(bundles.empty())
TOKEN = "a token for loopback"


class Server:
    """A client of one server."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def ask(self, path: str, body: object = None, token: str = TOKEN) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`sekft serve` as a user starts it, with a short lease and room for two sessions."""
    folder = tmp_path_factory.mktemp("served")
    for scenario in (WORK, EMPTY):
        (folder / f"{scenario.id}.json").write_text(scenario.to_json())
    port = free_port()
    command = [*SEKFT, "serve", str(folder), "--port", str(port), "--sessions", "2", "--lease", "5", "--json"]
    changes = {"SEKFT_ENV_TOKEN": TOKEN}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**changes)) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        served = Server(process, told["url"])
        try:
            wait_for(served)
            yield served
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == INTERRUPTED


def free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(server: Server) -> None:
    import time

    for _ in range(300):
        try:
            assert server.ask("/health")[1]["status"] == "healthy"
            return
        except OSError:
            assert server.process.poll() is None
            time.sleep(0.1)
    pytest.fail("the server did not start")


def test_an_episode_over_http_earns_its_reward(server: Server) -> None:
    """reset gives the messages of the login, steps give screens, and the last one reward, outcome and marks."""
    status, landed = server.ask("/reset", {"scenario": WORK.id})
    assert (status, landed["scenario"], landed["done"]) == (200, WORK.id, False)
    assert [message["role"] for message in landed["messages"]] == ["system", "user"]
    for command in WORK.reference[:-1]:
        status, step = server.ask("/step", {"session": landed["session"], "text": command})
        assert (status, step["done"]) == (200, False)
        assert step["screen"].endswith("ana$ ")
    status, last = server.ask("/step", {"session": landed["session"], "text": "exit"})
    assert (last["done"], last["reward"], last["outcome"]) == (True, 1.0, "solved")
    assert all(last["marks"].values())
    assert server.ask("/step", {"session": landed["session"], "text": "ls"})[0] == 404
    assert server.ask("/health")[1]["sessions"] == 0


@pytest.mark.parametrize(
    ("texts", "outcome"),
    [(["exit"], "unearned"), (["cat <<END"], "malformed"), ([" "], "malformed"), (["ls"] * 40, "unfinished")],
    ids=["blind", "open here-document", "empty", "goes on for ever"],
)
def test_what_is_not_right_earns_nothing(texts: list[str], outcome: str, server: Server) -> None:
    """A blind exit, what cannot be typed, and a session without an end are told with a reward of 0."""
    session = server.ask("/reset", {"scenario": EMPTY.id})[1]["session"]
    steps = [server.ask("/step", {"session": session, "text": text})[1] for text in texts]
    assert [step["done"] for step in steps] == [False] * (len(texts) - 1) + [True]
    assert (steps[-1]["reward"], steps[-1]["outcome"]) == (0.0, outcome)


def test_a_seed_names_a_scenario(server: Server) -> None:
    """The same seed lands in the same scenario; what there is can be listed, and no bundle with it."""
    names = set()
    for _ in range(2):
        landed = server.ask("/reset", {"seed": 4})[1]
        names.add(landed["scenario"])
        assert server.ask("/close", {"session": landed["session"]})[1] == {"closed": True}
    assert len(names) == 1
    listed = server.ask("/scenarios")[1]["scenarios"]
    assert {row["id"] for row in listed} == {WORK.id, EMPTY.id}
    assert all(row.keys() == {"id", "split", "axes"} for row in listed)


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/reset", {"scenario": "0"}, 404, "not served here"),
        ("/reset", {"seed": "x"}, 422, "want a whole number"),
        ("/reset", b"{", 422, "want JSON"),
        ("/reset", b"[]", 422, "want a JSON object"),
        ("/reset", b" " * 140_000, 413, "at most 131072 bytes"),
        ("/step", {"session": "none", "text": "ls"}, 404, "no such session"),
        ("/step", {"session": "none", "text": 7}, 422, "as a string"),
        ("/close", {"session": "none"}, 200, ""),
    ],
)
def test_wrong_requests_are_refused(path: str, body: object, status: int, says: str, server: Server) -> None:
    """What the caller did wrong is told, and the server goes on."""
    found, answer = server.ask(path, body)
    assert found == status
    assert says in answer.get("error", "")


def test_only_who_has_the_token_is_served(server: Server) -> None:
    """Another token is refused on every route but the one of health."""
    for path, body in (("/reset", {}), ("/step", {}), ("/close", {}), ("/scenarios", None)):
        assert server.ask(path, body, token="another")[0] == 401
    assert server.ask("/health", token="")[0] == 200


def test_sessions_are_limited_and_their_leases_end(server: Server) -> None:
    """A third session is refused; when the leases of the first two are over, there is room again."""
    import time

    names = [server.ask("/reset", {})[1]["session"] for _ in range(2)]
    assert server.ask("/reset", {})[0] == 429
    deadline = time.monotonic() + 60
    while server.ask("/health")[1]["sessions"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert server.ask("/step", {"session": names[0], "text": "ls"})[0] == 404
    status, landed = server.ask("/reset", {})
    assert status == 200
    server.ask("/close", {"session": landed["session"]})


def test_openenv_s_protocol_is_spoken(server: Server) -> None:
    """Over a WebSocket reset, state and steps are as OpenEnv's clients want them, errors too."""
    from websockets.sync.client import connect

    headers = {"Authorization": f"Bearer {TOKEN}"}
    with connect(server.url.replace("http", "ws") + "/ws", additional_headers=headers) as socket:

        def said(kind: str, **data: object) -> Any:
            socket.send(json.dumps({"type": kind, "data": data}))
            return json.loads(socket.recv(60))

        assert said("step", text="ls")["type"] == "error"
        landed = said("reset", episode_id=EMPTY.id)
        assert landed["type"] == "observation"
        assert landed["data"]["observation"]["messages"][0]["content"] == EMPTY.orientation
        for command in EMPTY.reference:
            last = said("step", text=command)["data"]
        assert (last["done"], last["reward"], last["observation"]["outcome"]) == (True, 1.0, "idle")
        assert said("state")["data"] == {"episode_id": EMPTY.id, "step_count": len(EMPTY.reference)}
        assert said("dance")["data"]["code"] == "UNKNOWN_TYPE"
        said("reset")
    assert server.ask("/health")[1]["sessions"] in (0, 1)  # the connection's end closes what it had


async def test_a_sandbox_that_breaks_is_told_and_leaves_no_session() -> None:
    """An infra error reaches who asks as an error that has no reward, and frees the place."""
    from sekft import env
    from sekft.errors import InfraError

    sessions = LeasedSessions([WORK], Breaking(after=1), env.right, 4, 60.0, 40)  # type: ignore[arg-type]
    name, _ = await sessions.reset({})
    with pytest.raises(InfraError, match="on fire"):
        await sessions.step(name, "ls")
    assert len(sessions) == 0


async def test_a_step_that_runs_is_not_swept() -> None:
    """A session whose command is at work is in use, however short its lease."""
    from sekft import env

    sessions = LeasedSessions([WORK], pick(), env.right, 4, 0.2, 40)
    sweeping = asyncio.create_task(sessions.sweep())
    name, _ = await sessions.reset({})
    assert (await sessions.step(name, "sleep 1; echo done"))[0].startswith("done")
    sweeping.cancel()
    await sessions.drain()


async def test_a_session_that_is_closed_at_work_ends_cleanly() -> None:
    """A step that is at work when its session is closed gets its screen; the next one finds no session."""
    from sekft import env

    sessions = LeasedSessions([WORK], pick(), env.right, 4, 60.0, 40)
    name, _ = await sessions.reset({})
    first = asyncio.create_task(sessions.step(name, "sleep 3; echo first"))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(sessions.step(name, "echo second"))
    await asyncio.sleep(0.1)
    assert await sessions.close(name)
    assert (await first)[0].startswith("first")
    with pytest.raises(Refused, match="no such session"):
        await second
    assert len(sessions) == 0


def test_beyond_loopback_a_token_is_wanted(tmp_path: Path) -> None:
    """Without SEKFT_ENV_TOKEN nothing listens on an address that others reach."""
    (tmp_path / f"{WORK.id}.json").write_text(WORK.to_json())
    done = sekft("serve", tmp_path, "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "set SEKFT_ENV_TOKEN" in done.stderr
    assert "SEKFT_ENV_TOKEN" not in os.environ
