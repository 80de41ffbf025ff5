"""What attacks need: the sandboxes of the contract suite, and a program that asks the kernel directly."""

from __future__ import annotations

import pytest

from sekft.scenario import File
from tests.attacks.attack import compiled
from tests.sandboxes.conftest import land, sandbox, session, userland

__all__ = ["land", "sandbox", "session", "userland"]


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> File:
    """probe.c, compiled, as a file in the agent's home."""
    return compiled(tmp_path_factory.mktemp("probe"))
