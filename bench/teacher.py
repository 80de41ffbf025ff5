"""What a messy teacher yields: `python -m bench.teacher [N]`, over a loopback service that spoils right answers.

Each of N conversations begins with one of the spoilt forms of tests/teacher.py, in turn; each repair is right in two of
three cases and spoilt again in the third. Then the same number of answers that cannot be admitted, whatever is told.

`python -m bench.teacher tokens`: what a first question costs, by SmolLM2's tokenizer, over forty cells.
`python -m bench.teacher yield FOLDER`: how many draws of a folder that a teacher filled were admitted, after how
many repairs, by ending; and over how many announcements and providers.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path

from bench.pipeline import Quiet
from sekft import taxonomy
from sekft.authors.teacher import REQUIRED, TeacherAuthor, schema
from sekft.folder import Layout, documents, load_scenarios
from sekft.models.endpoint import Endpoint, Service
from sekft.rejection import Rejection
from sekft.runs import generate
from sekft.runs.generate import GenerateConfig
from sekft.runs.resources import token_counter
from sekft.scenario import Scenario, load_noun, load_scenario
from sekft.seeds import stream
from tests import teacher as forms
from tests.served import Answer
from tests.teacher import READ_AT_ONCE, REPAIRABLE, Body, Mess, Teacher, teaching

HOPELESS = (forms.lenient_results, forms.leaking, forms.outside, forms.no_ending)
SPOILT_AGAIN = 1 / 3


class Moody(Teacher):
    """begins: the form of each conversation's first answer, by the order in which conversations begin."""

    def __init__(self, begins: Sequence[Mess], mends: bool) -> None:
        super().__init__()
        self._begins, self._mends = cycle(begins), mends
        self._moods: dict[str, Mess] = {}

    def answer(self, request: Body) -> Answer:
        asked, rounds = request["messages"][0]["content"], len(request["messages"]) // 2
        if asked not in self._moods:
            self._moods[asked] = next(self._begins)
        first = self._moods[asked]
        rng = stream(len(self._moods), "mood", rounds)
        again = rng.choice(REPAIRABLE if rng.random() < SPOILT_AGAIN else READ_AT_ONCE)
        self.messes = [first if rounds == 0 or not self._mends else again]
        return super().answer(request)


def taught(begins: Sequence[Mess], mends: bool, n: int) -> None:
    """Draw each of n scenarios once, and tell what came of it."""
    generate.ATTEMPTS = 1
    began = time.monotonic()
    admitted: list[Scenario] = []
    refused: Counter[str] = Counter()
    with teaching(Moody(begins, mends)) as served:
        os.environ |= {"SEKFT_MODEL": "messy", "SEKFT_URL": served.url}
        for seed in range(n):
            with tempfile.TemporaryDirectory(prefix="sekft-bench-") as folder:
                layout = Layout.of_run(Path(folder))
                with suppress(generate.AuthorExhausted):
                    plan = GenerateConfig(n=1, author="teacher", seed=seed, concurrency=1)
                    asyncio.run(generate.generate(plan, layout, Quiet()))
                admitted += [load_scenario(path) for path in documents(layout.scenarios)]
                refused.update(load_noun(Rejection, path).reason for path in documents(layout.rejected))
    rounds = Counter(len(one.provenance.mended) for one in admitted)
    why = Counter(reason for one in admitted for reason in one.provenance.mended)
    print(f"{n} conversations, {len(served.requests)} requests, {time.monotonic() - began:.0f} s")
    print(f"  admitted {len(admitted)} ({len(admitted) / n:.1%}), by repairs: {dict(sorted(rounds.items()))}")
    print(f"  mended: {dict(why.most_common())}")
    print(f"  refused at last: {dict(refused.most_common())}")


WORDED = (
    forms.clean, forms.fenced, forms.thinking, forms.truncated, forms.trailing_commas, forms.refusal, forms.wrapped,
    forms.python_words, forms.nothing, forms.raw_newlines,
)  # fmt: skip


def reworded(n: int) -> None:
    """Draw n hybrid scenarios; seven of ten answers can be read."""
    served = Teacher(list(WORDED) * n * 10)
    with tempfile.TemporaryDirectory(prefix="sekft-bench-") as folder, teaching(served):
        os.environ |= {"SEKFT_MODEL": "messy", "SEKFT_URL": served.url}
        layout = Layout.of_run(Path(folder))
        plan = GenerateConfig(n=n, author="hybrid", seed=6, concurrency=2)
        asyncio.run(generate.generate(plan, layout, Quiet()))
        made = load_scenarios(layout.root)
        refused = [load_noun(Rejection, path).reason for path in documents(layout.rejected)]
    counts = [re.match(r"(\d+) of (\d+) passages", one.provenance.note or "") for one in made]
    new, all_ = (sum(int(found[at]) for found in counts if found) for at in (1, 2))
    print(f"{n} hybrid scenarios: {len(served.requests)} requests, draws refused: {refused or 'none'}")
    print(f"  {new} of {all_} passages reworded ({new / all_:.1%}), {counts.count(None)} scenarios left as composed")


def tokens() -> None:
    """The first question of a conversation and the schema that goes with it, cell by cell."""
    count = token_counter("smollm2")
    author = TeacherAuthor(Endpoint(Service("big", "http://127.0.0.1:1/v1")))
    axes = taxonomy.load()
    for ending in ("work", "empty", "blocked"):
        cells = [axes.cell(7, slot, {"ending": frozenset((ending,))}) for slot in range(40)]
        asked = sorted(count(author.begin(cell, 7).exchange[0]["content"]) for cell in cells)
        print(f"{ending}: {asked[0]} to {asked[-1]} tokens, median {asked[len(asked) // 2]}")
    print(f"schema: {count(json.dumps(schema(REQUIRED)))} tokens")


def yielded(folder: Path) -> None:
    """What came of the draws of a folder: a row an ending, and what was mended and refused."""
    layout = Layout.of_stage(folder)
    made = load_scenarios(folder)
    refused = [load_noun(Rejection, path) for path in documents(layout.rejected)]
    for ending in ("work", "empty", "blocked"):
        repairs = Counter(len(one.provenance.mended) for one in made if one.expected.kind == ending)
        print(f"{ending}: admitted {repairs.total()}, by repairs: {dict(sorted(repairs.items()))}")
    for axis in ("announcement", "provider"):
        print(f"{axis}: {len({one.cell.get(axis) for one in made})} kinds")
    print(f"mended: {dict(Counter(reason for one in made for reason in one.provenance.mended).most_common())}")
    print(f"draws refused: {len(refused)} {dict(Counter(one.reason for one in refused).most_common())}")


def main(n: int = 38) -> None:
    print("repairable in principle")
    taught(REPAIRABLE, True, n)
    print("not admissible, never mended")
    taught(HOPELESS, False, max(len(HOPELESS), n // 3))
    reworded(max(1, n // 2))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["tokens"]:
            tokens()
        case ["yield", folder]:
            yielded(Path(folder))
        case counts:
            main(*map(int, counts))
