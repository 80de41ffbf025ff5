"""A Docker daemon that fails in the middle of a run, really: one of the test's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sekft.errors import InfraError
from sekft.folder import documents
from sekft.protocols import SandboxSpec
from sekft.sandboxes.docker import LABEL, DockerSandbox, client
from sekft.scenario import Login
from sekft.trajectory import KEPT
from tests.bundles import blocked, empty, sealed, work
from tests.commands import sekft, start
from tests.daemons import Daemon, needs_own_daemon, own_daemon
from tests.processes import until

pytestmark = [
    pytest.mark.live,
    needs_own_daemon,
]
SPEC = SandboxSpec("busybox", Login(user="ada", host="vault", home="/home/ada"), ())
SAMPLES = 16


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    with own_daemon(monkeypatch) as daemon:
        yield daemon


def kept(out: Path) -> dict[Path, dict[str, Any]]:
    return {path: json.loads(path.read_text()) for path in documents(out, "*/reference-*.json")}


def broken(out: Path) -> dict[Path, dict[str, Any]]:
    return kept(out / "errors")


async def test_a_restart_costs_the_session_at_hand_and_no_later_one(daemon: Daemon) -> None:
    """An honest error while it is down, and the same backend goes on when it is up again."""
    sandbox = DockerSandbox(warm=0)
    async with sandbox.open(SPEC) as session:
        daemon.stop()
        with pytest.raises(InfraError, match="ended unexpectedly"):
            await session.exec("true")
    with pytest.raises(InfraError, match="docker: "):
        async with sandbox.open(SPEC):
            pass
    daemon.start()
    async with sandbox.open(SPEC) as session:
        assert (await session.exec("echo on")).output == "on\n"
    sandbox.drain()


@pytest.mark.parametrize(
    ("strike", "mend"),
    [(Daemon.stop, Daemon.start), (Daemon.fill_disk, Daemon.free_disk)],
    ids=["restart", "full disk"],
)
def test_an_engine_that_fails_in_the_middle_of_a_run(
    daemon: Daemon, tmp_path: Path, strike: Callable[[Daemon], None], mend: Callable[[Daemon], None]
) -> None:
    """What it breaks is an infra error and no verdict; when it is mended the run goes on; a resume does the rest."""
    scenarios, out = tmp_path / "scenarios", tmp_path / "out"
    scenarios.mkdir()
    bundles = [sealed(body) for body in (work(), empty(), blocked())]
    for bundle in bundles:
        (scenarios / f"{bundle.id}.json").write_text(bundle.to_json())
    wanted = {Path(bundle.id) / f"reference-{sample}.json" for bundle in bundles for sample in range(SAMPLES)}
    options = ("--operator", "reference", "--samples", str(SAMPLES), "--concurrency", "2", "--sandbox", "docker")
    command = ("rollout", "--scenarios", scenarios, *options, "--out", out)

    with start(*command) as run:
        assert until(lambda: len(kept(out)) >= 4 or run.poll() is not None)
        strike(daemon)
        before = {path: path.stat().st_mtime_ns for path in kept(out)}
        assert until(lambda: bool(broken(out)) or run.poll() is not None, 60)
        while_down = set(kept(out))
        mend(daemon)
        _, log = run.communicate(timeout=120)
    assert (run.returncode, "met an infra error" in log) == (1, True), log
    done, lost = kept(out), broken(out)
    assert {path.relative_to(out) for path in done} | {path.relative_to(out / "errors") for path in lost} == wanted
    assert len(done) + len(lost) == len(wanted)
    assert len(done) > len(while_down)
    assert {each["outcome"] for each in done.values()} <= {*KEPT}
    assert {(each["outcome"], each["keep"], each["check"]["passed"]) for each in lost.values()} == {
        ("infra_error", False, False)
    }

    again = sekft(*command)
    assert again.returncode == 0, again.stderr
    assert {path.relative_to(out) for path in kept(out)} == wanted
    assert {each["outcome"] for each in kept(out).values()} <= {*KEPT}
    assert broken(out) == {}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert sekft("doctor", "--clean", "--sandbox", "docker").returncode == 0
    assert until(lambda: client().containers(all=True, filters={"label": LABEL}) == [])
