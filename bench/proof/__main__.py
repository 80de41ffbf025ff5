"""Does a student learn the mechanism? Sets, data, students and evaluations of plan.toml, each made by a sekft command.

    python -m bench.proof FOLDER [--size smoke|laptop|short|full] [--student NAME …] [--set NAME …] [--sealed]

Every command resumes, so the same line goes on where the last one was stopped. --student and --set leave out the rest;
--sealed evaluates the sealed set, too. At the end, and with --table alone, the tables of docs/experiments.md are
printed from what there is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from bench.proof import commands
from bench.proof.average import average
from sekft.errors import UsageError
from sekft.evaluation.metrics import CHAIN
from sekft.evaluation.statistics import Rate
from sekft.runs.evaluate import FOLDER, REPORT, stored
from sekft.runs.star import STAR
from sekft.training.base_model import base_folder, tokenizer_of
from sekft.training.data import examples, part, rows
from sekft.training.data import files as data_files

T = TypeVar("T")
BASE, SEEN, ALL, SEALED = "base", "seen", "all", "sealed"
LAYERS = 15
ACTING = ("--max-tokens", 200, "--max-turns", 20, "--concurrency", 32)
"""Of a student: twice the tokens of the longest ordinary action, and more turns than any of 1,700 sessions of the
explorer takes (17; half of them take 8)."""
TRAIN_SEED, STAR_SEED, FIRST_SET_SEED = 1, 51, 101
PAIRED = {"pairs", "corrections"}
"""Keys of data whose export holds pairs."""
HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""A training is a sixth faster with them (docs/experiments.md)."""
ENDS = ("right", "solved", "idle", "rightly_blocked", "false_panic")
SHOWN = (*ENDS, *CHAIN, "circles", "false_exit", "read_first", "invents_options", "unearned", "harmful")


class Proof:
    """The plan at one size, in one folder."""

    def __init__(self, folder: Path, size: str) -> None:
        self.folder = folder
        self.plan: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("plan.toml").read_text("utf-8"))
        self.size: Mapping[str, Any] = self.plan["sizes"][size]
        self.students: Mapping[str, Mapping[str, Any]] = self.plan["students"]
        self._exports: dict[str, Path] = {}

    @property
    def sets(self) -> list[str]:
        return [SEEN, *self.plan["held"], ALL, SEALED]

    def terms(self, name: str) -> list[str]:
        """The terms that give a set its own held-out values and no other ones."""
        mix, terms = self.size.get("mix", ()), []
        for axis, held in self.plan["held"].items():
            sealed = self.plan["sealed"][axis]
            own = sealed if name == SEALED else held if name in (axis, ALL) else []
            terms += [f"{axis}={value}" for value in own] or [f"{axis}!={value}" for value in (*held, *sealed)]
            mix = [term for term in mix if not own or not term.startswith(f"{axis}=")]
        return [*terms, *mix]

    def where(self, name: str) -> list[str]:
        """The same as options."""
        return [word for term in self.terms(name) for word in ("--where", term)]

    def drawn(self, own_terms: Sequence[str] = ()) -> list[str]:
        """The options that draw scenarios to learn from: like `seen`, but axes in `apart` are held out by the split.

        own_terms: options that say more of some axes; the size's mix says nothing of these then.
        """
        said = {term.partition("=")[0].rstrip("!") for term in own_terms}
        words: list[str] = []
        for term in self.terms(SEEN):
            axis, _, value = term.partition("=")
            if axis.rstrip("!") in self.plan["apart"]:
                words += ["--holdout", f"{axis.rstrip('!')}={value}"]
            elif axis not in said:
                words += ["--where", term]
        return [*words, *own_terms]

    def make_set(self, name: str) -> Path:
        out = self.folder / "sets" / name
        seed = FIRST_SET_SEED + self.sets.index(name)
        many = self.size["evaluated" if name in (SEEN, ALL, SEALED) else "alone"]
        run("generate", "--n", many, "--seed", seed, "--holdout", "none", "--out", out, *self.where(name))
        return out

    def data(self, name: str) -> Mapping[str, Any]:
        """A data set of the plan, with what it leaves unsaid as in the one that it is like."""
        own = self.plan["data"][name]
        like = self.data(own["like"]) if "like" in own else {}
        return {**like, **own, "author": [*like.get("author", ()), *own.get("author", ())]}

    def make_data(self, name: str) -> Path:
        """The export of one of the plan's data sets."""
        if name not in self._exports:
            told, out = self.data(name), self.folder / "data" / name
            if "beside" in told:
                self._exports[name] = commands.write(self.folder / told["beside"], out)
            elif "acting" in told:
                self._exports[name] = self.make_corrections(told, out)
            elif "kept" in told:
                self.make_data(told["kept"])
                self._exports[name] = self.folder / "data" / told["kept"] / "kept"
            elif "corrections" in told:
                self._exports[name] = self.make_own_pairs(told, out)
            else:
                self._exports[name] = self.make_sessions(told, out)
        return self._exports[name]

    def make_sessions(self, told: Mapping[str, Any], out: Path) -> Path:
        """The explorer's sessions, and where pairs are wanted, a saboteur's beside them."""
        author, operator = told.get("author", ()), told.get("operator", ())
        drawn = ["--n", self.size[told["n"]], "--seed", told.get("seed", TRAIN_SEED), *self.drawn(author)]
        acted = ["--samples", 1, "--operator", "explorer", *operator]
        if told.get("pairs"):
            run("run", "--out", out, *drawn, *acted)
        else:
            scenarios, trajectories = out / "scenarios", out / "trajectories"
            run("generate", "--out", scenarios, *drawn)
            run("rollout", "--scenarios", scenarios, "--out", trajectories, *acted)
            run("export", "--trajectories", out, "--out", out / "export", "--to", "sft")
        return out / "export"

    def make_corrections(self, told: Mapping[str, Any], out: Path) -> Path:
        """What an expert does where the student went wrong, in scenarios that the student never saw.

        Beside it, in `kept`, the student's own sessions that ended right.
        """
        run("generate", "--out", out / "scenarios", "--n", self.size[told["n"]], "--seed", told["seed"], *self.drawn())
        scenarios = ["--scenarios", out / "scenarios"]
        acting = ["--operator", "student", "--model", self.make_student(told["acting"]), *ACTING]
        run("eval", *scenarios, "--split", "train", *acting, "--out", out / "acted")
        run("export", *scenarios, "--trajectories", out / "acted", "--out", out / "kept", "--to", "sft")
        run("correct", *scenarios, "--trajectories", out / "acted", "--out", out / "trajectories")
        run("export", *scenarios, "--trajectories", out / "trajectories", "--out", out / "export", "--to", "sft")
        return out / "export"

    def make_own_pairs(self, told: Mapping[str, Any], out: Path) -> Path:
        """The student's first wrong actions against the expert's: its rollouts and their corrections in one folder."""
        self.make_data(told["corrections"])
        source, acted = self.folder / "data" / told["corrections"], out / "acted"
        shutil.copytree(source / "acted", acted, dirs_exist_ok=True)
        rollouts = ["--scenarios", source / "scenarios", "--trajectories", acted]
        run("correct", *rollouts, "--out", acted)
        run("pairs", *rollouts, "--out", out / "pairs")
        run("export", *rollouts, "--pairs", out / "pairs", "--out", out / "export", "--to", "dpo")
        return out / "export"

    def mixture(self, told: Mapping[str, Any], out: Path) -> list[Path]:
        """Rows of the student's data and of what is mixed in, as many tokens of each as its share says."""
        tokenizer = tokenizer_of(base_folder("smollm2"))
        files = []
        shares = {told["data"]: 1 - sum(told["mixed"].values()), **told["mixed"]}
        for name, share in shares.items():
            source, wanted, lines, total = part(self.make_data(name), "sft"), share * self.size[told["tokens"]], [], 0
            read = (row for file in data_files(source) for row in rows(file))
            for row, example in zip(read, examples(source, tokenizer, "sft"), strict=True):
                if total >= wanted:
                    break
                lines.append(json.dumps(row) + "\n")
                total += len(example)
            else:
                raise UsageError(f"{source} has {total} tokens, want {wanted:.0f}")
            files.append(out.with_name(f"{out.name}.{name}.jsonl"))
            files[-1].write_text("".join(lines), encoding="utf-8")
        return files

    def make_students(self, names: Iterable[str]) -> None:
        """Those that learn from no other student, side by side, a thread each: packs of a step wait for each other."""
        others = ("average", "base", "star", "mixed")
        apart = [name for name in names if name != BASE and self.students[name].keys().isdisjoint(others)]
        for name in apart:
            self.make_data(self.students[name]["data"])
        side_by_side(lambda name: self.make_student(name, OMP_NUM_THREADS="1"), apart)

    def make_student(self, name: str, **environ: str) -> str:
        """The model that `sekft eval` is to take; what it learns from and on is made first."""
        if name == BASE:
            return "smollm2"
        told, out = self.students[name], self.folder / "students" / name
        learning = ["--layers", LAYERS, *(["--tokens", self.size[told["tokens"]]] if "tokens" in told else [])]
        if acting := told.get("star"):
            return self.make_star(self.make_student(acting), self.make_data(told["data"]), learning, out)
        if averaged := told.get("average"):
            average(out, [Path(self.make_student(each)) for each in averaged])
            return str(out)
        data = self.mixture(told, out) if "mixed" in told else [self.make_data(told["data"])]
        options = [word for path in data for word in ("--data", path)]
        options += ["--seed", told.get("seed", 0), *learning, *told.get("options", [])]
        if base := told.get("base"):
            options += ["--base", self.make_student(base)]
            options += ["--method", "dpo" if self.data(told["data"]).keys() & PAIRED else "sft"]
        run("train", *options, "--out", out, **environ)
        return str(out)

    def make_star(self, student: str, export: Path, learning: Sequence[object], out: Path) -> str:
        """What one round makes of the student, judged by values that it knows: the evaluation is `sekft eval`'s."""
        scenarios, held = self.folder / "sets" / "star", self.plan["judged"]
        labels = [f"{axis}={value}" for axis, values in held.items() for value in values]
        held_out = [word for label in labels for word in ("--holdout", label)]
        many = self.size["rolled"]
        run("generate", "--n", 2 * many, "--seed", STAR_SEED, *held_out, "--out", scenarios, *self.where(SEEN))
        options = ["--student", student, "--also", export, "--rounds", 1, "--per-round", many, "--samples", 2]
        options += ["--pass-k", 2, "--no-dpo", *ACTING, *learning]
        run("star", "--scenarios", scenarios, *options, "--out", out)
        rounds = json.loads((out / STAR).read_text("utf-8"))["rounds"]
        return str(out / rounds[-1]["student"])

    def evaluate(self, student: str, names: Sequence[str]) -> None:
        """The sets side by side, one on each processor: that reads a model's weights more often, and idles less."""
        model = self.make_student(student)
        options: list[object] = ["--operator", "student", "--model", model, *ACTING]
        options += ["--most", most] if (most := self.students[student].get("most")) else []
        out = self.folder / "evaluations" / student
        commands = [["eval", "--scenarios", self.make_set(name), "--out", out / name, *options] for name in names]
        side_by_side(lambda words: run(*words, OMP_NUM_THREADS="1"), commands)

    def wanted(self, student: str) -> list[str]:
        names = self.students[student]["sets"]
        return [name for name in self.sets if name != SEALED] if names == "every" else list(names)

    def tables(self) -> Iterator[str]:
        """One table a measure: a row a set, a column a student."""
        made = {
            (path.parent.name, path.name): stored(path)
            for path in sorted((self.folder / "evaluations").glob("*/*"))
            if (path / FOLDER / REPORT).is_file()
        }
        columns = [name for name in self.students if any(student == name for student, _ in made)]
        for measure in SHOWN:
            yield f"\n{measure}\n\n| held out | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}"
            for name in self.sets:
                cells = [
                    shown(made[column, name].all.rates[measure]) if (column, name) in made else "" for column in columns
                ]
                if any(cells):
                    yield f"| {name} | {' | '.join(cells)} |"


def shown(rate: Rate) -> str:
    if rate.value is None or rate.low is None or rate.high is None:
        return ""
    return f"{rate.value:.0%} ({rate.low:.0%} to {rate.high:.0%}, n {rate.of})"


def side_by_side(do: Callable[[T], object], each: Iterable[T]) -> None:
    """As many at once as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(do, each))


def run(*words: object, **environ: str) -> None:
    """One sekft command, its log on our stderr. Ends the proof when it fails."""
    command = [str(Path(sys.executable).with_name("sekft")), *map(str, words)]
    print("$ sekft", *command[1:], file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, env={**HUGE_PAGES, **os.environ, **environ}, check=False)
    if done.returncode:
        raise SystemExit(f"bench.proof: the command above ended with {done.returncode}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="laptop", choices=("smoke", "laptop", "short", "full"))
    parser.add_argument("--student", action="append")
    parser.add_argument("--set", action="append", dest="sets")
    parser.add_argument("--sealed", action="store_true")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    proof = Proof(given.folder, given.size)
    wanted = [] if given.table else given.student or list(proof.students)
    proof.make_students(wanted)
    for student in wanted:
        names = [name for name in proof.wanted(student) if not given.sets or name in given.sets]
        try:
            proof.evaluate(student, [*names, SEALED] if given.sealed else names)
        except UsageError as error:  # of its data: a half-trained student seldom ends right
            print(f"bench.proof: {student} is left out: {error}", file=sys.stderr)
    print("\n".join(proof.tables()))


main()
