"""The documentation's commands run, its links lead somewhere, and it names what exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.attacks.cases import CLASSES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TESTED = re.compile(r"^<!-- tested -->\n```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^<!-- tested python -->\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")
BLOCKS = [(page, blocks) for page in PAGES if (blocks := TESTED.findall(page.read_text(encoding="utf-8")))]
UNTESTED = re.compile(r"(?<!<!-- tested -->\n)```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize(("page", "blocks"), BLOCKS, ids=[named(page) for page, _ in BLOCKS])
def test_commands_of_the_documentation_work(page: Path, blocks: list[str], tmp_path: Path) -> None:
    """A page's tested blocks run one after the other in an empty folder, without a model in the environment."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SEKFT_OP_")}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    shell = ["sh", "-ec", "\n".join(blocks)]
    done = subprocess.run(
        shell, stdin=subprocess.DEVNULL, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


PROGRAMS = [(page, code) for page in PAGES for code in PYTHON.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "code"), PROGRAMS, ids=[named(page) for page, _ in PROGRAMS])
def test_programs_of_the_documentation_work(page: Path, code: str, tmp_path: Path) -> None:
    """Python that a page calls tested runs in an empty folder."""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_guide_leaves_no_command_untested() -> None:
    """Only setting up the checkout, which every check does first, stands outside the tested blocks."""
    assert UNTESTED.findall((ROOT / "docs/quickstart.md").read_text(encoding="utf-8")) == [
        "./dev setup\n. .venv/bin/activate\n"
    ]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link inside the repository names a file or folder that exists."""
    broken = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize(("page", "first_column"), [("CONTRIBUTING.md", 2), ("docs/from-the-original.md", -2)])
def test_modules_named_in_the_documentation_exist(page: str, first_column: int) -> None:
    """A module that these pages' tables send a reader to is there."""
    text = (ROOT / page).read_text(encoding="utf-8")
    text = "\n".join("|".join(line.split("|")[first_column:]) for line in text.splitlines() if line.startswith("| "))
    paths = re.findall(r"`((?:src/sekft/|tests/?)?[\w/]*(?:\.py|\.toml|/))`", text)
    missing = [path for path in paths if not (ROOT / path).exists() and not (ROOT / "src/sekft" / path).exists()]
    assert paths
    assert not missing


def test_names_in_the_map_from_the_original_resolve() -> None:
    """Each `module.name` and `Class.name` that the map gives as ours is there."""
    text = (ROOT / "docs/from-the-original.md").read_text(encoding="utf-8")
    homes = [import_module(f"sekft.{name}") for name in ("protocols", "scenario", "trajectory", "taxonomy")]
    classes = {name: value for home in homes for name, value in vars(home).items() if isinstance(value, type)}
    named = [tuple(name) for name in re.findall(r"\| .*\| .*`([\w.]+)\.(\w+)(?:\(.*\))?`.* \|", text)]
    named = [(owner, name) for owner, name in named if name not in ("py", "md", "toml", "txt", "mode")]
    missing = [
        f"{owner}.{name}"
        for owner, name in named
        if not hasattr(classes.get(owner) or import_module(f"sekft.{owner}"), name)
        and name not in getattr(classes.get(owner), "__dataclass_fields__", {})
    ]
    assert len(named) >= 10
    assert not missing


def test_tests_named_in_the_documentation_exist() -> None:
    """Each test by which a promise of the sandbox is proved is there, and so is each class of attacks."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    there = {
        name for path in ROOT.glob("tests/**/test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    named = set(re.findall(r"`(test_\w+)`", page))
    proofs = [row.split("|")[4] for row in page.splitlines() if row.count("|") == 5][2:]
    words = {word.strip() for proof in proofs for word in proof.split(",")}
    classes = {word for word in words if not word.startswith("`")}
    assert len(named) >= 30
    assert not named - there
    assert classes <= set(CLASSES)


def test_every_page_is_reached_from_the_readme() -> None:
    """No page of docs/ is an orphan: README links to it, or a page that README links to does."""
    first = linked(ROOT / "README.md")
    reached = first.union(*(linked(page) for page in first if page.suffix == ".md"))
    pages = {page.resolve() for page in ROOT.glob("docs/**/*.md") if page.parent.name != "decisions"}
    assert pages <= reached


def linked(page: Path) -> set[Path]:
    return {(page.parent / link).resolve() for link in LINK.findall(page.read_text(encoding="utf-8"))}


def test_contributing_stays_short() -> None:
    """A newcomer reads CONTRIBUTING in one go."""
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 120
