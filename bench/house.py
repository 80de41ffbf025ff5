"""The measures of the house (docs/decisions/the-house.md), read from the source.

python -m bench.house
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import sekft

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sekft"
RENDERERS = ("render", "as_text")


def figures() -> dict[str, int]:
    modules = sorted(SOURCE.rglob("*.py"))
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in modules]
    classes = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    functions = [node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    fields = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    options = [node for node in fields if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "option"]
    layers = re.findall(r"layers =\n((?:    .*\n)+)", (ROOT / ".importlinter").read_text(encoding="utf-8"))[0]
    return {
        "entries of src/sekft": sum(path.name != "__pycache__" for path in SOURCE.iterdir()),
        "modules": len(modules),
        "lines of Python": sum(len(path.read_text(encoding="utf-8").splitlines()) for path in modules),
        "lines of the layers": len(layers.splitlines()),
        "names in the layers": len(re.findall(r"\w+", layers)),
        "declarations of the option temperature": sum(ast.unparse(node.target) == "temperature" for node in options),
        "functions called render or as_text": sum(name in RENDERERS for name in functions),
        "class names that two classes share": sum(count > 1 for count in classes.values()),
        "public names": len(sekft.__all__),
    }


if __name__ == "__main__":
    for name, figure in figures().items():
        print(f"{figure:>7,}  {name}")
