"""Scenarios as environments: for reinforcement learning, and for evaluation harnesses that people already have.

    from sekft import env

    scenario = env.scenarios("demo", split="train")[0]
    result = await env.play(scenario, act)           # act: (messages) -> text, or an awaitable of it
    async with env.land(scenario) as shell:          # the same, a step at a time
        step = await shell.step("ls")                # .screen .done
    shell.result                                     # .reward .outcome .marks .trajectory

A policy sees `messages` and nothing else: no part of the bundle's plan, checker or reference. docs/environments.md.
"""

from __future__ import annotations

from sekft.env.episode import EpisodeResult, EpisodeShell, StepResult, land, play
from sekft.env.reward import Reward, Shaped, right
from sekft.env.source import scenarios

__all__ = ["EpisodeResult", "EpisodeShell", "Reward", "Shaped", "StepResult", "land", "play", "right", "scenarios"]
