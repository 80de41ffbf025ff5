"""What attacks need: the sandboxes of the contract suite, and a program that asks the kernel directly."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from sekft.sandboxes.runner.build import FLAGS, compilers
from sekft.scenario import File
from tests.sandboxes.conftest import land, sandbox, session, userland

__all__ = ["land", "sandbox", "session", "userland"]


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> File:
    """probe.c, compiled, as a file in the agent's home."""
    program = tmp_path_factory.mktemp("probe") / "probe"
    source = str(Path(__file__).parent / "probe.c")
    subprocess.run([*compilers()[0], *FLAGS, "-o", str(program), source], check=True)
    content = base64.b64encode(program.read_bytes()).decode()
    return File(path="/home/ada/probe", content_b64=content, mode="0755")
