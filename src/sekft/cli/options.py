"""What the command line's help says: examples, and the options that several commands share, each told once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

EXAMPLES = """
Examples:

\b
  sekft run --n 50 --samples 3 --out demo
      scenarios, rollouts and a summary in one go
  sekft generate --n 200 --seed 7 --out scenarios
      scenarios alone, each proven in a sandbox
  sekft generate --n 20 --where ending=blocked --out blocked
      only some cells (sekft taxonomy lists the axes)
  sekft rollout --scenarios scenarios --out trajectories --samples 3
      let an operator act in them; SEKFT_OP_MODEL names a served model
  sekft train --data demo/export --out student
      a small model that learns from them, on a CPU, too
  sekft show demo
      what a folder holds, and where to look next
  sekft export --trajectories demo --to sft --to atif --out data
      what is kept, as trainers read it, with a data card
  sekft eval --scenarios demo --split heldout --out eval --model smollm2
      what a student can do, axis by axis (extra train)
  sekft audit demo
      what the set is worth; status 1 where it has what no set may have
  sekft play demo/scenarios/ID.json
      land in one of them yourself
  sekft doctor
      what this machine can run, and why not
"""

Out = Annotated[Path, typer.Option("--out", help="Folder to fill; the same command over it resumes.")]
Seed = Annotated[int, typer.Option("--seed", help="Same seed and version: the same scenarios, byte for byte.")]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", help="axis=value, the same axis twice means or; axis!=value leaves it out."),
]
Holdout = Annotated[
    list[str] | None,
    typer.Option(
        "--holdout", help="axis=value that only held-out scenarios have; none for none; default: splits.toml."
    ),
]
Twins = Annotated[
    bool,
    typer.Option("--twins", help="Each scenario that could be blocked in both versions, solvable and blocked."),
]
Reskins = Annotated[
    int, typer.Option("--reskins", min=0, help="Versions more of each, all surface redrawn, the task the same.")
]
AuthorName = Annotated[
    str | None,
    typer.Option(
        "--author", help="procedural, teacher or hybrid; default: teacher if SEKFT_MODEL is set, else procedural."
    ),
]
OperatorName = Annotated[
    str | None,
    typer.Option(
        "--operator",
        help="explorer, saboteur, blind, reference, model, student; default: student with --model, model if "
        "SEKFT_OP_MODEL is set, else explorer.",
    ),
]
SandboxName = Annotated[str, typer.Option("--sandbox", help="auto, bubblewrap or docker.")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", min=1, help="At once; default 2 for each core.")]
N = Annotated[int, typer.Option("--n", min=1, help="Admitted scenarios to end with, twins and re-skins aside.")]
Samples = Annotated[int, typer.Option("--samples", min=1, help="Rollouts of each scenario.")]
MaxTurns = Annotated[int, typer.Option("--max-turns", min=1, max=40, help="Actions before a rollout is unfinished.")]
MaxTokens = Annotated[int | None, typer.Option("--max-tokens", min=1, help="Tokens a model may use for one action.")]
Temperature = Annotated[float | None, typer.Option("--temperature", min=0.0, help="Sampling temperature of a model.")]
RecoveryShare = Annotated[
    float | None,
    typer.Option(
        "--recovery-share", min=0.0, max=1.0, help="Share with a mistake to mend; default: explorer 0.25, model 0."
    ),
]
Model = Annotated[str | None, typer.Option("--model", help="A student's folder, as transformers saves it, or smollm2.")]
NoScaffold = Annotated[
    bool, typer.Option("--no-scaffold", help="Tell it nothing but the orientation, as a student is deployed.")
]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0.0, help="US dollars that this folder may cost, all commands told.")
]
MaxTotalTokens = Annotated[
    int | None,
    typer.Option("--max-total-tokens", min=0, help="Tokens that this folder may cost, prompts included."),
]
NoSandbox = Annotated[
    bool,
    typer.Option("--no-sandbox", "--no-docker", help="Structural dry run: consistent on paper, proves nothing more."),
]
Trajectories = Annotated[Path, typer.Option("--trajectories", help="Folder of trajectories, or a run folder.")]
TheirScenarios = Annotated[
    Path | None,
    typer.Option("--scenarios", help="Folder of bundles, or a run folder; default: beside the trajectories."),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What may be said of the author and what it draws."""

    n: N = 50
    author: AuthorName = None
    where: Where = None
    holdout: Holdout = None
    twins: Twins = False
    reskins: Reskins = 0
    listed_interfaces: Annotated[
        bool,
        typer.Option(
            "--listed-interfaces", help="One tool for each provider, syntax and layout: how little that teaches."
        ),
    ] = False
    repairs: Annotated[
        int, typer.Option("--repairs", min=0, help="How often a model may mend a scenario that was refused.")
    ] = 2
    answer_tokens: Annotated[
        int | None, typer.Option("--answer-tokens", min=1, help="Tokens a model that authors may use for one answer.")
    ] = None


@dataclass(frozen=True, slots=True)
class Acting:
    """What may be said of the operator and its rollouts."""

    samples: Samples = 3
    operator: OperatorName = None
    model: Model = None
    max_turns: MaxTurns = 40
    max_tokens: MaxTokens = None
    temperature: Temperature = None
    top_p: Annotated[float | None, typer.Option("--top-p", min=0.0, max=1.0, help="Nucleus of a model's sampling.")] = (
        None
    )
    scaffold: Annotated[
        str | None, typer.Option("--scaffold", help="What a model is told first: a shipped scaffold's name, or a file.")
    ] = None
    no_scaffold: NoScaffold = False
    action_format: Annotated[
        str, typer.Option("--action-format", help="How a model is to answer: plain, or fenced.")
    ] = "plain"
    keep_thoughts: Annotated[
        bool,
        typer.Option("--keep-thoughts", help="Keep a model's reasoning in thoughts/, apart from its trajectories."),
    ] = False
    recovery_share: RecoveryShare = None
    keep_band: Annotated[
        list[str] | None,
        typer.Option("--keep-band", help="List in selected.txt: hard, medium, …: how often its rollouts end right."),
    ] = None
    keep_most: Annotated[
        int | None, typer.Option("--keep-most", min=1, help="List in selected.txt: so many kept ones of a scenario.")
    ] = None


@dataclass(frozen=True, slots=True)
class Spending:
    """What models may cost."""

    max_cost: MaxCost = None
    max_total_tokens: MaxTotalTokens = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what models would cost, by estimate; ask and write nothing.")
    ] = False


@dataclass(frozen=True, slots=True)
class Growing:
    """What may be said of branches and who rolls them."""

    branches: Annotated[
        int | None,
        typer.Option("--branches", min=1, help="First roll out so many from prefixes of each failed rollout."),
    ] = None
    operator: OperatorName = None
    model: Model = None
    max_tokens: MaxTokens = None
    temperature: Temperature = None
    no_scaffold: NoScaffold = False
    max_cost: MaxCost = None
    max_total_tokens: MaxTotalTokens = None


def flat(command: Callable[..., None]) -> Callable[..., None]:
    """Give the fields of a command's groups as options of their own: typer knows none but flat parameters."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    given: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            types = get_type_hints(groups[name], include_extras=True)
            given += [_option(field.name, types[field.name], field.default) for field in fields(groups[name])]
        else:
            given.append(_option(name, hints[name], parameter.default))

    def called(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})  # type: ignore[operator]
        command(**values)

    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in given}
    return called


def _option(name: str, kind: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
