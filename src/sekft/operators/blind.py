"""Sees no output: types the best guess that fits any scenario, line by line. What is kept of it was earned by luck."""

from __future__ import annotations

from collections.abc import Sequence

from sekft.protocols import Action, OperatorConfig, Policy
from sekft.scenario import Scenario
from sekft.trajectory import OperatorInfo, Turn

_VERBS = "list open pending show read next get take inbox keys queue index status"
_TOOLS = "for tool in /usr/local/bin/*; do"
_LEARN = ("ls -la; env; cat /etc/motd README* /etc/issue 2>/dev/null", f'{_TOOLS} "$tool" --help; "$tool" help; done')
_ASK = (
    f'{_TOOLS} for verb in {_VERBS}; do "$tool" "$verb"; "$tool" "--$verb"; "$tool" "+$verb"; done; done',
    f'{_TOOLS} man "${{tool##*/}}"; for verb in {_VERBS}; do echo "$verb" | "$tool"; "$tool" "$verb" 1; done; done',
)
_GUESSES = (
    (*_LEARN, *_ASK, "exit"),
    (*_LEARN, *_ASK, "panic 'the work is blocked: an input is missing or cannot be read'"),
    ("exit",),
    ("panic 'blocked'",),
)


def make(settings: OperatorConfig) -> BlindOperator:
    del settings
    return BlindOperator()


class BlindOperator:
    info = OperatorInfo(kind="blind")

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return _Blind(_GUESSES[sample % len(_GUESSES)])


class _Blind:
    def __init__(self, commands: Sequence[str]) -> None:
        self._commands = iter(commands)

    async def act(self, turns: Sequence[Turn]) -> Action:
        return Action(next(self._commands, "exit"))
