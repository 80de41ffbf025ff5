"""Right solutions besides the reference: what a checker must accept, however the work is done."""

from __future__ import annotations

from collections.abc import Iterator

from sekft.scenario import Alternative, Scenario
from sekft.seeds import stream

OWN_MOST = 6
WAYS_MOST = 2
_LOOKS = "ls -la; id; pwd"


def solutions(scenario: Scenario) -> list[Alternative]:
    """The scenario's own alternatives, then those that fit any; each list of commands once, without an ending."""
    drawn = [*scenario.alternatives[:OWN_MOST], *_usual(scenario), *_other_ways(scenario)]
    once = {tuple(alternative.commands): alternative for alternative in reversed(drawn)}
    return [alternative for alternative in drawn if once.get(tuple(alternative.commands)) is alternative]


def _usual(scenario: Scenario) -> Iterator[Alternative]:
    """The reference by someone of other habits."""
    done = scenario.reference[:-1]
    if scenario.expected.kind == "work":
        yield Alternative(kind="umask", commands=["umask 077", *done])
    else:
        yield Alternative(kind="looked_around", commands=[_LOOKS, *done])
    yield Alternative(kind="looked_again", commands=[*done, _LOOKS])


def _other_ways(scenario: Scenario) -> Iterator[Alternative]:
    """The plan with one of its steps taken in another way; drawn by the scenario's seed."""
    options = [
        (at, way)
        for at, step in enumerate(scenario.plan)
        for way in step.ways[1:]
        if step.goal in ("retrieve", "execute", "acknowledge") and way
    ]
    stream(scenario.seed, "alternatives").shuffle(options)
    options.sort(key=lambda option: scenario.plan[option[0]].goal != "execute")
    for at, way in options[:WAYS_MOST]:
        steps = [way if place == at else step.ways[0] for place, step in enumerate(scenario.plan[:-1])]
        yield Alternative(kind=f"way {at}", commands=[command for step in steps for command in step])
