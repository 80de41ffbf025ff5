"""One declaration of an option: keyword argument, flag, help text and record."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from sekft.cli.options import configured
from sekft.errors import UsageError
from sekft.folder.config import Config, option


class Baking(Config):
    """Bread."""

    loaves: int = option(2, "Loaves to bake.", ge=1, le=9, grows=True)
    flour: Literal["rye", "wheat"] = option("rye", "Of which flour.")
    seeds: tuple[str, ...] = option((), "Seeds on top.", flag="--seed-on-top")
    heat: float | None = option(None, "Degrees of the oven.", ge=0, recorded=False)
    sweet: bool = option(False, "With sugar.", flag="--sweet --sugar")


class Eating(Config):
    """Bread, again."""

    loaves: int = option(2, "Loaves to bake.", ge=1, le=9)
    guests: int = option(1, "Who comes.", ge=0)


seen: list[object] = []


def bake(baking: Baking, eating: Eating, out: Annotated[str, typer.Option("--out", help="Where.")] = "table") -> None:
    """Bake."""
    seen[:] = [baking, eating, out]


app = typer.Typer()
app.command()(configured(without=("heat",))(bake))


def test_flags_are_the_fields() -> None:
    """A command gets configs of what was typed; configs that share a field share its option."""
    done = CliRunner().invoke(app, "--loaves 3 --seed-on-top poppy --seed-on-top flax --sugar --guests 4".split())
    assert done.exit_code == 0, done.output
    assert seen == [Baking(loaves=3, seeds=("poppy", "flax"), sweet=True), Eating(loaves=3, guests=4), "table"]


def test_help_and_bounds_are_the_fields() -> None:
    """The help shows each option once, a hidden one never, and a value out of bounds is refused."""
    shown = CliRunner().invoke(app, ["--help"]).output
    assert shown.count("Loaves to bake.") == 1
    assert "--sugar" in shown
    assert "Degrees" not in shown
    assert CliRunner().invoke(app, ["--loaves", "10"]).exit_code == 2


def test_a_wrong_word_names_the_flag_and_the_known_ones() -> None:
    """What pydantic refuses is told as a flag, the value seen and the values wanted."""
    with pytest.raises(UsageError, match=r"^--flour oat: want rye or wheat$"):
        Baking.of(flour="oat")


def test_an_unknown_keyword_lists_the_known() -> None:
    """A misspelt keyword argument is no option."""
    with pytest.raises(UsageError, match="no option 'loafs'; options: loaves, flour"):
        Baking.of(loafs=3)


def test_a_folder_remembers_what_it_is_made_with() -> None:
    """Only recorded fields are settings of a folder, and only some of them may grow."""
    assert Baking(heat=200).recorded() == {"loaves": 2, "flour": "rye", "seeds": [], "sweet": False}
    assert Baking.growing() == {"loaves"}
