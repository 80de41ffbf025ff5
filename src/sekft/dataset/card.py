"""The data card: a Hub-style README.md over an export, every figure of it from the export, the audit or the bundles."""

from __future__ import annotations

import json
import tomllib
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from string import Template

from sekft.dataset.export import BIN, Exported, ExportPart, Lengths, Sources
from sekft.dataset.overlap import RUN, Overlap, overlaps
from sekft.dataset.projections import Projection, projections
from sekft.evaluation import pictures
from sekft.folder import HIDDEN, Folder, Layout, documents
from sekft.quality.audit import Audit, AuditFinding, holdings, judged
from sekft.quality.measures import Holdings
from sekft.scenario import ExpectedKind, Scenario
from sekft.taxonomy import splits
from sekft.trajectory import StoredRollout

CARD, LENGTHS, BALANCE = "README.md", "lengths.png", "balance.png"
SCENARIOS_AT_MOST = 2000
"""What is audited for a card; ids are hashes, so that the first of them are a sample. Memory grows with them alone."""
OF_THE_WHOLE = ("balance.axis", "balance.pairs_absent", "funnel.admitted")
TRL_DEFAULT = 1024
ROUNDED_TO = 128
ESTIMATE_MARGIN = 1.2
EXCERPT_CHARACTERS = 2500
ENDINGS: Mapping[ExpectedKind, str] = {
    "work": "work, `exit`",
    "empty": "nothing to do, `exit`",
    "blocked": "blocked, `panic`",
}
_SPLITS = (splits.TRAIN, splits.HELD_OUT)
SIZES = {1000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}


@dataclass(frozen=True, slots=True)
class Described:
    """What a card is told beside what it measures. against: files to compare the texts with. command: as typed."""

    title: str = "Sessions in a shell"
    licence: str = "apache-2.0"
    against: tuple[Path, ...] = ()
    command: str = ""


def write(out: Path, made: Exported, sources: Sources, told: Described) -> list[Overlap]:
    """Put the card and its pictures into the folder of an export; what the texts have in common with others.

    Raises UsageError where there are no scenarios, or a file to compare with cannot be read.
    """
    layout = sources.layout
    if sources.scenarios:
        layout = replace(Layout.found(sources.scenarios), trajectories=layout.trajectories, errors=layout.errors)
    held = holdings(layout, SCENARIOS_AT_MOST)
    scenarios = list(held.scenarios.values())
    common = overlaps(scenarios, told.against)
    with Folder(out).writing() as folder:
        for name, drawn in _pictures(made, scenarios):
            file = folder.begin(out / name)
            file.write(drawn)
            folder.place(file, out / name)
        folder.write(out / CARD, text(out, made, held, common, sources, told))
    return common


def text(
    out: Path, made: Exported, held: Holdings, common: Sequence[Overlap], sources: Sources, told: Described
) -> str:
    """The card. held: what of the set was read for it."""
    found, forms = _found(held, str(sources.layout.root)), projections()
    parts = {name: [part for part in made.parts if part.projection == name] for name in forms}
    present = {name: rows for name, rows in parts.items() if rows}
    sample = _sample(held)
    template = Template(files("sekft.dataset").joinpath("card.md").read_text("utf-8"))
    return template.substitute(
        title=told.title,
        license=told.licence,
        size=_size(present),
        configs="\n".join(line for name, rows in present.items() for line in _config(forms[name], rows)),
        scenarios=f"{len(held.scenarios):,}",
        contents=_contents(forms, present),
        folder=out.resolve().name,
        first=next(iter(present)),
        uses="\n".join(f"- `{name}`: {_use(forms[name], rows, made)}" for name, rows in present.items()),
        margin=", with a fifth added because tokens are estimated" if _estimated(made) else "",
        cut=_cut(made),
        lengths=_picture(LENGTHS, "Tokens of a session", made),
        balance=_picture(BALANCE, "Scenarios by the values of each axis", made),
        **_shown(sample),
        funnel=_funnel(made, held, found, sources.pairs),
        killed=_killed(found),
        outcomes=_outcomes(held),
        held=", ".join(f"`{term}`" for term in splits.spelt(held.held)) or "nothing: there is no held-out part",
        overlaps=_overlaps(common),
        verdict=_verdict(found),
        audit=_audited(found),
        limits="\n".join(f"- {limit}" for limit in _limits(made, held)),
        licence=_licence(held, told),
        version=made.version,
        command=told.command or "sekft export",
        settings=json.dumps(_settings(sources, out), indent=1, ensure_ascii=False),
    )


def _found(held: Holdings, folder: str) -> Audit:
    """The audit, without what a sample cannot tell of the whole."""
    found = judged(held, folder)
    if not _sampled(held):
        return found
    return found.model_copy(update={"findings": [each for each in found.findings if each.name not in OF_THE_WHOLE]})


def _sampled(held: Holdings) -> bool:
    return len(held.scenarios) == SCENARIOS_AT_MOST


def max_length(part: ExportPart, made: Exported) -> int | None:
    """What a trainer must be told so that it cuts no row of this part; None where rows have no length."""
    if part.tokens is None:
        return None
    most = part.tokens.most * (ESTIMATE_MARGIN if _estimated(made) else 1)
    return int(-(-most // ROUNDED_TO) * ROUNDED_TO)


def _estimated(made: Exported) -> bool:
    return made.counted.startswith("estimate")


def _size(present: Mapping[str, Sequence[ExportPart]]) -> str:
    rows = max(sum(part.rows for part in parts) for parts in present.values())
    return next((name for most, name in SIZES.items() if rows < most), "n>10M")


def _config(form: Projection, parts: Sequence[ExportPart]) -> Iterator[str]:
    """load_dataset's YAML; a viewer's session files are no table."""
    if form.format == "sessions":
        return
    yield f"- config_name: {form.name}"
    yield from ["  default: true"] if form.name == "sft" else []
    yield "  data_files:"
    for part in parts:
        yield f"  - split: {part.split}"
        yield f"    path: {form.name}/{part.split}/*.{part.format}"


def _contents(forms: Mapping[str, Projection], present: Mapping[str, Sequence[ExportPart]]) -> str:
    rows = []
    for name, parts in present.items():
        count = {part.split: f"{part.rows:,}" for part in parts}
        size = sum(part.size_bytes for part in parts) / 1e6
        rows.append(
            (f"`{name}`", *(count.get(split, "0") for split in _SPLITS), f"{size:,.1f}&nbsp;MB", forms[name].says)
        )
    return _table(("config", *_SPLITS, "on disk", "a row"), rows)


def _use(form: Projection, parts: Sequence[ExportPart], made: Exported) -> str:
    longest = max((max_length(part, made) or 0 for part in parts), default=0)
    return form.use.replace("{max_length}", str(longest))


def _whole(made: Exported) -> dict[str, Lengths]:
    """Split → lengths of whole sessions, by the first projection that has them."""
    for name in ("sft", "sharegpt", "kto_whole"):
        if found := {part.split: part.tokens for part in made.parts if part.projection == name and part.tokens}:
            return found
    return {}


def _cut(made: Exported) -> str:
    bins = Tally[int]()
    for lengths in _whole(made).values():
        bins.update(lengths.bins)
    over = sum(rows for start, rows in bins.items() if start >= TRL_DEFAULT)
    return f"{over / bins.total():.0%}" if bins else "some"


def _pictures(made: Exported, scenarios: Sequence[Scenario]) -> Iterator[tuple[str, bytes]]:
    if not pictures.drawable():
        return
    if whole := _whole(made):
        longest = max(max_length(part, made) or 0 for part in made.parts if part.tokens in whole.values())
        marks = {TRL_DEFAULT: f"{TRL_DEFAULT:,}: TRL's default", longest: f"max_length {longest:,}"}
        bins = {split: lengths.bins for split, lengths in whole.items()}
        yield LENGTHS, pictures.lengths(bins, BIN, marks, made.counted)
    yield BALANCE, pictures.balance(scenarios)


def _picture(name: str, says: str, made: Exported) -> str:
    if not pictures.drawable():
        return f"({says}: the picture wants `pip install 'sekft[report]'`.)"
    return f"![{says}]({name})" if name != LENGTHS or _whole(made) else ""


def _sample(held: Holdings) -> StoredRollout | None:
    """A kept session of training that is short and yet does some work."""
    fit = [one for one in held.kept if one.scenario.split == splits.TRAIN] or held.kept
    return min(
        fit, key=lambda one: (one.trajectory.outcome != "solved", abs(len(one.actions) - 8), one.file), default=None
    )


def _shown(sample: StoredRollout | None) -> dict[str, str]:
    if sample is None:
        return {"orientation": "No session is kept.", "excerpt": "", "row": "{}"}
    made = sample.trajectory
    screen = "".join(turn.content + ("\n" if turn.role == "action" else "") for turn in made.turns)
    cut = screen if len(screen) <= EXCERPT_CHARACTERS else screen[:EXCERPT_CHARACTERS].rpartition("\n")[0] + "\n[…]"
    return {
        "orientation": f"> {made.turns[0].orientation}",
        "excerpt": cut.rstrip().replace("```", "'''"),
        "row": json.dumps({"messages": made.messages()[:3]}, indent=1, ensure_ascii=False),
    }


def _funnel(made: Exported, held: Holdings, found: Audit, pairs: Path | None) -> str:
    drawn = {finding.name: finding for finding in found.findings}.get("funnel.admitted")
    rows = [("drawn", str(drawn.of), ""), ("admitted", str(found.scenarios), drawn.detail)] if drawn else []
    for operator in sorted({one.trajectory.operator.kind for one in held.rollouts}):
        own = Tally(one.trajectory.outcome for one in held.rollouts if one.trajectory.operator.kind == operator)
        outcomes = ", ".join(f"{outcome} {count:,}" for outcome, count in own.most_common())
        rows.append((f"rolled out, {operator}", f"{own.total():,}", outcomes))
    rows.append(("kept", f"{len(held.kept):,}", "the right ending, every step of the routine, a clean record"))
    if pairs and (report := pairs / "report.json").is_file():
        told = json.loads(report.read_text(encoding="utf-8"))
        outcomes = ", ".join(f"{outcome} {count:,}" for outcome, count in told["outcomes"].items())
        rows.append(("pairs", f"{told['pairs']:,}", f"by the rejected side's outcome: {outcomes}"))
    rows += [(f"exported: {each.filter}", str(each.passed), f"{each.dropped} left out") for each in made.funnel[2:]]
    return _table(("", "count", ""), rows)


def _killed(found: Audit) -> str:
    rate = next((finding for finding in found.findings if finding.name == "checkers.kill_rate"), None)
    return f": the checkers saw through {rate.value:.2%} of them ({rate.detail})" if rate else ""


def _outcomes(held: Holdings) -> str:
    """Expected endings down, splits across: scenarios, kept rollouts."""
    count = Tally((one.expected.kind, one.split) for one in held.scenarios.values())
    kept = Tally((one.scenario.expected.kind, one.scenario.split) for one in held.kept)
    rows = [
        (says, *(f"{number[kind, split]:,}" for number in (count, kept) for split in _SPLITS))
        for kind, says in ENDINGS.items()
    ]
    return _table(("right ending", *(f"{what}, {split}" for what in ("scenarios", "kept") for split in _SPLITS)), rows)


def _overlaps(common: Sequence[Overlap]) -> str:
    if not common:
        return "There is one split alone, and no file to compare with was named."
    rows = [
        (each.of, each.against, f"{each.texts:,}", f"{each.shared:,} ({each.runs:.1%} of runs)", f"{each.alike:,}")
        for each in common
    ]
    return _table(("texts", "against", "count", f"share {RUN} words in a row", "near-duplicates"), rows)


def _verdict(found: Audit) -> str:
    """What is broken or short, first of all."""
    amiss = [finding for finding in found.findings if finding.verdict in ("broken", "short")]
    judged_ = sum(finding.verdict != "told" for finding in found.findings)
    if not amiss:
        return f"All {judged_} figures that have a threshold reach it."
    lines = [f"- **{each.verdict}**: {_named(each)}: {each.value:g}, want {each.want}" for each in amiss]
    return "\n".join([f"{len(amiss)} of {judged_} figures that have a threshold fall short of it:", "", *lines])


def _named(finding: AuditFinding) -> str:
    return finding.says + (f" ({finding.part})" if finding.part else "")


def _audited(found: Audit) -> str:
    rows = [
        (f"{each.value:g}", _named(each), each.want, "" if each.verdict == "told" else each.verdict)
        for each in found.findings
    ]
    return _table(("value", "figure", "want", ""), rows)


def _limits(made: Exported, held: Holdings) -> Iterator[str]:
    operators = {one.trajectory.operator.kind for one in held.rollouts}
    models = [one.trajectory.operator.model for one in held.rollouts]
    models += [one.provenance.model for one in held.scenarios.values()]
    has = {
        "unproven": any(one.gate is None or one.gate.mode != "sandbox" for one in held.scenarios.values()),
        "explorer": "explorer" in operators,
        "saboteur": "saboteur" in operators,
        "models": any(models),
        "estimated": _estimated(made),
        "sampled": _sampled(held),
        "always": True,
    }
    texts = tomllib.loads(files("sekft.dataset").joinpath("limits.toml").read_text("utf-8"))
    for name, says in texts.items():
        if has[name]:
            yield says.strip().format(counted=made.counted, most=SCENARIOS_AT_MOST)


def _licence(held: Holdings, told: Described) -> str:
    authors = sorted({one.provenance.model or one.provenance.author for one in held.scenarios.values()})
    return f"{told.licence}. Scenarios by: {', '.join(authors)}."


def _settings(sources: Sources, out: Path) -> dict[str, object]:
    """What each stage was made with, by folder and stage."""
    roots = {"": sources.layout.root, "scenarios ": sources.scenarios, "pairs ": sources.pairs, "export ": out}
    return {
        f"{whose}{path.stem}": json.loads(path.read_text(encoding="utf-8"))
        for whose, root in roots.items()
        if root
        for path in documents(root / HIDDEN)
        if path.stem != "times"
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
