"""Trials share what they begin with, and end where each would end alone."""

from __future__ import annotations

import pytest

from sekft import sandboxes
from sekft.gate import Trials
from sekft.protocols import ExecResult, SandboxSpec
from sekft.sandboxes.session import ShellSession
from sekft.scenario import File, Login

SPEC = SandboxSpec(
    "busybox", Login(user="ana", host="vault", home="/home/ana"), (File(path="/srv/log", content="0\n"),)
)
REFERENCE = ("cd /srv", "echo right >> log", "exit")
LISTS = [
    ["cd /srv", "x=1; echo a >> log", "echo b$x >> log", "pwd"],
    ["cd /srv", "x=1; echo a >> log", "echo c$x >> log"],
    ["cd /srv", "x=1; echo a >> log", "echo b$x >> log", "cat log"],
    ["cd /srv", "x=1; echo a >> log"],
    ["cd /srv", "echo right >> log", "cat log"],
    ["x=1; echo a >> log"],
    ["sleep 0.1 & x=1", "echo d$x >> /srv/log"],
    ["sleep 0.1 & x=1", "echo e$x >> /srv/log"],
]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every command that reaches a shell."""
    commands: list[str] = []
    type_in = ShellSession.exec

    async def noted(self: ShellSession, command: str, timeout_s: float | None = None) -> ExecResult:
        commands.append(command)
        return await type_in(self, command, timeout_s)

    monkeypatch.setattr(ShellSession, "exec", noted)
    return commands


async def tried(expected: list[list[str]]) -> list[tuple[object, ...]]:
    """Every list after the other, in one sandbox, with what it showed and left."""
    async with Trials(sandboxes.pick("auto"), SPEC, "grep -q right /srv/log") as trials:
        reference = await trials.reference(REFERENCE)
        trials.expect(expected)
        runs = [await trials.unlike(reference, commands) for commands in LISTS]
        assert not [begun for begun in trials._points if begun != REFERENCE[: len(begun)]], "kept for nobody"
    return [(run.commands, run.outputs, run.cwds, run.statuses, run.after, run.check.verdict) for run in runs]


async def test_what_trials_share_is_typed_once_and_leads_to_the_same_ends(typed: list[str]) -> None:
    """Snapshots where expected trials part change nothing but the number of commands that are typed."""
    apart = await tried([])
    alone, typed[:] = typed.copy(), []
    assert await tried(LISTS) == apart
    assert [row[1] for row in apart][2] == ("", "", "", "0\na\nb1\n")
    again = ["x=1; echo a >> log"] * 3 + ["echo b$x >> log"]
    assert sorted(alone) == sorted([*typed, *again]), "each is typed once, but for what follows a job in the background"
