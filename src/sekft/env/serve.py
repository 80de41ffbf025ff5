"""`sekft serve`: the process around the reset and step server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import ip_address
from typing import ClassVar, Literal

from sekft.env.reward import Reward, Shaped, right
from sekft.errors import UsageError, installing
from sekft.folder.config import Config, option, same_option
from sekft.runs.resources import SandboxedConfig
from sekft.scenario import Scenario

TOKEN = "SEKFT_ENV_TOKEN"


class ServeConfig(Config):
    """Serve scenarios as environments: reset and step over HTTP, and OpenEnv's protocol over a WebSocket."""

    heading: ClassVar[str] = "Server"

    split: Literal["train", "heldout"] | None = option(None, "Serve only this split.", recorded=False)
    where: tuple[str, ...] = option(
        (), "Serve only these cells: axis=value or axis!=value. Repeatable.", metavar="AXIS=VALUE", recorded=False
    )
    host: str = option(
        "127.0.0.1", "Address to listen on; beyond loopback SEKFT_ENV_TOKEN must be set.", recorded=False
    )
    port: int = option(8765, "Port to listen on.", ge=0, le=65535, recorded=False)
    sessions: int = option(64, "Allow at most N open sessions; refuse more with status 429.", ge=1, recorded=False)
    lease: float = option(600.0, "End a session that lies unused for X seconds.", ge=1.0, recorded=False)
    max_turns: int = option(40, "End a session as unfinished after N actions.", ge=1, le=40, recorded=False)
    shaped: bool = option(False, "Also reward the marks on the way.", recorded=False)
    sandbox: str = same_option(SandboxedConfig, "sandbox", "auto")


def serve(config: ServeConfig, scenarios: Sequence[Scenario]) -> None:
    """Serve until SIGINT or SIGTERM, which end all sessions.

    Raises UsageError without the extra, or without a token beyond loopback, and SandboxUnavailable.
    """
    token = os.environ.get(TOKEN) or None
    if token is None and not _is_loopback(config.host):
        raise UsageError(f"--host {config.host}: whoever reaches it could open sessions: set {TOKEN}, or use 127.0.0.1")
    try:
        import uvicorn

        from sekft.env.server import app
    except ImportError as error:
        raise UsageError(f"serve wants starlette, uvicorn and websockets: {installing('serve')}") from error
    reward: Reward = Shaped() if config.shaped else right
    served = app(
        scenarios,
        token=token,
        sandbox=config.sandbox,
        reward=reward,
        at_once=config.sessions,
        lease_s=config.lease,
        max_turns=config.max_turns,
    )
    uvicorn.run(served, host=config.host, port=config.port, log_level="warning", ws_max_size=1 << 17)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
