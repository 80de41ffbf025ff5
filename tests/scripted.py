"""An OpenAI-compatible server on loopback behind which a script acts: what harnesses ask in place of a model.

It knows a scenario by the first messages that a policy sees, verbatim, so that it answers only what was deployed so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from sekft import env
from sekft.runs.library import Messages
from sekft.scenario import Scenario
from tests.loopback import JsonHandler, listening

Script = Callable[[Scenario], Sequence[str]]


def reference(scenario: Scenario) -> Sequence[str]:
    return scenario.reference


def blind(scenario: Scenario) -> Sequence[str]:
    return ["exit"]


def mixed(scenario: Scenario) -> Sequence[str]:
    """The reference in every other scenario, by id."""
    return scenario.reference if int(scenario.id, 16) % 2 else ["exit"]


async def logins(scenarios: Sequence[Scenario]) -> dict[str, Scenario]:
    """Each by the messages that its policy sees first, as JSON."""
    gate = asyncio.Semaphore(8)

    async def login(scenario: Scenario) -> str:
        async with gate, env.land(scenario) as shell:
            return key(shell.messages)

    return dict(zip(await asyncio.gather(*map(login, scenarios)), scenarios, strict=True))


def key(messages: Messages) -> str:
    return json.dumps([[message["role"], message["content"]] for message in messages[:2]])


@contextmanager
def serving(known: dict[str, Scenario], script: Script) -> Iterator[str]:
    """The server's URL. A question about no known scenario gets 400, which no harness takes for an answer."""

    class Handler(JsonHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            scenario = known.get(key(body["messages"]))
            if scenario is None:
                self.answer(400, {"error": {"message": f"no scenario begins so: {body['messages'][:2]}"}})
                return
            commands, at = script(scenario), len(body["messages"]) // 2 - 1
            message = {"role": "assistant", "content": commands[min(at, len(commands) - 1)]}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
            head = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
            self.answer(200, {**head, "choices": [choice], "usage": usage})

    with listening(Handler) as address:
        yield f"{address}/v1"
