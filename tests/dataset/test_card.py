"""The data card says what was measured, and what falls short first."""

from __future__ import annotations

import re
import struct
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from sekft import taxonomy
from sekft.cli.running import Lines
from sekft.dataset import card
from sekft.dataset.card import BALANCE, CARD, LENGTHS, max_length
from sekft.dataset.export import ExportConfig, Sources, export, read
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.dataset.rows import export_forms
from sekft.evaluation import charts
from sekft.folder import Layout
from sekft.folder.stored import stored
from sekft.models.texts import EstimatedTokens
from sekft.quality.audit import holdings
from sekft.quality.facts import StoredFacts
from tests import sets

CONFIG = re.compile(
    r"- config_name: (\w+)\n(?:  default: true\n)?  description: rows [0-9a-f]{16}\n  data_files:\n"
    r"((?:  - split: \w+\n    path: .*\n)+)"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = sets.filled(tmp_path_factory)
    pair(layout, None, layout, PairConfig(), Lines())
    return layout


@pytest.fixture(scope="module")
def folder(run: Layout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data")
    config = ExportConfig(to=("sft", "dpo", "traces"), title="Eight", license="mit")
    made = export(config, Sources.of(run.root), out, EstimatedTokens(), Lines())
    card.write(out, made, Sources.of(run.root), config, "sekft export 'a b'")
    return out


def test_every_config_of_the_card_names_files_that_are_there(folder: Path) -> None:
    """The tables are configs with a glob a split that finds their files; traces are none."""
    head = (folder / CARD).read_text().split("---\n")[1]
    configs = dict(CONFIG.findall(head))
    assert configs.keys() == {"sft", "dpo"}
    for body in configs.values():
        assert all(list(folder.glob(pattern)) for pattern in re.findall(r"path: (.*)", body))
    assert "license: mit" in head
    assert "pretty_name: Eight" in head


def test_the_card_tells_rows_and_command_as_they_are(folder: Path) -> None:
    """Counts of rows are the manifest's, and the command is what was typed."""
    text = (folder / CARD).read_text()
    for part in read(folder).parts:
        assert re.search(rf"\| `{part.projection}` \|.* {part.rows:,} \|", text)
    assert "sekft export 'a b'" in text
    assert "$" not in re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def test_the_card_describes_every_column(folder: Path) -> None:
    """The table of fields has each column of each table with type and text, and the tags say what it is for."""
    text = (folder / CARD).read_text()
    rows = dict(
        re.findall(r"^\| `(\w+)` \| (.*) \|$", text.partition("## Fields")[2].partition("## ")[0], re.MULTILINE)
    )
    forms = [form for form in export_forms().values() if form.name in ("sft", "dpo")]
    assert rows.keys() == {column for form in forms for column in form.all_columns}
    assert rows["ending"].startswith("string | sft, dpo | axis: What the right ending is")
    assert rows["chosen"].startswith("list of {role, content} | dpo | the action")
    assert not [row for row in rows.values() if "own documentation" in row]
    head = text.split("---\n")[1]
    assert set(re.findall(r"^- (\w+)$", head, re.MULTILINE)) >= {"terminal", "agent", "sft", "dpo"}
    assert "- rl\n" not in head
    assert "## Intended use" in text
    assert "@misc{sekft," in text


def test_every_field_of_our_forms_is_explained() -> None:
    """No form has a column that neither fields.toml nor an axis tells of."""
    says = tomllib.loads(files("sekft.dataset").joinpath("fields.toml").read_text("utf-8"))
    columns = {column for form in export_forms().values() for column in form.all_columns}
    assert columns - taxonomy.load().axes.keys() == says.keys()


def test_max_length_holds_the_longest_row_and_the_estimate_s_error(folder: Path) -> None:
    """What trainers are told holds every row, with a fifth more where tokens were estimated, and no more."""
    made = read(folder)
    for part in made.parts:
        if part.tokens:
            told = max_length(part, made)
            assert told is not None
            assert 1.2 * part.tokens.most <= told < 1.2 * part.tokens.most + card.ROUNDED_TO
    exact = made.model_copy(update={"counted": "tokenizer x"})
    assert made.parts[0].tokens
    assert (max_length(made.parts[0], exact) or 0) - made.parts[0].tokens.most < card.ROUNDED_TO
    longest = max(max_length(part, made) or 0 for part in made.parts if part.projection == "sft")
    assert f"max_length={longest}" in (folder / CARD).read_text()


@pytest.mark.parametrize("name", [LENGTHS, BALANCE])
def test_the_pictures_are_as_wide_as_the_hub_shows(name: str, folder: Path) -> None:
    """Both are PNGs of 700 to 900 points at twice the density, and the card shows them."""
    data = (folder / name).read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    assert 1400 <= width <= 1800
    assert height > 400
    assert f"]({name})" in (folder / CARD).read_text()


def test_without_the_library_the_card_says_what_to_install(
    run: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is whole without its pictures, and names the extra that draws them."""
    monkeypatch.setattr(charts, "drawable", lambda: False)
    made = export(ExportConfig(to=("sft",)), Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
    card.write(tmp_path, made, Sources.of(run.root), ExportConfig())
    assert "install sekft's extra `report`" in (tmp_path / CARD).read_text()
    assert not list(tmp_path.glob("*.png"))


def test_the_excerpt_is_a_kept_session_of_training(folder: Path, run: Layout) -> None:
    """What a reader sees first was recorded, kept, and is no held-out row."""
    text = (folder / CARD).read_text()
    shown = re.search(r"```console\n(.*?)\n```", text, re.DOTALL)
    assert shown
    sessions = {
        "".join(turn.content + ("\n" if turn.role == "action" else "") for turn in one.trajectory.turns).rstrip()
        for group in stored(run)
        for one in group
        if one.trajectory.keep and one.scenario.split == "train"
    }
    assert any(session.startswith(shown[1].removesuffix("\n[…]")) for session in sessions)


def test_an_export_without_sessions_has_a_card_without_their_lengths(run: Layout, tmp_path: Path) -> None:
    """A folder of pairs alone gets its card, with the one picture that it has figures for."""
    made = export(ExportConfig(to=("dpo",)), Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
    card.write(tmp_path, made, Sources.of(run.root), ExportConfig())
    assert [path.name for path in tmp_path.glob("*.png")] == [BALANCE]


def test_a_card_says_which_split_has_no_rows(folder: Path, run: Layout, tmp_path: Path) -> None:
    """Of two splits the card says how they differ; of one that the other is not there."""
    apart = "`train` and `heldout` differ in whole axis values"
    assert apart in (folder / CARD).read_text()
    made = read(folder)
    train = made.model_copy(update={"parts": [part for part in made.parts if part.split == "train"]})
    text = card.text(folder, train, holdings(run), [], Sources.of(run.root), ExportConfig())
    assert "There are no `heldout` rows" in text
    assert apart not in text


def test_what_falls_short_is_told_first(run: Layout, folder: Path) -> None:
    """A scenario that no sandbox has proven makes the card say so, before every figure and under its limits."""
    sources = Sources.of(run.root)
    held = holdings(run)
    broken = replace(held, scenarios=StoredFacts.of(replace(one, proven=False) for one in held.scenarios.with_texts()))
    text = card.text(folder, read(folder), broken, [], sources, ExportConfig())
    assert text.index(f"**broken**: scenarios not proven in a sandbox: {sets.SCENARIOS}") < text.index("Every figure")
    assert "never ran in a sandbox" in text


def test_a_sample_claims_nothing_of_the_whole(run: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the first scenarios were read, the card says so, and tells neither yield nor balance of the draw."""
    monkeypatch.setattr(card, "SCENARIOS_AT_MOST", 3)
    made = export(ExportConfig(to=("sft",)), Sources.of(run.root), tmp_path, EstimatedTokens(), Lines())
    card.write(tmp_path, made, Sources.of(run.root), ExportConfig())
    text = (tmp_path / CARD).read_text()
    assert "a sample of 3 scenarios" in text
    assert "distance from the declared weights" not in text
    assert "| drawn |" not in text
