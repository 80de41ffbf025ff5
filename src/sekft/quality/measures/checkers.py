"""How many wrong solutions the checkers see through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sekft.quality.measures import Figure, Holdings


def measure(held: Holdings) -> Iterator[Figure]:
    """Over what was admitted and what a survivor rejected; a mutant that leaves the reference's end state is none."""
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
