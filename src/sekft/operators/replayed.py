"""Operators that type a fixed list: the reference solution, blind guesses, another operator's first commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sekft.protocols import Action, Operator, OperatorConfig, Policy
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
    (*_LEARN, *_ASK, "panic 'the work is blocked: an input is missing or cannot be read'", "exit"),
    ("exit",),
    ("panic 'blocked'", "exit"),
)


class ScriptedPolicy:
    """Types these texts in their order, whatever the shell answers; after the last of them `rest` acts.

    Without `rest` the rollout then ends as malformed.
    """

    def __init__(self, texts: Sequence[str], rest: Policy | None = None) -> None:
        self._texts, self._rest = texts, rest

    async def act(self, turns: Sequence[Turn]) -> Action:
        place = len(turns) // 2
        if place < len(self._texts):
            return Action(self._texts[place])
        return await self._rest.act(turns) if self._rest else Action("", fault="the script ran out of commands")


def reference(settings: OperatorConfig) -> ReferenceOperator:
    return ReferenceOperator()


def blind(settings: OperatorConfig) -> BlindOperator:
    return BlindOperator()


class ReferenceOperator(Operator):
    """Types the scenario's own reference solution: the oracle."""

    info = OperatorInfo(kind="reference")

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return ScriptedPolicy(scenario.reference)


class BlindOperator(Operator):
    """Reads no output and types the best guess that fits any scenario: what is kept of it was earned by luck."""

    info = OperatorInfo(kind="blind")

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return ScriptedPolicy(_GUESSES[sample % len(_GUESSES)])


class ResumedOperator(Operator):
    """Types the given commands, then lets another operator act.

    settings: what the record of such a rollout says beside the other operator's settings.
    """

    def __init__(self, operator: Operator, typed: Sequence[str], settings: Mapping[str, str]) -> None:
        self._operator, self._typed = operator, typed
        self.endpoint, self.answer_tokens = operator.endpoint, operator.answer_tokens
        self.info = operator.info.model_copy(update={"settings": {**operator.info.settings, **settings}})

    def policy(self, scenario: Scenario, sample: int, seed: int) -> Policy:
        return ScriptedPolicy(self._typed, self._operator.resume(scenario, self._typed, sample, seed))
