"""Which tests `./dev soak` runs, and which files are begun first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

LONG = {
    "live", "blind", "training", "test_docs.py", "test_attacks.py", "test_tasks.py", "test_teacher.py", "test_blame.py",
    "test_explorer.py", "test_saboteur.py", "test_forms.py",
}  # fmt: skip
"""Files, and folders of files, that take longest: xdist hands out files in order, and none should be left over."""

# Two files at a time on two processors: torch's threads would wait for each other, spinning. Where a test asks for more
# of them they sleep meanwhile, as sekft has it; that must be said before torch is loaded, which some tests do first.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
settings.register_profile("patient", deadline=None)
settings.register_profile("soak", max_examples=5000, deadline=None)
settings.load_profile("patient")  # an example that meets a busy machine is no failure


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every case runs over docker in one userland, over bubblewrap in two; `./dev soak` has the others.

    What is said of userlands themselves holds in all of them. An attack runs over bubblewrap in one, the next attack in
    the other one; `./dev soak` has the rest.
    """
    attacks: dict[int, int] = {}
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        backend, userland, attack = (params.get(name) for name in ("sandbox", "userland", "attack"))
        spared = "gnu" if backend == "docker" else None
        if attack is not None and backend == "bubblewrap":
            spared = ("gnu", "busybox")[attacks.setdefault(id(attack), len(attacks)) % 2]
        beside = userland == "workstation" and not (backend == "bubblewrap" and item.path.name == "test_userland.py")
        if beside or (spared is not None and userland == spared):
            item.add_marker("soak")
    items.sort(key=lambda item: LONG.isdisjoint(item.path.relative_to(Path(__file__).parent).parts))
