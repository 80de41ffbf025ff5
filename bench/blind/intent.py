"""What a solver means: apart from the judge, so that stating it loads no more than it takes to write it down."""

from __future__ import annotations

from sekft.scenario import Frozen


class Intent(Frozen):
    """What a solver says it meant. cheat: its kind, None for an honest run. meant: in its own words. by: who it was."""

    cheat: str | None = None
    meant: str
    by: str = ""
