"""Sandboxes: backends that give a fresh shell session, and nothing of the host.

A backend is one module; `Backend` says what it must offer. Another package adds one as an entry point of
`sekft.sandboxes` that names such a module; it is used where it is asked for by name.
"""

from __future__ import annotations

from typing import Protocol

from sekft.errors import SandboxUnavailable, UsageError
from sekft.protocols import Family, Sandbox

BACKENDS: dict[str, str] = {
    "bubblewrap": "sekft.sandboxes.bubblewrap",
    "docker": "sekft.sandboxes.docker",
}
"""Each backend's module by its name, in the order in which `auto` tries them."""


class Backend(Protocol):
    """What the module of a backend must offer. Importing it starts nothing and needs no optional package.

    What it opens satisfies protocols.Session: tests/sandboxes/ runs over every backend, and so does self_test().
    pool.PooledSandbox with session.ShellSession gives all of that to a backend that can start the runner
    (`runner/runner.h`, in `userland.tools()`) as PID 1 of a fresh sandbox and hold one stream to it.
    """

    def probe(self) -> str | None:
        """Try in earnest whether it runs on this machine: None, or why not and what to install."""
        ...

    def backend(self) -> Sandbox:
        """The sandbox, with its defaults. Whatever takes time is done when it is first opened."""
        ...

    def clean(self) -> list[str]:
        """Remove what killed harnesses left, and say what. Raises SandboxUnavailable."""
        ...


FAMILY: Family[Backend] = Family("sandbox", "sekft.sandboxes", BACKENDS)


def pick(name: str = "auto") -> Sandbox:
    """The backend of that name, or the first that can run here.

    Raises UsageError for an unknown name, SandboxUnavailable where it cannot run, with the reason.
    """
    if name not in ("auto", *FAMILY.names()):
        raise UsageError(f"sandbox {name!r}, want one of: auto, {', '.join(FAMILY.names())}")
    reasons: list[str] = []
    for candidate in BACKENDS if name == "auto" else (name,):
        reason = probe(candidate)
        if reason is None:
            return FAMILY.load(candidate).backend()
        reasons.append(reason)
    raise SandboxUnavailable("; ".join(reasons))


def elsewhere(name: str = "auto") -> Sandbox:
    """The backend of that name, for machines that are tried apart; for `auto` the one that runs here, else the first.

    Raises UsageError for an unknown name.
    """
    try:
        return pick(name)
    except SandboxUnavailable:
        return FAMILY.load(next(iter(BACKENDS)) if name == "auto" else name).backend()


def probe(name: str) -> str | None:
    """None when the backend runs here, else why not and what to install."""
    return FAMILY.load(name).probe()


def no_second_uid() -> str | None:
    """Why bubblewrap must show fixtures of root as the agent's here; None when it shows them as root's."""
    from sekft.sandboxes import bubblewrap

    return bubblewrap.no_second_uid()


def no_memory_bound() -> str | None:
    """Why bubblewrap cannot bound the memory of all processes of a sandbox together here; None when it does."""
    from sekft.sandboxes import cgroup

    return cgroup.why_not()


def clean(name: str) -> list[str]:
    """Remove what killed harnesses left with that backend, and say what. Raises SandboxUnavailable."""
    return FAMILY.load(name).clean()


def prepare() -> list[str]:
    """Build the runner and every userland that is missing (needs the network); returns where they lie."""
    from sekft.sandboxes import userland

    return userland.prepare()


def no_static_shell() -> str | None:
    """Why sessions run their userland's own shell, which starts slower than ours; None where they run ours."""
    from sekft.sandboxes import userland

    return userland.no_static_shell()


def missing() -> list[str]:
    """What prepare() would still build; empty when everything is in the cache."""
    from sekft.sandboxes import userland

    return userland.missing()


async def self_test(sandbox: Sandbox) -> list[tuple[str, bool, str]]:
    """Try what every backend must be able to do: (behaviour, holds, what was seen when it does not)."""
    from sekft.sandboxes import behaviours

    return await behaviours.self_test(sandbox)
