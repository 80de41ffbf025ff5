"""A run folder with rollouts, pairs, an export and a rejected draft; its pages, served as `sekft view` serves them."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from sekft.rejection import Rejection
from sekft.runs.run import Run
from sekft.viewer.opening import opened
from sekft.viewer.server import Viewer, application, bound
from tests import bundles
from tests.sets import filled


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be written to, but for its index."""
    root = filled(tmp_path_factory).root
    made = Run(root)
    made.pair()
    made.export("sft", "dpo", "sharegpt", "atif", no_card=True)
    draft = Rejection(
        id="0123456789abcdef",
        slot=3,
        attempt=1,
        reason="probe_passes",
        detail="probe blank: the checker passes, want fail",
        evidence={"the checker": "nothing is wrong <b>here</b>"},
        faults=["probe_passes: probe blank", "too_slow: 11 s"],
        exchange=[
            {"role": "user", "content": "write one"},
            {"role": "assistant", "content": "{}"},
            {"role": "user", "content": "mend it"},
        ],
        scenario=bundles.sealed(bundles.work()).model_dump(mode="json"),
    )
    (root / "rejected").mkdir()
    (root / "rejected" / f"{draft.id}.json").write_text(draft.to_json(), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def viewer(run: Path) -> Iterator[Viewer]:
    made = opened([run])
    yield made
    made.pages.indexes.close()


@dataclass
class Browser:
    """Asks a server as a browser does, with its cookies. base: http://127.0.0.1:PORT."""

    base: str
    token: str

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def enter(self) -> Browser:
        assert self.get(f"/?token={self.token}").status == 200
        return self

    def get(self, path: str, data: bytes | None = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.base + path, data, named)
        try:
            return self._opener.open(request, timeout=20)
        except urllib.error.HTTPError as error:
            return error

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status == 200, (path, answer.read())
        body: str = answer.read().decode()
        return body


@contextlib.contextmanager
def served(viewer: Viewer) -> Iterator[Browser]:
    """The application behind uvicorn, on loopback, until the block is left."""
    import uvicorn

    listening: socket.socket = bound(0)
    server = uvicorn.Server(uvicorn.Config(application(viewer), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Browser(f"http://127.0.0.1:{listening.getsockname()[1]}", viewer.token)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
