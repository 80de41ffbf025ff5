"""The `teacher` author: a served model writes whole bundles and mends what the gate refuses.

It supplies the content; ids, cell, seed, expected ending and provenance are ours. Nothing of what it writes is trusted:
it is data until it has been validated, and it only ever runs in a sandbox.
"""

from __future__ import annotations

import copy
import json
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib import resources
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sekft import __version__, taxonomy
from sekft.authors import VOLATILE
from sekft.authors.procedural.author import bundle
from sekft.authors.procedural.sketch import sketch
from sekft.authors.recipes import built, recipes
from sekft.authors.results import Result, checker, measured, results_of
from sekft.authors.structured import AskingAuthor, Message, prompt
from sekft.models.endpoint import Endpoint, service
from sekft.protocols import AuthorConfig, Sandbox
from sekft.rejection import GateFault, Reason, Rejected, faults_of
from sekft.scenario import (
    BUNDLE_LIMIT_BYTES,
    Alternative,
    Cell,
    Directive,
    Frozen,
    Login,
    Needles,
    Probe,
    Provenance,
    Scenario,
    hidden_paths,
    migrated,
    with_evidence,
)
from sekft.seeds import derive, stream
from sekft.shell.plan import plan
from sekft.trajectory import Usage


class Fixture(Frozen):
    """A file as a teacher writes it; `recipes` makes it one of the bundle's."""

    path: str
    kind: Literal["file", "directory", "symlink"] = "file"
    content: str | None = None
    archive: dict[str, str] | None = None
    form: str | None = None
    filler: int | None = None
    target: str | None = None
    mode: str = "0644"
    owner: Literal["agent", "root"] = "agent"
    mtime: str | None = None


class Taught(Frozen):
    """The provider, less what the cell says."""

    command: str
    help: list[str]
    hidden: list[str] = []


class Content(Frozen):
    """What a teacher supplies of a bundle."""

    orientation: str
    login: Login
    files: list[Fixture]
    provider: Taught
    directives: list[Directive]
    reference: list[str]
    results: list[Result]
    needles: Needles
    probes: list[Probe]
    alternatives: list[Alternative]
    loose: list[str] = []
    protected: list[str] = []


CONTENT = tuple(Content.model_fields)
REQUIRED = tuple(name for name, field in Content.model_fields.items() if field.is_required())
_NEUTRAL: Mapping[str, object] = {
    "orientation": "`exit` `panic`", "directives": [], "results": [], "probes": [], "alternatives": [],
}  # fmt: skip
"""What stands for a field that is missing, so that the others can be looked at."""
MAX_TOKENS = 16_000
REPAIRS = 2
EXAMPLES = 2
EXAMPLE_CHARACTERS = 24_000
EVIDENCE_CHARACTERS = 9_000
SHOWN_CHARACTERS = 1_200
"""What one fault may take of them."""
PROMPT_COLUMNS = 124
DRAWS = 24
SHORTEST_OF = 4
_BINARY = ("archive", "unpack", "digest", "verify")
"""Tasks whose composed files are no texts, or hold sums."""
NAMES_SHOWN = 60
MOST = {
    "files": 200, "probes": 24, "alternatives": 6, "directives": 12, "protected": 400, "loose": 12, "results": 80,
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
        self.sandbox: Sandbox | None = None

    def trying(self, sandbox: Sandbox | None) -> None:
        self.sandbox = sandbox

    def begin(self, cell: Cell, seed: int, skin: int = 0) -> TeacherDraft:
        told = userlands(cell.get("userland", "busybox"))
        question = prompt(
            "teacher",
            cell.get("ending", "work"),
            cell=briefs(cell),
            used=self._used(),
            examples=self._examples(cell, seed),
            **told,
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
        """Admitted bundles of cells that share no kind with this one; else a composed one."""
        known = [one for one in self._known if not _alike(one.cell, cell) and not any(f.content_b64 for f in one.files)]
        stream(seed, "examples").shuffle(known)
        others: list[tuple[Cell, dict[str, object]]] = [(one.cell, content(one)) for one in known] or [
            _composed(cell, seed)
        ]
        texts: list[str] = []
        room = EXAMPLE_CHARACTERS
        for other, body in others:
            text = json.dumps(body, ensure_ascii=False)
            if len(texts) < EXAMPLES and (len(text) <= room or not texts):
                texts.append(f"{briefs(other)}\n\n{text}")
                room -= len(text)
        return "\n\n".join(texts)


class TeacherDraft:
    """One conversation: the question, then answers and why they were refused."""

    def __init__(self, author: TeacherAuthor, cell: Cell, seed: int, question: str) -> None:
        self._author, self._cell, self._seed = author, cell, seed
        self._body: dict[str, object] = {}
        self._round = 0
        self._told: tuple[GateFault, ...] = ()
        self.exchange: list[Message] = [{"role": "user", "content": question}]

    async def next(self, refused: Rejected | None) -> Scenario | Rejected | None:
        if refused is not None:
            if self._round > self._author.repairs:
                return None
            self.exchange.append({"role": "user", "content": complaint(refused, self._told)})
            self._told = refused.faults
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
            return Rejected.of([GateFault(Reason.SCHEMA, answer.fault), *self._told])
        self._body |= {name: value for name, value in answer.body.items() if name in CONTENT}
        return await self._read(_misspelt(answer.body))

    async def _read(self, misspelt: Iterable[str]) -> Scenario | Rejected:
        """The bundle that the answers come to so far, or all that is wrong with it before the gate has seen it."""
        cell = self._cell
        body, wrong = built(_pruned(_with_evidence(self._body)), cell.get("userland", "busybox"))
        if excess := _excess(body):
            return Rejected(Reason.TOO_LARGE, excess)
        faults = [GateFault(Reason.SCHEMA, why) for why in (*misspelt, *wrong)]
        body = whole(body, cell, self._seed, self._author.endpoint.model)
        if errors := _errors(body):
            faults += faults_of(errors)
            if _errors(body := _without(body, errors)):
                return Rejected.of(faults)
        scenario, results = _made(body)
        if results and scenario.expected.kind != "work":
            why = f"results: saw {results[0].path}, want an empty list: {scenario.expected.kind} changes nothing"
            faults.append(GateFault(Reason.SCHEMA, why))
        if len(scenario.needles.directives) < len(scenario.directives):
            seen, want = len(scenario.needles.directives), len(scenario.directives)
            faults.append(
                GateFault(Reason.SCHEMA, f"needles.directives: saw {seen}, want one for each of {want} directives")
            )
        if self._author.sandbox is not None:
            scenario, unfit = await measured(scenario, results, self._author.sandbox)
            faults += [GateFault(Reason.SCHEMA, why) for why in unfit]
        return Rejected.of(faults, candidate=scenario) if faults else scenario


def make(config: AuthorConfig) -> TeacherAuthor:
    """The teacher that the environment names (SEKFT_MODEL …). Raises UsageError when it names none."""
    return TeacherAuthor(
        Endpoint(service("teacher"), config.timeout_s), config.repairs, config.answer_tokens or MAX_TOKENS
    )


def whole(content: Mapping[str, object], cell: Cell, seed: int, model: str) -> dict[str, Any]:
    """A teacher's content with the fields that a teacher does not choose."""
    provider = content.get("provider")
    kind = cell.get("ending", "work")
    return {
        **content,
        "provider": {**provider, "kind": cell.get("provider", "")} if isinstance(provider, dict) else provider,
        "seed": seed,
        "cell": dict(cell),
        "expected": {"terminal": _ENDINGS[kind], "kind": kind},
        "volatile": VOLATILE,
        "family": f"teacher-{seed:x}",
        "provenance": Provenance(author="teacher", model=model, version=__version__).model_dump(),
    }


def _misspelt(body: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with the names of fields that we do not know, where one of ours is close; others are left out."""
    for name in body:
        if name not in CONTENT and (meant := get_close_matches(name, CONTENT, 1, 0.8)):
            yield f"{name}: no such field, want {meant[0]}"


class _Results(Frozen):
    results: list[Result]


def _halves(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a scenario is made of, and what its checker is."""
    scenario = {name: value for name, value in body.items() if name != "results"}
    return {**scenario, "checker": ""}, {name: body[name] for name in ("results",) if name in body}


def _errors(body: Mapping[str, Any]) -> list[ErrorDetails]:
    """Every field that is wrong."""
    errors: list[ErrorDetails] = []
    kinds: tuple[type[Frozen], ...] = (Scenario, _Results)
    for kind, half in zip(kinds, _halves(body), strict=True):
        try:
            kind.model_validate(half)
        except ValidationError as error:
            errors += error.errors(include_url=False)
    return errors


def _made(body: Mapping[str, Any]) -> tuple[Scenario, list[Result]]:
    """The scenario, whose checker knows the results alone, and the results. Raises ValidationError."""
    scenario, judged = _halves(body)
    results = _Results.model_validate(judged).results
    made = Scenario.model_validate({**scenario, "checker": checker(results)})
    hidden = made.provider.hidden or hidden_paths(made)
    return made.sealed(plan=plan(made), provider=made.provider.model_copy(update={"hidden": hidden})), results


def content(scenario: Scenario) -> dict[str, object]:
    """The fields of a bundle that a teacher would have written, without default values."""
    scenario = migrated(scenario)
    body = scenario.model_dump(mode="json", include=set(CONTENT), exclude_defaults=True)
    body["provider"] = scenario.provider.model_dump(include={"command", "help", "hidden"})
    body["files"] = [{name: value for name, value in file.items() if name != "mtime"} for file in body["files"]]
    body["results"] = results_of(scenario.checker)
    body |= {name: body.get(name, []) for name in ("probes", "alternatives", "directives")}
    own = {file.path for file in scenario.files}
    for name, kept in (("protected", own), ("loose", {str(row["path"]) for row in body["results"]})):
        body[name] = [path for path in body.get(name, []) if path not in kept]
    texts = {name: value for name, value in body.items() if name != "files"}
    shown = {**recipes(texts, body["files"]), "files": body["files"]}
    return {name: shown[name] for name in CONTENT if name in REQUIRED or shown.get(name)}


def composed(cell: Cell, seed: int) -> dict[str, object]:
    """What a teacher would have written of the scenario that the procedural author composes."""
    draft = sketch(cell, seed)
    scenario = bundle(draft, cell, seed)
    done = draft.jobs[: len(draft.waiting)] if draft.ending == "work" else ()
    fixtures = {file.data for file in scenario.files}
    after = [file for job in done for file in job.after if file.kind == "file" and file.data not in fixtures]
    results: list[dict[str, str]] = [
        {"path": file.path, "text": (file.content or "").removesuffix("\n")} for file in after
    ]
    judged = [item for job in done for item in job.judged.items()]
    results += [{"path": path, "check": line} for path, line in judged if "readlink" not in line]  # a link is measured
    told = {**content(scenario), "results": results}
    told.pop("loose", None)
    return told


def schema(required: Sequence[str]) -> dict[str, object]:
    """The JSON Schema of an answer."""
    full: dict[str, object] = _untitled(Content.model_json_schema())
    return {**full, "required": list(required)}


def _untitled(schema: Any) -> Any:
    """Without the titles and docstrings that our types bring along: the prompt tells what each field is."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    told = {
        name: value
        for name, value in schema.items()
        if not (name in ("title", "description") and isinstance(value, str))
    }
    return {name: _untitled(value) for name, value in told.items()}


def briefs(cell: Cell) -> str:
    """The cell, a line an axis: its value and what it means."""
    axes = taxonomy.load().axes
    known = {axis: axes[axis].values[value].brief for axis, value in cell.items() if value in axes[axis].values}
    return "\n".join(f"- {axis}: {value}. {known.get(axis, '')}".rstrip() for axis, value in cell.items())


def complaint(refused: Rejected, before: Sequence[GateFault] = ()) -> str:
    """The message that tells a teacher all that is wrong with its bundle. before: what it was told the last time."""
    advice = tomllib.loads(_file("advice.toml"))
    known = {(fault.reason, fault.detail) for fault in before}
    rows: list[str] = []
    room, advised = EVIDENCE_CHARACTERS, set[str]()
    shown_once: set[str] = set()
    for number, fault in enumerate(refused.faults, 1):
        again = " (told before, and still so)" if (fault.reason, fault.detail) in known else ""
        row = f"{number}. {fault.reason}{again}: {fault.detail}"
        if fault.shown and fault.shown not in shown_once and room > 0:
            told = _tail(fault.shown, min(room, SHOWN_CHARACTERS))
            row += f"\n{textwrap.indent(told.strip(), '   ')}"
            room -= len(told)
        shown_once.add(fault.shown)
        if fault.reason in advice and fault.reason not in advised:
            row += f"\n   {' '.join(advice[fault.reason].split())}"
            advised.add(fault.reason)
        rows.append(row)
    count = "one fault" if len(rows) == 1 else f"{len(rows)} faults"
    return prompt("repair", count=count, faults="\n".join(rows))


def _tail(text: str, most: int) -> str:
    """The last lines that fit, and a sign where some are left out."""
    return text if len(text) <= most else "…\n" + text[-most:].partition("\n")[2]


def userlands(name: str) -> dict[str, str]:
    """What there is to type, and what it says when it cannot: the slots of the prompt that tell it."""
    told = tomllib.loads(_file("userlands.toml"))
    rows = [f"- {row['typed']}: {row['busybox']} | {row['gnu']}" for row in told["messages"]]
    tools = {key: " ".join(text.split()) for key, text in told["tools"][name].items()}
    said = "{named}, among them {has}. Not there: {lacks}.".format(**tools)
    return {"tools": textwrap.fill(said, PROMPT_COLUMNS), "messages": "\n".join(rows)}


def _file(name: str) -> str:
    return (resources.files("sekft") / "authors" / "prompts" / name).read_text(encoding="utf-8")


_SURFACE = ("announcement", "provider", "syntax", "layout", "documentation", "task")


def _alike(one: Cell, other: Cell) -> bool:
    """Whether two cells share a kind that one would copy from."""
    return any(axis in one and one[axis] == other.get(axis) for axis in _SURFACE)


def _composed(cell: Cell, seed: int) -> tuple[dict[str, str], dict[str, object]]:
    """An example from the procedural author, of a cell that shares no kind with this one: the shortest of a few."""
    axes = taxonomy.load()
    where = {"difficulty": frozenset(("plain",)), "decoy": frozenset(("none",)), "ending": frozenset(("work",))}
    cells = (axes.cell(seed, at, where) for at in range(DRAWS))
    drawn = [other for other in cells if not _alike(other, cell) and other["task"] not in _BINARY]
    made = [(other, composed(other, derive(seed, "example"))) for other in drawn]
    telling = [example for example in made if example[1]["results"]][:SHORTEST_OF]
    return min(telling, key=lambda example: len(json.dumps(example[1])))


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


def _with_evidence(body: Mapping[str, object]) -> dict[str, Any]:
    """With a notice, as bundles of version 1 have one, as evidence."""
    needles = body.get("needles")
    if not isinstance(needles, dict):
        return dict(body)
    return {**body, "needles": with_evidence({name: value for name, value in needles.items() if value is not None})}


def _without(body: Mapping[str, Any], errors: Sequence[ErrorDetails]) -> dict[str, Any]:
    """With what is wrong left out, as far as there is something to do without, so that the rest can be looked at."""
    left = {**_NEUTRAL, **copy.deepcopy(dict(body))}
    ways = {tuple(_way(body, error["loc"])) for error in errors}
    items = {way[: max(at for at, part in enumerate(way) if isinstance(part, int)) + 1] for way in ways if _listed(way)}
    for way in sorted(ways - items, key=str):
        inner = _inner(left, way[:-1])
        if way[-1:] and way[-1] in _OPTIONAL and isinstance(inner, dict):
            inner.pop(way[-1], None)
            items.discard(way[:-1])
        elif way and way[0] in _NEUTRAL and len(way) == 1:
            left[str(way[0])] = _NEUTRAL[str(way[0])]
    for way in sorted(items, key=lambda way: [str(part).zfill(6) for part in way], reverse=True):
        inner = _inner(left, way[:-1])
        if isinstance(inner, list):
            del inner[int(way[-1])]
    return left


_OPTIONAL = ("mode", "owner", "mtime")
"""Fields of a file that it can do without."""

_Way = tuple[int | str, ...]


def _listed(way: _Way) -> bool:
    return any(isinstance(part, int) for part in way)


def _inner(body: Any, way: _Way) -> Any:
    for part in way:
        body = body[part]
    return body


def _way(body: Any, loc: _Way) -> Iterator[int | str]:
    """The way to what is wrong: a part that leads nowhere names one of several types of a value."""
    for at, part in enumerate(loc):
        known = (isinstance(body, dict) and part in body) or (isinstance(body, list) and isinstance(part, int))
        if known or (at == len(loc) - 1 and isinstance(body, dict)):
            yield part
            body = body[part] if known else None


def _pruned(given: Mapping[str, Any]) -> dict[str, Any]:
    """Without keys that an answer does not have: models often add some, and they say nothing."""
    body = copy.deepcopy(dict(given))
    try:
        Content.model_validate(body)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            if fault["type"] == "extra_forbidden" and fault["loc"][-1] != "content_b64":  # none is asked for
                way = tuple(_way(body, fault["loc"]))
                _inner(body, way[:-1]).pop(way[-1], None)
    return body
