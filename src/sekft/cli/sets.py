"""What makes a data set of a folder of rollouts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.options import (
    Concurrency,
    Growing,
    Json,
    SandboxName,
    Seed,
    Selecting,
    TheirScenarios,
    Trajectories,
    flat,
)
from sekft.cli.running import counting, say, work
from sekft.errors import SekftError, UsageError


@flat
def pairs(
    trajectories: Trajectories,
    selecting: Selecting,
    growing: Growing,
    scenarios: TheirScenarios = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to fill; default: pairs/ of the run folder of --trajectories.")
    ] = None,
    n: Annotated[int | None, typer.Option("--n", min=1, help="Pairs at most; default: as many as stay even.")] = None,
    margin: Annotated[
        float, typer.Option("--margin", min=0.0, max=1.0, help="Least difference in the share of right rollouts.")
    ] = 0.5,
    seed: Seed = 0,
    sandbox: SandboxName = "auto",
    concurrency: Concurrency = None,
    as_json: Json = False,
) -> None:
    """Step-level pairs, kept against rejected, each cut at a decisive turn; labels of whole rollouts beside them.

    The options that choose rollouts speak of the chosen side, --outcome of the rejected one; --per-scenario counts
    pairs (default 4), --max-length the tokens of a prompt and an answer.
    """
    from dataclasses import asdict, replace

    from sekft.cli.progress import reporter
    from sekft.dataset.balance import PER_SCENARIO
    from sekft.dataset.make_pairs import Pairing, pair, render
    from sekft.dataset.select import wanted
    from sekft.folder import Layout
    from sekft.runs.branch import BranchConfig, branch

    chosen = wanted(selecting, kept=True)
    asked = Pairing(
        wanted=replace(chosen, outcomes=(), most_tokens=None, per_scenario=None),
        outcomes=chosen.outcomes,
        seed=seed,
        most=n,
        per_scenario=chosen.per_scenario or PER_SCENARIO,
        margin=margin,
        most_tokens=chosen.most_tokens,
        count=counting(selecting.tokenizer),
    )
    rollouts = Layout.found(trajectories)
    if out is None and rollouts.kind == "stage":
        raise UsageError(f"--trajectories {trajectories}: no run folder, so --out has to say where the pairs go")
    place = Layout.found(out or trajectories)
    with reporter() as progress:
        broken = 0
        if growing.branches is not None:
            config = BranchConfig.of(**asdict(growing), seed=seed, sandbox=sandbox, concurrency=concurrency)
            progress.note(f"branches by {config.operator_name}")
            broken = work(branch(config, rollouts, scenarios, place, progress), place.root)
        report = pair(rollouts, scenarios, place, asked, progress)
    say(report.model_dump_json(indent=1) + "\n" if as_json else render(report))
    if not report.pairs:
        raise SekftError(
            f"{trajectories}: no pairs: {report.both} of {report.scenarios} scenarios have both a kept and a failed "
            "rollout; `sekft rollout --operator saboteur` makes failed ones beside the explorer's"
        )
    if broken:
        raise SekftError(f"{broken} branches met an infra error; the same command does these again")
