"""One episode through skyrl_gym, with a policy that leaves at once: `python try_it.py [SCENARIO]`."""

from __future__ import annotations

import sys

import skyrl_gym
from skyrl_gym.envs.registration import register

register(id="sekft", entry_point="shell_env:ShellEnv")
shell = skyrl_gym.make("sekft", env_config={}, extras={"scenario": sys.argv[1]} if sys.argv[1:] else {})
messages, told = shell.init([])
print(told, messages[-1]["content"], sep="\n")
for action in ("ls", "exit"):
    step = shell.step(action)
    print(action, "→", step["observations"], step["reward"], step["done"], step["metadata"])
shell.close()
print(shell.get_metrics())
