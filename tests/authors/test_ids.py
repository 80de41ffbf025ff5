"""The grammar gives the same scenarios, byte for byte, until a change of it says otherwise."""

from __future__ import annotations

from pathlib import Path

from sekft import taxonomy
from sekft.authors import GRAMMAR
from sekft.authors.procedural.author import compose
from sekft.seeds import derive

GOLDEN = Path(__file__).parent / "golden" / "seed-7.txt"
"""What `sekft generate --n 200 --seed 7` admits: the grammar's number, then slot, skin and id. When GRAMMAR has been
raised, docs/generate.py renews it."""


def test_a_seed_gives_the_scenarios_that_it_always_gave() -> None:
    """An id is a hash of all that a bundle says, so equal ids mean equal bundles, re-skins included."""
    axes = taxonomy.load()
    recorded, *rows = GOLDEN.read_text(encoding="utf-8").splitlines()
    assert recorded == f"grammar {GRAMMAR}"
    for row in rows:
        slot, skin, expected = row.split()
        cell, seed = axes.cell(7, int(slot)), derive(7, "author", int(slot), 0)
        assert compose(cell, seed, int(skin)).sealed().id == expected, f"slot {slot}, skin {skin}"
