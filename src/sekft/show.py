"""A scenario, a trajectory or a rejected draw as a person reads it in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from sekft.errors import UsageError
from sekft.rejection import Rejection
from sekft.scenario import Scenario, load_noun, load_scenario
from sekft.trajectory import Trajectory, load_trajectory

CONTENT_LINES = 12


def show(path: Path, form: str = "text") -> str:
    """The file as text, or a trajectory as its deploy-form messages.

    Raises UsageError for a file that is neither noun, BundleError for a broken one.
    """
    noun = _read(path)
    if form == "messages":
        if not isinstance(noun, Trajectory):
            raise UsageError(f"{path}: --as messages wants a trajectory")
        if not noun.turns:
            raise UsageError(f"{path}: no turns: {noun.ending.reason}")
        return json.dumps(noun.messages(), ensure_ascii=False, indent=1) + "\n"
    if isinstance(noun, Trajectory):
        return trajectory_text(noun)
    return scenario_text(noun) if isinstance(noun, Scenario) else rejection_text(noun)


def _read(path: Path) -> Scenario | Trajectory | Rejection:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        body = None
    fields = body.keys() if isinstance(body, dict) else set()
    if "turns" in fields:
        return load_trajectory(path)
    if "reason" in fields:
        return load_noun(Rejection, path)
    return load_scenario(path)


def trajectory_text(trajectory: Trajectory) -> str:
    """The session as it looked, then the judgement."""
    orientation = trajectory.turns[0].orientation if trajectory.turns else None
    screen = ""
    for turn in trajectory.turns:
        screen += turn.content + ("\n" if turn.role == "action" else "")
    ending = trajectory.ending
    marks = {mark: at for mark, at in trajectory.mechanism.model_dump().items() if at is not None}
    facts = {
        "ended by": " ".join(str(part) for part in (ending.kind, ending.status, ending.reason) if part is not None),
        "check": f"{trajectory.check.verdict} (status {trajectory.check.status})",
        "outcome": trajectory.outcome,
        "kept": "yes" if trajectory.keep else f"no: {'; '.join(trajectory.keep_reasons)}",
        "mechanism": ", ".join(f"{mark} at turn {at}" for mark, at in marks.items()) or "no mark reached",
        "effects": ", ".join(f"{effect.change} {effect.path}" for effect in trajectory.effects) or "none",
        "operator": " ".join(filter(None, (trajectory.operator.kind, trajectory.operator.model))),
        "sandbox": f"{trajectory.sandbox.backend}, {trajectory.sandbox.userland}",
        "scenario": trajectory.scenario_id,
    }
    head = f"{_ruled('orientation')}{_closed(orientation or '')}"
    return f"{head}{_ruled('session')}{_closed(screen)}{_ruled('judgement')}{_table(facts)}"


def scenario_text(scenario: Scenario) -> str:
    """The landing, what it takes to solve it, and what checks it."""
    facts = {
        "id": scenario.id,
        "cell": ", ".join(f"{axis}={value}" for axis, value in scenario.cell.items()),
        "expected": f"{scenario.expected.terminal} ({scenario.expected.kind})",
        "provider": f"{scenario.provider.command} ({scenario.provider.kind})",
        "protected": ", ".join(scenario.protected) or "nothing",
        "volatile": ", ".join(scenario.volatile) or "nothing",
        "gate": _gate(scenario),
    }
    login = scenario.login
    return "".join(
        (
            _table(facts),
            _ruled("orientation"),
            _closed(scenario.orientation),
            _ruled("login"),
            f"{login.user}@{login.host}, home {login.home}, prompt {login.prompt!r}\n",
            *(f"{name}={value}\n" for name, value in login.env.items()),
            _closed(login.banner + login.motd),
            *(_file(scenario, at) for at in range(len(scenario.files))),
            _ruled("directives"),
            *(f"{directive.id}: {directive.text}\n" for directive in scenario.directives),
            _ruled("reference"),
            *(f"{command}\n" for command in scenario.reference),
            _ruled("checker"),
            _closed(scenario.checker),
        )
    )


def rejection_text(rejection: Rejection) -> str:
    """The reason first, then the outputs that show it, then the bundle."""
    facts = {
        "rejected": rejection.reason,
        "because": rejection.detail,
        "slot": f"{rejection.slot}, attempt {rejection.attempt}",
    }
    evidence = "".join(f"{_ruled(name)}{_closed(text)}" for name, text in rejection.evidence.items())
    bundle = scenario_text(Scenario.model_validate(rejection.scenario)) if rejection.scenario else ""
    return _table(facts) + evidence + (_ruled("bundle") + bundle if bundle else "")


def _gate(scenario: Scenario) -> str:
    gate = scenario.gate
    if gate is None:
        return "never gated"
    if gate.mode == "structural":
        return "structural only: nothing was run"
    return f"proven in {gate.backend}; {gate.mutants} wrong solutions refused, of which {gate.equivalent} were none"


def _file(scenario: Scenario, at: int) -> str:
    file = scenario.files[at]
    head = _ruled(f"{file.path} {file.kind} {file.mode} {file.owner}")
    if file.kind == "symlink":
        return f"{head}→ {file.target}\n"
    lines = file.data.decode(errors="replace").splitlines()
    more = f"… {len(lines) - CONTENT_LINES} more lines\n" if len(lines) > CONTENT_LINES else ""
    return head + "".join(f"{line}\n" for line in lines[:CONTENT_LINES]) + more


def _table(facts: dict[str, str]) -> str:
    width = max(map(len, facts))
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts.items())


def _ruled(title: str) -> str:
    return f"── {title} {'─' * max(2, 76 - len(title))}\n"


def _closed(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
