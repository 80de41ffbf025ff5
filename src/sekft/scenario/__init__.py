"""The scenario bundle: one frozen JSON file that holds everything about one landing.

The field names are a contract (docs/schemas/scenario.schema.json). The id hashes the
canonical JSON without id, gate, provenance and split, so that the same scenario has the
same id whoever authored it and whenever it was gated.

A bundle of schema version 1 keeps its version, its id and its JSON. In memory its one `notice` is a text of `evidence`,
and the provider's store is found from its program.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from sekft.errors import BundleError
from sekft.scenario.bounds import (
    PATH_BYTES,
    TIME_S,
    WRITABLE_ROOTS,
    environment,
    folders_are_folders,
    plain_text,
    sandbox_path,
)

SCHEMA_VERSION: Final = 1
"""Of every noun but the scenario."""
BUNDLE_VERSION: Final = 2
BUNDLE_LIMIT_BYTES = 1 << 20
GATE_BYTES = 1 << 16
"""Room for the report that the gate adds to a bundle of the full size."""
UNHASHED = ("id", "gate", "provenance", "split")

Cell = Mapping[str, str]
Ending = Literal["exit", "panic"]
ExpectedKind = Literal["work", "empty", "blocked"]
NounT = TypeVar("NounT", bound=BaseModel)

SandboxPath = Annotated[str, plain_text(PATH_BYTES), AfterValidator(sandbox_path)]
Mode = Annotated[str, Field(pattern=r"^0[0-7]{3}$")]


class Frozen(BaseModel):
    """A value: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class File(Frozen):
    """One fixture. `owner` root means that the agent can neither change nor remove it."""

    path: SandboxPath
    kind: Literal["file", "directory", "symlink"] = "file"
    content: str | None = None
    content_b64: str | None = None
    target: Annotated[str, plain_text(PATH_BYTES), Field(min_length=1)] | None = None
    mode: Mode = "0644"
    owner: Literal["agent", "root"] = "agent"
    mtime: Annotated[int, Field(ge=-TIME_S, le=TIME_S)] = 1700000000

    @model_validator(mode="after")
    def _one_body(self) -> File:
        given = {name for name in ("content", "content_b64", "target") if getattr(self, name) is not None}
        wanted = {"file": ({"content"}, {"content_b64"}), "directory": (set(),), "symlink": ({"target"},)}
        if given not in wanted[self.kind]:
            raise ValueError(f"a {self.kind} has {sorted(given) or 'no body'}, want {wanted[self.kind]}")
        if self.content_b64 is not None:
            base64.b64decode(self.content_b64, validate=True)
        return self

    @property
    def data(self) -> bytes:
        """The bytes of a file; empty for a directory or a symlink."""
        if self.content_b64 is not None:
            return base64.b64decode(self.content_b64)
        return (self.content or "").encode()


class Login(Frozen):
    """Who lands where and what is printed; motd and banner also exist as files."""

    user: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
    host: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    home: SandboxPath
    motd: Annotated[str, plain_text(1 << 14)] = ""
    banner: Annotated[str, plain_text(1 << 14)] = ""
    env: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Annotated[str, plain_text(1 << 14)]],
        Field(max_length=256),
        AfterValidator(environment),
    ] = {}
    prompt: Annotated[str, plain_text(1000)] = "$ "


class Provider(Frozen):
    """The program in the sandbox that serves the directives and documents itself.

    help:      commands that show its documentation, as typed.
    interface: the drawn parts of the interface (syntax, verbs, options …), for novelty figures.
    hidden:    fixtures that the provider alone reaches: its programs (files with an execute bit) and its store. The
               sandbox runs the programs on the agent's behalf, as a service would be.
    """

    command: str
    kind: str
    help: list[str]
    interface: dict[str, str] = {}
    hidden: list[SandboxPath] = []


class Directive(Frozen):
    """What is asked, as the provider prints it."""

    id: str
    text: str


class Expected(Frozen):
    terminal: Ending
    kind: ExpectedKind

    @model_validator(mode="after")
    def _agree(self) -> Expected:
        wanted = "panic" if self.kind == "blocked" else "exit"
        if self.terminal != wanted:
            raise ValueError(f"{self.kind} ends in {self.terminal}, want {wanted}")
        return self


class Inspection(Frozen):
    """A look at the very thing that decides, whatever it prints: a command that names it and gets an answer.

    target: an absolute path, or the name of a program; several paths joined by ":" where only a look at each one tells.
    aspect: what must be looked at. presence: the path itself, or a listing of its folder. access: the path, its folder,
            or the mounts. content: what the file holds. digest: its checksum. program: whether it is installed.
            answer: what the provider says, be it nothing; the target is its program and words that the call names.
    """

    target: str
    aspect: Literal["presence", "access", "content", "digest", "program", "answer"]


class Needles(Frozen):
    """Short texts whose appearance in an output proves what the operator was shown.

    evidence: what shows that the queue is empty or the work blocked: texts, and looks at the thing itself. Once the
              directives are known, any one of them earns the ending. None for work.
    """

    announcement: str
    documentation: str
    directives: list[str] = []
    evidence: list[str | Inspection] = []

    @property
    def texts(self) -> list[str]:
        """The evidence that an output may show."""
        return [item for item in self.evidence if isinstance(item, str)]

    @property
    def inspections(self) -> list[Inspection]:
        return [item for item in self.evidence if isinstance(item, Inspection)]

    @property
    def secrets(self) -> list[str]:
        """What nothing may show before the provider is first run: the directives, or that there are none to be had."""
        return self.directives or self.texts


def with_evidence(needles: Mapping[str, Any]) -> dict[str, Any]:
    """Needles in the form of version 1, with one notice, as those of today; evidence that they have stays."""
    notice = needles.get("notice")
    kept = {name: value for name, value in needles.items() if name != "notice"}
    return {"evidence": [] if notice is None else [notice], **kept}


class Probe(Frozen):
    """A wrong solution that the checker must reject."""

    kind: str
    commands: list[str]


class Alternative(Frozen):
    """Another right solution, which the checker must accept; the commands are typed instead of the reference.

    Where nothing is to be done, they also earn the ending, which they leave out.
    """

    kind: str
    commands: list[str]


class PlanStep(Frozen):
    """One goal of the plan and the ways to reach it; each way is a list of commands.

    The reference takes the first way of each step. The explorer chooses among them, and
    types one only when every token of it is grounded.
    mistakes: commands that go wrong right before the step, as people make them.
    """

    goal: Literal["look", "learn", "retrieve", "execute", "acknowledge", "confirm", "end"]
    ways: list[list[str]]
    mistakes: list[str] = []


class Provenance(Frozen):
    """Who made it. mended: why earlier candidates of the same draw were refused, in order. note: the author's own."""

    author: str
    model: str | None = None
    version: str = ""
    slot: int | None = None
    attempt: int | None = None
    mended: list[str] = []
    note: str | None = None


class GateReport(Frozen):
    """What the gate proved. `mode` structural means that nothing was run.

    mutants:    wrong solutions tried; equivalent: those of them whose end state is the reference's.
    survivors:  those that the checker let pass; a scenario with one is rejected.
    kill_rate:  share of the mutants that are not equivalent that the checker refused; None where there was none.
    right:      right solutions tried beside the reference.
    refused:    those of them that were not accepted; a scenario with one is rejected.
    """

    mode: Literal["sandbox", "structural"]
    backend: str | None = None
    userland_digest: str | None = None
    checks: list[str] = []
    mutants: int = 0
    equivalent: int = 0
    survivors: list[str] = []
    kill_rate: float | None = None
    right: int = 0
    refused: list[str] = []


class Scenario(Frozen):
    """One host to land in: fixtures, provider, announcement, checker, reference, expected ending.

    loose: paths whose bytes may differ between two right runs (archives, say); the checker judges what they hold.
    """

    schema_version: Literal[1, 2] = BUNDLE_VERSION
    id: str = ""
    seed: int
    cell: dict[str, str]
    orientation: str
    login: Login
    files: Annotated[list[File], Field(max_length=2048)]
    provider: Provider
    directives: list[Directive]
    expected: Expected
    checker: str
    reference: list[str]
    needles: Needles
    plan: list[PlanStep] = []
    protected: Annotated[list[str], Field(max_length=1024)] = []
    volatile: Annotated[list[str], Field(max_length=1024)] = []
    loose: Annotated[list[str], Field(max_length=1024)] = []
    probes: list[Probe] = []
    alternatives: list[Alternative] = []
    split: str = "train"
    family: str
    twin_of: str | None = None
    reskin_of: str | None = None
    provenance: Provenance
    gate: GateReport | None = None

    @model_validator(mode="before")
    @classmethod
    def _upgraded(cls, body: Any) -> Any:
        """A bundle of version 1 as one of today, but for its version."""
        needles = body.get("needles") if isinstance(body, dict) and body.get("schema_version") == 1 else None
        if not isinstance(needles, dict) or "evidence" in needles:
            return body
        return {**body, "needles": with_evidence(needles)}

    @model_serializer(mode="wrap")
    def _as_stored(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What a bundle of version 1 did not have is left out of it."""
        body: dict[str, Any] = serialize(self)
        if self.schema_version == 1:
            body.pop("alternatives", None)
            body["provider"].pop("hidden", None)
            body["needles"].pop("evidence", None)
            body["needles"]["notice"] = next(iter(self.needles.texts), None)
            if body.get("gate"):
                body["gate"] = {key: value for key, value in body["gate"].items() if key not in ("right", "refused")}
        return body

    @model_validator(mode="after")
    def _paths_are_unique(self) -> Scenario:
        seen: set[str] = set()
        for file in self.files:
            if file.path in seen:
                raise ValueError(f"files: {file.path!r} given twice")
            seen.add(file.path)
        return self

    @model_validator(mode="after")
    def _folders_are_folders(self) -> Scenario:
        folders_are_folders(self.login.home, {file.path: file.kind for file in self.files})
        return self

    @cached_property
    def content_id(self) -> str:
        """The id that this content must carry: 16 hex digits of SHA-256."""
        body = self.model_dump(mode="json", exclude=set(UNHASHED))
        return hashlib.sha256(canonical(body)).hexdigest()[:16]

    def sealed(self, **changes: Any) -> Scenario:
        """A copy with these changes and the id that its content demands."""
        copy = self.model_copy(update=changes)
        for derived in ("content_id", "hidden"):
            copy.__dict__.pop(derived, None)
        return copy.model_copy(update={"id": copy.content_id})

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"

    @property
    def userland(self) -> str:
        return self.cell.get("userland", "busybox")

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """The paths that only the provider reaches; see Provider."""
        return tuple(self.provider.hidden if self.schema_version > 1 else hidden_paths(self))


_ASSIGNED = re.compile(r"""^\s*(?:\w+=|cd )["']?(/[\w./+-]+)""", re.MULTILINE)
_PATH = re.compile(r"/[\w./+-]+")


def hidden_paths(scenario: Scenario) -> list[str]:
    """The provider's programs, and the folders and files that their text assigns to a variable or changes to.

    What the reference, the documentation or a directive names is the operator's own, and so is what holds it. A folder
    that holds such files alone is hidden whole: a hidden file can be written, but no other can take its place.
    """
    programs = hidden_programs(scenario)
    texts = [*scenario.reference, *scenario.provider.help, *(directive.text for directive in scenario.directives)]
    own = {path.rstrip("./") for text in texts for path in _PATH.findall(text)}
    assigned = {path.rstrip("./") for text in programs.values() for path in _ASSIGNED.findall(text)}
    store = {path for root in assigned for path in _apart(root, scenario.files, own, scenario.login.home)}
    folders = {
        posixpath.dirname(path) for path in store & {file.path for file in scenario.files if file.kind == "file"}
    }
    for folder in folders - {scenario.login.home, *WRITABLE_ROOTS}:
        inside = {file.path for file in scenario.files if file.kind != "directory" and covers(folder, file.path)}
        if inside <= store and not any(covers(folder, path) or covers(path, folder) for path in own):
            store = store - inside | {folder}
    name = posixpath.basename(scenario.provider.command)
    own_folders = {posixpath.dirname(path) for path in store if posixpath.basename(posixpath.dirname(path)) == name}
    for folder in own_folders:
        if not any(covers(folder, path) for path in (*own, scenario.login.home)):
            store = {path for path in store if not covers(folder, path)} | {folder}
    return sorted(programs.keys() | store)


def hidden_programs(scenario: Scenario) -> dict[str, str]:
    """path → text of the provider's programs among the fixtures: `TOOL`, and those of its own, `TOOL-VERB`."""
    name = posixpath.basename(scenario.provider.command)
    return {
        file.path: file.content or ""
        for file in scenario.files
        if file.kind == "file"
        and int(file.mode, 8) & 0o111
        and (posixpath.basename(file.path) == name or posixpath.basename(file.path).startswith(f"{name}-"))
    }


def covers(root: str, path: str) -> bool:
    """Whether the path is the root or lies below it."""
    return path == root or path.startswith(root + "/")


def _apart(root: str, files: Sequence[File], own: set[str], home: str) -> Iterator[str]:
    """The root, or as many of the fixtures below it as hold nothing that the operator works with."""
    if any(covers(path, root) for path in own) or root == home:
        return
    below = [file for file in files if covers(root, file.path)]
    if any(covers(root, path) for path in (*own, home)):
        for child in {root + "/" + file.path[len(root) + 1 :].split("/")[0] for file in below if file.path != root}:
            yield from _apart(child, files, own, home)
    elif below:
        yield root


def migrated(scenario: Scenario) -> Scenario:
    """A bundle of version 1 as one of today, with an id of its own and no gate report: today's gate must admit it.

    Its notice becomes evidence, and its provider's programs and store are hidden. Its checker stays as it is.
    """
    if scenario.schema_version == BUNDLE_VERSION:
        return scenario
    note = "; ".join(filter(None, [scenario.provenance.note, f"migrated from {scenario.id}"]))
    return scenario.sealed(
        schema_version=BUNDLE_VERSION,
        provider=scenario.provider.model_copy(update={"hidden": hidden_paths(scenario)}),
        provenance=scenario.provenance.model_copy(update={"note": note}),
        gate=None,
    )


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: what an id hashes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def load_scenario(path: Path) -> Scenario:
    """Read one bundle. Raises BundleError naming file, field, value seen and value wanted."""
    with suppress(OSError):  # which reading it will tell
        if (size := path.stat().st_size) > BUNDLE_LIMIT_BYTES + GATE_BYTES:
            raise BundleError(f"{path}: saw {size} bytes, want at most {BUNDLE_LIMIT_BYTES}")
    return _with_its_id(load_noun(Scenario, path), path)


def parse_scenario(text: str, where: str) -> Scenario:
    """The bundle that a text holds, as a row of an export does. where: names the row in errors. Raises BundleError."""
    if (size := len(text.encode(errors="replace"))) > BUNDLE_LIMIT_BYTES + GATE_BYTES:
        raise BundleError(f"{where}: saw {size} bytes, want at most {BUNDLE_LIMIT_BYTES}")
    return _with_its_id(parse_noun(Scenario, text, where), where)


def _with_its_id(scenario: Scenario, where: Path | str) -> Scenario:
    if scenario.id != scenario.content_id:
        raise BundleError(f"{where}: id: saw {scenario.id!r}, want {scenario.content_id!r} (the content's hash)")
    return scenario


def load_noun(kind: type[NounT], path: Path) -> NounT:
    """Read one JSON file as that noun, with its schema version checked first."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: cannot be read: {error}") from error
    return parse_noun(kind, text, path)


def parse_noun(kind: type[NounT], text: str, path: Path | str) -> NounT:
    """The same of a text. path: names it in errors."""
    with suppress(ValidationError):  # twice as fast as through Python's objects, which say better what is wrong
        noun = kind.model_validate_json(text)
        if "schema_version" in noun.model_fields_set:
            return noun
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise BundleError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}, want JSON") from error
    if not isinstance(body, dict):
        raise BundleError(f"{path}: saw a {type(body).__name__}, want a JSON object")
    version, newest = body.get("schema_version"), kind.model_fields["schema_version"].default
    if not isinstance(version, int) or not 1 <= version <= newest:
        why = f"is it a {kind.__name__.lower()}?" if version is None else "a newer sekft wrote it?"
        raise BundleError(f"{path}: schema_version: saw {version!r}, want 1 to {newest} ({why})")
    if "turns" in body and "turns" not in kind.model_fields:
        raise BundleError(f"{path}: a trajectory, want a {kind.__name__.lower()}")
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise BundleError(f"{path}: {explain(error)}") from error


def explain(error: ValidationError) -> str:
    """The first problem as `field: saw VALUE, want WHAT`, and how many more there are."""
    first, *others = map(explained, error.errors(include_url=False))
    return first + (f" (and {len(others)} more)" if others else "")


def explained(fault: ErrorDetails) -> str:
    """One problem as `field: saw VALUE, want WHAT`."""
    field = ".".join(str(part) for part in fault["loc"]) or "(whole object)"
    seen = "nothing" if fault["type"] == "missing" else repr(fault["input"])[:80]
    return f"{field}: saw {seen}, want: {fault['msg']}"
