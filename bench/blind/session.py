"""A session held open between the steps of its solver: a process of its own, with its shell and its background jobs.

What is typed is kept, so that a session whose process has gone is resumed: the same is typed again in a fresh sandbox.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from asyncio import StreamReader, StreamWriter
from pathlib import Path

from bench.blind.desk import Desk, Reply
from sekft.errors import InfraError
from sekft.folder import Folder, Layout
from sekft.runs.library import Messages, Shell, land
from sekft.runs.rollout import RolloutJob
from sekft.scenario import Scenario, load_scenario
from sekft.shell.syntax import still_open

IDLE_S = 3600.0
"""A session that nobody types into for so long gives its process back, and is resumed by the next step."""
LINE_BYTES = 1 << 20


def hold(desk: Desk, number: int, idle_s: float = IDLE_S) -> None:
    """Answer steps until the session is over or idle; nothing, where another process holds it. Raises InfraError."""
    path = desk.session(number)
    with path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not desk.is_over(number):
            os.chdir(path.parent)
            asyncio.run(_Held(desk, number).serve(idle_s))


class _Held:
    def __init__(self, desk: Desk, number: int) -> None:
        layout = Layout.of_run(desk.sealed)
        self._scenario: Scenario = load_scenario(layout.scenarios / f"{desk.ids[number]}.json")
        self._sandbox = str(json.loads(desk.drawn.read_text(encoding="utf-8"))["sandbox"])
        self._job = RolloutJob.of(self._scenario, 0, "hand", layout)
        self._folder, self._path = Folder(desk.root), desk.session(number)
        self._typed: list[str] = []
        self._resumed = 0
        self._turn, self._done = asyncio.Lock(), asyncio.Event()

    async def serve(self, idle_s: float) -> None:
        socket = Path(f"{self._path.stem}.sock")
        try:
            async with land(self._scenario, self._sandbox) as self._shell:
                await self._resume(self._shell)
                if not self._shell.over:
                    await self._attend(socket, idle_s)
        except TimeoutError:
            return
        finally:
            socket.unlink(missing_ok=True)

    async def _attend(self, socket: Path, idle_s: float) -> None:
        self._idle_s = idle_s
        async with (
            await asyncio.start_unix_server(self._answer, socket, limit=LINE_BYTES),
            asyncio.timeout(idle_s) as self._patience,
        ):
            await self._done.wait()

    async def _resume(self, shell: Shell) -> None:
        """Type again what was typed before; or begin, where nothing was."""
        before = json.loads(self._path.read_text(encoding="utf-8")) if self._path.is_file() else {}
        self._resumed = before.get("resumed", 0) + bool(before.get("typed"))
        for text in before.get("typed", ()):
            await self._type(shell, text)
        if shell.over:
            self._kept(shell)  # where landing broke, nothing was typed that says so
        self._save(shell.over)

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One request. Steps that come at once are typed one after the other."""
        text = json.loads(await reader.readline() or "null")
        async with self._turn:
            self._patience.reschedule(asyncio.get_running_loop().time() + self._idle_s)
            reply = await self._step(text)
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()
        if reply["over"]:
            self._done.set()

    async def _step(self, text: str | None) -> Reply:
        shell = self._shell
        if text is None and not shell.over:
            return Reply(screen=screen(shell.messages), over=False, error=None)
        if shell.over:
            return Reply(screen="", over=True, error=None)
        assert text is not None
        if not text.strip() or still_open(text):
            why = "a quote, a here-document or a construct is still open" if text.strip() else "an empty line"
            return Reply(screen="", over=False, error=f"nothing was typed: {why}; give the whole command at once")
        try:
            shown = await self._type(shell, text)
        except InfraError as error:
            self._done.set()
            return Reply(screen="", over=False, error=str(error))
        self._save(shell.over)
        return Reply(screen=shown or "", over=shell.over, error=None)

    async def _type(self, shell: Shell, text: str) -> str | None:
        """Type it; the verdict is kept before anyone learns that the session is over. Raises InfraError."""
        shown = await shell.step(text)
        if shell.over:
            self._kept(shell)
        self._typed.append(text)
        return shown

    def _kept(self, shell: Shell) -> None:
        result = shell.result
        self._job.keep(self._folder, result)
        if result.outcome == "infra_error":
            raise InfraError(f"the sandbox broke: {result.ending.reason}; the same command tries again")

    def _save(self, over: bool) -> None:
        body = {"typed": self._typed, "over": over, "resumed": self._resumed}
        self._folder.write(self._path, json.dumps(body, indent=1, ensure_ascii=False) + "\n")


def screen(messages: Messages) -> str:
    """What a solver has seen so far: the orientation, a blank line, the session up to the prompt."""
    told, *session = messages
    lines = [entry["content"] + ("\n" if entry["role"] == "assistant" else "") for entry in session]
    return f"{told['content'].strip()}\n\n{''.join(lines)}"
