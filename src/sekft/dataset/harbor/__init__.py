"""The form `harbor`: a scenario as a task folder that Harbor runs in Docker, and the image that its tasks start from.

docs/environments.md says what such a task judges, and what it loses against the deploy form. The files are made of data
alone, but for the login's text: a profile may print some of it, so that the scenario is landed in once.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import shlex
import tarfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files

from sekft import sandboxes
from sekft.protocols import SandboxSpec
from sekft.rollouts.rollout import Rollout
from sekft.sandboxes.docker import owned_by_root
from sekft.sandboxes.fixtures import AGENT_ID, OVERFLOW_ID, PAST, Node, tree
from sekft.sandboxes.session import login_state
from sekft.sandboxes.userland import tools, userland
from sekft.scenario import Scenario
from sekft.scenario.bounds import WRITABLE_ROOTS

REPOSITORY = "sekft-harbor"
REAL = "/usr/lib/sekft/real"
"""Where the provider's programs lie; in their places stand those that note what they print."""
TYPES = {"directory": tarfile.DIRTYPE, "file": tarfile.REGTYPE, "link": tarfile.SYMTYPE}
PANIC, NOTE = "exit 77\n", 'echo "$*" >/run/sekft/panic\n'
TaskFiles = dict[str, bytes]
"""Contents by path."""


def tasks(scenario: Scenario) -> Iterator[Mapping[str, bytes]]:
    """One task, in a folder that the scenario's id names. What begins with ../ is shared by all tasks of a form.

    Raises SandboxUnavailable, InfraError.
    """
    parts = {
        "task.toml": _settings(scenario),
        "instruction.md": login(scenario),
        "solution/solve.sh": _solution(scenario),
        "environment/Dockerfile": f"FROM {REPOSITORY}:{scenario.userland}\nADD fixtures.tar /\n",
        "environment/docker-compose.yaml": _compose(scenario),
    }
    task: TaskFiles = {name: text.encode() for name, text in parts.items()}
    nodes = _nodes(scenario)
    programs = _programs(scenario, nodes)
    task["environment/fixtures.tar"] = _fixtures(nodes, programs)
    task |= {f"tests/{name}": text.encode() for name, text in _tests(scenario, nodes, programs).items()}
    shared = {f"../image-{scenario.userland}/{name}": body for name, body in image(scenario.userland).items()}
    yield {f"{scenario.id}/{name}": body for name, body in task.items()} | shared


def login(scenario: Scenario) -> str:
    """What a policy sees first, as one text: the orientation, a blank line, the login's screen."""

    async def landed() -> str:
        async with Rollout(scenario, sandboxes.pick("auto")) as session:
            return f"{scenario.orientation}\n\n{session.turns[0].content}\n"

    with ThreadPoolExecutor(1) as apart:  # whoever exports may have an event loop
        return apart.submit(asyncio.run, landed()).result()


def _settings(scenario: Scenario) -> str:
    tables: dict[str, dict[str, object]] = {
        "task": {"name": f"sekft/{scenario.id}"},
        "metadata": {"split": scenario.split, "family": scenario.family, **scenario.cell},
        "agent": {"timeout_sec": 900.0, "user": scenario.login.user},
        "verifier": {"timeout_sec": 120.0, "user": "root"},
        "environment": {"cpus": 1, "memory_mb": 512, "storage_mb": 1024},
    }
    rows = ['schema_version = "1.1"']
    for table, values in tables.items():
        rows += [
            "",
            f"[{table}]",
            *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()),
        ]
    return "\n".join(rows) + "\n"


def _solution(scenario: Scenario) -> str:
    """The reference in one shell, after what a login runs."""
    paths = {file.path for file in scenario.files}
    profiles = [path for path in ("/etc/profile", f"{scenario.login.home}/.profile") if path in paths]
    lines = ["#!/bin/sh", f"cd {shlex.quote(scenario.login.home)}", *(f". {shlex.quote(path)}" for path in profiles)]
    return "\n".join([*lines, *scenario.reference, "exit 0"]) + "\n"


def _compose(scenario: Scenario) -> str:
    """JSON is YAML, too. Without a network: Harbor's own way to take it needs an image from elsewhere."""
    state = login_state(scenario.login)
    values = {name: state.variables[name].replace("$", "$$") for name in sorted(state.exported)}
    login = scenario.login
    main = {"hostname": login.host, "working_dir": login.home, "network_mode": "none", "environment": values}
    return json.dumps({"services": {"main": main}}, ensure_ascii=False, indent=1) + "\n"


def _nodes(scenario: Scenario) -> list[Node]:
    """What the agent lands in, with root as it is in a container."""
    made = tree(SandboxSpec.of(scenario)).nodes
    own = {file.path for file in scenario.files}
    ids = (f":{OVERFLOW_ID}".encode(), b":0")
    return [
        Node(node.path, node.kind, node.mode, node.body.replace(*ids), node.owner, node.mtime)
        if node.path in ("/etc/passwd", "/etc/group") and node.path not in own
        else node
        for node in made
    ]


def _programs(scenario: Scenario, nodes: list[Node]) -> dict[str, bytes]:
    """Path → the program that takes the place of one of the provider's, for a provider in sh."""
    template = files(__package__).joinpath("program.sh").read_text("utf-8")
    return {
        node.path: template.replace("@REAL@", shlex.quote(REAL + node.path)).encode()
        for node in nodes
        if node.path in scenario.hidden
        and node.kind == "file"
        and node.mode & 0o111
        and node.body.startswith(b"#!/bin/sh")
    }


def _fixtures(nodes: list[Node], programs: Mapping[str, bytes]) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        for node in nodes:
            _add(tar, node.path, node, programs.get(node.path, node.body))
            if node.path in programs:
                _add(tar, REAL + node.path, node, node.body)
    return body.getvalue()


def _add(tar: tarfile.TarFile, path: str, node: Node, body: bytes) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.type, member.mode, member.mtime = TYPES[node.kind], node.mode, node.mtime
    member.uid = member.gid = 0 if node.owner == "root" else AGENT_ID
    if node.kind == "link":
        member.linkname = body.decode()
    member.size = len(body) if node.kind == "file" else 0
    tar.addfile(member, io.BytesIO(body))


def _tests(scenario: Scenario, nodes: list[Node], programs: Mapping[str, bytes]) -> dict[str, str]:
    """test.sh, and what it reads."""
    expected = {
        "user": scenario.login.user,
        "kind": scenario.expected.kind,
        "ending": scenario.expected.terminal,
        "roots": " ".join(WRITABLE_ROOTS),
    }
    directives = scenario.needles.directives if programs else []
    earned = scenario.needles.texts if programs and not directives else []
    return {
        "test.sh": files(__package__).joinpath("test.sh").read_text("utf-8"),
        "expected": _lines(f"{name}={shlex.quote(value)}" for name, value in expected.items()),
        "checker.sh": scenario.checker,
        "before": _lines(line for node in nodes for line in _state(node)),
        "programs": _lines(f"{_digest(body)}  {path}" for path, body in programs.items()),
        "protected": _lines(path.rstrip("/") for path in scenario.protected),
        "volatile": _lines(path.rstrip("/") for path in scenario.volatile),
        "all": _lines(directives),
        "any": _lines(earned),
    }


def _lines(rows: Iterator[str] | list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _state(node: Node) -> Iterator[str]:
    """As test.sh tells it."""
    if node.kind == "link":
        yield f"{node.path}\t{node.body.decode()}"
    else:
        yield f"{node.path}\t{node.kind} {node.mode:o}"
    if node.kind == "file":
        yield f"{node.path}\t{_digest(node.body)}"


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@cache
def image(name: str) -> TaskFiles:
    """The context of the image of that userland: its root, the tools that judge, a `panic` that leaves a mark.

    Harbor types by bash, which is dash where there is none. Raises SandboxUnavailable where it cannot be built.
    """
    rootfs, body = userland(name).rootfs, io.BytesIO()
    panic = (rootfs / "usr/bin/panic").read_text("utf-8")
    own = [
        Node("/run/sekft", "directory", 0o755),
        Node("/usr/bin/panic", "file", 0o755, (panic.removesuffix(PANIC) + NOTE + PANIC).encode(), "root"),
    ]
    if not (rootfs / "usr/bin/bash").exists():
        own.append(Node("/usr/bin/bash", "link", 0o777, b"dash", "root"))
    with tarfile.open(fileobj=body, mode="w") as tar:
        tar.add(rootfs, arcname=".", filter=_undated)
        for part in ("bin", "busybox"):
            tar.add(tools() / part, arcname=f"usr/lib/sekft/{part}", filter=_undated)
        for node in own:
            _add(tar, node.path, node, node.body)
    lines = ["FROM scratch", "ADD root.tar /", 'CMD ["/bin/sh"]']
    return {"Dockerfile": _lines(lines).encode(), "root.tar": body.getvalue()}


def _undated(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = PAST
    return owned_by_root(member)
