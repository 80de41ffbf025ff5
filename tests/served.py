"""A real HTTP server on loopback that answers as told: what endpoints do on a bad day."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.loopback import listening


@dataclass
class Answer:
    """One response.

    body:  a completion's text, or with another status or `raw` what is sent as it is.
    sent:  the share of the body that arrives before the connection breaks; None breaks it before any answer.
    fields: of the completion's message, beside or instead of its content.
    """

    body: str = "ls"
    status: int = 200
    finish: str = "stop"
    headers: dict[str, str] = field(default_factory=dict)
    raw: bool = False
    sent: float | None = 1.0
    delay_s: float = 0.0
    tokens: int = 3
    fields: dict[str, Any] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if self.raw or self.status != 200:
            return self.body.encode()
        message = {"role": "assistant", "content": self.body, **self.fields}
        completion = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish}],
            "usage": {"prompt_tokens": 7, "completion_tokens": self.tokens, "total_tokens": 10},
        }
        return json.dumps(completion).encode()


@dataclass
class Served:
    """Answers come in order; the last one repeats. requests: the JSON bodies seen; keys: their Authorization."""

    url: str
    answers: list[Answer]
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Answer:
        return self.answers[min(len(self.requests), len(self.answers)) - 1]


@contextmanager
def serving(*answers: Answer) -> Iterator[Served]:
    """A server on a free loopback port, gone afterwards."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            served.requests.append(json.loads(body))
            served.keys.append(self.headers.get("Authorization", ""))
            served.asked.set()
            answer = served.next()
            content = answer.encoded()
            time.sleep(answer.delay_s)
            if answer.sent is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have gone
                self.wfile.write(content[: int(len(content) * answer.sent)])

        def log_message(self, *args: object) -> None:
            """Say nothing: the tests look at what was served."""

    with listening(Handler) as address:
        served = Served(f"{address}/v1", list(answers) or [Answer()])
        yield served


@contextmanager
def silent() -> Iterator[str]:
    """The URL of a port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
