"""What a run folder holds, as a person reads it in a terminal: a scenario, a trajectory, a rejected draft, a row."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sekft import operators, sandboxes
from sekft.cli.tables import all_visible, bad, bold, columns, dim, good, one_line, ruled, table, visible, wrapped
from sekft.errors import BundleError, SandboxUnavailable, UsageError
from sekft.evaluation.metrics import mistakes, repair
from sekft.folder import Layout
from sekft.folder.entries import Entry
from sekft.protocols import OperatorConfig
from sekft.rejection import Rejection
from sekft.rollouts.rollout import rollout
from sekft.scenario import File, Scenario, parse_scenario
from sekft.trajectory import Mechanism, StoredRollout, Trajectory, Turn, closed, covered
from sekft.viewer.meanings import MARKS, MEANINGS, announced

CONTENT_LINES = 12
MARGIN = 16
"""Columns before a line of a session: the mark, the turn, a rule."""
RECOVERY_SHARE = "recovery_share"
"""The setting of an operator that makes mistakes on purpose."""
LARGEST_BYTES = 64 << 20
"""Of one JSON file; nothing that sekft writes comes near."""
ROWS = (".jsonl", ".parquet")
WANTED = "a scenario, a trajectory, a rejected draft, rows of pairs or of an export (.jsonl, .parquet), or a folder"
Look = Callable[[Scenario], Sequence[Turn]]
LACKS = "mechanism lacks "
_LISTED = re.compile(r"([0-9a-f]{64}  |[0-7]{3,4} )/")


def look(scenario: Scenario) -> Sequence[Turn]:
    """The landing and the tool's help as they show in a fresh sandbox; nothing where none can run."""
    asker = scenario.model_copy(update={"reference": scenario.provider.help})
    try:
        replay = operators.make("reference", OperatorConfig())
        return asyncio.run(rollout(asker, sandboxes.pick("auto"), replay, sample=0, seed=0)).turns
    except (SandboxUnavailable, BundleError):
        return ()


def show(entry: Entry, form: str = "text", look: Look = lambda _: (), row: int = 1) -> str:
    """The document as text, or a trajectory as its deploy-form messages.

    look: lands in a scenario and asks the tool for its help; without it the tool's text is shown.
    row:  which one of a file of rows, from 1.
    Raises UsageError for a file that is none of these, BundleError for a broken one.
    """
    path = entry.path
    if path.suffix in ROWS:
        return row_text(path, row)
    noun = _read(entry)
    if form == "messages":
        if not isinstance(noun, Trajectory):
            raise UsageError(f"{path}: --as messages wants a trajectory")
        if not noun.turns:
            raise UsageError(f"{path}: no turns: {noun.ending.reason}")
        return json.dumps(noun.messages(), ensure_ascii=False, indent=1) + "\n"
    if isinstance(noun, Trajectory):
        bundle = Layout.around(path).bundle(noun.scenario_id)
        return trajectory_text(all_visible(noun), bundle.scenario() if bundle else None)
    if isinstance(noun, Rejection):
        return rejection_text(all_visible(noun))
    return scenario_text(all_visible(noun), all_visible(list(look(noun))))


def _read(entry: Entry) -> Scenario | Trajectory | Rejection:
    path = entry.path
    if entry.shard is None and (size := path.stat().st_size) > LARGEST_BYTES:
        raise UsageError(f"{path}: {size >> 20} MiB; want at most {LARGEST_BYTES >> 20} MiB: {WANTED}")
    try:
        body = json.loads(entry.line().decode())
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{path}: no JSON that can be read ({why}); want {WANTED}") from error
    fields = body.keys() if isinstance(body, dict) else set()
    if "turns" in fields:
        return entry.trajectory()
    if "reason" in fields and "slot" in fields:
        return entry.load(Rejection)
    if fields & {"checker", "provider"}:
        return entry.scenario()
    raise UsageError(f"{path}: holds none of these; want {WANTED}")


def row_text(path: Path, number: int) -> str:
    """One row of a file of them: its conversations side after side, then its other fields; a bundle as a scenario."""
    body, count = _row(path, number)
    parts = [ruled(f"row {number} of {count}")]
    if isinstance(bundle := body.get("bundle"), str):
        return parts[0] + scenario_text(all_visible(parse_scenario(bundle, f"{path}: row {number}")))
    for name, value in body.items():
        if _are_messages(value):
            parts.append(ruled(name))
            parts += [f"{dim(message['role'] + ':')} {closed(visible(message['content']))}" for message in value]
    others = {name: value for name, value in body.items() if not _are_messages(value) and value is not None}
    parts.append(ruled("fields"))
    parts.append(table({name: visible(_value(value)) for name, value in others.items()}))
    return "".join(parts)


def _row(path: Path, number: int) -> tuple[dict[str, Any], int]:
    """The row of that number, from 1, and how many there are. Raises UsageError for one that there is not."""
    try:
        count, row_at = _parquet_rows(path) if path.suffix == ".parquet" else _json_rows(path)
        if not 1 <= number <= count:
            raise UsageError(f"{path}: no row {number}; want 1 to {count}" if count else f"{path}: holds no rows")
        body = row_at(number - 1)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: row {number} cannot be read ({error}); want {WANTED}") from error
    if not isinstance(body, dict):
        raise UsageError(f"{path}: row {number} is a {type(body).__name__}; want a JSON object")
    return body, count


Rows = tuple[int, Callable[[int], Any]]
"""How many there are, and what gives one by its number, from 0."""


def _json_rows(path: Path) -> Rows:
    lines = path.read_text(encoding="utf-8").splitlines()
    return len(lines), lambda number: json.loads(lines[number])


def _parquet_rows(path: Path) -> Rows:
    from pyarrow import ArrowInvalid, parquet

    try:
        table = parquet.read_table(path)
    except ArrowInvalid as error:
        raise UsageError(f"{path}: cannot be read as Parquet: {error}") from error
    return table.num_rows, lambda number: table.slice(number, 1).to_pylist()[0]


def _are_messages(value: object) -> bool:
    messages = value if isinstance(value, list) else []
    return bool(messages) and all(isinstance(each, dict) and {"role", "content"} <= each.keys() for each in messages)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def rollouts_text(folder: Path, found: Sequence[Entry]) -> str:
    """One scenario's rollouts: how each ended."""
    read = [(entry, entry.trajectory()) for entry in found]
    rows = {
        entry.path.name: f"{(good if made.keep else bad)(made.outcome)}, {len(made.turns) // 2} actions"
        for entry, made in read
    }
    return ruled(f"rollouts of {folder.name}") + table(rows) + dim(f"sekft show {found[0]}  # one of them") + "\n"


def scenario_text(scenario: Scenario, screen: Sequence[Turn] = ()) -> str:
    """What an operator meets, what it is asked, what solves it, what checks it, what proves that.

    screen: the landing and the tool's help as they showed in a sandbox.
    """
    made_by = " ".join(filter(None, (scenario.provenance.author, scenario.provenance.model)))
    facts = {
        "id": scenario.id,
        "cell": " ".join(f"{axis}={value}" for axis, value in scenario.cell.items()),
        "expected": f"{bold(scenario.expected.terminal)} ({scenario.expected.kind})",
        "announced": "\n".join(_announced(scenario)) or bad("nowhere at login"),
        "tool": f"{bold(scenario.provider.command)} ({scenario.provider.kind})",
        "interface": " ".join(f"{part}={value}" for part, value in scenario.provider.interface.items()),
        "environment": visible("\n".join(f"{name}={value}" for name, value in scenario.login.env.items())),
        "author": f"{made_by}, seed {scenario.seed}",
        "mended": ", ".join(scenario.provenance.mended),
        "note": scenario.provenance.note or "",
    }
    login, provider = scenario.login, scenario.provider
    fixtures = (
        scenario.files if not screen else [file for file in scenario.files if not _documents_itself(scenario, file)]
    )
    return "".join(
        (
            table(facts),
            ruled("orientation (the system message)"),
            closed(visible(scenario.orientation)),
            ruled(f"{login.user}@{login.host} lands" + (f", and asks {provider.command}" if screen else "")),
            session(screen) or closed(visible(login.banner + login.motd)),
            ruled("directives"),
            *_directives(scenario),
            ruled("reference"),
            *(f"{dim('$')} {bold(visible(command))}\n" for command in scenario.reference),
            ruled("checker (exit 0 passes)"),
            *_checker(scenario.checker),
            ruled("files"),
            *(_file(scenario, file) for file in fixtures),
            ruled("gate"),
            _gate(scenario),
        )
    )


def _announced(scenario: Scenario) -> Iterator[str]:
    """Every place that holds the announcement, with its line."""
    yield from (f"{one_line(place)}: {visible(line)}" for place, line in announced(scenario))


def _directives(scenario: Scenario) -> Iterator[str]:
    yield from (f"{directive.id}: {visible(directive.text)}\n" for directive in scenario.directives)
    if not scenario.directives:
        yield dim("none: nothing is to be done") + "\n"
    label = "what shows that there is none" if scenario.expected.kind == "empty" else "what shows the block"
    for text in scenario.needles.texts:
        yield f"{dim(f'{label}:')} {visible(text)}\n"
    for inspection in scenario.needles.inspections:
        yield f"{dim(f'{label}:')} a look at {visible(inspection.target)} ({inspection.aspect})\n"


def _checker(script: str) -> Iterator[str]:
    """The script, a run of modes and digests of single files told in one line."""
    listed = 0
    for line in visible(script).splitlines():
        if _LISTED.match(line):
            listed += 1
            continue
        yield from _folded(listed)
        listed = 0
        yield f"{line}\n"
    yield from _folded(listed)


def _folded(lines: int) -> Iterator[str]:
    if lines:
        yield dim(f"… {lines} lines: the mode or the digest of each path (--json shows them)") + "\n"


def rejection_text(rejection: Rejection) -> str:
    """The reason first, then the outputs that show it, then the bundle."""
    facts = {
        "rejected": bad(rejection.reason),
        "because": visible(rejection.detail),
        "slot": f"{rejection.slot}, attempt {rejection.attempt}",
    }
    if len(rejection.faults) > 1:
        facts |= {f"fault {at}": visible(fault) for at, fault in enumerate(rejection.faults[1:], 2)}
    evidence = "".join(f"{ruled(name)}{closed(visible(text))}" for name, text in rejection.evidence.items())
    bundle = scenario_text(Scenario.model_validate(rejection.scenario)) if rejection.scenario else ""
    return table(facts) + evidence + (ruled("bundle") + bundle if bundle else "")


def _gate(scenario: Scenario) -> str:
    gate = scenario.gate
    if gate is None:
        return bad("never gated") + "\n"
    if gate.mode == "structural":
        return bad("structural only: nothing was run, so nothing proves that it can be solved") + "\n"
    refused = gate.mutants - gate.equivalent
    tried = f"{gate.mutants} tried, {refused} refused by the checker"
    return table(
        {
            "proven in": good(f"{gate.backend}, {scenario.userland}"),
            "checks": ", ".join(gate.checks),
            "wrong solutions": tried
            + (f", {gate.equivalent} did the same as the right one" if gate.equivalent else ""),
            "right solutions": f"{gate.right} tried beside the reference, {gate.right - len(gate.refused)} accepted",
            "own probes": ", ".join(dict.fromkeys(probe.kind for probe in scenario.probes)),
            "protected": "\n".join(map(one_line, scenario.protected)),
            "volatile": ", ".join(map(one_line, scenario.volatile)),
        }
    )


def _documents_itself(scenario: Scenario, file: File) -> bool:
    """Whether the file is the tool or its page, which were asked for what they say."""
    command = scenario.provider.command
    return (file.path.endswith(f"/{command}") and file.mode == "0755") or "/man/man" in file.path


def _file(scenario: Scenario, file: File) -> str:
    note = dim("  (protected)") if covered(file.path, scenario.protected) else ""
    target = f" → {one_line(file.target or '')}" if file.kind == "symlink" else ""
    head = f"{dim(f'{file.kind:<9} {file.mode} {file.owner:<5}')} {one_line(file.path)}{target}{note}\n"
    if file.content_b64 is not None:
        return f"{head}    {dim(f'{len(file.data)} bytes')}\n"
    lines = visible(file.data.decode(errors="replace")).splitlines()
    more = dim(f"    … {len(lines) - CONTENT_LINES} more lines") + "\n" if len(lines) > CONTENT_LINES else ""
    return head + "".join(f"    {line}\n" for line in lines[:CONTENT_LINES]) + more


def trajectory_text(trajectory: Trajectory, scenario: Scenario | None = None) -> str:
    """Orientation, session, judgement. scenario: tells planned mistakes from what shows a block; None marks none."""
    orientation = trajectory.turns[0].orientation if trajectory.turns else None
    wrong = planned(trajectory, scenario) if scenario else {}
    return (
        f"{ruled('orientation (the system message)')}{closed(visible(orientation or ''))}"
        f"{ruled('session (turn, mark)')}{session(trajectory.turns, trajectory.mechanism, wrong)}"
        f"{ruled('judgement')}{judgement(trajectory, wrong)}"
    )


def planned(trajectory: Trajectory, scenario: Scenario) -> dict[int, int | None]:
    """The turns of mistakes that the operator makes so that a model learns to mend them, each with its `repair`."""
    on_purpose = trajectory.operator.settings.get(RECOVERY_SHARE, "0") != "0" and trajectory.fault is None
    wrong = mistakes(StoredRollout("", trajectory, scenario)) if on_purpose else []
    return {at: repair(trajectory.turns, at, scenario) for at in wrong}


def session(
    turns: Sequence[Turn], mechanism: Mechanism | None = None, wrong: Mapping[int, int | None] | None = None
) -> str:
    """What stood on the screen, what was typed in bold; with a mechanism, turns and marks in the margin.

    wrong: the turns of planned mistakes, each with the turn that mends it, or None.
    """
    if mechanism is None:
        return "".join(f"{line}\n" for _, line in _lines(turns))
    marks: dict[int, list[str]] = defaultdict(list)
    for mark, reached in mechanism.model_dump().items():
        if reached is not None:
            marks[reached].append(mark)
    for mistake, mended in (wrong or {}).items():
        marks[mistake].append("mistake")
        if mended is not None:
            marks[mended].append("repair")
    width = (columns() or sys.maxsize) - MARGIN
    text, waiting = "", list[str]()
    for at, line in _lines(turns):
        if at is not None:
            text += "".join(f"{_margin(None, mark)}\n" for mark in waiting)
            waiting = list(marks[at])
        for number, part in enumerate(wrapped(line, width)):
            mark = waiting.pop(0) if waiting else ""
            text += f"{_margin(None if number else at, mark)}{part and f' {part}'}\n"
    return text + "".join(f"{_margin(None, mark)}\n" for mark in waiting)


def _margin(at: int | None, mark: str) -> str:
    return f"{' ' * (9 - len(mark))}{bold(mark)} {dim('    │' if at is None else f'{at:>3} │')}"


def _lines(turns: Sequence[Turn]) -> Iterator[tuple[int | None, str]]:
    """Each line of the screen, with its turn's index where it is that turn's first."""
    prompt = ""
    for at, turn in enumerate(turns):
        first, *others = visible(turn.content).split("\n")
        if turn.role == "action":
            yield at, prompt + bold(first)
            yield from ((None, dim("> ") + bold(line)) for line in others)
            prompt = ""
        else:
            *output, prompt = [first, *others]
            yield from ((None if n else at, line) for n, line in enumerate(output))
    if prompt:
        yield None, prompt


def judgement(trajectory: Trajectory, wrong: Mapping[int, int | None] | None = None) -> str:
    """What it was worth and why, what was reached when, what it left behind. wrong: as of `session`."""
    ending, check, operator, fault = trajectory.ending, trajectory.check, trajectory.operator, trajectory.fault
    ended = " ".join(str(part) for part in (ending.kind, ending.status, ending.reason) if part is not None)
    if ending.kind == "exit" and ending.status and trajectory.actions[-1:] == ["exit"]:
        ended += " (exit alone passes on the status of the command before it)"
    outcome = f"{trajectory.outcome}: {MEANINGS[trajectory.outcome]}"
    return table(
        {
            "outcome": (good if trajectory.keep else bad)(outcome),
            "kept": f"{'yes' if trajectory.keep else 'no'}: {'; '.join(trajectory.keep_reasons)}",
            "check": visible(
                ": ".join(filter(None, (f"{check.verdict} (status {check.status})", check.output.strip())))
            ),
            "ended by": visible(ended),
            "marks": _marks(trajectory),
            "mistakes": "\n".join(
                f"turn {at}, {'not mended' if mended is None else f'mended at turn {mended}'}: "
                "on purpose, as an example of a repair"
                for at, mended in (wrong or {}).items()
            ),
            "fault": f"{fault.kind} from turn {fault.turn}: on purpose, as an example of a failure" if fault else "",
            "changed": "\n".join(one_line(f"{effect.change} {effect.path}") for effect in trajectory.effects)
            or "nothing",
            "operator": " ".join(filter(None, (operator.kind, operator.model))),
            "sandbox": f"{trajectory.sandbox.backend}, {trajectory.sandbox.userland}",
            "scenario": trajectory.scenario_id,
        }
    )


def _marks(trajectory: Trajectory) -> str:
    lines = []
    for mark, at in trajectory.mechanism.model_dump().items():
        if at is not None:
            lines.append(f"{mark:<9}  turn {at:<2}  {dim(MARKS[mark])}")
        elif LACKS + mark in trajectory.keep_reasons:
            lines.append(f"{mark:<9}  {bad('missed')}   {dim(MARKS[mark])}")
    return "\n".join(lines)
