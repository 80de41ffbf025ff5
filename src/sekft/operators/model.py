"""The `model` operator: a served model that sees what a student would see, and a disposable scaffold.

The scaffold (scaffolds/NAME.md, with the way to answer from scaffolds/answers/) is put before the orientation and is
never recorded.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from sekft.errors import UsageError
from sekft.models.endpoint import ContextFull, Endpoint, service
from sekft.models.journal import Reply
from sekft.operators.answers import Parsed, parse_action
from sekft.protocols import CONTEXT_FULL, REFUSED, Action, Operator, OperatorConfig
from sekft.scenario import Scenario
from sekft.seeds import derive, stream
from sekft.shell import markup
from sekft.trajectory import OperatorInfo, Turn, Usage

MAX_TOKENS = 256
TEMPERATURE = 0.7
ASKS = 3
SEED_BITS = 31
ECHO_CHARACTERS = 20
SLIPS_BEFORE = 4
SLIPPABLE = re.compile(r"(?!exit\b|panic\b)(?=[a-z]*([a-z])(?!\1)[a-z])[a-z]{3,}( [^;&|<>$`()\n]*)?")
"""One plain command: nothing of it happens when its first word is mistyped."""
SCAFFOLDS = resources.files("sekft") / "operators" / "scaffolds"


def make(settings: OperatorConfig) -> ModelOperator:
    """The operator that the environment names (SEKFT_OP_MODEL …).

    Raises UsageError when it names none, or for an unknown scaffold.
    """
    name = "default" if settings.scaffold is None else settings.scaffold
    return ModelOperator(
        Endpoint(service("operator"), settings.timeout_s),
        temperature=TEMPERATURE if settings.temperature is None else settings.temperature,
        max_tokens=settings.max_tokens or MAX_TOKENS,
        top_p=settings.top_p,
        scaffold=scaffold(name, settings.action_format == "fenced") if name else "",
        name=name,
        fenced=settings.action_format == "fenced",
        slips=settings.recovery_share or 0.0,
    )


class ModelOperator(Operator):
    """Rolls the model of one endpoint.

    max_tokens: for one answer, thoughts included.
    scaffold:   the text put before the orientation; None takes the one that sekft ships.
    name:       the scaffold's, for the record.
    fenced:     the model is shown its commands, and answers, in code fences.
    slips:      share of rollouts in which one early command is mistyped for the model, which then has to mend it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        max_tokens: int = MAX_TOKENS,
        temperature: float = TEMPERATURE,
        top_p: float | None = None,
        scaffold: str | None = None,
        name: str = "default",
        fenced: bool = False,
        slips: float = 0.0,
    ) -> None:
        self.endpoint: Endpoint = endpoint
        self.answer_tokens: int = max_tokens
        self.temperature = temperature
        self.top_p = top_p
        self.fenced = fenced
        self.slips = slips
        self.scaffold = default_scaffold() if scaffold is None else scaffold
        settings = {
            "max_tokens": str(max_tokens),
            "temperature": f"{temperature:g}",
            "scaffold_sha256": hashlib.sha256(self.scaffold.encode()).hexdigest()[:16],
        }
        settings |= {"top_p": f"{top_p:g}"} if top_p is not None else {}
        settings |= {"scaffold": Path(name).stem or "none"} if name != "default" else {}
        settings |= {"action_format": "fenced"} if fenced else {}
        settings |= {"recovery_share": f"{slips:g}"} if slips else {}
        self.info = OperatorInfo(kind="model", model=endpoint.service.model, settings=settings)

    def policy(self, scenario: Scenario, sample: int, seed: int) -> ModelPolicy:
        """A policy that knows nothing of the scenario but the turns that it is shown."""
        return ModelPolicy(self, derive(seed, "model", scenario.id, sample))


class ModelPolicy:
    """One rollout's conversation: the scaffold and orientation, then env turns and own actions."""

    def __init__(self, operator: ModelOperator, seed: int) -> None:
        self._operator = operator
        self._seed = seed
        self._rng = stream(seed, "slip")
        self._slips_from = self._rng.randrange(SLIPS_BEFORE) if self._rng.random() < operator.slips else None

    async def act(self, turns: Sequence[Turn]) -> Action:
        """The next command. An answer that holds none is a fault, behind a scaffold after two more asks."""
        usage, parsed, reasoning = Usage(), Parsed(fault="empty"), []
        asks = ASKS if self._operator.temperature > 0 and self._operator.scaffold else 1
        for ask in range(asks):
            try:
                parsed, reply = await self._ask(turns, ask)
            except ContextFull:
                return Action("", usage, fault=CONTEXT_FULL)
            usage += reply.usage
            reasoning += [text for text in (reply.thoughts or markup.read(reply.text).thoughts,) if text]
            if parsed.fault is None or reply.refused:
                break
        text = parsed.text
        if self._slips_from is not None and len(turns) // 2 >= self._slips_from and SLIPPABLE.fullmatch(text):
            text, self._slips_from = slipped(text, self._rng), None
        return Action(text, usage, parsed.fault, thoughts="\n\n".join(reasoning))

    async def _ask(self, turns: Sequence[Turn], ask: int) -> tuple[Parsed, Reply]:
        operator = self._operator
        reply = await operator.endpoint.chat(
            conversation(operator.scaffold, turns, operator.fenced),
            max_tokens=operator.answer_tokens,
            temperature=operator.temperature,
            top_p=operator.top_p,
            seed=derive(self._seed, len(turns), ask) % (1 << SEED_BITS),
        )
        if reply.refused:
            return Parsed(fault=f"{REFUSED}: {reply.refused}"), reply
        if not operator.scaffold:
            return as_deployed(reply), reply
        prompt = turns[-1].content.rpartition("\n")[2]
        parsed = parse_action(reply.text, prompt=prompt, cut=reply.cut, reasoned=bool(reply.thoughts))
        if echoes(parsed.text, operator.scaffold):
            parsed = Parsed(fault="repeats the scaffold")
        return parsed, reply


def as_deployed(reply: Reply) -> Parsed:
    """A student's answer is typed as it stands: once it is deployed, nobody takes prose off it."""
    text = reply.text.rstrip("\n")
    fault = "empty" if not text.strip() else "cut off" if reply.cut else None
    return Parsed("" if fault else text, fault)


def slipped(command: str, rng: random.Random) -> str:
    """The command with two neighbouring, unlike letters of its first word swapped."""
    word, blank, rest = command.partition(" ")
    places = [at for at in range(len(word) - 1) if word[at] != word[at + 1]]
    at = rng.choice(places)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :] + blank + rest


def default_scaffold() -> str:
    return scaffold("default")


def scaffold(name: str, fenced: bool = False) -> str:
    """A shipped scaffold by its name, or a file's text, with how to answer put in its place.

    Raises UsageError for what is neither.
    """
    shipped = {path.name.removesuffix(".md"): path for path in SCAFFOLDS.iterdir() if path.name.endswith(".md")}
    if name not in shipped and not Path(name).is_file():
        raise UsageError(f"--scaffold {name!r}: no such file; shipped are: {', '.join(sorted(shipped))}")
    text = (shipped[name] if name in shipped else Path(name)).read_text(encoding="utf-8")
    answer = SCAFFOLDS / "answers" / ("fenced.md" if fenced else "plain.md")
    return text.replace("{answer}", answer.read_text(encoding="utf-8").strip())


def conversation(scaffold: str, turns: Sequence[Turn], fenced: bool = False) -> list[dict[str, str]]:
    """The deploy form with the scaffold before the orientation, and fences where the model is to use them."""
    system = f"{scaffold.strip()}\n\n{turns[0].orientation or ''}".strip()
    action = "```sh\n{}\n```" if fenced else "{}"
    forms = {"env": ("user", "{}"), "action": ("assistant", action)}
    return [{"role": "system", "content": system}] + [
        {"role": role, "content": form.format(turn.content)} for turn in turns for role, form in [forms[turn.role]]
    ]


def echoes(action: str, scaffold: str) -> bool:
    """Whether an action holds a line of the scaffold, long enough to be no accident."""
    lines = (line.strip() for line in scaffold.splitlines())
    return any(len(line) >= ECHO_CHARACTERS and line in action for line in lines)
