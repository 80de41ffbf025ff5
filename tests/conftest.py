"""Which tests `./dev soak` runs, and how the files of the others are put in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

LIVE = Path(__file__).parent / "live"

settings.register_profile("soak", max_examples=5000, deadline=None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every case runs over docker in one userland; the other one is for `./dev soak`. Both run over bubblewrap.

    The live files come first, since they have few tests, and long ones: xdist hands out files in this order.
    """
    for item in items:
        params = getattr(getattr(item, "callspec", None), "params", {})
        if params.get("sandbox") == "docker" and params.get("userland") == "gnu":
            item.add_marker("soak")
    items.sort(key=lambda item: LIVE not in item.path.parents)
