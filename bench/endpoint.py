"""The endpoint client against a service on loopback, in a process of its own, that is slow, limited or faulty.

    python -m bench.endpoint calls [--seconds 60] [--limit 32]           the client alone
    python -m bench.endpoint rollouts SCENARIOS OUT [--n 1000] [--faults 0.1] [--limit 32] [--latency 2]

`calls` tells throughput as a share of what latency, or the limit, alone would allow, the CPU of a call in this process
and the requests rejected after warm-up. `rollouts` rolls a model that looks around eight times and leaves, in real
sandboxes, resumes until nothing is left, and tells outcomes and what was asked twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.pipeline import Quiet
from sekft.folder import ROLLOUTS, Layout, documents, load_scenarios
from sekft.models.endpoint import Endpoint, Service
from sekft.runs.rollout import RolloutConfig, roll
from sekft.trajectory import load_trajectory

AT_ONCE, TURNS, WARM_S = 128, 8, 8.0
FAULTS = ("429", "500", "503", "drop", "truncate", "page", "empty", "hang", "refuse", "schema")
REFUSALS: dict[str, tuple[int, dict[str, object]]] = {
    "context": (400, {"error": {"message": "This model's maximum context length is 4096 tokens"}}),
    "filter": (400, {"error": {"message": "flagged by our content policy", "code": "content_filter"}}),
    "unknown": (400, {"error": {"message": "conversation roles must alternate"}}),
    "seed": (422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}),
    "inside": (200, {"error": {"code": 429, "message": "rate limited upstream"}}),
    "broken off": (200, {"choices": [{"message": {"content": "rm -"}, "finish_reason": "error"}]}),
    "called": (400, {"error": {"code": "tool_use_failed", "message": "x", "failed_generation": "{}"}}),
}
FORMS: dict[str, tuple[dict[str, object], str]] = {
    "withheld": ({"content": None}, "content_filter"),
    "cut": ({"content": None, "reasoning_content": "hm"}, "length"),
    "parts": ({"content": [{"type": "text", "text": "ls"}]}, "stop"),
    "think": ({"content": "[THINK]hm[/THINK]ls"}, "stop"),
    "tool": ({"content": "<tool_call>{}</tool_call>"}, "stop"),
    "calls": ({"content": None, "tool_calls": [{"function": {"name": "bash", "arguments": "{}"}}]}, "tool_calls"),
    "long": ({"content": "ls\n" * 4000}, "stop"),
}
"""Answers as they come: a message and why it ended, without counts of tokens."""
ALL = (*FAULTS, *REFUSALS, *FORMS)
COMMANDS = ("ls", "pwd", "id", "env", "ls /", "ls -a", "ls /srv", "date")


class Server:
    """limit: requests at once, beyond which it answers 429; 0 for none. faults: share of requests that go wrong."""

    def __init__(self, latency_s: float, limit: int, faults: float) -> None:
        self.latency_s, self.limit, self.faults = latency_s, limit, faults
        self.serving = 0
        self.seen: list[tuple[float, bool]] = []
        self.rng = random.Random(7)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                body = await reader.readexactly(size)
                if head.startswith(b"GET"):
                    self._send(writer, 200, json.dumps(self.seen).encode())
                elif not await self._answer(body, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        full = bool(self.limit) and self.serving >= self.limit
        self.seen.append((time.monotonic(), full))
        if full:
            self._send(writer, 429, b"{}")
            return True
        self.serving += 1
        try:
            await asyncio.sleep(self.rng.uniform(0.5, 1.5) * self.latency_s)
        finally:
            self.serving -= 1
        fault = self.rng.choice(ALL) if self.rng.random() < self.faults else ""
        turn = body.count(b'"assistant"')
        text = COMMANDS[turn] if turn < TURNS else "exit"
        text = "I cannot help with that." if fault == "refuse" else text
        content = _completion("" if fault == "empty" else text, 0 if fault == "empty" else 3)
        if fault in REFUSALS and (fault != "seed" or b'"seed"' in body):
            status, said = REFUSALS[fault]
            self._send(writer, status, json.dumps(said).encode())
            return True
        if fault in FORMS:
            message, finish = FORMS[fault]
            content = _completion("", 3, message, finish)
        if fault == "hang":
            await asyncio.sleep(60)
        if fault in ("drop", "hang"):
            return False
        if fault in ("429", "500", "503"):
            self._send(writer, int(fault), b"{}")
        elif fault == "truncate":
            self._send(writer, 200, content, sent=len(content) // 2)
            return False
        else:
            self._send(writer, 200, {"page": b"<html></html>", "schema": b'{"result": 1}'}.get(fault, content))
        return True

    def _send(self, writer: asyncio.StreamWriter, status: int, content: bytes, sent: int | None = None) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content[:sent])


def _completion(text: str, tokens: int, form: dict[str, object] | None = None, finish: str = "stop") -> bytes:
    message = {"role": "assistant", "content": text, **(form or {})}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    usage = {"prompt_tokens": 7 if tokens else 0, "completion_tokens": tokens, "total_tokens": 10}
    return json.dumps(body | {"choices": [choice], "usage": dict.fromkeys(usage) if form else usage}).encode()


def _serve(listener: socket.socket, latency_s: float, limit: int, faults: float) -> None:
    async def forever() -> None:
        server = await asyncio.start_server(Server(latency_s, limit, faults).handle, sock=listener)
        await server.serve_forever()

    asyncio.run(forever())


@contextmanager
def serving(latency_s: float, limit: int, faults: float) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(listener, latency_s, limit, faults))
        process.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            process.terminate()
            process.join()


async def calls(seconds: float, latency_s: float, limit: int) -> None:
    with serving(latency_s, limit, 0.0) as url:
        async with Endpoint(Service("m", url), timeout_s=30) as endpoint:
            began = time.monotonic()
            warm, ended = began + WARM_S, began + WARM_S + seconds
            done: list[float] = []

            async def worker(number: int) -> None:
                message = [{"role": "system", "content": "x" * 1500}, {"role": "user", "content": f"{number} $ " * 200}]
                while time.monotonic() < ended:
                    await endpoint.chat(message, max_tokens=64, temperature=0.7, seed=number)
                    done.append(time.monotonic())

            tasks = [asyncio.create_task(worker(number)) for number in range(AT_ONCE)]
            await asyncio.sleep(warm - time.monotonic())
            cpu_s = time.process_time()
            await asyncio.sleep(ended - time.monotonic())
            cpu_s = time.process_time() - cpu_s
            await asyncio.gather(*tasks)
            seen = await _seen(url)
    count = sum(warm <= at < ended for at in done)
    late = [full for at, full in seen if warm <= at < ended]
    allowed = (limit or AT_ONCE) / latency_s
    print(f"load {os.getloadavg()[0]:.1f}, {AT_ONCE} at once, limit {limit or 'none'}, {latency_s:g} s ± 50 %")
    print(f"throughput     {count / seconds:.1f}/s of {allowed:.1f}/s: {count / seconds / allowed:.1%}")
    print(f"CPU of a call  {1000 * cpu_s / max(1, count):.2f} ms; one process saturates at {count / cpu_s:.0f}/s")
    print(f"rejected       {sum(late)} of {len(late)} after warm-up: {sum(late) / max(1, len(late)):.2%}")


async def _seen(url: str) -> list[tuple[float, bool]]:
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
    writer.close()
    return [(at, full) for at, full in json.loads(body)]


async def rollouts(scenarios: Path, out: Path, n: int, latency_s: float, limit: int, faults: float) -> None:
    bundles, layout = load_scenarios(scenarios)[:n], Layout.of_run(out)
    plan = RolloutConfig(samples=-(-n // len(bundles)), operator="model", concurrency=AT_ONCE)
    with serving(latency_s, limit, faults) as url:
        os.environ |= {"SEKFT_OP_MODEL": "m", "SEKFT_OP_URL": url}
        left, rounds, began, cpu_s = 1, 0, time.monotonic(), time.process_time()
        while left and rounds < 5:
            left, rounds = await roll(plan, bundles, layout, Quiet()), rounds + 1
            print(f"round {rounds}: {left} infra errors")
        wall_s, cpu_s = time.monotonic() - began, time.process_time() - cpu_s
        at = sorted(at for at, _ in await _seen(url))
    made = [load_trajectory(path) for path in documents(layout.trajectories, ROLLOUTS)]
    turns = sum(one.usage.requests for one in made)
    keys = Counter(json.loads(line)["key"] for line in (out / ".sekft" / "calls.jsonl").open())
    allowed = (limit or AT_ONCE) / latency_s
    print(f"load {os.getloadavg()[0]:.1f}; {len(made)} rollouts, {dict(Counter(one.outcome for one in made))}")
    print(f"endings        {dict(Counter(one.ending.reason or one.ending.kind for one in made))}")
    print(f"requests       {turns / wall_s:.1f}/s of {allowed:.1f}/s: {turns / wall_s / allowed:.1%}, first to last")
    full = [one for one in at[: -AT_ONCE * (TURNS + 1)] if one >= at[0] + WARM_S]
    if len(full) > 1:
        rate = len(full) / (full[-1] - full[0])
        print(f"while full     {rate:.1f}/s of {allowed:.1f}/s: {rate / allowed:.1%} (without start and end)")
    print(f"CPU of a turn  {1000 * cpu_s / max(1, turns):.1f} ms in this process")
    print(f"paid twice     {sum(count > 1 for count in keys.values())} of {len(keys)} calls")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("calls", "rollouts"))
    parser.add_argument("folders", nargs="*", type=Path)
    for name, default in (("seconds", 60.0), ("latency", 2.0), ("faults", 0.0)):
        parser.add_argument(f"--{name}", type=float, default=default)
    for name, default in (("limit", 0), ("n", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    if given.what == "calls":
        asyncio.run(calls(given.seconds, given.latency, given.limit))
    else:
        scenarios, out = given.folders
        asyncio.run(rollouts(scenarios, out, given.n, given.latency, given.limit, given.faults))


if __name__ == "__main__":
    main()
