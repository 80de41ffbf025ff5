"""Rollouts a minute of a student: our own inference in the process of `sekft eval`, and the same model served.

    python -m bench.served SCENARIOS STUDENT OUT [--servers llama …] [--python llama=FILE] [--gguf FILE] [--probe]

The ways take turns: the same scenarios, greedy, 16 rollouts at once, the same limits; loading counts on neither side.
A server runs only while its rollouts do. SCENARIOS: a run folder, or bundles. STUDENT: what `sekft train` made; --gguf
its student.gguf, for llama.cpp. `--python NAME=FILE` names the interpreter that has a server's packages; default: this.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sekft.folder import documents
from sekft.trajectory import load_trajectory

AT_ONCE = 16
CONTEXT = 8192
READY_S = 240.0
SEKFT = "import sys; from sekft.cli import main; sys.exit(main())"
LLAMA = """
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port = sys.argv[1], int(sys.argv[2])
params.n_parallel, params.n_ctx, params.kv_unified = int(sys.argv[3]), int(sys.argv[4]), True
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(sys.argv[5])
params.chat_template = open(sys.argv[6]).read()
params.ctx_shift = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
time.sleep(1e6)
"""
"""llama.cpp's own server, out of the package xllamacpp: a slot for each rollout, all sharing one cache."""
LOCAL = """
import sys, time
from sekft.cli import main
began = time.monotonic()
from transformers import AutoModelForCausalLM, AutoTokenizer
from sekft.operators.student import Generator
times, load = [time.monotonic() - began], Generator._load
def timed(self):
    began = time.monotonic()
    load(self)
    times.append(time.monotonic() - began)
Generator._load = timed
try:
    main()
finally:
    print(f"loaded in {sum(times):.2f} s", file=sys.stderr)
"""
"""`sekft` with the seconds that loading took as its last line."""


def transformers_server(python: str, options: argparse.Namespace, port: int) -> list[str]:
    command = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return [python, "-c", command, "serve", str(options.student), *address, "--device", "cpu", "--dtype", "bfloat16"]


def batching_server(python: str, options: argparse.Namespace, port: int) -> list[str]:
    paged = ["--continuous-batching", "--attn-implementation", "sdpa", "--cb-num-blocks", "128"]
    return [*transformers_server(python, options, port), *paged]


def vllm_server(python: str, options: argparse.Namespace, port: int) -> list[str]:
    words = ["--model", str(options.student), "--host", "127.0.0.1", "--port", str(port), "--dtype", "bfloat16"]
    limits = ["--max-model-len", str(CONTEXT), "--max-num-seqs", str(AT_ONCE)]
    return [python, "-m", "vllm.entrypoints.openai.api_server", *words, *limits]


def llama_server(python: str, options: argparse.Namespace, port: int) -> list[str]:
    threads, template = str(os.cpu_count()), str(options.student / "chat_template.jinja")
    return [python, "-c", LLAMA, str(options.gguf), str(port), str(AT_ONCE), str(2 * CONTEXT), threads, template]


SERVERS: Mapping[str, Callable[[str, argparse.Namespace, int], list[str]]] = {
    "transformers": transformers_server,
    "batching": batching_server,
    "vllm": vllm_server,
    "llama": llama_server,
}


@contextmanager
def served(words: Sequence[str], port: int, log: Path) -> Iterator[float]:
    """A server's process while it runs; the seconds until it answered."""
    began = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file)
    try:
        while not _answers(port):
            if process.poll() is not None or time.monotonic() - began > READY_S:
                raise SystemExit(f"the server did not start; see {log}")
            time.sleep(0.25)
        yield time.monotonic() - began
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5):
            return True
    except OSError:
        return False


def chat(port: int, model: str, prompt: str, max_tokens: int) -> dict[str, Any]:
    """One answer, or the server's refusal under `error`."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body | {"temperature": 0, "max_tokens": max_tokens}).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            content: dict[str, Any] = json.load(answer)
            return content
    except urllib.error.HTTPError as error:
        return {"status": error.code, "error": error.read().decode()[:300]}
    except OSError as error:
        return {"error": repr(error)}


def probe(name: str, port: int, model: str) -> None:
    """What the server says of each way to stop."""
    for reason, prompt, max_tokens in (
        ("length", "Count to one thousand.", 8),
        ("end", "Say hi.", 400),
        ("context", "word " * (CONTEXT + 200), 8),
        ("context while answering", "word " * (CONTEXT - 60), 200),
    ):
        answer = chat(port, model, prompt, max_tokens)
        reasons = [choice.get("finish_reason") for choice in answer.get("choices", ())]
        shown = f"{reasons}, usage {answer.get('usage')}" if reasons else str(answer)
        print(f"  {name}, {reason}: {shown}", flush=True)


def evaluate(program: str, options: argparse.Namespace, out: Path, *words: str, **env: str) -> tuple[float, str]:
    """Wall seconds of `sekft eval`, and what it wrote to stderr."""
    limits = ["--max-turns", str(options.max_turns), "--max-tokens", str(options.max_tokens)]
    sampling = ["--temperature", "0", "--concurrency", str(AT_ONCE)]
    command = ["eval", "--scenarios", str(options.scenarios), "--most", str(options.most), "--out", str(out)]
    began = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-c", program, *command, *limits, *sampling, *words],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise SystemExit(f"sekft eval {' '.join(words)}: {process.stderr[-2000:]}")
    return time.monotonic() - began, process.stderr


def rate(name: str, out: Path, wall_s: float) -> float:
    """Rollouts a minute, printed with what they were."""
    rollouts = [load_trajectory(path) for path in documents(out, "*/*-0.json")]
    actions = sum(turn.role == "action" for rollout in rollouts for turn in rollout.turns)
    tokens = sum(rollout.usage.completion_tokens for rollout in rollouts)
    endings = Counter(rollout.ending.reason or rollout.ending.kind for rollout in rollouts)
    per_minute = 60 * len(rollouts) / wall_s
    print(
        f"{name:12} {per_minute:6.1f} rollouts/min in {wall_s:.1f} s; {len(rollouts)} rollouts, {actions} actions, "
        f"{tokens} tokens; {dict(endings)}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return per_minute


def local(options: argparse.Namespace, out: Path) -> float:
    wall_s, stderr = evaluate(LOCAL, options, out, "--operator", "student", "--model", str(options.student))
    return rate("local", out, wall_s - float(stderr.rpartition("loaded in ")[2].split()[0]))


def remote(name: str, python: str, options: argparse.Namespace, out: Path) -> float:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
    model = str(options.student)
    with served(SERVERS[name](python, options, port), port, out.with_suffix(".log")):
        first = chat(port, model, "$ ", 2)  # loads the model where starting does not
        if "error" in first:
            raise SystemExit(f"{name}: {first}")
        if options.probe:
            probe(name, port, model)
        env = {"SEKFT_OP_MODEL": model, "SEKFT_OP_URL": f"http://127.0.0.1:{port}/v1", "SEKFT_OP_KEY": "none-needed"}
        wall_s, _ = evaluate(SEKFT, options, out, "--operator", "model", "--no-scaffold", **env)
    return rate(name, out, wall_s)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("scenarios", "student", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--servers", nargs="+", default=["llama"], choices=SERVERS)
    parser.add_argument("--python", nargs="*", default=[], metavar="NAME=FILE")
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--most", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--max-turns", type=int, default=6)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--probe", action="store_true", help="Ask each server how it tells why it stopped.")
    options = parser.parse_args()
    pythons = dict(word.split("=", 1) for word in options.python)
    options.out.mkdir(parents=True, exist_ok=True)
    stamp = int(time.time())
    for name in options.servers:
        ratios = []
        for number in range(options.rounds):
            base = local(options, options.out / f"{stamp}-local-{name}-{number}")
            python = pythons.get(name, sys.executable)
            ratios.append(remote(name, python, options, options.out / f"{stamp}-{name}-{number}") / base)
        shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{name} / local: {shown}; median {statistics.median(ratios):.2f}", flush=True)


if __name__ == "__main__":
    main()
