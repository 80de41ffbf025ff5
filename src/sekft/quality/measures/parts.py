"""Whether the held-out part is held out, and whether families are what they say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sekft.quality.measures import Figure, Holdings
from sekft.quality.measures.hints import login_text
from sekft.quality.measures.wording import documentation
from sekft.scenario import Scenario
from sekft.taxonomy import splits


def measure(held: Holdings) -> Iterator[Figure]:
    scenarios = list(held.scenarios.values())
    if not scenarios:
        return
    away = [one for one in scenarios if one.split == splits.HELD_OUT]
    named = " ".join(splits.spelt(held.held))
    yield Figure(
        "held_out", len(away) / len(scenarios), len(scenarios), detail=f"{len(away)} with {named or 'nothing'}"
    )
    mixed = [one for one in scenarios if one.split == splits.TRAIN and splits.part([one.cell], held.held) != one.split]
    yield Figure("held_out_in_training", len(mixed), len(scenarios), files=tuple(map(held.file, mixed)))
    families: dict[str, list[Scenario]] = defaultdict(list)
    for one in scenarios:
        families[one.family].append(one)
    torn = [one for members in families.values() if len({one.split for one in members}) > 1 for one in members]
    yield Figure("families_torn", len(torn), len(families), files=tuple(map(held.file, torn)))
    linked = [one for one in scenarios if one.twin_of or one.reskin_of]
    odd = [one for one in linked if not _agrees(one, held.scenarios.get(one.twin_of or one.reskin_of or ""))]
    yield Figure(
        "families_odd",
        len(odd),
        len(linked),
        detail=f"{len(linked)} twins and re-skins",
        files=tuple(map(held.file, odd)),
    )


def _agrees(one: Scenario, base: Scenario | None) -> bool:
    """A twin shares all that is read before its directive, and not its ending; a re-skin its ending, and no name."""
    if base is None or base.family != one.family:
        return False
    if one.twin_of:
        return base.expected.kind != one.expected.kind and _told(base) == _told(one)
    return base.expected.kind == one.expected.kind and base.provider.command != one.provider.command


def _told(one: Scenario) -> tuple[str, str]:
    return login_text(one), documentation(one)
