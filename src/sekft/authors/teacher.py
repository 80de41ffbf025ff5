"""The `teacher` author: a served model writes whole bundles and mends what the gate refuses.

It supplies the content; ids, cell, seed, expected ending and provenance are ours. Nothing of what it writes is trusted:
it is data until it has been validated, and it only ever runs in a sandbox.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from pydantic import ValidationError

from sekft import __version__, taxonomy
from sekft.authors import VOLATILE
from sekft.authors.structured import AskingAuthor, Message, prompt
from sekft.models.endpoint import Endpoint, service
from sekft.protocols import AuthorConfig
from sekft.rejection import Reason, Rejected, read_bundle
from sekft.scenario import BUNDLE_LIMIT_BYTES, Cell, Provenance, Scenario, hidden_paths, migrated, with_evidence
from sekft.seeds import derive, stream
from sekft.shell.plan import plan
from sekft.trajectory import Usage

REQUIRED = (
    "orientation", "login", "files", "provider", "directives", "reference", "checker", "needles", "protected", "probes",
    "alternatives",
)  # fmt: skip
CONTENT = (*REQUIRED, "loose")
"""What a teacher supplies of a bundle."""
MAX_TOKENS = 16_000
REPAIRS = 2
EXAMPLES = 2
EXAMPLE_CHARACTERS = 24_000
EVIDENCE_CHARACTERS = 6_000
NAMES_SHOWN = 60
MOST = {
    "files": 200, "probes": 24, "alternatives": 6, "directives": 12, "protected": 400, "loose": 12,
    "needles.directives": 12, "needles.evidence": 24, "provider.help": 12, "provider.hidden": 40,
}  # fmt: skip
"""Entries of a list. A gate runs every probe, and a sandbox is filled with every file many times over."""
_TRIED_COMMANDS = 40
_ENDINGS = {"work": "exit", "empty": "exit", "blocked": "panic"}


class TeacherAuthor(AskingAuthor):
    name = "teacher"
    usual = Usage(requests=1, prompt_tokens=8_000, completion_tokens=5_000)

    def __init__(self, endpoint: Endpoint, repairs: int = REPAIRS, max_tokens: int = MAX_TOKENS) -> None:
        super().__init__(endpoint, repairs, max_tokens)
        self._known: list[Scenario] = []

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> TeacherDraft:
        question = prompt(
            "teacher", cell=briefs(cell), functions=functions(), used=self._used(), examples=self._examples(cell, seed)
        )
        return TeacherDraft(self, cell, seed, question)

    def met(self, scenario: Scenario) -> None:
        self._known.append(scenario)

    def _used(self) -> str:
        names = [
            name
            for scenario in reversed(self._known)
            for name in (scenario.provider.command, scenario.login.user, scenario.login.host)
        ]
        return ", ".join(list(dict.fromkeys(names))[:NAMES_SHOWN]) or "none so far"

    def _examples(self, cell: Cell, seed: int) -> str:
        """Admitted bundles of other cells, far from this one first; until there are some, a composed one."""
        others = [known for known in self._known if known.cell != dict(cell)] or [_composed(cell, seed)]
        stream(seed, "examples").shuffle(others)
        others.sort(key=lambda other: sum(other.cell.get(axis) == value for axis, value in cell.items()))
        texts: list[str] = []
        room = EXAMPLE_CHARACTERS
        for other in others:
            text = json.dumps(content(other), ensure_ascii=False)
            if len(texts) < EXAMPLES and (len(text) <= room or not texts):
                texts.append(f"{briefs(other.cell)}\n\n{text}")
                room -= len(text)
        return "\n\n".join(texts)


class TeacherDraft:
    """One conversation: the question, then answers and why they were refused."""

    def __init__(self, author: TeacherAuthor, cell: Cell, seed: int, question: str) -> None:
        self._author, self._cell, self._seed = author, cell, seed
        self._body: dict[str, object] = {}
        self._round = 0
        self.exchange: list[Message] = [{"role": "user", "content": question}]

    async def next(self, refused: Rejected | None) -> Scenario | Rejected | None:
        if refused is not None:
            if self._round > self._author.repairs:
                return None
            self.exchange.append({"role": "user", "content": complaint(refused)})
        answer = await self._author.ask(
            self.exchange,
            schema(() if self._body else REQUIRED),
            REQUIRED,
            purpose=f"teacher/{self._seed:x}/{self._round}",
            seed=derive(self._seed, "teacher", self._round),
        )
        self._round += 1
        self.exchange.append({"role": "assistant", "content": answer.text or "(nothing)"})
        if answer.body is None:
            return Rejected(Reason.SCHEMA, answer.fault)
        self._body |= {name: value for name, value in answer.body.items() if name in CONTENT}
        return self._read()

    def _read(self) -> Scenario | Rejected:
        body = whole(self._body, self._cell, self._seed, self._author.endpoint.model)
        if excess := _excess(body):
            return Rejected(Reason.TOO_LARGE, excess)
        bundle = read_bundle(_pruned(body))
        if isinstance(bundle, Rejected):
            return bundle
        hidden = bundle.provider.hidden or hidden_paths(bundle)
        return bundle.sealed(plan=plan(bundle), provider=bundle.provider.model_copy(update={"hidden": hidden}))


def make(config: AuthorConfig) -> TeacherAuthor:
    """The teacher that the environment names (SEKFT_MODEL …). Raises UsageError when it names none."""
    return TeacherAuthor(
        Endpoint(service("teacher"), config.timeout_s), config.repairs, config.answer_tokens or MAX_TOKENS
    )


def whole(content: Mapping[str, object], cell: Cell, seed: int, model: str) -> dict[str, Any]:
    """A teacher's content with the fields that a teacher does not choose."""
    provider, needles = content.get("provider"), content.get("needles")
    said: Mapping[str, object] = content
    if isinstance(needles, dict):
        given = {name: value for name, value in needles.items() if value is not None}
        said = {**content, "needles": with_evidence(given)}
    kind = cell.get("ending", "work")
    return {
        **said,
        "provider": {**provider, "kind": cell.get("provider", "")} if isinstance(provider, dict) else provider,
        "seed": seed,
        "cell": dict(cell),
        "expected": {"terminal": _ENDINGS[kind], "kind": kind},
        "volatile": VOLATILE,
        "family": f"teacher-{seed:x}",
        "provenance": Provenance(author="teacher", model=model, version=__version__).model_dump(),
    }


def content(scenario: Scenario) -> dict[str, object]:
    """The fields of a bundle that a teacher would have written, without default values."""
    scenario = migrated(scenario)
    body = scenario.model_dump(mode="json", include=set(CONTENT), exclude_defaults=True)
    body["provider"] = scenario.provider.model_dump(include={"command", "help", "hidden"})
    body["files"] = [{name: value for name, value in file.items() if name != "mtime"} for file in body["files"]]
    return {name: body[name] for name in CONTENT if name in body}


def schema(required: Sequence[str]) -> dict[str, object]:
    """The JSON Schema of an answer."""
    full = Scenario.model_json_schema()
    return {
        "type": "object",
        "properties": {name: full["properties"][name] for name in CONTENT},
        "required": list(required),
        "additionalProperties": False,
        "$defs": full["$defs"],
    }


def briefs(cell: Cell) -> str:
    """The cell, a line an axis: its value and what it means."""
    axes = taxonomy.load().axes
    known = {axis: axes[axis].values[value].brief for axis, value in cell.items() if value in axes[axis].values}
    return "\n".join(f"- {axis}: {value}. {known.get(axis, '')}".rstrip() for axis, value in cell.items())


def complaint(refused: Rejected) -> str:
    """The message that tells a teacher why its bundle was refused."""
    rows = [f"{name}\n{text}".strip() for name, text in refused.evidence.items()]
    evidence = "\n\n".join(rows)[-EVIDENCE_CHARACTERS:]
    shown = f"What the sandbox showed, command by command:\n\n{evidence}\n" if evidence else ""
    advice = tomllib.loads(_file("advice.toml")).get(refused.reason, "")
    detail = "\n\n".join(filter(None, (refused.detail, advice)))
    return prompt("repair", reason=refused.reason, detail=detail, evidence=shown)


def functions() -> str:
    """What checkers may copy: sh that compares every byte of plain files, and leaves open what directives do."""
    return _file("checker.sh")


def _file(name: str) -> str:
    return (resources.files("sekft") / "authors" / "prompts" / name).read_text(encoding="utf-8")


def _composed(cell: Cell, seed: int) -> Scenario:
    """An example from the procedural author: of eight draws the one whose cell is farthest from this one."""
    from sekft.authors.procedural.author import compose

    axes = taxonomy.load()
    where = {"difficulty": frozenset(("plain",)), "decoy": frozenset(("none",))}
    cells = [axes.cell(seed, at, where) for at in range(8)]
    other = min(cells, key=lambda drawn: sum(drawn[axis] == cell.get(axis) for axis in drawn))
    return compose(other, derive(seed, "example"))


def _excess(body: Mapping[str, Any]) -> str:
    """Which bound the bundle exceeds, in words; empty where it exceeds none."""
    for name, most in MOST.items():
        if len(entries := list(_entries(body, name))) > most:
            return f"{name}: saw {len(entries)} entries, want at most {most}"
    for name in ("probes", "alternatives"):
        for tried in _entries(body, name):
            if len(commands := list(_entries(tried, "commands"))) > _TRIED_COMMANDS:
                return f"{name}: saw one of {len(commands)} commands, want at most {_TRIED_COMMANDS}"
    size = len(json.dumps(body, default=str))
    return f"saw {size} bytes, want at most {BUNDLE_LIMIT_BYTES}" if size > BUNDLE_LIMIT_BYTES else ""


def _entries(body: object, name: str) -> Iterator[Any]:
    """What the list holds that `name` leads to, dot by dot; nothing where no list is."""
    for part in name.split("."):
        body = body.get(part) if isinstance(body, dict) else None
    yield from body if isinstance(body, list) else []


def _pruned(body: dict[str, Any]) -> dict[str, Any]:
    """Without keys that a bundle does not have: models often add some, and they say nothing."""
    try:
        Scenario.model_validate(body)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            if fault["type"] == "extra_forbidden":
                *path, key = fault["loc"]
                inner: Any = body
                for part in path:  # a part that leads nowhere names one of several types of a value
                    inner = inner if isinstance(inner, dict) and part not in inner else inner[part]
                inner.pop(key, None)
    return body
