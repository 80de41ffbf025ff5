"""Measures: what the audit looks at. Each topic is a function of what a set holds that yields figures.

A figure's full name is `topic.figure`, a table of audit.toml.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, product
from math import log

from sekft.evaluation.statistics import quantile
from sekft.folder.notes import disputed
from sekft.quality.holdings import INTERFACE_PARTS, Holdings, ScenarioFacts
from sekft.quality.texts import clusters, masked, words
from sekft.report import listed
from sekft.seeds import derive
from sekft.taxonomy import Taxonomy, coverage, splits, tally

PAIRS_SHOWN, SHAPES_SHOWN, TEXT_SHOWN = 6, 3, 100
FOLDS = 5
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
    kinds = Counter(one.kind for one in held.scenarios.values())
    for kind in ("work", "empty", "blocked"):
        share = kinds[kind] / len(held.scenarios) if held.scenarios else 0.0
        yield Figure("ending", share, len(held.scenarios), kind, f"{kinds[kind]} scenarios")


def _absent(axes: Taxonomy, bases: Sequence[ScenarioFacts]) -> Iterator[str]:
    """Allowed pairs of values that no scenario has."""
    for one, other in combinations(axes.axes, 2):
        met = {(base.cell.get(one), base.cell.get(other)) for base in bases}
        for pair in product(axes.axes[one].values, axes.axes[other].values):
            if pair not in met and axes.allows({one: pair[0], other: pair[1]}):
                yield f"{one}={pair[0]} {other}={pair[1]}"


def _skew(bases: Sequence[ScenarioFacts], one: str, other: str) -> float:
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
    proofs = held.proofs
    tried = proofs.mutants - proofs.equivalent
    if not tried:
        return
    survived, refused = proofs.survivors.total(), proofs.refused.total()
    told = "".join(f"; {kind} survived {count} times" for kind, count in proofs.survivors.most_common())
    detail = f"{tried - survived} of {tried}{told}"
    yield Figure("kill_rate", 1 - survived / tried, proofs.reports, detail=detail)
    detail = f"{proofs.equivalent} more left the reference's end state"
    yield Figure("mutants", tried / proofs.reports, proofs.reports, detail=detail)
    if right := proofs.right:
        told = "".join(f"; {kind} refused {count} times" for kind, count in proofs.refused.most_common())
        accepted = right - refused
        yield Figure("right_accepted", accepted / right, proofs.reports, detail=f"{accepted} of {right}{told}")
        yield Figure("right_tried", right / proofs.reports, proofs.reports)


@topic
def funnel(held: Holdings) -> Iterator[Figure]:
    """What was drawn, what was admitted, what was kept, and why the rest was not."""
    made, refused, rolled = len(held.scenarios), held.rejected.total(), held.rolled
    if made or refused:
        yield Figure("admitted", made / (made + refused), made + refused, detail=_counted(held.rejected))
    unproven = [one for one in held.scenarios.values() if not one.proven]
    yield Figure("unproven", len(unproven), made, files=tuple(map(held.file, unproven)))
    for kind in rolled.operators:
        met = {(outcome, fault): n for (by, outcome, fault), n in rolled.outcomes.items() if by == kind}
        n = sum(met.values())
        told = Counter({outcome + (f" ({fault})" if fault else ""): count for (outcome, fault), count in met.items()})
        yield Figure("kept", rolled.kept_of[kind] / n, n, kind, _counted(told))
    if rolled.rollouts or held.broken:
        yield Figure("infra_errors", len(held.broken), rolled.rollouts + len(held.broken), files=held.broken)
        yield Figure("kept_wrongly", len(rolled.wrongly), rolled.kept, files=tuple(rolled.wrongly))


def _counted(counts: Counter[str]) -> str:
    return listed(dict(counts.most_common()))


@topic
def hints(held: Holdings) -> Iterator[Figure]:
    """Whether what is visible at login tells the right ending.

    Points by which a classifier of the login's words beats the majority, on families that it has not seen.
    """
    read = [(one, one.texts) for one in held.scenarios.values() if one.texts]
    if len(read) < FOLDS:
        return
    texts = [texts.login.split() for _, texts in read]
    labels: list[str] = [one.kind for one, _ in read]
    folds = [derive(0, one.family) % FOLDS for one, _ in read]
    guessed = sum(_guesses(texts, labels, [fold == now for fold in folds]) for now in range(FOLDS))
    usual, most = Counter(labels).most_common(1)[0]
    n = len(read)
    detail = f"{guessed / n:.1%} right; {most / n:.1%} are {usual}"
    yield Figure("login_tells", (guessed - most) / n, n, detail=detail)


def _guesses(texts: Sequence[Sequence[str]], labels: Sequence[str], test: Sequence[bool]) -> int:
    """Right guesses, in the test part, of a naive Bayes classifier over the presence of words in the rest."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    cases = list(zip(texts, labels, test, strict=True))
    seen = Counter(label for _, label, tested in cases if not tested)
    for text, label, tested in cases:
        if not tested:
            counts[label].update(text)
    sizes = {label: counts[label].total() for label in seen}
    distinct = len(set().union(*counts.values()))

    def score(text: Sequence[str], label: str) -> float:
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
    rolled, kept = held.rolled, held.rolled.kept
    if not kept:
        return
    shown = "; ".join(words for _, words in rolled.ungrounded[:3])
    files = tuple(file for file, _ in rolled.ungrounded)
    yield Figure("grounded", 1 - len(files) / kept, kept, detail=shown, files=files)
    yield Figure("read_first", 1 - len(rolled.rash) / kept, kept, files=tuple(rolled.rash))
    shown = "; ".join(fault for _, fault in rolled.leaks[:3])
    yield Figure("leaks", len(rolled.leaks), kept, detail=shown, files=tuple(file for file, _ in rolled.leaks))
    yield Figure("recovered", rolled.recovered / kept, kept)
    for kind in rolled.operators:
        calls, invented = rolled.calls[kind], rolled.invented[kind]
        yield Figure("invented_options", invented / calls if calls else 0.0, calls, kind)


@topic
def lengths(held: Holdings) -> Iterator[Figure]:
    """How long the kept trajectories are.

    Medians, with the spread beside them; tokens are estimated from characters.
    """
    if not held.rolled.kept:
        return
    actions, tokens = (sorted(counts.elements()) for counts in (held.rolled.actions, held.rolled.tokens))
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
    surfaces = [(one, one.interface) for one in held.surfaces if one.interface]
    if not surfaces:
        return
    interfaces: dict[tuple[str, ...], list[ScenarioFacts]] = {}
    for one, interface in surfaces:
        interfaces.setdefault(interface, []).append(one)
    again = [one for same in interfaces.values() for one in same[1:]]
    yield Figure("interfaces_repeated", len(again), len(surfaces), files=tuple(map(held.file, again)))
    shapes = Counter(tuple(map(_shape_of, INTERFACE_PARTS, interface)) for _, interface in surfaces)
    yield Figure("shapes", len(shapes), len(surfaces))
    common = "; ".join(f"{count} × {' | '.join(shape)}" for shape, count in shapes.most_common(SHAPES_SHOWN))
    yield Figure("shape_share", max(shapes.values()) / len(surfaces), len(surfaces), detail=common)


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
    families: dict[str, list[ScenarioFacts]] = defaultdict(list)
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


def _agrees(one: ScenarioFacts, base: ScenarioFacts | None) -> bool:
    """A twin shares all that is read before its directive, and not its ending; a re-skin its ending, and no name."""
    if base is None or base.family != one.family:
        return False
    if one.twin_of:
        return base.kind != one.kind and base.shown == one.shown
    return base.kind == one.kind and base.command != one.command


@topic
def wording(held: Holdings) -> Iterator[Figure]:
    """How alike the texts are once names, numbers and paths are masked, and how many words there are.

    Largest cluster of near-duplicates, as a share, of each kind of text.
    """
    asked = [(text, each.names) for one in held.bases if (each := one.texts) for text in each.directives]
    told = [
        (each.documentation, each.names) for one in held.surfaces if (each := one.texts) and each.documentation.strip()
    ]
    for kind, texts in (("directives", asked), ("documentation", told)):
        plain = masked([text for text, _ in texts], [named for _, named in texts])
        yield from _alike(kind, plain)
        counted = Counter(word.lower() for text in plain for word in words(text) if word.islower())
        if counted:
            once = sum(count == 1 for count in counted.values())
            yield Figure("vocabulary", len(counted), counted.total(), kind, f"{once} of them once")
    said = Counter(chain.from_iterable(each.sentences for one in held.surfaces if (each := one.texts)))
    if said:
        most, count = min(said.items(), key=lambda item: (-item[1], item[0]))  # sets come in any order
        shown = f"{count} × {most[:TEXT_SHOWN]!r}"
        yield Figure("sentence", count / len(held.surfaces), len(held.surfaces), detail=shown)
    yield from _alike("sessions", held.rolled.sessions)
    if commands := held.rolled.commands:
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
    read = [(file, kept, held.notes[name]) for file, name, kept in held.rolled.noted]
    decided = [(file, kept, note) for file, kept, note in read if note.verdict in ("keep", "drop")]
    if decided:
        against = [(file, kept) for file, kept, note in decided if disputed(note, kept)]
        kept = sum(kept for _, kept in against)
        detail = f"{kept} kept that a reader would drop, {len(against) - kept} not kept that a reader would keep"
        files = tuple(file for file, _ in against)
        yield Figure("agreement", 1 - len(against) / len(decided), len(decided), detail=detail, files=files)
    if unsure := [file for file, _, note in read if note.verdict == "unsure"]:
        yield Figure("unsure", len(unsure), len(read), files=tuple(unsure))
