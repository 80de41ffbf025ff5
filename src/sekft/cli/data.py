"""From stored rollouts to pairs and exports, and what a set is worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.bridge import configured
from sekft.cli.options import Json, Out, TheirScenarios, Trajectories
from sekft.cli.running import command, work
from sekft.cli.tables import print_report, print_tables
from sekft.dataset.export import ExportConfig
from sekft.dataset.make_pairs import PairConfig
from sekft.errors import SekftError, UsageError
from sekft.runs.branch import BranchConfig


@configured(without=("max_turns", "top_p", "scaffold", "action_format", "recovery_share"))
def pairs(
    trajectories: Trajectories,
    config: PairConfig,
    branching: BranchConfig,
    scenarios: TheirScenarios = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to fill; default: pairs/ of the run folder of --trajectories.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Step-level pairs, kept against rejected, each cut at a decisive turn; labels of whole rollouts beside them.

    The options that choose rollouts are for the chosen side, --outcome is for the rejected one. --per-scenario counts
    pairs, --max-length the tokens of a prompt and an answer.
    """
    from sekft.cli.progress import reporter
    from sekft.dataset.make_pairs import pair
    from sekft.folder import Layout
    from sekft.runs.branch import branch
    from sekft.runs.resources import token_counter

    rollouts = Layout.found(trajectories)
    if out is None and rollouts.kind == "stage":
        raise UsageError(f"--trajectories {trajectories}: no run folder, so --out has to say where the pairs go")
    place = Layout.found(out or trajectories)
    counter = token_counter(config.tokenizer)
    with reporter() as progress:
        broken = 0
        if branching.branches is not None:
            progress.note(f"branches by {branching.operator_name}")
            broken = work(branch(branching, rollouts, scenarios, place, progress), place.root)
        report = pair(rollouts, scenarios, place, config, progress, counter)
    print_report(report, as_json)
    if not report.pairs:
        raise SekftError(
            f"{trajectories}: no pairs: {report.both} of {report.scenarios} scenarios have both a kept and a failed "
            "rollout; `sekft rollout --operator saboteur` makes failed ones beside the explorer's"
        )
    if broken:
        raise SekftError(f"{broken} branches met an infra error; the same command does these again")


@configured()
def export(
    out: Out,
    trajectories: Trajectories,
    config: ExportConfig,
    scenarios: TheirScenarios = None,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", help="What `sekft pairs` made; default: in the run folder, or beside.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write kept trajectories and pairs as trainers read them, train and held-out apart."""
    from sekft.cli.progress import reporter
    from sekft.dataset import overlap
    from sekft.dataset.export import Sources
    from sekft.report import facts
    from sekft.runs.run import deliver

    sources = Sources.of(trajectories, scenarios, pairs)
    with reporter() as progress:
        exported, overlaps = deliver(config, sources, out, progress, command())
    body = exported.model_dump(mode="json") | {"overlaps": [row.model_dump(mode="json") for row in overlaps]}
    card = "" if config.no_card else "README.md is its data card"
    tables = [facts([("data set", str(out))], notes=[card] if card else []), *exported.tables]
    tables += [overlap.table(overlaps)] if overlaps else []
    print_tables(tables, json.dumps(body, indent=1) + "\n", as_json)


def audit(
    folder: Annotated[Path, typer.Argument(help="A run folder, or one that `sekft generate` filled.")],
    as_json: Json = False,
) -> None:
    """Say what a set is worth; status 1 where it has what no set may have, with the files."""
    from sekft.folder import Layout
    from sekft.quality.audit import audit

    report = audit(Layout.found(folder))
    print_report(report, as_json)
    if report.broken:
        raise typer.Exit(1)
