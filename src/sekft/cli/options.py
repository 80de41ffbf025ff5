"""What the command line's help says: examples, and the options that belong to commands and to no stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
SandboxName = Annotated[str, typer.Option("--sandbox", help="auto, bubblewrap or docker.")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", min=1, help="At once; default 2 for each core.")]
Trajectories = Annotated[Path, typer.Option("--trajectories", help="Folder of trajectories, or a run folder.")]
TheirScenarios = Annotated[
    Path | None,
    typer.Option("--scenarios", help="Folder of bundles, or a run folder; default: beside the trajectories."),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what models would cost, by estimate; ask and write nothing.")
]
