"""Scenarios behind reset and step: one small process for trainers that are elsewhere, or written in another language.

    POST /reset   {"scenario": ID} or {"seed": N} or {}  →  session, messages, lease_s
    POST /step    {"session", "text"}                    →  screen, done; with done: reward, outcome, marks
    POST /close   {"session"}                            →  closed
    GET  /scenarios · /health · /schema
    WS   /ws      the protocol of OpenEnv's clients: reset, step {"text"}, state, close

A session belongs to who has its name, and ends when its lease is over, when it is closed, or when the server stops.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sekft.env.episode import EpisodeResult, EpisodeShell, backend, land
from sekft.env.reward import Reward, right
from sekft.errors import InfraError, SekftError, UsageError
from sekft.protocols import Sandbox
from sekft.scenario import Scenario

BODY_BYTES = 1 << 17
"""The most that a request may hold: an action of 32 KiB with every byte escaped."""
SWEEP_S = 1.0
ACTION = {"type": "object", "title": "ShellAction", "properties": {"text": {"type": "string"}}, "required": ["text"]}


class Refused(SekftError):
    """A request that cannot be served. status: of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class LeasedSession:
    """One landed shell. The lock lets one request at a time type in it."""

    scenario: Scenario
    shell: EpisodeShell
    stack: AsyncExitStack
    used: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class LeasedSessions:
    """What the server holds. at_once: how many; lease_s: for how long one may lie unused."""

    def __init__(
        self, scenarios: Sequence[Scenario], sandbox: Sandbox, reward: Reward, at_once: int, lease_s: float, turns: int
    ) -> None:
        self.known = {scenario.id: scenario for scenario in scenarios}
        self.at_once, self.lease_s = at_once, lease_s
        self._sandbox, self._reward, self._turns = sandbox, reward, turns
        self._held: dict[str, LeasedSession] = {}
        self._landing = 0
        self._random = random.Random()

    def __len__(self) -> int:
        return len(self._held) + self._landing

    async def reset(self, wanted: Mapping[str, Any]) -> tuple[str, LeasedSession]:
        """Land in a scenario, named, drawn by a seed, or drawn. Raises Refused and InfraError."""
        scenario = self._chosen(wanted)
        if len(self) >= self.at_once:
            raise Refused(429, f"{self.at_once} sessions are open: close one, or wait until a lease ends")
        self._landing += 1
        try:
            stack = AsyncExitStack()
            landing = land(scenario, self._sandbox, reward=self._reward, max_turns=self._turns)
            session = LeasedSession(scenario, await stack.enter_async_context(landing), stack)
        finally:
            self._landing -= 1
        name = secrets.token_urlsafe(16)
        self._held[name] = session
        return name, session

    def _chosen(self, wanted: Mapping[str, Any]) -> Scenario:
        if (name := wanted.get("scenario") or wanted.get("episode_id")) is not None:
            if name not in self.known:
                raise Refused(404, f"scenario {name!r}: not served here; GET /scenarios lists them")
            return self.known[name]
        seed = wanted.get("seed")
        if seed is not None and not isinstance(seed, int):
            raise Refused(422, f"seed {seed!r}: want a whole number")
        return (self._random if seed is None else random.Random(seed)).choice(list(self.known.values()))

    async def step(self, name: object, text: object) -> tuple[str, EpisodeResult | None]:
        """The screen, and the result once the session is over, which also closes it. Raises Refused and InfraError."""
        if not isinstance(text, str):
            raise Refused(422, f"text {text!r}: want what is typed, as a string")
        session = self.session(name)
        try:
            async with session.lock:
                self.session(name)  # it may have been closed while another step was at work
                step = await session.shell.step(text)
                session.used = time.monotonic()
        except UsageError as error:
            raise Refused(409, str(error)) from error
        except InfraError:
            await self.close(name)
            raise
        if not step.done:
            return step.screen, None
        await self.close(name)
        return "", session.shell.result

    def session(self, name: object) -> LeasedSession:
        if not isinstance(name, str) or name not in self._held:
            raise Refused(404, "no such session: it is over, closed, or its lease has ended")
        return self._held[name]

    async def close(self, name: object) -> bool:
        """Whether there was one. A step that is at work ends first; what breaks in closing is nobody's any more."""
        session = self._held.pop(str(name), None)
        if session is not None:
            async with session.lock:
                with suppress(SekftError):
                    await session.stack.aclose()
        return session is not None

    async def sweep(self) -> None:
        """End what lies unused for longer than its lease, for ever."""
        while True:
            await asyncio.sleep(min(SWEEP_S, self.lease_s))
            now = time.monotonic()
            over = [name for name, each in self._held.items() if now - each.used > self.lease_s]
            await asyncio.gather(*(self.close(name) for name in over if not self._held[name].lock.locked()))

    async def drain(self) -> None:
        await asyncio.gather(*map(self.close, list(self._held)))


def app(
    scenarios: Sequence[Scenario],
    *,
    token: str | None = None,
    sandbox: str | Sandbox = "auto",
    reward: Reward = right,
    at_once: int = 64,
    lease_s: float = 600.0,
    max_turns: int = 40,
) -> Starlette:
    """The ASGI application. token: what `Authorization: Bearer` must hold; None asks for none.

    Raises UsageError without scenarios, SandboxUnavailable.
    """
    if not scenarios:
        raise UsageError("serve: no scenarios")
    sessions = LeasedSessions(scenarios, backend(sandbox), reward, at_once, lease_s, max_turns)
    door = _Door(sessions, token)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(sessions.sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            await sessions.drain()

    routes = [
        Route("/reset", door.answered(door.reset), methods=["POST"]),
        Route("/step", door.answered(door.step), methods=["POST"]),
        Route("/close", door.answered(door.close), methods=["POST"]),
        Route("/scenarios", door.answered(door.listed)),
        Route("/schema", door.answered(door.schema)),
        Route("/health", door.health),
        WebSocketRoute("/ws", door.socket),
    ]
    return Starlette(routes=routes, lifespan=running)


Answer = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class _Door:
    """Between requests and sessions."""

    def __init__(self, sessions: LeasedSessions, token: str | None) -> None:
        self._sessions, self._token = sessions, token

    def answered(self, answer: Answer) -> Callable[[Request], Awaitable[JSONResponse]]:
        """A route whose errors are JSON: what the caller did wrong below 500, a sandbox that broke 503."""

        async def route(request: Request) -> JSONResponse:
            try:
                self._admit(request.headers)
                return JSONResponse(await answer(await _body(request)))
            except Refused as error:
                return JSONResponse({"error": str(error)}, error.status)
            except SekftError as error:
                return JSONResponse({"error": str(error), "infra": True}, 503)

        return route

    def _admit(self, headers: Mapping[str, str]) -> None:
        shown = headers.get("authorization", "")
        if self._token is not None and not hmac.compare_digest(shown.encode(), f"Bearer {self._token}".encode()):
            raise Refused(401, "want the header Authorization: Bearer TOKEN")

    async def reset(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        name, session = await self._sessions.reset(body)
        return {"session": name, "lease_s": self._sessions.lease_s, **_landed(session)}

    async def step(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        screen, result = await self._sessions.step(body.get("session"), body.get("text"))
        return {"screen": screen, "done": result is not None, **_judged(result)}

    async def close(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"closed": await self._sessions.close(body.get("session"))}

    async def listed(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ids and cells: enough to choose by, and no bundle."""
        rows = [{"id": each.id, "split": each.split, "axes": each.cell} for each in self._sessions.known.values()]
        return {"scenarios": rows}

    async def schema(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action": ACTION}

    async def health(self, _: Request) -> JSONResponse:
        """Asked without the token, as load balancers do."""
        return JSONResponse({"status": "healthy", "sessions": len(self._sessions), "at_once": self._sessions.at_once})

    async def socket(self, socket: WebSocket) -> None:
        """One client of OpenEnv: a session at a time, which ends with the connection."""
        try:
            self._admit(socket.headers)
        except Refused:
            await socket.close(1008)
            return
        await socket.accept()
        client = _Client(self._sessions)
        try:
            while (answer := await client.answer(await socket.receive_text())) is not None:
                await socket.send_text(json.dumps(answer))
            await socket.close()
        except WebSocketDisconnect:
            pass
        finally:
            await client.close()


class _Client:
    """OpenEnv's messages of one connection."""

    def __init__(self, sessions: LeasedSessions) -> None:
        self._sessions = sessions
        self._name: str | None = None
        self._state: dict[str, Any] = {"episode_id": None, "step_count": 0}

    async def answer(self, text: str) -> dict[str, Any] | None:
        """None ends the connection."""
        try:
            message = json.loads(text)
            kind, data = message["type"], message.get("data") or {}
            if kind == "close":
                return None
            if kind == "state":
                return {"type": "state", "data": self._state}
            if kind not in ("reset", "step"):
                return _error(f"type {kind!r}: want reset, step, state or close", "UNKNOWN_TYPE")
            return {"type": "observation", "data": await (self._reset(data) if kind == "reset" else self._step(data))}
        except Refused as error:
            return _error(str(error), "CAPACITY_REACHED" if error.status == 429 else "VALIDATION_ERROR")
        except SekftError as error:
            return _error(str(error), "EXECUTION_ERROR")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return _error(f'want {{"type": …, "data": …}}: {error!r}', "INVALID_JSON")

    async def _reset(self, data: Mapping[str, Any]) -> dict[str, Any]:
        await self.close()
        self._name, session = await self._sessions.reset(data)
        self._state = {"episode_id": session.scenario.id, "step_count": 0}
        messages = session.shell.messages
        observation: dict[str, Any] = {
            "messages": messages,
            "screen": messages[-1]["content"],
            "outcome": None,
            "marks": {},
        }
        return {"observation": observation, "reward": None, "done": False}

    async def _step(self, data: Mapping[str, Any]) -> dict[str, Any]:
        screen, result = await self._sessions.step(self._name, data.get("text"))
        self._state["step_count"] += 1
        judged = _judged(result) or {"reward": None, "outcome": None, "marks": {}}
        reward = judged.pop("reward")
        return {"observation": {"screen": screen, **judged}, "reward": reward, "done": result is not None}

    async def close(self) -> None:
        await self._sessions.close(self._name)


def _landed(session: LeasedSession) -> dict[str, Any]:
    return {"scenario": session.scenario.id, "messages": session.shell.messages, "done": False}


def _judged(result: EpisodeResult | None) -> dict[str, Any]:
    if result is None:
        return {}
    return {"reward": result.reward, "outcome": result.outcome, "marks": dict(result.marks)}


def _error(message: str, code: str) -> dict[str, Any]:
    return {"type": "error", "data": {"message": message, "code": code}}


async def _body(request: Request) -> Mapping[str, Any]:
    """The request's JSON object; empty where it has no body. Raises Refused."""
    held = b""
    async for part in request.stream():
        held += part
        if len(held) > BODY_BYTES:
            raise Refused(413, f"want at most {BODY_BYTES} bytes")
    try:
        body = json.loads(held) if held.strip() else {}
    except ValueError as error:
        raise Refused(422, f"want JSON: {error}") from error
    if not isinstance(body, dict):
        raise Refused(422, f"saw a {type(body).__name__}, want a JSON object")
    return body
