"""Whether what is visible at login tells the right ending."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import log

from sekft.quality.measures import Figure, Holdings
from sekft.quality.near_duplicates import words
from sekft.scenario import Scenario
from sekft.seeds import derive

FOLDS = 5
_PROFILES = ("/etc/profile", "/.profile")


def measure(held: Holdings) -> Iterator[Figure]:
    """Points by which a classifier of the login's words beats the majority, on families that it has not seen."""
    scenarios = list(held.scenarios.values())
    if len(scenarios) < FOLDS:
        return
    texts = [set(words(login_text(one).lower())) for one in scenarios]
    labels: list[str] = [one.expected.kind for one in scenarios]
    folds = [derive(0, one.family) % FOLDS for one in scenarios]
    guessed = sum(
        _guesses(texts, labels, [fold != now for fold in folds], [fold == now for fold in folds])
        for now in range(FOLDS)
    )
    usual, most = Counter(labels).most_common(1)[0]
    n = len(scenarios)
    detail = f"{guessed / n:.1%} right; {most / n:.1%} are {usual}"
    yield Figure("login_tells", (guessed - most) / n, n, detail=detail)


def login_text(one: Scenario) -> str:
    login = one.login
    profiles = [file.content or "" for file in one.files if file.path.endswith(_PROFILES)]
    env = (f"{name} {value}" for name, value in login.env.items())
    return "\n".join([one.orientation, login.banner, login.motd, login.prompt, *env, *profiles])


def _guesses(texts: Sequence[set[str]], labels: Sequence[str], train: Sequence[bool], test: Sequence[bool]) -> int:
    """Right guesses of a naive Bayes classifier over the presence of words."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    seen = Counter(label for label, taken in zip(labels, train, strict=True) if taken)
    for text, label, taken in zip(texts, labels, train, strict=True):
        if taken:
            counts[label].update(text)
    sizes = {label: counts[label].total() for label in seen}
    distinct = len(set().union(*counts.values()))

    def score(text: set[str], label: str) -> float:
        likely = (log((counts[label][word] + 1) / (sizes[label] + distinct)) for word in text)
        return log(seen[label]) + sum(likely)

    return sum(
        max(sorted(seen), key=lambda kind: score(text, kind)) == label
        for text, label, asked in zip(texts, labels, test, strict=True)
        if asked
    )
