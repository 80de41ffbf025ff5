"""What differs between two states of a sandbox, and which paths a list of roots covers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple

from sekft.protocols import Entry, State
from sekft.scenario import canonical
from sekft.trajectory import Effect


def effects(before: State, after: State) -> list[Effect]:
    """Every path that was added, removed or changed, sorted by path."""
    found = []
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            found.append(Effect(path=path, change="added"))
        elif path not in after:
            found.append(Effect(path=path, change="removed"))
        elif before[path] != after[path]:
            found.append(Effect(path=path, change="changed"))
    return found


def changes(before: State, after: State, volatile: Sequence[str] = ()) -> dict[str, Entry | None]:
    """What each changed path outside `volatile` has become; None when it is gone."""
    return {
        effect.path: after.get(effect.path) for effect in effects(before, after) if not covered(effect.path, volatile)
    }


def digest(state: State, volatile: Sequence[str] = ()) -> str:
    """SHA-256 over every path outside `volatile`, with all that counts as its state."""
    rows = [[path, *astuple(entry)] for path, entry in sorted(state.items()) if not covered(path, volatile)]
    return hashlib.sha256(canonical(rows)).hexdigest()


def covered(path: str, roots: Iterable[str]) -> bool:
    """Whether the path is one of these roots or lies under one."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)
