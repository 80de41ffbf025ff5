"""Asks a teacher for one JSON object: by the strictest format that its service takes, read as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from sekft.authors.lenient_json import find
from sekft.models.endpoint import ContextFull, Endpoint, FormatRefused

RUNGS = 3
"""json_schema, json_object, plain text."""
SEED_BITS = 31

Message = dict[str, str]
Schema = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ModelJson:
    """text: as it came, without thoughts. body: the object in it; None where there is none, and `fault` says why."""

    text: str
    body: dict[str, object] | None
    fault: str = ""


class Asker:
    """Asks one endpoint for JSON objects. max_tokens: for one answer, thoughts included."""

    def __init__(self, endpoint: Endpoint, max_tokens: int, temperature: float) -> None:
        self.endpoint = endpoint
        self._max_tokens, self._temperature = max_tokens, temperature
        self._rung = 0

    async def ask(
        self, messages: Sequence[Message], schema: Schema, keys: Sequence[str], purpose: str, seed: int
    ) -> ModelJson:
        """One answer.

        keys:    those that the object should have, by which it is told from others in the answer.
        purpose: what the question is for, the same when it is asked again after an interruption.
        Raises EndpointError and InfraError; a conversation that has become too long is a fault of the answer.
        """
        while True:
            rung = self._rung
            try:
                reply = await self.endpoint.chat(
                    messages,
                    max_tokens=self._max_tokens,
                    temperature=self._temperature,
                    seed=seed % (1 << SEED_BITS),
                    response_format=_format(rung, schema),
                    request_id=purpose,
                    named=True,
                )
            except ContextFull:
                return ModelJson("", None, "the conversation no longer fits")
            except FormatRefused:
                if rung == RUNGS - 1:
                    raise
                self._rung = max(self._rung, rung + 1)  # for every later question, too
                continue
            body, fault = find(reply.text, keys)
            fault += f" (it met the limit of {self._max_tokens} tokens)" if reply.cut else ""
            return ModelJson(reply.text, body, fault)


def _format(rung: int, schema: Schema) -> dict[str, object] | None:
    if rung == 0:
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return {"type": "json_object"} if rung == 1 else None


def prompt(name: str, **slots: str) -> str:
    """The prompt of that file, with every {slot} filled."""
    text = (resources.files("sekft") / "authors" / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    for slot, value in slots.items():
        text = text.replace("{" + slot + "}", value)
    return text.strip() + "\n"
