"""What this machine can run, and why not."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec

from sekft.errors import SekftError
from sekft.report import Cell, Styled, Table

LEAST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """needed: without it no sandboxed work can be done here. advice: what to do, when not ok."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    needed: bool = False


def examine(sandbox: str, *, self_test: bool = False, setup: bool = False, clean: bool = False) -> list[DoctorFinding]:
    """Look at everything that sekft may use; setup builds what is missing, self_test runs sandboxes, clean removes."""
    findings = [*_machine(), *_services(os.environ)]
    if clean:
        findings.extend(_cleaned(sandbox))
    findings.extend(_backend(sandbox, self_test=self_test, setup=setup))
    return findings


def table(findings: list[DoctorFinding]) -> Table:
    """One row each; what is missing says what to do."""
    rows: list[tuple[Cell, ...]] = []
    for finding in findings:
        mark = Styled("ok", "good") if finding.ok else Styled("FAIL", "bad") if finding.needed else Styled("--", "dim")
        rows.append((mark, finding.name, finding.detail))
        if finding.advice and not finding.ok:
            rows.append(("", "", f"→ {finding.advice}"))
    return Table(("", "", ""), rows)


def as_data(findings: list[DoctorFinding]) -> str:
    return json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False) + "\n"


def _machine() -> Iterator[DoctorFinding]:
    """What Python, the platform and the installed programs allow."""
    from sekft import sandboxes

    least = ".".join(map(str, LEAST_PYTHON))
    recent = sys.version_info >= LEAST_PYTHON
    yield DoctorFinding("python", recent, platform.python_version(), f"install Python {least} or newer", True)
    yield DoctorFinding(
        "platform",
        sys.platform == "linux",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        "bubblewrap needs Linux; use --sandbox docker where a Docker daemon runs",
    )
    uses = {
        "bwrap": ("the bubblewrap backend", "apt-get install bubblewrap"),
        "apt-get": ("builds the userlands from Debian packages", "use Debian or Ubuntu, or a cache built there"),
        "dpkg-deb": ("unpacks the userlands", "apt-get install dpkg"),
        "compiler": ("compiles the runner", "pip install ziglang"),
    }
    for program, (use, advice) in uses.items():
        path = shutil.which("cc" if program == "compiler" else program)
        if program == "compiler" and path is None and find_spec("ziglang"):
            path = "ziglang (a Python package)"
        yield DoctorFinding(program, path is not None, f"{path or 'not found'} ({use})", advice)
    reason = sandboxes.probe("docker")
    yield DoctorFinding("docker", not reason, reason or "a daemon answers (the docker backend)")
    reason = sandboxes.no_second_uid()
    yield DoctorFinding(
        "second uid",
        reason is None,
        f"fixtures of root show as the agent's: {reason}" if reason else "fixtures of root show as root's (bubblewrap)",
        "run sekft as the host's root, or install newuidmap (Debian, Ubuntu: apt-get install uidmap) and give this user"
        " a range in /etc/subuid and /etc/subgid",
    )
    reason = sandboxes.no_memory_bound()
    yield DoctorFinding(
        "memory bound",
        reason is None,
        f"a process has a bound, all together have none: {reason}"
        if reason
        else "all processes of a sandbox have one together (bubblewrap)",
        "systemd-run --user --scope -p Delegate=yes sekft … runs sekft in a control group that it may divide;"
        " or use --sandbox docker",
    )


def _services(environ: Mapping[str, str]) -> Iterator[DoctorFinding]:
    """What the environment names; a key is told as set or unset, never shown."""
    from sekft.models.endpoint import PREFIXES, service

    for role, prefix in PREFIXES.items():
        optional = f"optional: set {prefix}_MODEL, {prefix}_URL, {prefix}_KEY"
        if not environ.get(f"{prefix}_MODEL"):
            yield DoctorFinding(f"{role} model", False, "no model named", optional)
            continue
        try:
            served = service(role, environ)
        except SekftError as error:
            yield DoctorFinding(f"{role} model", False, str(error), "models that are served cannot be asked like this")
            continue
        key = "set" if environ.get(f"{prefix}_KEY") else "unset"
        hint = "; the URL usually ends in /v1" if served.lacks_version else ""
        yield DoctorFinding(f"{role} model", True, f"{served.model} at {served.shown_url}, key {key}{hint}")


def _backend(name: str, *, self_test: bool, setup: bool) -> Iterator[DoctorFinding]:
    from sekft import sandboxes

    try:
        sandbox = sandboxes.pick(name)
    except SekftError as error:
        yield DoctorFinding("sandbox", False, str(error), "", True)
        return
    yield DoctorFinding("sandbox", True, f"{sandbox.name} works here", "", True)
    if setup:
        try:
            yield DoctorFinding("setup", True, ", ".join(sandboxes.prepare()), "", True)
        except SekftError as error:
            yield DoctorFinding("setup", False, str(error), "", True)
    try:
        missing = sandboxes.missing()
    except SekftError as error:
        yield DoctorFinding("userlands", False, str(error), "", True)
        return
    yield DoctorFinding(
        "userlands",
        not missing,
        f"to be built: {', '.join(missing)}" if missing else "built",
        "sekft doctor --setup builds them now (needs the network); otherwise the first use does",
    )
    slower = sandboxes.no_static_shell()
    yield DoctorFinding(
        "static shell",
        not slower,
        f"sessions run their userland's shell, which starts slower: {slower}" if slower else "sessions run ours",
        "Debian: apt-get install gcc libc6-dev make patch, then sekft doctor --setup",
    )
    if self_test:
        for behaviour, ok, detail in asyncio.run(sandboxes.self_test(sandbox)):
            yield DoctorFinding(f"self-test: {behaviour}", ok, detail, "", True)


def _cleaned(wanted: str) -> Iterator[DoctorFinding]:
    """One line for each thing removed. An engine that does not answer is a lack only for who asked for it."""
    from sekft import sandboxes

    for name in (name for name in sandboxes.BACKENDS if wanted in ("auto", name)):
        try:
            removed = sandboxes.clean(name)
        except SekftError as error:
            yield DoctorFinding(f"clean {name}", False, f"not looked at: {error}", "", wanted == name)
            continue
        for each in removed or ["nothing was left over"]:
            yield DoctorFinding(f"clean {name}", True, f"removed {each}" if removed else each)
