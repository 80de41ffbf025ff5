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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sekft.dataset.export import Exporting, Sources, export
from sekft.dataset.make_pairs import Pairing, pair
from sekft.dataset.select import Wanted
from sekft.errors import UsageError
from sekft.evaluation.evaluate import Evaluation
from sekft.folder import Folder, Layout, Setting
from sekft.models.tokens import EstimatedTokens
from sekft.protocols import OperatorSettings, Reporter
from sekft.runs.evaluate import examine, taken
from sekft.runs.pipeline import roll
from sekft.runs.plans import STUDENT, Rolling
from sekft.scenario import Frozen, Scenario
from sekft.seeds import derive
from sekft.taxonomy.splits import HELD_OUT, TRAIN
from sekft.training.config import TrainConfig
from sekft.training.data import Method, files, method_of, part
from sekft.training.train import train

T = TypeVar("T")
Work = Callable[[Coroutine[Any, Any, T]], T]
ROUND, STAR = "round.json", "star.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """base: what every round is trained from. student: who acts first; None for the base. also: an export that every
    round learns from, too, or a file or folder of its rows of one kind.

    samples:    rollouts of a training scenario in a round; keep: of these at most so many are learnt from.
    scenarios:  of training, in a round, always others; None for all. judged: held-out ones; None for all.
    pass_k:     rollouts of a held-out scenario. tolerance: by which a share may fall and still count as unchanged.
    patience:   rounds in a row that may improve nothing; with the last of them it ends.
    """

    base: str
    student: str | None = None
    also: Path | None = None
    rounds: int = 3
    samples: int = 4
    keep: int = 2
    scenarios: int | None = None
    judged: int | None = None
    pass_k: int = 4
    tolerance: float = 0.02
    patience: int = 1
    temperature: float = 0.7
    dpo: bool = True
    seed: int = 0
    sandbox: str = "auto"
    concurrency: int = 16
    max_turns: int = 40
    max_tokens: int | None = None
    learning: TrainConfig = field(default_factory=TrainConfig)

    @property
    def methods(self) -> tuple[Method, ...]:
        return ("sft", "dpo") if self.dpo else ("sft",)

    def settings(self) -> dict[str, Setting]:
        """Everything that the rounds hang on."""
        own = {name: getattr(self, name) for name in self.__slots__ if name not in ("concurrency", "learning", "also")}
        learning = {f"learning.{name}": value for name, value in self.learning.recorded().items() if name != "base"}
        return {**own, **learning, "also": str(self.also) if self.also else None}

    def rolling(self, model: str, samples: int, name: str) -> Rolling:
        settings = OperatorSettings(
            temperature=self.temperature, max_tokens=self.max_tokens, model=model, at_once=self.concurrency
        )
        return Rolling(
            samples, STUDENT, derive(self.seed, name), self.sandbox, self.concurrency, self.max_turns, settings
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


class Star(Frozen):
    """best: the round whose student ends right most often. stopped: why there are no more."""

    rounds: list[Round]
    best: int
    stopped: str


def star(plan: Plan, scenarios: Sequence[Scenario], out: Path, reporter: Reporter, work: Work[Any]) -> Star:
    """Go through the rounds, or on with those that a stopped run left. work: runs a stage to its end.

    Raises what the stages raise; KeyboardInterrupt when training is asked to stop.
    """
    judged = taken(scenarios, HELD_OUT, plan.judged)
    learnt = taken(scenarios, TRAIN, None)
    learnable(plan)
    with Folder(out).writing() as store:
        store.settle("star", plan.settings(), growing=("rounds",))
        rounds: list[Round] = []
        while (stopped := verdict(rounds, plan)) is None:
            number = len(rounds)
            reporter.note(f"round {number}")
            if not (place := out / f"round-{number}" / ROUND).exists():
                made = _round(plan, number, rounds, (_share(plan, number, learnt), judged), out, reporter, work)
                store.write(place, made.model_dump_json(indent=1) + "\n")
            rounds.append(Round.model_validate_json(place.read_text(encoding="utf-8")))
        best = max(rounds, key=lambda each: (each.right, -each.number)).number
        found = Star(rounds=rounds, best=best, stopped=stopped)
        store.write(out / STAR, found.model_dump_json(indent=1) + "\n")
    return found


def verdict(rounds: Sequence[Round], plan: Plan) -> str | None:
    """Why there is no next round; None where there is."""
    if rounds and rounds[-1].number and not (rounds[-1].kept or plan.also):
        return f"round {rounds[-1].number} kept nothing to learn from"
    if len(rounds) > 1:
        last, before = rounds[-1], rounds[:-1]
        falls = [
            f"{name} falls from {was:.1%} to {now:.1%}"
            for name, was, now in (("pass@k", before[-1].pass_k, last.pass_k), ("variety", *_varieties(rounds)))
            if was is not None and now is not None and now < was - plan.tolerance
        ]
        if last.right > before[-1].right and falls:
            return f"round {last.number} is right more often, but {' and '.join(falls)}: it narrows"
        if _idle(rounds) >= plan.patience:
            return f"round {last.number} improves nothing"
    return f"{plan.rounds} rounds are done" if len(rounds) > plan.rounds else None


def _idle(rounds: Sequence[Round]) -> int:
    """How many of the last rounds were better than all before them neither in pass@1 nor in pass@k."""
    idle, right, pass_k = 0, -1.0, -1.0
    for each in rounds:
        idle = 0 if each.right > right or each.pass_k > pass_k else idle + 1
        right, pass_k = max(right, each.right), max(pass_k, each.pass_k)
    return idle


def render(found: Star) -> str:
    lines = ["round  kept  pairs  right  pass@k  variety  timely panic  false panic"]
    for each in found.rounds:
        shares = (each.right, each.pass_k, each.distinct, each.timely_panic, each.false_panic)
        told = [("–" if share is None else f"{share:.1%}") for share in shares]
        widths = (5, 6, 7, 12, 11)
        row = "  ".join(text.rjust(width) for text, width in zip(told, widths, strict=True))
        lines.append(f"{each.number:>5}  {each.kept:>4}  {each.pairs:>5}  {row}")
    best = found.rounds[found.best]
    return "\n".join([*lines, f"stopped: {found.stopped}", f"best: round {best.number}, {best.student}"]) + "\n"


def _varieties(rounds: Sequence[Round]) -> tuple[float | None, float | None]:
    return rounds[-2].distinct, rounds[-1].distinct


def _share(plan: Plan, number: int, learnt: list[Scenario]) -> list[Scenario]:
    """The scenarios of one round; once all have had their turn it begins anew."""
    if plan.scenarios is None or plan.scenarios >= len(learnt):
        return learnt
    first = (number - 1) * plan.scenarios
    return [learnt[at % len(learnt)] for at in range(first, first + plan.scenarios)]


def _round(
    plan: Plan,
    number: int,
    before: Sequence[Round],
    scenarios: tuple[list[Scenario], list[Scenario]],
    out: Path,
    reporter: Reporter,
    work: Work[Any],
) -> Round:
    """scenarios: to learn from, and to be judged by. Each stage resumes by itself, so that this may be cut anywhere."""
    place, kept, pairs = out / f"round-{number}", 0, 0
    student = plan.student or plan.base
    if number:
        student = _student(before[-1], plan, out)
        rolling = plan.rolling(student, plan.samples, f"round {number}")
        work(roll(rolling, scenarios[0], Layout.of_stage(place / "rollouts"), reporter))
        kept, pairs = _delivered(plan, place, scenarios[0], reporter)
        if kept or plan.also or any(each.kept for each in before):
            student = _trained(plan, number, out, reporter)
    found: Evaluation = work(
        examine(plan.rolling(student, plan.pass_k, "judged"), scenarios[1], place / "eval", reporter)
    )
    return _summed(number, student, kept, pairs, found, out)


def _student(last: Round, plan: Plan, out: Path) -> str:
    return str(out / last.student) if last.number and (out / last.student).is_dir() else plan.student or plan.base


def _delivered(plan: Plan, place: Path, scenarios: Sequence[Scenario], reporter: Reporter) -> tuple[int, int]:
    """Keepers and pairs of a round's rollouts as rows; how many there are of each."""
    rollouts, bundles = Layout.of_stage(place / "rollouts"), place / "scenarios"
    with Folder(place).writing() as store:
        for one in scenarios:
            store.write(bundles / f"{one.id}.json", one.to_json())
    made = pair(rollouts, bundles, Layout.of_stage(place / "pairs"), Pairing(seed=plan.seed), reporter)
    sources = Sources(rollouts, bundles, place / "pairs")
    to = plan.methods if made.pairs else ("sft",)
    exporting = Exporting(to, Wanted(kept=True, per_scenario=plan.keep), "jsonl")
    delivered = export(exporting, sources, place / "export", EstimatedTokens(), reporter)
    rows = {each.projection: each.rows for each in delivered.parts if each.split == TRAIN}
    return rows.get("sft", 0), rows.get("dpo", 0)


def _trained(plan: Plan, number: int, out: Path, reporter: Reporter) -> str:
    """A student from the base on all rounds' keepers, then, where there are pairs, on all rounds' pairs."""
    place = out / f"round-{number}"
    student = plan.base
    for method in plan.methods:
        data, made = place / "data" / method, place / ("sft" if method == "sft" else "student")
        if not _gathered(plan, number, out, method, data):
            continue
        rate = plan.learning.rate if method == "sft" else None
        config = plan.learning.model_copy(update={"base": student, "method": method, "rate": rate})
        train(config, data, made, reporter, f"sekft star, round {number}")
        student = str(made)
    return student


def learnable(plan: Plan) -> dict[Method, Path]:
    """Of --also the rows for each method that is trained with. Raises UsageError where it has none for any."""
    if plan.also is None:
        return {}
    places = {method: part(plan.also, method) for method in plan.methods}
    found = {method: place for method, place in places.items() if _rows(place) and method_of(place) == method}
    if not found:
        wanted = " or ".join(plan.methods)
        raise UsageError(f"--also {plan.also}: no rows for {wanted}; want an export, or a file or folder of its rows")
    return found


def _gathered(plan: Plan, number: int, out: Path, method: Method, data: Path) -> bool:
    """Copy every round's rows of this kind, and those of --also, into one folder; whether there are any."""
    exports = [out / f"round-{at}" / "export" / method / TRAIN for at in range(1, number + 1)]
    if place := learnable(plan).get(method):
        exports.append(place)
    found = [(f"{at:02d}-{file.name}", file) for at, each in enumerate(exports) if _rows(each) for file in files(each)]
    with Folder(data).writing() as store:
        for name, file in found:
            copy = store.begin(data / name)
            copy.write(file.read_bytes())
            store.place(copy, data / name)
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
