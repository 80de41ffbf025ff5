"""The house keeps its shape: what an import costs, and what no file may hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
LONGEST_MODULE_LINES, LONGEST_FUNCTION_LINES = 500, 70
VAGUE = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
HEAVY = ("openai", "httpx2", "rich.progress", "llama_cpp", "torch", "transformers")


def test_the_package_is_light_to_import() -> None:
    """Importing the nouns and seams loads no client, no progress bar and no model."""
    code = f"import sekft.protocols, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_modules_and_functions_stay_readable(path: Path) -> None:
    """No module outgrows one reading, no function one screen, and no name says nothing."""
    assert path.stem not in VAGUE
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE_LINES
    long = [node.name for node in functions(path) if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION_LINES]
    assert not long


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_every_test_says_what_it_holds(path: Path) -> None:
    """Each test states one behaviour in its docstring."""
    silent = [node.name for node in functions(path) if node.name.startswith("test_") and not ast.get_docstring(node)]
    assert not silent
