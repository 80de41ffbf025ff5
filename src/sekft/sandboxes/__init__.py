"""Sandboxes: backends that give a fresh shell session, and nothing of the host.

A backend is one module, named here in order of preference, with `probe()`, `backend()` and `clean()`; its
contract suite is tests/sandboxes/.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from sekft.errors import SandboxUnavailable, UsageError
from sekft.protocols import Sandbox

BACKENDS: tuple[str, ...] = ("bubblewrap", "docker")


class _Backend(Protocol):
    def probe(self) -> str | None: ...

    def backend(self) -> Sandbox: ...

    def clean(self) -> list[str]: ...


def pick(name: str = "auto") -> Sandbox:
    """The backend of that name, or the first that can run here.

    Raises UsageError for an unknown name, SandboxUnavailable where it cannot run, with the reason.
    """
    if name not in ("auto", *BACKENDS):
        raise UsageError(f"sandbox {name!r}, want one of: auto, {', '.join(BACKENDS)}")
    reasons: list[str] = []
    for each in BACKENDS if name == "auto" else (name,):
        reason = probe(each)
        if reason is None:
            return _module(each).backend()
        reasons.append(reason)
    raise SandboxUnavailable("; ".join(reasons))


def probe(name: str) -> str | None:
    """Try the backend in earnest: None when it runs here, else why not and what to install."""
    return _module(name).probe()


def clean(name: str) -> list[str]:
    """Remove what killed harnesses left with that backend; tells what. Raises SandboxUnavailable."""
    return _module(name).clean()


def prepare() -> list[str]:
    """Build the runner and every userland that is missing (needs the network); tells where they lie."""
    from sekft.sandboxes import userland

    return [str(userland.tools()), *(str(userland.userland(name).rootfs) for name in userland.NAMES)]


def missing() -> list[str]:
    """What prepare() would still build; empty when everything is in the cache."""
    from sekft.sandboxes import userland

    folders = {"runner and tools": userland.tools_folder(), **userland.userland_folders()}
    return [name for name, folder in folders.items() if not folder.is_dir()]


async def self_test(sandbox: Sandbox) -> list[tuple[str, bool, str]]:
    """What the backend must be able to do: (behaviour, holds, what was seen when it does not)."""
    from sekft.sandboxes import behaviours

    return await behaviours.self_test(sandbox)


def _module(name: str) -> _Backend:
    return cast(_Backend, import_module(f"sekft.sandboxes.{name}"))
