"""A loopback service that plays a competent teacher, in the forms that real models write.

It composes its answers with the procedural author, so what it means is right; `Mess` is what it does to them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sekft.authors.teacher import composed
from tests.served import Answer

Body = dict[str, Any]
Mess = Callable[[Body], str]
"""An answer's text, made of the content that is meant."""
_AXIS = re.compile(r"^- (\w+): (\w+)\.", re.MULTILINE)


def clean(body: Body) -> str:
    return json.dumps(body)


def fenced(body: Body) -> str:
    return (
        f"Here is the scenario you asked for:\n\n```json\n{json.dumps(body, indent=2)}\n```\n\nI hope {{this}} helps!"
    )


def thinking(body: Body) -> str:
    return '<think>Maybe {"orientation": "no"} … let me see.</think>\n' + json.dumps(body)


def trailing_commas(body: Body) -> str:
    return re.sub(r"\n\s*([}\]])", r",\n\1", json.dumps(body, indent=1)).replace("[,", "[").replace("{,", "{")


def wrong_escapes(body: Body) -> str:
    """Escaped as a shell would, where JSON knows no such escape."""
    return json.dumps(body).replace("$", "\\$").replace("'", "\\'").replace("`", "\\`")


def raw_newlines(body: Body) -> str:
    return re.sub(r"(?<!\\)((?:\\\\)*)\\n", "\\1\n", json.dumps(body))


def bare_quotes(body: Body) -> str:
    """One string with quotes in it that are not escaped."""
    said = json.dumps(body | {"orientation": "MARK"})
    text = json.dumps(body["orientation"])[1:-1]
    return said.replace("MARK", f'{text} It is called "the shell" here.')


def python_words(body: Body) -> str:
    return "scenario = " + repr(body)


def wrapped(body: Body) -> str:
    return json.dumps({"scenario": body, "comment": "as asked"})


def extra_keys(body: Body) -> str:
    files = [file | {"comment": "a fixture"} for file in body["files"]]
    return json.dumps(body | {"files": files, "title": "A scenario", "difficulty": 3})


def missing_field(body: Body) -> str:
    return json.dumps({name: value for name, value in body.items() if name != "needles"})


def wrong_type(body: Body) -> str:
    return json.dumps(body | {"files": [file | {"mode": 0o644} for file in body["files"]]})


def truncated(body: Body) -> str:
    text = json.dumps(body)
    return text[: len(text) // 2]


def refusal(body: Body) -> str:
    return "I'm sorry, but I can't help with writing programs that run commands."


def nothing(body: Body) -> str:
    return ""


def lenient_results(body: Body) -> str:
    """What many models write at first: results that are looked at too little."""
    return json.dumps(body | {"results": [{"path": result["path"], "check": "true"} for result in body["results"]]})


def no_ending(body: Body) -> str:
    return json.dumps(body | {"reference": body["reference"][:-1]})


def outside(body: Body) -> str:
    return json.dumps(body | {"files": [*body["files"], {"path": "/root/../etc/shadow", "content": "x"}]})


def leaking(body: Body) -> str:
    needle = (body["needles"].get("directives") or body["needles"]["evidence"])[0]
    return json.dumps(body | {"login": body["login"] | {"banner": f"{needle}\n"}})


def old_form(body: Body) -> str:
    """As teachers answered for bundles of version 1: one notice, no alternatives, nothing hidden."""
    needles = {name: value for name, value in body["needles"].items() if name != "evidence"}
    notice = next((text for text in body["needles"].get("evidence", []) if isinstance(text, str)), None)
    provider = {name: value for name, value in body["provider"].items() if name != "hidden"}
    kept = {name: value for name, value in body.items() if name != "alternatives"}
    return json.dumps(kept | {"needles": needles | {"notice": notice}, "provider": provider})


def forgets_hidden(body: Body) -> str:
    return json.dumps(body | {"provider": body["provider"] | {"hidden": []}})


def hides_half(body: Body) -> str:
    """The store, but not the program."""
    return json.dumps(body | {"provider": body["provider"] | {"hidden": body["provider"]["hidden"][1:]}})


def hides_the_program_alone(body: Body) -> str:
    """The store can be read by whoever looks for it."""
    program = f"/usr/local/bin/{body['provider']['command']}"
    return json.dumps(body | {"provider": body["provider"] | {"hidden": [program]}})


def strict_results(body: Body) -> str:
    """What many models write, too: a result that wants the mode that the reference happened to leave."""
    return json.dumps(body | {"results": [result | {"mode": "644"} for result in body["results"]]})


def odd_alternative(body: Body) -> str:
    """An alternative that the checker does not know: it leaves a note."""
    commands = [*body["reference"][:-1], "echo done > ~/note"]
    return json.dumps(body | {"alternatives": [{"kind": "with a note", "commands": commands}]})


def strange_evidence(body: Body) -> str:
    """An inspection with a remark of the model's own."""
    looks = [{"target": "/srv", "aspect": "presence", "why": "one would look there"}]
    return json.dumps(
        body | {"needles": body["needles"] | {"evidence": [*body["needles"].get("evidence", []), *looks]}}
    )


READ_AT_ONCE: Sequence[Mess] = (
    clean, fenced, thinking, trailing_commas, wrong_escapes, raw_newlines, bare_quotes, python_words, wrapped,
    extra_keys, old_form, forgets_hidden,
)  # fmt: skip
"""Read as they come."""
REPAIRABLE: Sequence[Mess] = (
    *READ_AT_ONCE, missing_field, wrong_type, truncated, refusal, nothing, lenient_results, no_ending, outside, leaking,
    hides_half, hides_the_program_alone, odd_alternative,
)  # fmt: skip
"""Repairable in principle: read as they come, or put right once the teacher is told."""


_OTHERWISE = {
    "announcement": "It is well known here: {}",
    "remark": "As they say, {}",
    "directive": "Somebody would be glad of this: {}",
    "documentation": "In short, {}",
}


def said_otherwise(row: Body) -> str:
    """A passage reworded by the rules, as far as a fixed beginning goes."""
    return _OTHERWISE[row["kind"]].format(row["text"])


@dataclass
class Teacher:
    """messes: what it does to its first answer of a conversation, its second …; the last one repeats.

    formats: response formats that its service takes; it refuses others with the status `refuses`.
    requests: the JSON bodies seen.
    """

    messes: Sequence[Mess] = (clean,)
    formats: Sequence[str] = ("json_schema", "json_object", "text")
    refuses: int = 400
    requests: list[Body] = field(default_factory=list)
    url: str = ""
    worded: int = 0

    def answer(self, request: Body) -> Answer:
        wanted = request.get("response_format", {"type": "text"})["type"]
        if wanted not in self.formats:
            body = {"error": {"message": f"response_format {wanted} is not supported"}}
            return Answer(json.dumps(body), status=self.refuses)
        said = [message["content"] for message in request["messages"] if message["role"] == "user"]
        if "\nThe texts:\n" in said[0]:
            rows = [json.loads(line) for line in said[0].splitlines() if line.startswith('{"name"')]
            self.worded += 1
            return Answer(
                self.messes[min(self.worded, len(self.messes)) - 1]({row["name"]: said_otherwise(row) for row in rows})
            )
        meant = composed(self.cell(said[0]), 1)  # what a repair leaves out stays
        return Answer(self.messes[min(len(said), len(self.messes)) - 1](meant))

    def cell(self, asked: str) -> dict[str, str]:
        return dict(_AXIS.findall(asked.partition("# What you answer")[0]))


@contextmanager
def teaching(teacher: Teacher) -> Iterator[Teacher]:
    """The teacher at a free loopback port, gone afterwards."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            teacher.requests.append(request)
            answer = teacher.answer(request)
            content = answer.encoded()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing: the tests look at what was served."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    teacher.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield teacher
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
