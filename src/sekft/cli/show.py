"""A scenario, a trajectory or a rejected draw as a person reads it in a terminal."""

from __future__ import annotations

import asyncio
import json
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sekft import operators, sandboxes
from sekft.cli.tables import bad, bold, closed, dim, good, ruled, table, visible
from sekft.cli.transcript import session, trajectory_text
from sekft.errors import BundleError, SandboxUnavailable, UsageError
from sekft.protocols import OperatorConfig
from sekft.rejection import Rejection
from sekft.rollouts.rollout import rollout
from sekft.scenario import File, Scenario, load_noun, load_scenario
from sekft.trajectory import Trajectory, Turn, covered, load_trajectory

CONTENT_LINES = 12
Look = Callable[[Scenario], Sequence[Turn]]
_LISTED = re.compile(r"([0-9a-f]{64}  |[0-7]{3,4} )/")


def look(scenario: Scenario) -> Sequence[Turn]:
    """The landing and the tool's help as they show in a fresh sandbox; nothing where none can run."""
    asker = scenario.model_copy(update={"reference": scenario.provider.help})
    try:
        replay = operators.make("reference", OperatorConfig())
        return asyncio.run(rollout(asker, sandboxes.pick("auto"), replay, sample=0, seed=0)).turns
    except (SandboxUnavailable, BundleError):
        return ()


def _nothing(scenario: Scenario) -> Sequence[Turn]:
    return ()


def show(path: Path, form: str = "text", look: Look = _nothing) -> str:
    """The file as text, or a trajectory as its deploy-form messages.

    look: lands in a scenario and asks the tool for its help; without it the tool's text is shown.
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
    return scenario_text(noun, look(noun)) if isinstance(noun, Scenario) else rejection_text(noun)


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
    login, own = scenario.login, scenario.provider.command
    places = {"in the banner": login.banner, "in the message of the day": login.motd, "in the prompt": login.prompt}
    places |= {f"in the environment, ${name}": f"{name}={value}" for name, value in login.env.items()}
    files = [file for file in scenario.files if not file.path.endswith(f"/{own}")]
    places |= {f"in {file.path}": file.content or "" for file in files}
    places |= {f"by the name of {file.path}": posixpath.basename(file.path) for file in files}
    places |= {f"by the target of {file.path}": file.target for file in files if file.target}
    for place, text in places.items():
        yield from (f"{place}: {visible(line)}" for line in text.splitlines() if scenario.needles.announcement in line)


def _directives(scenario: Scenario) -> Iterator[str]:
    yield from (f"{directive.id}: {visible(directive.text)}\n" for directive in scenario.directives)
    if not scenario.directives:
        yield dim("none: nothing is to be done") + "\n"
    if scenario.needles.notice:
        told = "what shows that there is none" if scenario.expected.kind == "empty" else "what shows the block"
        yield f"{dim(f'{told}:')} {visible(scenario.needles.notice)}\n"


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
            "own probes": ", ".join(probe.kind for probe in scenario.probes),
            "protected": "\n".join(scenario.protected),
            "volatile": ", ".join(scenario.volatile),
        }
    )


def _documents_itself(scenario: Scenario, file: File) -> bool:
    """Whether the file is the tool or its page, which were asked for what they say."""
    command = scenario.provider.command
    return (file.path.endswith(f"/{command}") and file.mode == "0755") or "/man/man" in file.path


def _file(scenario: Scenario, file: File) -> str:
    note = dim("  (protected)") if covered(file.path, scenario.protected) else ""
    target = f" → {visible(file.target or '')}" if file.kind == "symlink" else ""
    head = f"{dim(f'{file.kind:<9} {file.mode} {file.owner:<5}')} {file.path}{target}{note}\n"
    if file.content_b64 is not None:
        return f"{head}    {dim(f'{len(file.data)} bytes')}\n"
    lines = visible(file.data.decode(errors="replace")).splitlines()
    more = dim(f"    … {len(lines) - CONTENT_LINES} more lines") + "\n" if len(lines) > CONTENT_LINES else ""
    return head + "".join(f"    {line}\n" for line in lines[:CONTENT_LINES]) + more
