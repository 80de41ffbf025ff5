"""Members of a family are found by name: those of sekft, and those of packages that are installed beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sekft import authors, operators
from sekft.errors import UsageError
from sekft.protocols import Author, Family, Operator, OperatorConfig

Install = Callable[[str, dict[str, str], str], None]
MODULE = """
from sekft.operators.replayed import ScriptedPolicy
from sekft.protocols import Operator
from sekft.trajectory import OperatorInfo

class Leaver(Operator):
    info = OperatorInfo(kind="leaver")

    def policy(self, scenario, sample, seed):
        return ScriptedPolicy(["exit"])

def make(settings):
    return Leaver()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package with these entry points of sekft.operators, and this code, where Python looks for packages."""

    def installed(package: str, entries: dict[str, str], code: str) -> None:
        site = tmp_path / package
        info = site / f"{package}-1.dist-info"
        info.mkdir(parents=True)
        (site / f"{package}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
        rows = "".join(f"{name} = {value}\n" for name, value in entries.items())
        (info / "entry_points.txt").write_text(f"[sekft.operators]\n{rows}")
        monkeypatch.syspath_prepend(site)

    return installed


@pytest.mark.parametrize("family", [authors.FAMILY, operators.FAMILY], ids=lambda family: family.noun)
def test_every_built_in_name_loads(family: Family[Callable[..., Author | Operator]]) -> None:
    """No name stands for a module or an attribute that is not there."""
    assert all(callable(family.load(name)) for name in family.members)


def test_a_plugin_is_listed_and_loaded(install: Install) -> None:
    """A package that is installed is enough: its operator has a name and acts."""
    install("leaving", {"leaver": "leaving:make"}, MODULE)
    assert operators.FAMILY.names() == [*operators.KINDS, "leaver"]
    operator = operators.make("leaver", OperatorConfig())
    assert operator.info.kind == "leaver"
    assert (operator.endpoint, operator.answer_tokens) == (None, None)


def test_an_unknown_name_lists_the_known_with_plugins(install: Install) -> None:
    """A misspelt name is answered with all that there are."""
    install("leaving", {"leaver": "leaving:make"}, MODULE)
    with pytest.raises(UsageError, match=r"unknown operator 'leaves', want one of: blind, .*student, leaver"):
        operators.make("leaves", OperatorConfig())


@pytest.mark.parametrize("code", ["import no_such_library", "1 / 0", "make ="])
def test_a_plugin_that_does_not_import_is_named_with_its_error(install: Install, code: str) -> None:
    """Whose fault it is, and which; listing the names still works, and so do the others."""
    install("broken", {"leaver": "broken:make"}, code)
    assert "leaver" in operators.FAMILY.names()
    with pytest.raises(UsageError, match=r"'leaver', a plugin of broken, cannot be imported: \w+Error"):
        operators.make("leaver", OperatorConfig())
    assert operators.make("reference", OperatorConfig()).info.kind == "reference"


def test_a_plugin_may_not_replace_a_built_in_name(install: Install) -> None:
    """The name is refused, and the package named; it is not listed twice."""
    install("leaving", {"explorer": "leaving:make"}, MODULE)
    assert operators.FAMILY.names() == [*operators.KINDS]
    with pytest.raises(UsageError, match=r"'explorer' is built in, .*uninstall leaving"):
        operators.make("explorer", OperatorConfig())


def test_two_plugins_of_one_name_are_refused(install: Install) -> None:
    """No order of installation decides which one acts."""
    install("leaving", {"leaver": "leaving:make"}, MODULE)
    install("parting", {"leaver": "parting:make"}, MODULE)
    with pytest.raises(UsageError, match=r"leaving|parting") as caught:
        operators.make("leaver", OperatorConfig())
    assert "uninstall all but one" in str(caught.value)
