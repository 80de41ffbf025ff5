"""A backend that counts what it opens; everything else is bubblewrap's. The module offers sekft.sandboxes.Backend."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from sekft.protocols import ExecResult, Sandbox, SandboxSpec, Session
from sekft.sandboxes import bubblewrap

OPENED: list[str] = []
"""The user of each sandbox that was opened."""


class LoggedSandbox(Sandbox):
    name = "logged"

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner

    def open(self, spec: SandboxSpec) -> AbstractAsyncContextManager[Session]:
        OPENED.append(spec.login.user)
        return self._inner.open(spec)

    def fork(self, at: Any) -> AbstractAsyncContextManager[Session]:
        return self._inner.fork(at)

    async def run(self, spec: SandboxSpec, script: str) -> ExecResult:
        return await self._inner.run(spec, script)


def probe() -> str | None:
    return bubblewrap.probe()


def backend() -> Sandbox:
    return LoggedSandbox(bubblewrap.backend())


def clean() -> list[str]:
    return bubblewrap.clean()
