"""SkyRL's text environment over `sekft serve`: register it with skyrl_gym, and start the server beside the trainer.

    sekft serve demo --split train --port 8765

    from skyrl_gym.envs.registration import register
    register(id="sekft", entry_point="shell_env:ShellEnv")

A row of the trainer's data set names the environment class `sekft` and a scenario's id, which GET /scenarios lists.
init() puts the login in the place of the row's prompt.
"""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput, ConversationType


class ShellEnv(BaseTextEnv):
    """One session. extras: {"scenario": ID} names it; without it the server draws one."""

    def __init__(self, env_config: Any = None, extras: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._url = os.environ.get("SEKFT_ENV_URL", "http://127.0.0.1:8765")
        self._wanted = {"scenario": extras["scenario"]} if extras and "scenario" in extras else {}
        self._session: str | None = None
        self._marks: dict[str, bool] = {}
        self.max_turns = 40

    def init(self, prompt: ConversationType) -> tuple[ConversationType, dict[str, Any]]:
        landed = self._ask("reset", self._wanted)
        self._session = landed["session"]
        return landed["messages"], {"scenario": landed["scenario"]}

    def step(self, action: str) -> BaseTextEnvStepOutput:
        step = self._ask("step", {"session": self._session, "text": action})
        self._marks = step.get("marks", {})
        said = [] if step["done"] else [{"role": "user", "content": step["screen"]}]
        told = {"outcome": step.get("outcome")}
        return BaseTextEnvStepOutput(
            observations=said, reward=step.get("reward", 0.0), done=step["done"], metadata=told
        )

    def close(self) -> None:
        if self._session is not None:
            self._ask("close", {"session": self._session})

    def get_metrics(self) -> dict[str, Any]:
        return {mark: float(reached) for mark, reached in self._marks.items()}

    def _ask(self, what: str, body: dict[str, Any]) -> Any:
        """Raises HTTPError, also where the sandbox broke: such an episode has no reward."""
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ.get('SEKFT_ENV_TOKEN', '')}",
        }
        request = urllib.request.Request(f"{self._url}/{what}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)
