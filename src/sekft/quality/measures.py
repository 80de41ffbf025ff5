"""Measures: what the audit looks at. Each topic is a function of what a set holds that yields figures.

A figure's full name is `topic.figure`, a table of audit.toml.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, product
from math import log

from sekft.evaluation.statistics import quantile
from sekft.folder.notes import disputed
from sekft.quality.facts import INTERFACE_PARTS, ScenarioFacts, Texts
from sekft.quality.holdings import Holdings
from sekft.quality.texts import clusters, masked, words
from sekft.report import listed
from sekft.seeds import derive
from sekft.taxonomy import Taxonomy, coverage, splits

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
    axes, kinds, pairs = held.taxonomy.restricted(held.where), Counter[str](), _Pairs(held.taxonomy.axes)
    for one in held.scenarios:
        kinds[one.kind] += 1
        if one.is_base:
            pairs.add(one.cell)
    bases = pairs.cells
    for row in coverage(axes, pairs.tally()):
        yield Figure("axis", row.total_variation, bases, row.axis, listed(row.counts))
    absent = list(pairs.absent(axes))
    yield Figure("pairs_absent", len(absent), bases, detail="; ".join(absent[:PAIRS_SHOWN]))
    skew, pair = max(((pairs.skew(*pair), pair) for pair in combinations(axes.axes, 2)), default=(0.0, ("", "")))
    yield Figure("pairs_skew", skew, bases, detail=" and ".join(pair))
    for kind in ("work", "empty", "blocked"):
        share = kinds[kind] / kinds.total() if kinds else 0.0
        yield Figure("ending", share, kinds.total(), kind, f"{kinds[kind]} scenarios")


class _Pairs:
    """How often cells have each value, and each two values of two axes."""

    def __init__(self, axes: Iterable[str]) -> None:
        self.cells = 0
        self._values: dict[str, Counter[str | None]] = {axis: Counter() for axis in axes}
        self._pairs: dict[tuple[str, str], Counter[tuple[str | None, str | None]]] = {
            pair: Counter() for pair in combinations(self._values, 2)
        }

    def add(self, cell: Mapping[str, str]) -> None:
        self.cells += 1
        for axis, counts in self._values.items():
            counts[cell.get(axis)] += 1
        for (one, other), met in self._pairs.items():
            met[cell.get(one), cell.get(other)] += 1

    def tally(self) -> dict[str, dict[str, int]]:
        return {axis: {value: n for value, n in counts.items() if value} for axis, counts in self._values.items()}

    def absent(self, axes: Taxonomy) -> Iterator[str]:
        """Allowed pairs of values that no cell has."""
        for one, other in combinations(axes.axes, 2):
            for pair in product(axes.axes[one].values, axes.axes[other].values):
                if pair not in self._pairs[one, other] and axes.allows({one: pair[0], other: pair[1]}):
                    yield f"{one}={pair[0]} {other}={pair[1]}"

    def skew(self, one: str, other: str) -> float:
        """Total variation between the pairs and what the two axes, drawn apart, would give."""
        n, met, ones, others = self.cells, self._pairs[one, other], self._values[one], self._values[other]
        apart = {(a, b): ones[a] * others[b] / n for a, b in product(ones, others)}
        return sum(abs(met[pair] - expected) for pair, expected in apart.items()) / 2 / n if n else 0.0


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
    unproven = [one for one in held.scenarios if not one.proven]
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
    known: dict[str, str] = {}  # of words that many logins share there is one in memory
    texts: list[list[str]] = []
    labels: list[str] = []
    folds: list[int] = []
    for one in held.scenarios.with_texts():
        texts.append([known.setdefault(word, word) for word in _texts(one).login.split()])
        labels.append(one.kind)
        folds.append(derive(0, one.family) % FOLDS)
    if len(texts) < FOLDS:
        return
    guessed = sum(_guesses(texts, labels, [fold == now for fold in folds]) for now in range(FOLDS))
    usual, most = Counter(labels).most_common(1)[0]
    n = len(texts)
    detail = f"{guessed / n:.1%} right; {most / n:.1%} are {usual}"
    yield Figure("login_tells", (guessed - most) / n, n, detail=detail)


def _texts(one: ScenarioFacts) -> Texts:
    if one.texts is None:
        raise LookupError(f"scenario {one.id}: its texts are not held")
    return one.texts


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
    again: list[tuple[int, ScenarioFacts]] = []
    first, shapes, spelt, n = dict[int, int](), Counter[int](), dict[int, str](), 0
    for one in held.scenarios:
        if not one.is_surface or not one.interface:
            continue
        n += 1
        if (at := first.setdefault(hash(one.interface), n)) != n:
            again.append((at, one))
        shape = " | ".join(map(_shape_of, INTERFACE_PARTS, one.interface))
        shapes[key := hash(shape)] += 1
        if len(shapes) <= SHAPES_SHOWN or shapes[key] == 2:  # no other can be among those that are shown
            spelt[key] = shape
    if not n:
        return
    again.sort(key=lambda each: each[0])
    yield Figure("interfaces_repeated", len(again), n, files=tuple(held.file(one) for _, one in again))
    yield Figure("shapes", len(shapes), n)
    common = "; ".join(f"{count} × {spelt[shape]}" for shape, count in shapes.most_common(SHAPES_SHOWN))
    yield Figure("shape_share", max(shapes.values()) / n, n, detail=common)


def _shape_of(part: str, text: str) -> str:
    """Of `role=word` pairs the roles, of other words their number."""
    if part not in INTERFACE_WORDS:
        return text
    return " ".join(sorted(word.partition("=")[0] if "=" in word else "_" for word in text.split()))


@topic
def parts(held: Holdings) -> Iterator[Figure]:
    """Whether the held-out part is held out, and whether families are what they say."""
    families: dict[str, str] = {}
    torn: dict[str, list[ScenarioFacts]] = {}
    mixed, odd = list[ScenarioFacts](), list[ScenarioFacts]()
    n = away = linked = 0
    for one in held.scenarios:
        n += 1
        away += one.split == splits.HELD_OUT
        if one.split == splits.TRAIN and splits.part([one.cell], held.held) != one.split:
            mixed.append(one)
        if families.setdefault(one.family, one.split) != one.split:
            torn[one.family] = []
        if base := one.twin_of or one.reskin_of:
            linked += 1
            if not _agrees(one, held.scenarios.get(base)):
                odd.append(one)
    if not n:
        return
    named = " ".join(splits.spelt(held.held))
    yield Figure("held_out", away / n, n, detail=f"{away} with {named or 'nothing'}")
    yield Figure("held_out_in_training", len(mixed), n, files=tuple(map(held.file, mixed)))
    members = list(_members(held, families, torn)) if torn else []
    yield Figure("families_torn", len(members), len(families), files=tuple(map(held.file, members)))
    detail = f"{linked} twins and re-skins"
    yield Figure("families_odd", len(odd), linked, detail=detail, files=tuple(map(held.file, odd)))


def _members(
    held: Holdings, families: Iterable[str], torn: Mapping[str, list[ScenarioFacts]]
) -> Iterator[ScenarioFacts]:
    """Those of the torn families, family by family."""
    for one in held.scenarios:
        if one.family in torn:
            torn[one.family].append(one)
    return chain.from_iterable(torn[family] for family in families if family in torn)


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
    for kind, texts in (("directives", _asked(held)), ("documentation", _documented(held))):
        plain = masked(texts)
        yield from _alike(kind, plain)
        counted = Counter(word.lower() for text in plain for word in words(text) if word.islower())
        if counted:
            once = sum(count == 1 for count in counted.values())
            yield Figure("vocabulary", len(counted), counted.total(), kind, f"{once} of them once")
    yield from _sentence(held)
    yield from _alike("sessions", held.rolled.sessions)
    if commands := held.rolled.commands:
        most, count = commands.most_common(1)[0]
        yield Figure("commands", len(commands), commands.total(), detail=f"{count} × {most}")


def _asked(held: Holdings) -> Iterator[tuple[str, Collection[str]]]:
    """Directives, each with its scenario's names, of one scenario of each family."""
    bases = (_texts(one) for one in held.scenarios.with_texts() if one.is_base)
    return ((text, each.names) for each in bases for text in each.directives)


def _documented(held: Holdings) -> Iterator[tuple[str, Collection[str]]]:
    surfaces = (_texts(one) for one in held.scenarios.with_texts() if one.is_surface)
    return ((each.documentation, each.names) for each in surfaces if each.documentation.strip())


def _sentence(held: Holdings) -> Iterator[Figure]:
    """The one in most scenarios, the first by the alphabet of those."""
    said = Counter(hash(sentence) for each in _sentences(held) for sentence in each)
    if said:
        count = max(said.values())
        most = min(sentence for each in _sentences(held) for sentence in each if said[hash(sentence)] == count)
        n = sum(one.is_surface for one in held.scenarios)
        yield Figure("sentence", count / n, n, detail=f"{count} × {most[:TEXT_SHOWN]!r}")


def _sentences(held: Holdings) -> Iterator[Collection[str]]:
    return (_texts(one).sentences for one in held.scenarios.with_texts() if one.is_surface)


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
