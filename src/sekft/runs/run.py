"""A run folder for Python: the stages of the command line over one folder, each of which resumes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sekft.dataset import card, pair
from sekft.dataset.export import ExportConfig, Exported, Sources
from sekft.dataset.export import export as export_stage
from sekft.dataset.make_pairs import PairConfig, PairReport
from sekft.dataset.make_pairs import pair as pair_stage
from sekft.dataset.overlap import Overlap
from sekft.dataset.pair import PAIRS, Pair
from sekft.dataset.select import stored
from sekft.errors import NothingKept, SekftError, UsageError
from sekft.folder import Folder, Layout, documents, stages
from sekft.protocols import Reporter
from sekft.quality.audit import Audit
from sekft.quality.audit import audit as audit_stage
from sekft.runs.branch import BranchConfig
from sekft.runs.branch import branch as branch_stage
from sekft.runs.generate import GenerateConfig, Generation
from sekft.runs.generate import generate as generate_stage
from sekft.runs.library import SILENT, completed
from sekft.runs.resources import token_counter
from sekft.runs.rollout import RolloutConfig, check_model, failing_beside, stored_scenarios
from sekft.runs.rollout import roll as rollout_stage
from sekft.runs.summary import Summary, summarise
from sekft.scenario import Scenario, load_scenario
from sekft.trajectory import StoredRollout, Trajectory

EXPORT = "export"
"""Where in a run folder the data set lies."""
Work = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a stage to its end; the command line's stops cleanly at a signal."""


class Run:
    """A folder with scenarios, trajectories, pairs and a data set.

    Each method does what the command of its name does over this folder. It resumes; it raises OtherSettings where the
    folder was made with other settings, StoreError where it cannot be written, and what the verb of its name raises.

        run = sekft.Run("demo")
        run.generate(n=4, seed=7)
        run.rollout(samples=1)
        print(run.summary().kept, "rollouts are kept")
    """

    def __init__(self, root: str | Path, reporter: Reporter = SILENT) -> None:
        self.root, self._reporter = Path(root), reporter
        self._layout = Layout.of_run(self.root)

    def scenarios(self) -> Iterator[Scenario]:
        """The admitted scenarios, by id."""
        return map(load_scenario, documents(self._layout.scenarios))

    def rollouts(self) -> Iterator[StoredRollout]:
        """Each stored trajectory with its file and its scenario, one scenario's at a time."""
        return (rollout for group in stored(self._layout) for rollout in group)

    def trajectories(self) -> Iterator[Trajectory]:
        """The stored trajectories, one scenario's at a time."""
        return (rollout.trajectory for rollout in self.rollouts())

    def pairs(self) -> Iterator[Pair]:
        """The preference pairs that pair() made. Raises UsageError where it has not."""
        path = self._layout.pairs / PAIRS
        if not path.is_file():
            raise UsageError(f"{self.root}: holds no pairs; run.pair() makes them")
        return pair.read(path)

    def generate(self, config: GenerateConfig | None = None, /, **options: Any) -> Summary:
        """Author scenarios until `n` are admitted. options: the fields of GenerateConfig."""
        completed(generate_stage(GenerateConfig.of(config, **options), self._layout, self._reporter))
        return self.summary()

    def rollout(self, config: RolloutConfig | None = None, /, **options: Any) -> Summary:
        """Let an operator act in every scenario. options: the fields of RolloutConfig.

        Rollouts that an infra error broke are in `errors/` and are done again by the next call.
        """
        scenarios = stored_scenarios(self.root)
        completed(rollout_stage(RolloutConfig.of(config, **options), scenarios, self._layout, self._reporter))
        return self.summary()

    def branch(self, **options: Any) -> int:
        """Roll out from prefixes of failed rollouts; returns how many met an infra error.

        options: the fields of BranchConfig.
        """
        config = BranchConfig.of(**{"branches": 1} | options)
        broken: int = completed(branch_stage(config, self._layout, None, self._layout, self._reporter))
        return broken

    def pair(self, config: PairConfig | None = None, /, **options: Any) -> PairReport:
        """Make preference pairs of kept and failed rollouts. options: the fields of PairConfig."""
        chosen = PairConfig.of(config, **options)
        counter = token_counter(chosen.tokenizer)
        return pair_stage(self._layout, None, self._layout, chosen, self._reporter, counter)

    def export(self, *forms: str, **options: Any) -> Exported:
        """Write the data set, with its card, into `export/`. forms: sft, dpo, kto, …; none takes the default.

        options: the fields of ExportConfig. Raises NothingKept where there is not a row.
        """
        config = ExportConfig.of(**{"to": forms} | options)
        return deliver(config, Sources.of(self.root), self.root / EXPORT, self._reporter)[0]

    def audit(self) -> Audit:
        """Say what the set is worth."""
        return audit_stage(self._layout)

    def summary(self) -> Summary:
        """What the folder holds, in figures."""
        return summarise(self._layout)


@dataclass(frozen=True, slots=True)
class Built:
    """broken: rollouts that met an infra error. exported: None where nothing is kept."""

    broken: int
    exported: Exported | None


def build(
    drawing: GenerateConfig, acting: RolloutConfig, root: Path, reporter: Reporter, work: Work, command: str
) -> Built:
    """All stages in one go: scenarios, rollouts, failing ones beside them, pairs and an export. command: as typed."""
    layout = Layout.of_run(root)
    Generation(drawing)
    for config in (acting, *failing_beside(acting)):  # what cannot be meant is refused before anything is authored
        work(check_model(config, layout, reporter))
    work(generate_stage(drawing, layout, reporter))
    scenarios, broken = stored_scenarios(root), 0
    for config in (acting, *failing_beside(acting)):
        reporter.note(f"rollouts by {config.operator_name}")
        broken += work(rollout_stage(config, scenarios, layout, reporter))
    pair_stage(layout, None, layout, PairConfig(seed=drawing.seed), reporter)
    try:
        with Folder(root).timed("export"):
            return Built(broken, deliver(ExportConfig(), Sources.of(root), root / EXPORT, reporter, command)[0])
    except NothingKept as error:
        reporter.note(str(error))
        return Built(broken, None)


def deliver(
    config: ExportConfig, sources: Sources, out: Path, reporter: Reporter, command: str = ""
) -> tuple[Exported, list[Overlap]]:
    """An export and its card. command: as typed. Raises NothingKept where there is not a row."""
    refuse_occupied(out)
    counter = token_counter(config.tokenizer)
    with removed_on_failure(out):
        exported = export_stage(config, sources, out, counter, reporter)
        if not exported.parts:
            raise NothingKept(f"{sources.layout.root}: not a row to export: no rollout is kept and passes the filters")
        return exported, [] if config.no_card else card.write(out, exported, sources, config, command)


def refuse_occupied(out: Path) -> None:
    """Raises UsageError where another stage has filled the folder: a data set wants one of its own."""
    others = [stage for stage in stages(out) if not stage.startswith("export")]
    if others or Layout.found(out).kind == "run":
        by = f" (by {', '.join(others)})" if others else ""
        raise UsageError(
            f"--out {out}: already holds what other stages made{by}; write the data set into a folder of its own, for "
            f"example {out / EXPORT}"
        )


@contextmanager
def removed_on_failure(root: Path) -> Iterator[None]:
    """Where what is done in here fails, leave nothing of a folder that held nothing before."""
    existed = root.exists()
    empty = not existed or (root.is_dir() and not any(root.iterdir()))
    try:
        yield
    except SekftError:
        for path in root.iterdir() if empty and root.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not existed and root.is_dir():
            root.rmdir()
        raise
