"""Measures: what the audit looks at. Each topic is a function of what a set holds that yields figures.

A figure's full name is `topic.figure`, a table of audit.toml.
"""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, combinations, product
from math import log

from sekft.evaluation import metrics
from sekft.evaluation.statistics import quantile
from sekft.folder.notes import Note, disputed
from sekft.models.texts import EstimatedTokens, length
from sekft.quality.texts import clusters, documentation, login_text, masked, names, sentences, skeleton, words
from sekft.rejection import Rejection
from sekft.report import listed
from sekft.scenario import Scenario
from sekft.seeds import derive
from sekft.shell.chat_format import violations
from sekft.shell.grounding import ungrounded
from sekft.taxonomy import Taxonomy, Where, coverage, splits, tally
from sekft.trajectory import StoredRollout

PAIRS_SHOWN, SHAPES_SHOWN, TEXT_SHOWN = 6, 3, 100
FOLDS = 5
RIGHT_OUTCOME = {"work": "solved", "empty": "idle", "blocked": "rightly_blocked"}
INTERFACE_PARTS = ("syntax", "verbs", "options", "ids", "paging", "ack", "list_format", "layout")
"""What makes two interfaces the same."""
INTERFACE_WORDS = ("verbs", "options")


@dataclass(frozen=True)
class Figure:
    """One measured value.

    name:  what is measured, a table of audit.toml; part: of which axis, text, operator …
    of:    how many cases it rests on.
    files: what to look at where the value falls short, as paths below the folder.
    """

    name: str
    value: float | int
    of: int
    part: str = ""
    detail: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holdings:
    """What a run holds.

    where, held: the cells that it was drawn from, the values of its held-out part.
    broken:      files of rollouts that met an infra error. folder: where the scenarios lie below the run.
    notes:       readers' notes, by trajectory.
    """

    taxonomy: Taxonomy
    where: Where
    held: Where
    scenarios: Mapping[str, Scenario]
    rejections: tuple[Rejection, ...]
    rollouts: tuple[StoredRollout, ...]
    broken: tuple[str, ...]
    folder: str
    notes: Mapping[str, Note] = field(default_factory=dict)

    @cached_property
    def bases(self) -> list[Scenario]:
        """One of each family."""
        return [one for one in self.scenarios.values() if one.twin_of is None and one.reskin_of is None]

    @cached_property
    def surfaces(self) -> list[Scenario]:
        """One of each surface: a twin shares its base's, a re-skin does not."""
        return [one for one in self.scenarios.values() if one.twin_of is None]

    @cached_property
    def kept(self) -> list[StoredRollout]:
        return [rollout for rollout in self.rollouts if rollout.trajectory.keep]

    def file(self, scenario: Scenario) -> str:
        return posixpath.normpath(posixpath.join(self.folder, f"{scenario.id}.json"))


Topic = Callable[[Holdings], Iterator[Figure]]
TOPICS: dict[str, Topic] = {}


def topic(measure: Topic) -> Topic:
    """Register a topic by its function's name."""
    TOPICS[measure.__name__] = measure
    return measure


def measure_all(held: Holdings) -> Iterator[Figure]:
    """Every topic's figures."""
    for name, measure in TOPICS.items():
        for figure in measure(held):
            yield replace(figure, name=f"{name}.{figure.name}")


@topic
def balance(held: Holdings) -> Iterator[Figure]:
    """How evenly a set covers its axes, the pairs of their values and the endings.

    Axes and pairs over one scenario of each family; endings over all.
    """
    axes, bases = held.taxonomy.restricted(held.where), held.bases
    for row in coverage(axes, tally(one.cell for one in bases)):
        yield Figure("axis", row.total_variation, len(bases), row.axis, listed(row.counts))
    absent = list(_absent(axes, bases))
    yield Figure("pairs_absent", len(absent), len(bases), detail="; ".join(absent[:PAIRS_SHOWN]))
    skew, pair = max(((_skew(bases, *pair), pair) for pair in combinations(axes.axes, 2)), default=(0.0, ("", "")))
    yield Figure("pairs_skew", skew, len(bases), detail=" and ".join(pair))
    kinds = Counter(one.expected.kind for one in held.scenarios.values())
    for kind in ("work", "empty", "blocked"):
        share = kinds[kind] / len(held.scenarios) if held.scenarios else 0.0
        yield Figure("ending", share, len(held.scenarios), kind, f"{kinds[kind]} scenarios")


def _absent(axes: Taxonomy, bases: Sequence[Scenario]) -> Iterator[str]:
    """Allowed pairs of values that no scenario has."""
    for one, other in combinations(axes.axes, 2):
        met = {(base.cell.get(one), base.cell.get(other)) for base in bases}
        for pair in product(axes.axes[one].values, axes.axes[other].values):
            if pair not in met and axes.allows({one: pair[0], other: pair[1]}):
                yield f"{one}={pair[0]} {other}={pair[1]}"


def _skew(bases: Sequence[Scenario], one: str, other: str) -> float:
    """Total variation between the pairs and what the two axes, drawn apart, would give."""
    n = len(bases)
    pairs = Counter((base.cell.get(one), base.cell.get(other)) for base in bases)
    ones, others = Counter(base.cell.get(one) for base in bases), Counter(base.cell.get(other) for base in bases)
    apart = {(a, b): ones[a] * others[b] / n for a, b in product(ones, others)}
    return sum(abs(pairs[pair] - expected) for pair, expected in apart.items()) / 2 / n if n else 0.0


@topic
def checkers(held: Holdings) -> Iterator[Figure]:
    """How many wrong solutions the checkers see through, and how many right ones they accept.

    Over what was admitted and what such a solution rejected; a mutant that leaves the reference's end state is none.
    """
    admitted = [one.gate for one in held.scenarios.values() if one.gate and one.gate.mode == "sandbox"]
    reports = admitted + [one.gate for one in held.rejections if one.gate]
    tried = sum(report.mutants - report.equivalent for report in reports)
    if not tried:
        return
    survivors = Counter(kind for report in reports for kind in report.survivors)
    told = "".join(f"; {kind} survived {count} times" for kind, count in survivors.most_common())
    rate = 1 - survivors.total() / tried
    yield Figure("kill_rate", rate, len(reports), detail=f"{tried - survivors.total()} of {tried}{told}")
    equivalent = sum(report.equivalent for report in reports)
    detail = f"{equivalent} more left the reference's end state"
    yield Figure("mutants", tried / len(reports), len(reports), detail=detail)
    if right := sum(report.right for report in reports):
        refused = Counter(kind for report in reports for kind in report.refused)
        told = "".join(f"; {kind} refused {count} times" for kind, count in refused.most_common())
        accepted = right - refused.total()
        yield Figure("right_accepted", accepted / right, len(reports), detail=f"{accepted} of {right}{told}")
        yield Figure("right_tried", right / len(reports), len(reports))


@topic
def funnel(held: Holdings) -> Iterator[Figure]:
    """What was drawn, what was admitted, what was kept, and why the rest was not."""
    made, refused = len(held.scenarios), len(held.rejections)
    if made or refused:
        reasons = _counted(rejection.reason for rejection in held.rejections)
        yield Figure("admitted", made / (made + refused), made + refused, detail=reasons)
    unproven = [one for one in held.scenarios.values() if one.gate is None or one.gate.mode != "sandbox"]
    yield Figure("unproven", len(unproven), made, files=tuple(map(held.file, unproven)))
    for kind in sorted({rollout.trajectory.operator.kind for rollout in held.rollouts}):
        own = [rollout.trajectory for rollout in held.rollouts if rollout.trajectory.operator.kind == kind]
        outcomes = _counted(one.outcome + (f" ({one.fault.kind})" if one.fault else "") for one in own)
        yield Figure("kept", sum(one.keep for one in own) / len(own), len(own), kind, outcomes)
    if held.rollouts or held.broken:
        yield Figure("infra_errors", len(held.broken), len(held.rollouts) + len(held.broken), files=held.broken)
        wrong = [one for one in held.kept if one.trajectory.outcome != RIGHT_OUTCOME[one.scenario.expected.kind]]
        yield Figure("kept_wrongly", len(wrong), len(held.kept), files=tuple(one.file for one in wrong))


def _counted(names: Iterable[str]) -> str:
    return listed(dict(Counter(names).most_common()))


@topic
def hints(held: Holdings) -> Iterator[Figure]:
    """Whether what is visible at login tells the right ending.

    Points by which a classifier of the login's words beats the majority, on families that it has not seen.
    """
    scenarios = list(held.scenarios.values())
    if len(scenarios) < FOLDS:
        return
    texts = [set(words(login_text(one).lower())) for one in scenarios]
    labels: list[str] = [one.expected.kind for one in scenarios]
    folds = [derive(0, one.family) % FOLDS for one in scenarios]
    guessed = sum(_guesses(texts, labels, [fold == now for fold in folds]) for now in range(FOLDS))
    usual, most = Counter(labels).most_common(1)[0]
    n = len(scenarios)
    detail = f"{guessed / n:.1%} right; {most / n:.1%} are {usual}"
    yield Figure("login_tells", (guessed - most) / n, n, detail=detail)


def _guesses(texts: Sequence[set[str]], labels: Sequence[str], test: Sequence[bool]) -> int:
    """Right guesses, in the test part, of a naive Bayes classifier over the presence of words in the rest."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    cases = list(zip(texts, labels, test, strict=True))
    seen = Counter(label for _, label, tested in cases if not tested)
    for text, label, tested in cases:
        if not tested:
            counts[label].update(text)
    sizes = {label: counts[label].total() for label in seen}
    distinct = len(set().union(*counts.values()))

    def score(text: set[str], label: str) -> float:
        likely = (log((counts[label][word] + 1) / (sizes[label] + distinct)) for word in text)
        return log(seen[label]) + sum(likely)

    return sum(
        max(sorted(seen), key=lambda kind: score(text, kind)) == label for text, label, tested in cases if tested
    )


@topic
def honesty(held: Holdings) -> Iterator[Figure]:
    """Whether what is typed was learnt in the session, and typed as it would be in deployment.

    Of what is kept; invented options of every operator.
    """
    kept = held.kept
    if not kept:
        return
    every = [(one, ungrounded(one.trajectory.turns)) for one in held.rollouts]
    guesses = [(one, found) for one, found in every if found and one.trajectory.keep]
    shown = "; ".join(" ".join(next(iter(found.values()))) for _, found in guesses[:3])
    files = tuple(one.file for one, _ in guesses)
    yield Figure("grounded", 1 - len(guesses) / len(kept), len(kept), detail=shown, files=files)
    rash = [one for one in kept if metrics.read_first(one) is False]
    yield Figure("read_first", 1 - len(rash) / len(kept), len(kept), files=tuple(one.file for one in rash))
    leaks = [(one.file, faults[0]) for one in kept if (faults := violations(one.trajectory))]
    shown = "; ".join(fault for _, fault in leaks[:3])
    yield Figure("leaks", len(leaks), len(kept), detail=shown, files=tuple(file for file, _ in leaks))
    yield Figure("recovered", sum(map(metrics.recovered, kept)) / len(kept), len(kept))
    for kind in sorted({one.trajectory.operator.kind for one in held.rollouts}):
        own = [(one, found) for one, found in every if one.trajectory.operator.kind == kind]
        calls = sum(metrics.calls(one) for one, _ in own)
        invented = sum(metrics.invented_options(one, found) for one, found in own)
        yield Figure("invented_options", invented / calls if calls else 0.0, calls, kind)


@topic
def lengths(held: Holdings) -> Iterator[Figure]:
    """How long the kept trajectories are.

    Medians, with the spread beside them; tokens are estimated from characters.
    """
    if not held.kept:
        return
    actions = sorted(len(rollout.actions) for rollout in held.kept)
    tokens = sorted(length(rollout.trajectory.messages(), EstimatedTokens()) for rollout in held.kept)
    yield Figure("actions", quantile(actions, 0.5), len(actions), detail=_spread(actions))
    yield Figure("tokens", quantile(tokens, 0.5), len(tokens), detail=f"{_spread(tokens)}, {sum(tokens)} in all, about")


def _spread(ordered: list[int]) -> str:
    p10, p90 = quantile(ordered, 0.1), quantile(ordered, 0.9)
    return f"least {ordered[0]}, p10 {p10:.0f}, p90 {p90:.0f}, most {ordered[-1]}"


@topic
def novelty(held: Holdings) -> Iterator[Figure]:
    """How often an interface comes back, word for word or in its shape.

    Interfaces, then shapes: the same with every word masked. Bundles that tell no interface are left out.
    """
    surfaces = [one for one in held.surfaces if one.provider.interface]
    if not surfaces:
        return
    interfaces: dict[tuple[str, ...], list[Scenario]] = {}
    for one in surfaces:
        interfaces.setdefault(_interface(one), []).append(one)
    again = [one for same in interfaces.values() for one in same[1:]]
    yield Figure("interfaces_repeated", len(again), len(surfaces), files=tuple(map(held.file, again)))
    shapes = Counter(tuple(map(_shape_of, INTERFACE_PARTS, _interface(one))) for one in surfaces)
    yield Figure("shapes", len(shapes), len(surfaces))
    common = "; ".join(f"{count} × {' | '.join(shape)}" for shape, count in shapes.most_common(SHAPES_SHOWN))
    yield Figure("shape_share", max(shapes.values()) / len(surfaces), len(surfaces), detail=common)


def _interface(one: Scenario) -> tuple[str, ...]:
    return tuple(one.provider.interface.get(part, "") for part in INTERFACE_PARTS)


def _shape_of(part: str, text: str) -> str:
    """Of `role=word` pairs the roles, of other words their number."""
    if part not in INTERFACE_WORDS:
        return text
    return " ".join(sorted(word.partition("=")[0] if "=" in word else "_" for word in text.split()))


@topic
def parts(held: Holdings) -> Iterator[Figure]:
    """Whether the held-out part is held out, and whether families are what they say."""
    scenarios = list(held.scenarios.values())
    if not scenarios:
        return
    away = [one for one in scenarios if one.split == splits.HELD_OUT]
    named = " ".join(splits.spelt(held.held))
    yield Figure(
        "held_out", len(away) / len(scenarios), len(scenarios), detail=f"{len(away)} with {named or 'nothing'}"
    )
    mixed = [one for one in scenarios if one.split == splits.TRAIN and splits.part([one.cell], held.held) != one.split]
    yield Figure("held_out_in_training", len(mixed), len(scenarios), files=tuple(map(held.file, mixed)))
    families: dict[str, list[Scenario]] = defaultdict(list)
    for one in scenarios:
        families[one.family].append(one)
    torn = [one for members in families.values() if len({one.split for one in members}) > 1 for one in members]
    yield Figure("families_torn", len(torn), len(families), files=tuple(map(held.file, torn)))
    linked = [one for one in scenarios if one.twin_of or one.reskin_of]
    odd = [one for one in linked if not _agrees(one, held.scenarios.get(one.twin_of or one.reskin_of or ""))]
    yield Figure(
        "families_odd",
        len(odd),
        len(linked),
        detail=f"{len(linked)} twins and re-skins",
        files=tuple(map(held.file, odd)),
    )


def _agrees(one: Scenario, base: Scenario | None) -> bool:
    """A twin shares all that is read before its directive, and not its ending; a re-skin its ending, and no name."""
    if base is None or base.family != one.family:
        return False
    if one.twin_of:
        return base.expected.kind != one.expected.kind and all(
            read(base) == read(one) for read in (login_text, documentation)
        )
    return base.expected.kind == one.expected.kind and base.provider.command != one.provider.command


@topic
def wording(held: Holdings) -> Iterator[Figure]:
    """How alike the texts are once names, numbers and paths are masked, and how many words there are.

    Largest cluster of near-duplicates, as a share, of each kind of text.
    """
    asked = [(directive.text, names(one)) for one in held.bases for directive in one.directives]
    told = [(documentation(one), names(one)) for one in held.surfaces]
    for kind, texts in (("directives", asked), ("documentation", told)):
        plain = masked([text for text, _ in texts], [named for _, named in texts])
        yield from _alike(kind, plain)
        counted = Counter(word.lower() for text in plain for word in words(text) if word.islower())
        if counted:
            once = sum(count == 1 for count in counted.values())
            yield Figure("vocabulary", len(counted), counted.total(), kind, f"{once} of them once")
    said = Counter(chain.from_iterable(map(sentences, held.surfaces)))
    if said:
        most, count = said.most_common(1)[0]
        yield Figure(
            "sentence", count / len(held.surfaces), len(held.surfaces), detail=f"{count} × {most[:TEXT_SHOWN]!r}"
        )
    skeletons = list(map(skeleton, held.kept))
    yield from _alike("sessions", list(map(" ".join, skeletons)))
    commands = Counter(chain.from_iterable(skeletons))
    if commands:
        most, count = commands.most_common(1)[0]
        yield Figure("commands", len(commands), commands.total(), detail=f"{count} × {most}")


def _alike(kind: str, texts: Sequence[str]) -> Iterator[Figure]:
    if texts:
        largest, *_ = clusters(texts)
        detail = f"{len(set(texts))} different; {len(largest)} × {texts[largest[0]][:TEXT_SHOWN]!r}"
        yield Figure("largest_cluster", len(largest) / len(texts), len(texts), kind, detail)


@topic
def notes(held: Holdings) -> Iterator[Figure]:
    """How far those who read rollouts agree with what was decided of them; nothing where nobody noted anything."""
    read = [(one, held.notes[one.trajectory.id]) for one in held.rollouts if one.trajectory.id in held.notes]
    decided = [(one, note) for one, note in read if note.verdict in ("keep", "drop")]
    if decided:
        against = [one for one, note in decided if disputed(note, one.trajectory.keep)]
        kept = sum(one.trajectory.keep for one in against)
        detail = f"{kept} kept that a reader would drop, {len(against) - kept} not kept that a reader would keep"
        files = tuple(one.file for one in against)
        yield Figure("agreement", 1 - len(against) / len(decided), len(decided), detail=detail, files=files)
    if unsure := [one for one, note in read if note.verdict == "unsure"]:
        yield Figure("unsure", len(unsure), len(read), files=tuple(one.file for one in unsure))
