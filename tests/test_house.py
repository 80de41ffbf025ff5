"""The house keeps its shape: what an import costs, and what no file may hold."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("openai", "httpx2", "rich.progress", "llama_cpp")


def test_the_package_is_light_to_import() -> None:
    """Importing the nouns and seams loads no client, no progress bar and no model."""
    code = f"import sekft.protocols, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
