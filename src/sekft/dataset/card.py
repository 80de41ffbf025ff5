"""The data card: a Hub-style README.md over an export. card.md.jinja holds its text; its figures are gathered here."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from sekft import taxonomy
from sekft.dataset.export import BIN, SPLITS, ExportConfig, Exported, ExportPart, Sources
from sekft.dataset.overlap import RUN, Overlap, overlaps
from sekft.dataset.rows import ExportForm, export_forms
from sekft.evaluation import charts
from sekft.evaluation.statistics import Quantiles
from sekft.folder import HIDDEN, Folder, Layout, stages
from sekft.folder.entries import entry_at
from sekft.quality.audit import Audit, holdings, judged
from sekft.quality.facts import ScenarioFacts
from sekft.quality.holdings import Holdings
from sekft.report import listed
from sekft.taxonomy import splits
from sekft.trajectory import Trajectory

CARD, LENGTHS, BALANCE = "README.md", "lengths.png", "balance.png"
SCENARIOS_AT_MOST = 2000
"""What is audited for a card; ids are hashes, so that the first of them are a sample. Memory grows with them alone."""
OF_THE_WHOLE = ("balance.axis", "balance.pairs_absent", "funnel.admitted")
"""Figures of the audit that a sample cannot tell."""
TRL_DEFAULT = 1024
ROUNDED_TO = 128
ESTIMATE_MARGIN = 1.2
EXCERPT_CHARACTERS = 2500
TAGS = ("agent", "shell", "terminal", "synthetic", "trajectories", "sekft")
TAGS_OF_FORMS = {
    "sft": {"sft", "prompt_completion", "sharegpt"},
    "dpo": {"dpo", "preference", "swift_dpo"},
    "kto": {"kto", "kto_chat", "kto_whole"},
    "rl": {"scenarios"},
}
SIZES = {1000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}


def write(out: Path, exported: Exported, sources: Sources, config: ExportConfig, command: str = "") -> list[Overlap]:
    """Put the card and its pictures into the folder of an export; returns the overlaps that it tells of.

    command: as typed. Raises UsageError where there are no scenarios, or a file to compare with cannot be read.
    """
    layout = sources.layout
    if sources.scenarios:
        layout = replace(Layout.found(sources.scenarios), trajectories=layout.trajectories, errors=layout.errors)
    held = holdings(layout, SCENARIOS_AT_MOST)
    scenarios = list(held.scenarios)
    common = overlaps(list(held.scenarios.with_texts()), config.against)
    with Folder(out).writing() as folder:
        for name, picture in _pictures(exported, scenarios):
            folder.write(out / name, picture)
        folder.write(out / CARD, text(out, exported, held, common, sources, config, command))
    return common


def text(
    out: Path,
    exported: Exported,
    held: Holdings,
    common: Sequence[Overlap],
    sources: Sources,
    config: ExportConfig,
    command: str = "",
) -> str:
    """The card. held: the part of the set that was read for it."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, autoescape=False)
    environment.filters["cell"] = lambda value: str(value).replace("|", "\\|")
    environment.filters["json"] = lambda value: json.dumps(value, indent=1, ensure_ascii=False)
    template = environment.from_string(files("sekft.dataset").joinpath("card.md.jinja").read_text("utf-8"))
    values = _of_rows(out, exported) | _of_set(exported, held, sources) | {"settings": _settings(sources, out)}
    command = command or "sekft export"
    card = template.render(values, config=config, exported=exported, command=command, overlaps=common, run=RUN)
    return card.rstrip() + "\n"


def max_length(part: ExportPart, exported: Exported) -> int | None:
    """What a trainer must be told so that it cuts no row of this part; None where rows have no length."""
    if part.tokens is None:
        return None
    most = part.tokens.most * (ESTIMATE_MARGIN if _estimated(exported) else 1)
    return int(-(-most // ROUNDED_TO) * ROUNDED_TO)


def _of_rows(out: Path, exported: Exported) -> dict[str, Any]:
    """What the card tells of the rows that were written."""
    forms, bins = export_forms(), Counter[int]()
    present: dict[str, list[ExportPart]] = {}
    for part in sorted(exported.parts, key=lambda part: list(forms).index(part.projection)):
        present.setdefault(part.projection, []).append(part)
    rows = max(sum(part.rows for part in parts) for parts in present.values())
    for tokens in _whole(exported).values():
        bins.update(tokens.bins)
    over = sum(count for start, count in bins.items() if start >= TRL_DEFAULT)
    return {
        "forms": forms,
        "present": present,
        "digests": {
            name: _digest(path for path in (out / name).rglob("*") if path.is_file())
            for name in present
            if forms[name].is_table
        },
        "fields": list(_fields([forms[name] for name in present])),
        "tags": [*TAGS, *(tag for tag, names in TAGS_OF_FORMS.items() if names & present.keys())],
        "splits": SPLITS,
        "both_splits": {part.split for part in exported.parts} == set(SPLITS),
        "absent": next((split for split in SPLITS if split not in {part.split for part in exported.parts}), ""),
        "size": next((name for most, name in SIZES.items() if rows < most), "n>10M"),
        "folder": out.resolve().name,
        "longest": {name: max(max_length(part, exported) or 0 for part in parts) for name, parts in present.items()},
        "estimated": _estimated(exported),
        "sessions": bool(_whole(exported)),
        "cut": f"{over / bins.total():.0%}" if bins else "some",
        "drawable": charts.drawable(),
    }


def _fields(forms: Sequence[ExportForm]) -> Iterator[dict[str, str]]:
    """A row for each name and type of a column: the forms that have it, and what fields.toml says of it."""
    says = tomllib.loads(files("sekft.dataset").joinpath("fields.toml").read_text("utf-8"))
    axes = {name: f"axis: {axis.brief}" for name, axis in taxonomy.load().axes.items()}
    held: dict[tuple[str, str], list[str]] = {}
    for form in forms:
        for name, kind in form.all_columns.items():
            held.setdefault((name, _spelt(kind)), []).append(form.name)
    for (name, kind), names in held.items():
        everywhere = len(names) == len(forms)
        text = says.get(name) or axes.get(name) or "see the form's own documentation"
        yield {"name": name, "type": kind, "forms": "all" if everywhere else ", ".join(names), "says": text}


def _spelt(kind: object) -> str:
    """The type of a column as people write it."""
    if isinstance(kind, list):
        return f"list of {_spelt(kind[0])}"
    return "{" + ", ".join(kind) + "}" if isinstance(kind, Mapping) else str(kind)


def _of_set(exported: Exported, held: Holdings, sources: Sources) -> dict[str, Any]:
    """What the card tells of scenarios and rollouts."""
    sampled = len(held.scenarios) == SCENARIOS_AT_MOST
    audit = judged(held, str(sources.layout.root))
    if sampled:
        findings = [finding for finding in audit.findings if finding.name not in OF_THE_WHOLE]
        audit = audit.model_copy(update={"findings": findings})
    scenarios, rolled = list(held.scenarios), held.rolled
    example = next((entry_at(sources.layout.root / file) for *_, file in rolled.example), None)
    sample = example.trajectory() if example else None
    by_name = {finding.name: finding for finding in audit.findings}
    return {
        "scenarios": f"{len(scenarios):,}",
        "sampled": SCENARIOS_AT_MOST if sampled else None,
        "audit": audit,
        "amiss": [finding for finding in audit.findings if finding.verdict in ("broken", "short")],
        "judged": sum(finding.verdict != "told" for finding in audit.findings),
        "kill_rate": by_name.get("checkers.kill_rate"),
        "right_accepted": by_name.get("checkers.right_accepted"),
        "sample": sample,
        "excerpt": _excerpt(sample) if sample else "",
        "funnel": list(_funnel(exported, held, audit, sources.pairs)),
        "endings": (
            Counter((scenario.kind, scenario.split) for scenario in scenarios),
            rolled.endings,
        ),
        "mistaken": rolled.mistaken,
        "kept": rolled.kept,
        "held_out": splits.spelt(held.held),
        "unproven": not all(scenario.proven for scenario in scenarios),
        "operators": rolled.operators,
        "models": rolled.by_models or any(scenario.model for scenario in scenarios),
        "authors": sorted({scenario.author for scenario in scenarios}),
    }


def _estimated(exported: Exported) -> bool:
    return exported.counted.startswith("estimate")


def _digest(files: Iterable[Path]) -> str:
    """Of what files hold. Without it in the card, `datasets` may take old rows, or another folder's, from its cache."""
    whole = hashlib.sha256()
    for path in sorted(files):
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


def _whole(exported: Exported) -> dict[str, Quantiles]:
    """Split → lengths of whole sessions, by the first projection that has them."""
    for name in ("sft", "sharegpt", "kto_whole"):
        if lengths := {part.split: part.tokens for part in exported.parts if part.projection == name and part.tokens}:
            return lengths
    return {}


def _pictures(exported: Exported, scenarios: Sequence[ScenarioFacts]) -> Iterator[tuple[str, bytes]]:
    if not charts.drawable():
        return
    if whole := _whole(exported):
        longest = max(max_length(part, exported) or 0 for part in exported.parts if part.tokens in whole.values())
        marks = {TRL_DEFAULT: f"{TRL_DEFAULT:,}: TRL's default", longest: f"max_length {longest:,}"}
        bins = {split: lengths.bins for split, lengths in whole.items()}
        yield LENGTHS, charts.lengths(bins, BIN, marks, exported.counted)
    yield BALANCE, charts.balance((scenario.cell, scenario.split) for scenario in scenarios)


def _excerpt(sample: Trajectory) -> str:
    screen = "".join(turn.content + ("\n" if turn.role == "action" else "") for turn in sample.turns)
    cut = screen if len(screen) <= EXCERPT_CHARACTERS else screen[:EXCERPT_CHARACTERS].rpartition("\n")[0] + "\n[…]"
    return cut.rstrip().replace("```", "'''")


def _funnel(exported: Exported, held: Holdings, audit: Audit, pairs: Path | None) -> Iterator[tuple[str, str, str]]:
    """Each step from what was drawn to what is exported: its name, its count and a remark."""
    if drawn := next((finding for finding in audit.findings if finding.name == "funnel.admitted"), None):
        yield "drawn", str(drawn.of), ""
        yield "admitted", str(audit.scenarios), drawn.detail
    outcomes: dict[str, Counter[str]] = {}
    for (operator, outcome, _), count in held.rolled.outcomes.items():
        outcomes.setdefault(operator, Counter())[outcome] += count
    for operator, counts in sorted(outcomes.items()):
        yield f"rolled out, {operator}", f"{counts.total():,}", _listed(dict(counts.most_common()))
    yield "kept", f"{held.rolled.kept:,}", "the right ending, every step of the routine, and a clean record"
    if pairs and (file := pairs / "report.json").is_file():
        report = json.loads(file.read_text(encoding="utf-8"))
        yield "pairs", f"{report['pairs']:,}", f"by the rejected side's outcome: {_listed(report['outcomes'])}"
    for row in exported.funnel[2:]:
        yield f"exported: {row.filter}", str(row.passed), f"{row.dropped} left out"


def _listed(counts: Mapping[str, int]) -> str:
    return listed({name: f"{count:,}" for name, count in counts.items()})


def _settings(sources: Sources, out: Path) -> dict[str, object]:
    """What each stage was made with, by folder and stage."""
    roots = {"": sources.layout.root, "scenarios ": sources.scenarios, "pairs ": sources.pairs, "export ": out}
    return {
        f"{whose}{stage}": json.loads((root / HIDDEN / f"{stage}.json").read_text(encoding="utf-8"))
        for whose, root in roots.items()
        if root
        for stage in stages(root)
    }
