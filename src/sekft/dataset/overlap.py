"""Overlap of held-out texts with training, and of ours with files that the user names: runs of words, near-duplicates.

The texts are directives and the providers' documentation: what a student must not have met before it is tried.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sekft.errors import UsageError
from sekft.quality.facts import ScenarioFacts
from sekft.quality.texts import clusters, masked, words
from sekft.report import Table
from sekft.scenario import Frozen
from sekft.taxonomy import splits

RUN = 13
"""Words of a run that two texts share by copying, hardly ever by chance."""
FILE_LIMIT_BYTES = 256 << 20
SHOWN = 3
_PARAGRAPH = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Text:
    """names: words that name something in its scenario alone."""

    source: str
    words: str
    names: Collection[str] = ()


class Overlap(Frozen):
    """How many of some texts have something in common with others.

    shared: have a run of 13 words in common. runs: share of all their runs that the others have.
    alike:  are near-duplicates of one, names masked (see quality/texts.py).
    where:  scenarios of the first few that are either.
    """

    of: str
    against: str
    texts: int
    shared: int
    runs: float
    alike: int
    where: list[str]


def overlaps(scenarios: Sequence[ScenarioFacts], named: Sequence[Path] = ()) -> list[Overlap]:
    """Held-out against training texts, then all of ours against each named file.

    named: JSON or JSONL, whose every string is a text, or plain text by the paragraph.
    Raises UsageError for one that cannot be read.
    """
    rows = []
    for kind, texts_of in {"directives": _directives, "documentation": _documentation}.items():
        train, held_out = (
            [text for scenario in scenarios if scenario.split == split for text in texts_of(scenario)]
            for split in (splits.TRAIN, splits.HELD_OUT)
        )
        if held_out and train:
            rows.append(_overlap(f"held-out {kind}", held_out, "training", train))
        rows += [_overlap(kind, train + held_out, path.name, others) for path, others in _read(named)]
    return rows


def table(overlaps: Sequence[Overlap]) -> Table:
    columns = ("texts", "against", "count", f"share {RUN} words in a row", "of runs", "near-duplicates")
    rows = [(row.of, row.against, row.texts, row.shared, f"{row.runs:.1%}", row.alike) for row in overlaps]
    return Table(columns, rows, "Overlaps")


def _directives(scenario: ScenarioFacts) -> list[Text]:
    texts = scenario.texts
    return [Text(scenario.id, told, texts.names) for told in texts.directives] if texts else []


def _documentation(scenario: ScenarioFacts) -> list[Text]:
    texts = scenario.texts
    return [Text(scenario.id, texts.documentation, texts.names)] if texts else []


def _overlap(of: str, texts: Sequence[Text], against: str, others: Sequence[Text]) -> Overlap:
    known = {run for other in others for run in runs(other.words)}
    own = [runs(text.words) for text in texts]
    shared = {at for at, text_runs in enumerate(own) if not known.isdisjoint(text_runs)}
    common = sum(len(known & text_runs) for text_runs in own) / max(1, sum(map(len, own)))
    alike = _alike(texts, others)
    where = list(dict.fromkeys(texts[at].source for at in sorted(shared | alike)))[:SHOWN]
    return Overlap(
        of=of,
        against=against,
        texts=len(texts),
        shared=len(shared),
        runs=round(common, 4),
        alike=len(alike),
        where=where,
    )


def runs(text: str) -> set[int]:
    """Hashes of the runs of 13 words, signs left out and case aside; a shorter text has none."""
    plain = [word.lower() for word in words(text) if word[0].isalnum()]
    return {hash(tuple(plain[at : at + RUN])) for at in range(len(plain) - RUN + 1)}


def _alike(texts: Sequence[Text], others: Sequence[Text]) -> set[int]:
    """Indexes of the texts that share a cluster of near-duplicates with one of the others."""
    both = [*texts, *others]
    plain = masked((text.words, text.names) for text in both)
    mixed = (group for group in clusters(plain) if any(at >= len(texts) for at in group))
    return {at for group in mixed for at in group if at < len(texts)}


def _read(named: Sequence[Path]) -> Iterator[tuple[Path, list[Text]]]:
    for path in named:
        try:
            if path.stat().st_size > FILE_LIMIT_BYTES:
                raise UsageError(f"--against {path}: larger than {FILE_LIMIT_BYTES >> 20} MiB; give it in parts")
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--against {path}: cannot be read: {error}; want UTF-8 text, JSON or JSONL") from error
        yield path, [Text(path.name, part) for part in _texts(text) if part.strip()]


def _texts(text: str) -> Iterator[str]:
    """Every string of JSON or of lines of JSON; of anything else the paragraphs."""
    for parts in ([text], text.splitlines()):
        try:
            values = [json.loads(part) for part in parts if part.strip()]
        except ValueError:
            continue
        yield from (string for value in values for string in _strings(value))
        return
    yield from _PARAGRAPH.split(text)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
