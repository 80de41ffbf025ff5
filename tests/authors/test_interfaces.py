"""Every provider does what its documentation says, and nothing when it is called wrongly."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from sekft import sandboxes
from sekft.authors.procedural.author import bundle, compose
from sekft.authors.procedural.host import Names
from sekft.authors.procedural.provider import _invented
from sekft.authors.procedural.provider.documentation import LAYOUTS
from sekft.authors.procedural.provider.installed import InstalledProvider
from sekft.authors.procedural.provider.semantics import PROVIDERS
from sekft.authors.procedural.provider.syntaxes import SYNTAXES
from sekft.authors.procedural.sketch import sketch
from sekft.protocols import Sandbox, SandboxSpec
from sekft.scenario import File, Scenario
from sekft.shell.syntax import calls
from sekft.taxonomy import load
from sekft.trajectory import effects

CELLS = [cell for slot in range(150) if (cell := load().cell(23, slot))["syntax"] != "native"][:120]
WORKING = {"ending": "work", "decoy": "none", "difficulty": "busy"}


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandboxes.pick("bubblewrap")


def scenario_with(axis: str, value: str, seed: int) -> Scenario:
    """A scenario of that value, the rest of its cell as drawn."""
    return compose({**CELLS[seed % len(CELLS)], **WORKING, axis: value}, seed)


def landing(scenario: Scenario) -> SandboxSpec:
    return SandboxSpec.of(scenario)


VALUES = [
    *(("syntax", name) for name in SYNTAXES),
    *(("provider", name) for name in PROVIDERS),
    *(("layout", name) for name in LAYOUTS),
    *(("documentation", name) for name in load().axes["documentation"].values if name != "native"),
]


@pytest.mark.parametrize(("axis", "value"), VALUES)
async def test_help_is_shown_anywhere_and_wrong_calls_change_nothing(sandbox: Sandbox, axis: str, value: str) -> None:
    """`--help` ends with 0 wherever it stands; a missing argument, a placeholder typed as it is, a call of another
    form: a status, a word that names the tool, no effect."""
    scenario = scenario_with(axis, value, 3)
    tool = scenario.provider.command
    async with sandbox.open(landing(scenario)) as session:
        before = await session.state()
        shown = await session.exec(f"{tool} --help")
        assert shown.status == 0
        for form in ("-h", "help", "nowhere --help", "--help nowhere"):
            assert (await session.exec(f"{tool} {form}")).output == shown.output, form
        for wrong in [*(slip for step in scenario.plan for slip in step.mistakes), f"{tool} --no-such-thing"]:
            result = await session.exec(wrong)
            assert result.status != 0, wrong
            assert tool in result.output, (wrong, result.output)
            assert "not found" not in result.output or "sh:" not in result.output, (wrong, result.output)
        left = [effect for effect in effects(before, await session.state()) if not effect.path.startswith("/tmp/")]
        assert left == []


@pytest.mark.parametrize(
    ("syntax", "provider"),
    [
        (syntax, provider)
        for at, syntax in enumerate(SYNTAXES)
        for place, provider in enumerate(PROVIDERS)
        if (at + place) % 7 == 0
    ],
)
async def test_the_plan_works_in_every_syntax(sandbox: Sandbox, syntax: str, provider: str) -> None:
    """The first way of every step of a plan runs, one after the other, without an error of the tool."""
    cell = {
        **CELLS[len(syntax) + len(provider)],
        **WORKING,
        "syntax": syntax,
        "provider": provider,
        "difficulty": "double",
    }
    scenario = compose(cell, len(syntax) * 31 + len(provider))
    stale = scenario.cell["documentation"] == "stale"
    async with sandbox.open(landing(scenario)) as session:
        for command in scenario.reference:
            result = await session.exec(command)
            asked = calls(command, scenario.provider.command)
            assert result.status == 0 or stale or not asked, (command, result.output)
        assert result.ended is not None
        assert (await session.check(scenario.checker)).passed


async def test_a_planned_mistake_goes_wrong_where_it_is_made(sandbox: Sandbox) -> None:
    """After all calls before it: what they have exported is still set. The right call then works."""
    made, variants = 0, set()
    for seed in range(100):
        cell = {**CELLS[seed], **WORKING, "syntax": "combined", "documentation": "full", "difficulty": "plain"}
        scenario = compose(cell, seed)
        if (variant := scenario.provider.interface["syntax"]) in variants:
            continue
        variants.add(variant)
        async with sandbox.open(landing(scenario)) as session:
            for step in scenario.plan:
                for mistake in step.mistakes:
                    made += 1
                    assert (await session.exec(mistake)).status != 0, mistake
                for command in step.ways[0]:
                    await session.exec(command)
            assert (await session.check(scenario.checker)).passed
    assert made > 20
    assert any("exported" in variant for variant in variants)


def test_no_verb_is_the_word_of_an_argument_where_both_are_options() -> None:
    """`tool --page --page 2` could not be read."""
    met = 0
    for seed in range(400):
        interface = sketch({**CELLS[seed % 120], **WORKING, "syntax": "combined"}, seed).provider
        assert isinstance(interface, InstalledProvider)
        told = interface.interface
        if "FLAG" in told.variant:
            met += 1
            assert not {operation.verb for operation in told.operations} & {*told.keys.values()}
    assert met > 40


def test_no_template_shows_through() -> None:
    """No slot, choice or marker of the grammar is left in anything that is shown."""
    for slot, cell in enumerate(CELLS):
        scenario = compose(cell, slot)
        shown = [
            scenario.orientation,
            scenario.login.motd,
            scenario.login.banner,
            *(d.text for d in scenario.directives),
        ]
        program = next(file for file in scenario.files if file.path == f"/usr/local/bin/{scenario.provider.command}")
        interface, content = scenario.provider.interface, program.content or ""
        shown.append(content.replace("<n>", "") if "n" in interface.get("options", "").split() else content)  # a page
        for text in shown:
            assert not re.search(
                r"@(?:noun|id|ID|receipt|TOOL|OPKEY)@|<(?:noun|nouns|user|host|place|keeper|n)>", text
            ), text
        assert not any("[" in text and "|" in text for text in shown[:3]), shown[:3]


def test_a_list_has_one_tool_for_each_provider_syntax_and_layout() -> None:
    """With a list, scenarios of one kind share the tool, its words and its pages, and nothing else."""
    cell = {**CELLS[0], **WORKING, "documentation": "full"}
    one, other = (bundle(sketch(cell, seed, listed=True), cell, seed) for seed in (1, 2))
    interfaces = [dict(each.provider.interface) for each in (one, other)]
    assert one.provider.command == other.provider.command
    assert {**interfaces[0], "ids": ""} == {**interfaces[1], "ids": ""}
    assert one.login != other.login
    assert {each.id for each in one.directives}.isdisjoint(each.id for each in other.directives)
    elsewhere = {**cell, "syntax": "query" if cell["syntax"] != "query" else "menu"}
    assert bundle(sketch(elsewhere, 1, listed=True), elsewhere, 1).provider.command != one.provider.command


VARIANTS = [(syntax, variant) for syntax in SYNTAXES for variant in SYNTAXES[syntax].variants if variant]


@pytest.mark.parametrize(("syntax", "variant"), VARIANTS)
async def test_a_variant_reads_what_it_spells(sandbox: Sandbox, syntax: str, variant: str) -> None:
    """Each operation in each spelling, with as many arguments as it takes."""
    cell = {**CELLS[2], **WORKING, "syntax": syntax, "provider": "mailbox", "documentation": "full"}
    draft = sketch(cell, 4)
    provider = draft.provider
    assert isinstance(provider, InstalledProvider)
    whole = replace(provider.interface, variant=variant)
    bare = replace(whole, tool="bare", operations=tuple(o for o in whole.operations if not o.takes))
    assert bare.operations
    refusals = 'wrong() { echo "wrong $1"; exit 1; }\nnothing() { wrong; }'
    tools = [
        File(
            path=f"/usr/local/bin/{each.tool}",
            content=f'#!/bin/sh\n{refusals}\n{each.parse()}\necho "$op($a1,$a2)"\n',
            mode="0755",
        )
        for each in (whole, bare)
    ]
    async with sandbox.open(replace(landing(bundle(draft, cell, 4)), files=tuple(tools), hidden=())) as session:
        for each, operation in ((one, operation) for one in (whole, bare) for operation in one.operations):
            values = ["n-17", "done"][: len(operation.takes)]
            for call in each.spell(operation, values):
                first, second, *_ = [*values, "", ""]
                assert (await session.exec(call)).output.strip() == f"{operation.verb}({first},{second})", call


@pytest.mark.parametrize("kind", PROVIDERS)
async def test_every_call_that_shows_that_nothing_waits_says_so(sandbox: Sandbox, kind: str) -> None:
    """A list, a group, a page, a sheet, a table of groups, or all that was ever settled: each holds the evidence."""
    cell = {**CELLS[5], "provider": kind, "ending": "empty", "decoy": "none", "documentation": "full"}
    draft = sketch(cell, 5)
    provider, scenario = draft.provider, bundle(draft, cell, 5)
    assert isinstance(provider, InstalledProvider)
    calls = {
        "list": provider.groups or [""],
        "sheet": provider.groups or [""],
        "next": [""],
        "groups": [""],
        "page": ["1"],
        "since": ["0", *(entry.id for entry in provider.entries)],
    }
    async with sandbox.open(landing(scenario)) as session:
        for role in set(calls) & set(provider.kind.roles):
            for value in calls[role]:
                shown = await session.exec(provider.calls(role, *[value] * bool(value))[0])
                assert scenario.needles.texts[0] in shown.output, (role, value, shown.output)


@pytest.mark.parametrize("kind", ["board", "shelves"])
async def test_an_empty_group_says_nothing_of_the_others(sandbox: Sandbox, kind: str) -> None:
    """Where something waits elsewhere, the text that nothing waits is not shown."""
    cell = {**CELLS[5], **WORKING, "provider": kind}
    draft = sketch(cell, 5)
    provider, scenario = draft.provider, bundle(draft, cell, 5)
    assert isinstance(provider, InstalledProvider)
    role = "list" if "list" in provider.kind.roles else "sheet"
    async with sandbox.open(landing(scenario)) as session:
        outputs = [(await session.exec(provider.calls(role, group)[0])).output for group in provider.groups]
    assert not any(provider.empty in output for output in outputs), outputs
    assert all(outputs)


def test_an_invented_verb_is_no_verb_of_the_same_tool() -> None:
    """Syllables can make `see`, and two calls of one name would share one help topic."""
    words = iter(["see", "yablust"])

    class Drawn(Names):
        def word(self, syllables: tuple[int, int] | None = None) -> str:
            return next(words)

    assert _invented(Drawn(random.Random(0)), {"see", "help"}) == "yablust"
