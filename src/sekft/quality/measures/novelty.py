"""How often an interface comes back, word for word or in its shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sekft.quality.measures import Figure, Holdings
from sekft.scenario import Scenario

PARTS = ("syntax", "verbs", "options", "ids", "paging", "ack", "list_format", "layout")
"""What makes two interfaces the same."""
_WORDS = ("verbs", "options")
_SHOWN = 3


def measure(held: Holdings) -> Iterator[Figure]:
    """Interfaces, then shapes: the same with every word masked. Bundles that tell no interface are left out."""
    surfaces = [one for one in held.surfaces if one.provider.interface]
    if not surfaces:
        return
    interfaces: dict[tuple[str, ...], list[Scenario]] = {}
    for one in surfaces:
        interfaces.setdefault(_parts(one), []).append(one)
    again = [one for same in interfaces.values() for one in same[1:]]
    yield Figure("interfaces_repeated", len(again), len(surfaces), files=tuple(map(held.file, again)))
    shapes = Counter(tuple(map(_masked, PARTS, _parts(one))) for one in surfaces)
    yield Figure("shapes", len(shapes), len(surfaces))
    common = "; ".join(f"{count} × {' | '.join(shape)}" for shape, count in shapes.most_common(_SHOWN))
    yield Figure("shape_share", max(shapes.values()) / len(surfaces), len(surfaces), detail=common)


def _parts(one: Scenario) -> tuple[str, ...]:
    return tuple(one.provider.interface.get(part, "") for part in PARTS)


def _masked(part: str, text: str) -> str:
    """Of `role=word` pairs the roles, of other words their number."""
    if part not in _WORDS:
        return text
    return " ".join(sorted(word.partition("=")[0] if "=" in word else "_" for word in text.split()))
