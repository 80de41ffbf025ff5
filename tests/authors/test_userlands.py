"""What a teacher is told of the userlands is what a sandbox shows."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import sekft.authors
from sekft import sandboxes
from sekft.protocols import SandboxSpec
from sekft.scenario import File, Login

TOLD = tomllib.loads((Path(sekft.authors.__file__).parent / "prompts" / "userlands.toml").read_text(encoding="utf-8"))
FILES = (
    File(path="/srv/a", content="x\n"),
    File(path="/srv/r", kind="directory", mode="0755", owner="root"),
    File(path="/srv/r/f", content="x\n", owner="root"),
)


@pytest.mark.parametrize("userland", ["busybox", "gnu", "workstation"])
async def test_tools_and_messages_are_those_of_the_sandbox(userland: str) -> None:
    """Each tool that is named is there, each that is not there is not, and each message begins as it is told."""
    spec = SandboxSpec(userland, Login(user="ana", host="heron", home="/home/ana"), FILES)
    async with sandboxes.pick("auto").open(spec) as session:
        for tools, status in (("has", 0), ("lacks", 127)):
            for tool in TOLD["tools"][userland][tools].split():
                assert (await session.exec(f"command -v {tool}")).status == status, tool
        for row in TOLD["messages"]:
            output = (await session.exec(row["typed"])).output
            wanted = row["busybox" if userland == "busybox" else "gnu"]
            assert output.startswith(f"{wanted}: ") or output == f"{wanted}\n", (row, output)
