"""Rounds of self-training: the student acts, what is kept and what is not teaches the next one, from the base again.

OUT/round-0/eval/          the student that begins, over held-out scenarios
OUT/round-N/rollouts/      what the student before did in training scenarios, several samples of each
OUT/round-N/pairs/         kept against rejected, of these rollouts
OUT/round-N/export/        keepers and pairs of this round, as trainers read them
OUT/round-N/data/          the same of all rounds so far
OUT/round-N/sft/, student/ what was trained on it, always from the base; student/ only where there are pairs
OUT/round-N/eval/          the new student over held-out scenarios
OUT/round-N/round.json     its figures; there once the round is done
OUT/star.json              all rounds, and why they ended
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from sekft.dataset.export import ExportConfig, Sources, export
from sekft.dataset.make_pairs import PairConfig, pair
from sekft.errors import UsageError
from sekft.evaluation.evaluate import Evaluation
from sekft.folder import Folder, Layout
from sekft.folder.config import Setting, option, same_option
from sekft.models.texts import EstimatedTokens
from sekft.protocols import Reporter
from sekft.report import Report, Table
from sekft.runs.engines import SpreadConfig
from sekft.runs.evaluate import EvalConfig, examine, taken
from sekft.runs.rollout import STUDENT, ActingConfig, roll
from sekft.scenario import Frozen, Scenario
from sekft.seeds import derive
from sekft.taxonomy.splits import HELD_OUT, TRAIN
from sekft.training.config import TrainConfig
from sekft.training.data import Method, files, method_of, part
from sekft.training.train import train

T = TypeVar("T")
Work = Callable[[Coroutine[Any, Any, T]], T]
ROUND, STAR = "round.json", "star.json"


class StarConfig(SpreadConfig):
    """Run self-training: let a student act, keep and pair its rollouts, train from the base, evaluate, repeat."""

    heading: ClassVar[str] = "Rounds"

    base: str = option(
        "smollm2", "Model that every round is trained from: smollm2, or a folder.", metavar="FOLDER|smollm2"
    )
    student: str | None = option(None, "Student of the first round; default: the base.", metavar="FOLDER")
    also: Path | None = option(
        None, "Export that each round also learns from, for example the explorer's.", metavar="PATH"
    )
    rounds: int = option(3, "Run at most N rounds.", ge=1, grows=True)
    samples: int = option(4, "Rollouts per training scenario and round.", ge=1)
    keep: int = option(2, "Learn from at most N kept rollouts per scenario.", ge=1)
    per_round: int | None = option(None, "Training scenarios per round; default: all.", ge=1)
    judged: int | None = option(None, "Held-out scenarios per evaluation; default: all.", ge=1)
    pass_k: int = option(4, "Rollouts per held-out scenario.", ge=2)
    tolerance: float = option(0.02, "Count a smaller change of pass@k or variety as no change.", ge=0.0)
    patience: int = option(1, "Stop after N rounds in a row without improvement.", ge=1)
    temperature: float = same_option(
        ActingConfig, "temperature", 0.7, recorded=True, help_text="Sampling temperature of the student."
    )
    no_dpo: bool = option(False, "Learn from kept rollouts alone, without pairs.")
    layers: int | None = same_option(TrainConfig, "layers", None)
    tokens: int | None = same_option(TrainConfig, "tokens", None)
    epochs: int = same_option(TrainConfig, "epochs", 1)
    max_turns: int = same_option(ActingConfig, "max_turns", 40)
    max_tokens: int | None = same_option(ActingConfig, "max_tokens", None, recorded=True)
    concurrency: int | None = option(
        None, "Rollouts in parallel; default: 16, on Ray 16 per node.", ge=1, recorded=False
    )
    sandbox: str = same_option(SpreadConfig, "sandbox", "auto", recorded=True)

    @property
    def methods(self) -> tuple[Method, ...]:
        return ("sft",) if self.no_dpo else ("sft", "dpo")

    @property
    def learning(self) -> TrainConfig:
        return TrainConfig(layers=self.layers, tokens=self.tokens, epochs=self.epochs, seed=self.seed)

    def recorded(self) -> dict[str, Setting]:
        """Everything that the rounds hang on."""
        settings = super().recorded()
        training = {f"learning.{name}": value for name, value in self.learning.recorded().items() if name != "base"}
        own = {name: value for name, value in settings.items() if f"learning.{name}" not in training or name == "seed"}
        own |= {"scenarios": own.pop("per_round"), "dpo": not own.pop("no_dpo")}
        return {**own, **training}

    def acting(self, model: str, samples: int, name: str) -> EvalConfig:
        """How a student acts in the stage of that name: in deploy form."""
        return EvalConfig(
            samples=samples,
            operator=STUDENT,
            model=model,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            max_turns=self.max_turns,
            seed=derive(self.seed, name),
            sandbox=self.sandbox,
            concurrency=self.concurrency,
            engine=self.engine,
            workers=self.workers,
            address=self.address,
        )


class Round(Frozen):
    """One round. student: what came of it, below OUT. kept, pairs: new in this round.

    right: pass@1 over held-out scenarios. pass_k: that one of several rollouts ends right. distinct: see Evaluation.
    """

    number: int
    student: str
    kept: int
    pairs: int
    right: float
    pass_k: float
    distinct: float | None
    timely_panic: float | None
    false_panic: float | None


class Star(Report):
    """best: the round whose student ends right most often. stopped: why there are no more."""

    rounds: list[Round]
    best: int
    stopped: str

    @property
    def tables(self) -> list[Table]:
        def shown(share: float | None) -> str | None:
            return None if share is None else f"{share:.1%}"

        columns = ("round", "kept", "pairs", "right", "pass@k", "variety", "timely panic", "false panic")
        rows = [
            (
                each.number,
                each.kept,
                each.pairs,
                *map(shown, (each.right, each.pass_k, each.distinct, each.timely_panic, each.false_panic)),
            )
            for each in self.rounds
        ]
        best = self.rounds[self.best]
        notes = [f"stopped: {self.stopped}", f"best: round {best.number}, {best.student}"]
        return [Table(columns, rows, notes=notes)]


def star(config: StarConfig, scenarios: Sequence[Scenario], out: Path, reporter: Reporter, work: Work[Any]) -> Star:
    """Go through the rounds, or on with those that a stopped run left. work: runs a stage to its end.

    Raises what the stages raise; KeyboardInterrupt when training is asked to stop.
    """
    judged = taken(scenarios, HELD_OUT, config.judged)
    learnt = taken(scenarios, TRAIN, None)
    learnable(config)
    with Folder(out).writing() as store:
        empty = all("/." in f"/{path.relative_to(out)}" for path in out.glob("round-*/**/*.json"))
        store.settle("star", config.recorded(), growing=config.growing(), empty=empty)
        rounds: list[Round] = []
        while (stopped := verdict(rounds, config)) is None:
            number = len(rounds)
            reporter.note(f"round {number}")
            if not (place := out / f"round-{number}" / ROUND).exists():
                made = _round(config, number, rounds, (_share(config, number, learnt), judged), out, reporter, work)
                store.write(place, made.model_dump_json(indent=1) + "\n")
            rounds.append(Round.model_validate_json(place.read_text(encoding="utf-8")))
        best = max(rounds, key=lambda each: (each.right, -each.number)).number
        found = Star(rounds=rounds, best=best, stopped=stopped)
        store.write(out / STAR, found.model_dump_json(indent=1) + "\n")
    return found


def verdict(rounds: Sequence[Round], config: StarConfig) -> str | None:
    """Why there is no next round; None where there is."""
    if rounds and rounds[-1].number and not (rounds[-1].kept or config.also):
        return f"round {rounds[-1].number} kept nothing to learn from"
    if len(rounds) > 1:
        last, before = rounds[-1], rounds[:-1]
        falls = [
            f"{name} falls from {was:.1%} to {now:.1%}"
            for name, was, now in (
                ("pass@k", before[-1].pass_k, last.pass_k),
                ("variety", before[-1].distinct, last.distinct),
            )
            if was is not None and now is not None and now < was - config.tolerance
        ]
        if last.right > before[-1].right and falls:
            return f"round {last.number} is right more often, but {' and '.join(falls)}: it narrows"
        if _idle(rounds) >= config.patience:
            return f"round {last.number} improves nothing"
    return f"{config.rounds} rounds are done" if len(rounds) > config.rounds else None


def _idle(rounds: Sequence[Round]) -> int:
    """How many of the last rounds were better than all before them neither in pass@1 nor in pass@k."""
    idle, right, pass_k = 0, -1.0, -1.0
    for each in rounds:
        idle = 0 if each.right > right or each.pass_k > pass_k else idle + 1
        right, pass_k = max(right, each.right), max(pass_k, each.pass_k)
    return idle


def _share(config: StarConfig, number: int, learnt: list[Scenario]) -> list[Scenario]:
    """The scenarios of one round; once all have had their turn it begins anew."""
    if config.per_round is None or config.per_round >= len(learnt):
        return learnt
    first = (number - 1) * config.per_round
    return [learnt[at % len(learnt)] for at in range(first, first + config.per_round)]


def _round(
    config: StarConfig,
    number: int,
    before: Sequence[Round],
    scenarios: tuple[list[Scenario], list[Scenario]],
    out: Path,
    reporter: Reporter,
    work: Work[Any],
) -> Round:
    """scenarios: to learn from, and to be judged by. Each stage resumes by itself, so that this may be cut anywhere."""
    place, kept, pairs = out / f"round-{number}", 0, 0
    student = config.student or config.base
    if number:
        student = _student(before[-1], config, out)
        rolling = config.acting(student, config.samples, f"round {number}")
        work(roll(rolling, scenarios[0], Layout.of_stage(place / "rollouts"), reporter))
        kept, pairs = _delivered(config, place, scenarios[0], reporter)
        if kept or config.also or any(each.kept for each in before):
            student = _trained(config, number, out, reporter)
    found: Evaluation = work(
        examine(config.acting(student, config.pass_k, "judged"), scenarios[1], place / "eval", reporter)
    )
    return _summed(number, student, kept, pairs, found, out)


def _student(last: Round, config: StarConfig, out: Path) -> str:
    return str(out / last.student) if last.number and (out / last.student).is_dir() else config.student or config.base


def _delivered(config: StarConfig, place: Path, scenarios: Sequence[Scenario], reporter: Reporter) -> tuple[int, int]:
    """Keepers and pairs of a round's rollouts as rows; how many there are of each."""
    rollouts, bundles = Layout.of_stage(place / "rollouts"), place / "scenarios"
    with Folder(place).writing() as store:
        for one in scenarios:
            store.write(bundles / f"{one.id}.json", one.to_json())
    made = pair(rollouts, bundles, Layout.of_stage(place / "pairs"), PairConfig(seed=config.seed), reporter)
    sources = Sources(rollouts, bundles, place / "pairs")
    to = config.methods if made.pairs else ("sft",)
    exporting = ExportConfig(to=to, per_scenario=config.keep, format="jsonl")
    delivered = export(exporting, sources, place / "export", EstimatedTokens(), reporter)
    rows = {each.projection: each.rows for each in delivered.parts if each.split == TRAIN}
    return rows.get("sft", 0), rows.get("dpo", 0)


def _trained(config: StarConfig, number: int, out: Path, reporter: Reporter) -> str:
    """A student from the base on all rounds' keepers, then, where there are pairs, on all rounds' pairs."""
    place = out / f"round-{number}"
    student = config.base
    for method in config.methods:
        data, made = place / "data" / method, place / ("sft" if method == "sft" else "student")
        if not _gathered(config, number, out, method, data):
            continue
        rate = config.learning.rate if method == "sft" else None
        learning = config.learning.model_copy(update={"base": student, "method": method, "rate": rate})
        train(learning, data, made, reporter, f"sekft star, round {number}")
        student = str(made)
    return student


def learnable(config: StarConfig) -> dict[Method, Path]:
    """Of --also the rows for each method that is trained with. Raises UsageError where it has none for any."""
    if config.also is None:
        return {}
    places = {method: part(config.also, method) for method in config.methods}
    found = {method: place for method, place in places.items() if _rows(place) and method_of(place) == method}
    if not found:
        wanted = " or ".join(config.methods)
        raise UsageError(f"--also {config.also}: no rows for {wanted}; want an export, or a file or folder of its rows")
    return found


def _gathered(config: StarConfig, number: int, out: Path, method: Method, data: Path) -> bool:
    """Copy every round's rows of this kind, and those of --also, into one folder; whether there are any."""
    exports = [out / f"round-{at}" / "export" / method / TRAIN for at in range(1, number + 1)]
    if place := learnable(config).get(method):
        exports.append(place)
    found = [(f"{at:02d}-{file.name}", file) for at, each in enumerate(exports) if _rows(each) for file in files(each)]
    with Folder(data).writing() as store:
        for name, file in found:
            store.write(data / name, file.read_bytes())
    return bool(found)


def _rows(place: Path) -> bool:
    return place.is_file() or any(place.glob("*.jsonl")) or any(place.glob("*.parquet"))


def _summed(number: int, student: str, kept: int, pairs: int, found: Evaluation, out: Path) -> Round:
    rates = found.all.rates
    below = Path(student).is_relative_to(out)
    return Round(
        number=number,
        student=str(Path(student).relative_to(out)) if below else student,
        kept=kept,
        pairs=pairs,
        right=rates["right"].value or 0.0,
        pass_k=max(found.pass_at.items())[1],
        distinct=found.distinct,
        timely_panic=rates["rightly_blocked"].value,
        false_panic=rates["false_panic"].value,
    )
