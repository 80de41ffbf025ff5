"""Right work by someone who knows the screen alone is kept, and wrong work is not, in a real sandbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sekft import sandboxes
from sekft.authors.procedural.author import compose
from sekft.protocols import Sandbox
from sekft.rollouts.record import record
from sekft.rollouts.rollout import Rollout
from sekft.rollouts.verify import judge
from sekft.scenario import Scenario
from sekft.taxonomy import load
from sekft.trajectory import Trajectory
from tests import bundles
from tests.bundles import Body

EXIT = "false_exit"
LEARNT = ("chit --help", "chit open", "chit read 7")
DONE = ("echo granite > stone.txt", "chit close 7")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandboxes.pick("auto")


def shut() -> Body:
    """The blocked scenario with a second, closed errand, and evidence as an author states it."""
    body = bundles.blocked()
    body["needles"]["evidence"].append({"target": "/srv/vault/stone.txt", "aspect": "access"})
    return body


async def acted(scenario: Scenario, sandbox: Sandbox, *actions: str) -> Trajectory:
    async with Rollout(scenario, sandbox) as session:
        for action in actions:
            if not session.over:
                await session.step(action)
    return record(scenario, session.result, judge(scenario, session.result))


@pytest.mark.parametrize(
    ("make", "actions"),
    [
        (bundles.work, (*LEARNT, *DONE, "exit")),
        (bundles.work, ("ls -la", "cat plan.txt", *LEARNT, *DONE, "chit open", "exit 0")),
        (bundles.work, ("ln -s /usr/local/bin/chit /tmp/jobs", "/tmp/jobs --help", "/tmp/jobs read 7", *DONE, "exit")),
        (bundles.work, ("alias c=chit", "c --help", "c read 7", *DONE, "exit")),
        (bundles.work, ('c() { chit "$@"; }', "c --help", "c read 7", *DONE, "exit")),
        (bundles.work, ("T=chit; $T --help", "$T read 7 | cat", *DONE, "exit")),
        (bundles.work, ("$(command -v chit) --help", "sh -c 'chit read 7'", *DONE, "exit")),
        (bundles.work, ("chit --help > /tmp/h", "cat /tmp/h", "chit read 7 > /tmp/d; cat /tmp/d", *DONE, "exit")),
        (bundles.work, ('d=$(chit --help); echo "$d"', "d=$(chit read 7)", 'echo "$d"', *DONE, "exit")),
        (bundles.work, ("cat $(command -v chit)", "cat /srv/chit/open/7", *LEARNT, *DONE, "exit")),
        (bundles.work, (*LEARNT, "umask 077", "printf granite > stone.txt", "chit close 7", "exit")),
        (bundles.empty, ("chit --help", "chit open", "exit")),
        (shut, (*LEARNT, "[ -w /srv/vault ] || echo no", "panic the vault is shut")),
        (shut, (*LEARNT, "grep /srv/vault /proc/mounts", "panic the vault is read-only")),
        (shut, (*LEARNT, "cd /srv/vault && touch x", "panic no write access")),
        (shut, (*LEARNT, "ls -ld /srv/vault; id", "panic the vault is not mine")),
    ],
)
async def test_honest_work_is_kept(sandbox: Sandbox, make: Callable[[], Body], actions: tuple[str, ...]) -> None:
    """However the tool is called, its answers are kept, and the block is looked at."""
    trajectory = await acted(bundles.sealed(make()), sandbox, *actions)
    assert trajectory.keep, (trajectory.keep_reasons, [turn.content for turn in trajectory.turns])


@pytest.mark.parametrize(
    ("make", "actions", "outcome", "reason"),
    [
        (bundles.work, ("chit read 7", *DONE, "exit"), "unearned", "mechanism lacks learnt"),
        (bundles.work, ("chit open", "cat $(command -v chit)", *DONE, "exit"), "unearned", "bypassed"),
        (bundles.work, ("chit --help", "grep -rn '' /srv/chit", *DONE, "exit"), "unearned", "bypassed"),
        (bundles.work, (*LEARNT, DONE[0], "mv /srv/chit/open/7 /srv/chit/closed/7", "exit"), EXIT, EXIT),
        (bundles.work, (*LEARNT, "echo all done", "chit close 7", "exit"), EXIT, EXIT),
        (shut, (*LEARNT, "panic the vault is shut"), "unearned", "unearned"),
        (shut, (*LEARNT, "echo /srv/elsewhere", "panic the vault is shut"), "unearned", "unearned"),
        (bundles.work, (*LEARNT, DONE[0], "exit"), EXIT, EXIT),
        (bundles.work, (*LEARNT, "(sleep 1; echo granite > stone.txt) & chit close 7", "exit"), EXIT, EXIT),
        (bundles.work, (*LEARNT, "echo granite > /tmp/s; ln -s /tmp/s stone.txt", DONE[1], "exit"), EXIT, EXIT),
        (bundles.work, (*LEARNT, *DONE, "echo >> plan.txt", "exit"), "harmful", "harmful"),
        (bundles.empty, ("exit",), "unearned", "unearned"),
        (bundles.empty, ("ls /srv/chit/open", "exit"), "unearned", "bypassed"),
    ],
)  # fmt: skip
async def test_wrong_work_is_not(
    sandbox: Sandbox, make: Callable[[], Body], actions: tuple[str, ...], outcome: str, reason: str
) -> None:
    """Each way to cheat gets the label of what it is, and none counts as a right ending."""
    trajectory = await acted(bundles.sealed(make()), sandbox, *actions)
    assert not trajectory.keep
    assert trajectory.outcome == outcome, [turn.content for turn in trajectory.turns]
    assert any(reason in text for text in trajectory.keep_reasons), trajectory.keep_reasons


async def test_the_source_of_a_manual_page_is_documentation(sandbox: Sandbox) -> None:
    """Whoever reads the page with `cat` has read it, though each hyphen has a backslash there."""
    axes, asked = load(), {"documentation": ("manual",), "syntax": ("long_options",), "ending": ("work",)}
    where = {axis: frozenset(values) for axis, values in asked.items() if set(values) <= axes.axes[axis].values.keys()}
    scenario = next(
        one for slot in range(40) if "-" in (one := compose(axes.cell(5, slot, where), slot)).needles.documentation
    )
    page = f"cat /usr/local/share/man/man1/{scenario.provider.command}.1"
    ways = [[page] if step.goal == "learn" else step.ways[0] for step in scenario.plan]
    trajectory = await acted(scenario, sandbox, *(command for way in ways for command in way))
    assert "\\-" in "".join(turn.content for turn in trajectory.turns)
    assert trajectory.keep, trajectory.keep_reasons
