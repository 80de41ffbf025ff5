"""A run folder for Python: the stages of the command line over one folder, each of which resumes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sekft.dataset import card, pair
from sekft.dataset.export import MANIFEST, ExportConfig, Exported, Sources
from sekft.dataset.export import export as export_stage
from sekft.dataset.make_pairs import PairConfig, PairReport
from sekft.dataset.make_pairs import pair as pair_stage
from sekft.dataset.overlap import Overlap
from sekft.dataset.pair import PAIRS, Pair
from sekft.dataset.rows import named
from sekft.errors import NothingKept, SekftError, StoreError, UsageError
from sekft.folder import Folder, Layout, stages
from sekft.folder.entries import entry_at
from sekft.folder.places import is_remote, placed, put_folder
from sekft.folder.stored import stored
from sekft.protocols import Reporter
from sekft.quality.audit import Audit
from sekft.quality.audit import audit as audit_stage
from sekft.runs.branch import BranchConfig
from sekft.runs.branch import branch as branch_stage
from sekft.runs.generate import GenerateConfig, Generation
from sekft.runs.generate import generate as generate_stage
from sekft.runs.library import SILENT, completed
from sekft.runs.resources import token_counter
from sekft.runs.rollout import RolloutConfig, RolloutJob, check_model, failing_beside, stored_scenarios
from sekft.runs.rollout import roll as rollout_stage
from sekft.runs.summary import Summary, summarise
from sekft.scenario import Scenario
from sekft.trajectory import StoredRollout, Trajectory

EXPORT = "export"
"""Where in a run folder the data set lies."""
Work = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a stage to its end; the command line's stops cleanly at a signal."""


class Run:
    """A folder with scenarios, trajectories, pairs and a data set, or one that `sekft rollout --out` filled.

    Each method does for this folder what the command of the same name does, and resumes. It raises OtherSettings if the
    folder was made with other settings, StoreError if it cannot be written, and the errors of the verb of that name.

        run = sekft.Run("demo")
        run.generate(n=4, seed=7)
        run.rollout(samples=1)
        print(run.summary().kept, "rollouts are kept")
    """

    def __init__(self, root: str | Path, reporter: Reporter = SILENT) -> None:
        self.root, self._reporter = placed(root), reporter

    @property
    def _layout(self) -> Layout:
        found = Layout.found(self.root)
        return found if next(found.grouped(), None) else Layout.of_run(self.root)

    def _filled(self) -> Layout:
        if not self.root.is_dir():
            raise UsageError(f"{self.root}: no such folder; run.generate() makes it")
        return self._layout

    def scenarios(self) -> Iterator[Scenario]:
        """The admitted scenarios, by id. Raises UsageError if there is no such folder."""
        return (entry.scenario() for entry in self._filled().bundles())

    def rollouts(self) -> Iterator[StoredRollout]:
        """Each stored trajectory with its file and its scenario, one scenario's at a time.

        Raises UsageError if there is no such folder.
        """
        return (rollout for group in stored(self._filled()) for rollout in group)

    def add(self, trajectory: Trajectory) -> Path:
        """Store a trajectory that `sekft.play` or `sekft.land` gave, as if an operator of this folder had made it.

        Returns its file, named after the operator and the sample. Raises UsageError if the run does not hold its
        scenario, and StoreError if the file is there already, or if another process is writing.

            for sample in range(2):
                run.add(await sekft.play(scenario, act, operator="mine", sample=sample))
        """
        if not isinstance(trajectory, Trajectory):
            raise UsageError(f"run.add: saw {trajectory!r:.60}, want a Trajectory")
        if (bundle := self._layout.bundle(trajectory.scenario_id)) is None:
            raise UsageError(f"{self.root}: holds no scenario {trajectory.scenario_id}; play those of run.scenarios()")
        job = RolloutJob.of(bundle.scenario(), trajectory.sample, trajectory.operator.kind, self._layout)
        path = job.path(trajectory)
        with Folder(self.root).writing() as folder:
            if entry_at(path):
                raise StoreError(f"{path}: is there already; give each play another operator or sample")
            job.keep(folder, trajectory)
        return path

    def trajectories(self) -> Iterator[Trajectory]:
        """The stored trajectories, one scenario's at a time."""
        return (rollout.trajectory for rollout in self.rollouts())

    def pairs(self) -> Iterator[Pair]:
        """The preference pairs that pair() made. Raises UsageError if it has not run."""
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
        chosen = RolloutConfig.of(config, **options)
        rolled_alone = self._layout.kind == "stage"
        scenarios = list(self.scenarios()) if rolled_alone else stored_scenarios(self.root)
        completed(rollout_stage(chosen, scenarios, self._layout, self._reporter))
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
        """Write the data set, with its card, into `export/`. forms: sft, dpo, kto, …; without any, the default forms.

        options: the fields of ExportConfig. Raises NothingKept if there is no row.
        """
        config = ExportConfig.of(**{"to": forms} | options)
        return deliver(config, Sources.of(self.root), self.root / EXPORT, self._reporter)[0]

    def audit(self) -> Audit:
        """Measure the quality of the set."""
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
    """An export and its card. command: as typed. Raises NothingKept if there is no row.

    Far away it takes the place of the export that is there, once it is whole.
    """
    refuse_occupied(out)
    if is_remote(out):
        with tempfile.TemporaryDirectory(prefix="sekft-") as near:
            made = deliver(config, sources, Path(near) / out.name, reporter, command)
            put_folder(Path(near) / out.name, out, last=MANIFEST)
        return made
    counter = token_counter(config.tokenizer)
    with removed_on_failure(out):
        exported = export_stage(config, sources, out, counter, reporter)
        if not exported.parts:
            of_pairs = config.to and all(form.of == "pairs" for form in named(config.to))
            why = f"{sources.pairs} holds no pair" if of_pairs else "no rollout is kept and passes the filters"
            raise NothingKept(f"{sources.layout.root}: not a row to export: {why}")
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
