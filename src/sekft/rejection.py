"""Why the gate refused a bundle. The codes are stable: figures and tests rely on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sekft.scenario import Frozen, GateReport, Scenario, explained


class Reason(StrEnum):
    """docs/gate.md says what each means."""

    # what reading the bundle alone shows
    SCHEMA = "schema"
    PATH_OUTSIDE_TREE = "path_outside_tree"
    TOO_LARGE = "too_large"
    ID_MISMATCH = "id_mismatch"
    IMPOSSIBLE_TREE = "impossible_tree"  # of earlier versions: no such bundle can be read today
    ORIENTATION = "orientation"
    EMPTY_NEEDLE = "empty_needle"
    KIND_MISMATCH = "kind_mismatch"
    NO_CHECKER = "no_checker"
    NO_DOCUMENTATION = "no_documentation"
    PROVIDER_UNUSED = "provider_unused"
    REFERENCE_FORM = "reference_form"
    REFERENCE_TOO_LONG = "reference_too_long"
    WRONG_ENDING = "wrong_ending"
    PROTECTED_VOLATILE = "protected_volatile"
    ANNOUNCEMENT_GIVES_DIRECTIVE = "announcement_gives_directive"
    # what running it shows
    REFERENCE_BREAKS = "reference_breaks"
    REFERENCE_ENDING = "reference_ending"
    REFERENCE_FAILS = "reference_fails"
    REFERENCE_HARMS = "reference_harms"
    CALL_FAILS = "call_fails"
    WORK_WITHOUT_EFFECT = "work_without_effect"
    DEPENDS_ON_SURROUNDINGS = "depends_on_surroundings"
    NOT_DETERMINISTIC = "not_deterministic"
    CHECKER_ERROR = "checker_error"
    CHECKER_WRITES = "checker_writes"
    PASSES_UNTOUCHED = "passes_untouched"
    FAILS_UNTOUCHED = "fails_untouched"
    NOT_SEALED = "not_sealed"
    ANNOUNCEMENT_HIDDEN = "announcement_hidden"
    DIRECTIVE_LEAKS = "directive_leaks"
    STORE_IN_REACH = "store_in_reach"
    DIRECTIVE_NOT_SHOWN = "directive_not_shown"
    DOCUMENTATION_SILENT = "documentation_silent"
    DOCUMENTATION_GIVES_DIRECTIVE = "documentation_gives_directive"
    UNDOCUMENTED = "undocumented"
    DOCUMENTATION_UNREAD = "documentation_unread"
    EVIDENCE_FREE = "evidence_free"
    BLOCK_UNTRUE = "block_untrue"
    ALTERNATIVE_REFUSED = "alternative_refused"
    PROBE_PASSES = "probe_passes"
    CHEAT_PASSES = "cheat_passes"
    CHANGE_UNNOTICED = "change_unnoticed"
    TOO_SLOW = "too_slow"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The scenario with its gate report."""

    scenario: Scenario


@dataclass(frozen=True, slots=True)
class GateFault:
    """One thing that is wrong. shown: what the sandbox showed of it."""

    reason: Reason
    detail: str
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The first reason, what was seen and wanted, and the outputs that show it.

    report:    how wrong and right solutions fared, if the gate got that far.
    faults:    all that was found, the first included.
    candidate: the scenario that could still be made of a faulty bundle, for the gate to find further faults.
    """

    reason: Reason
    detail: str
    evidence: dict[str, str] = field(default_factory=dict)
    report: GateReport | None = None
    faults: tuple[GateFault, ...] = ()
    candidate: Scenario | None = None

    def __post_init__(self) -> None:
        if not self.faults:
            object.__setattr__(self, "faults", (GateFault(self.reason, self.detail),))

    @classmethod
    def of(
        cls,
        faults: Sequence[GateFault],
        evidence: Mapping[str, str] | None = None,
        report: GateReport | None = None,
        candidate: Scenario | None = None,
    ) -> Rejected:
        """For all of these faults, each told once; one at least."""
        once = tuple({(fault.reason, fault.detail): fault for fault in faults}.values())
        return cls(once[0].reason, once[0].detail, dict(evidence or {}), report, once, candidate)

    def beside(self, other: Admitted | Rejected) -> Rejected:
        """This rejection, with the faults that the gate found in its candidate added."""
        if isinstance(other, Admitted):
            return self
        return Rejected.of([*self.faults, *other.faults], other.evidence, other.report, self.candidate)


class Rejection(Frozen):
    """The stored form of a rejected draw. `scenario` may be no scenario at all.

    faults:   `reason: detail` of all that was wrong with its last candidate.
    exchange: what was said with a model for it, from the first question to the last answer.
    """

    schema_version: Literal[1] = 1
    id: str
    slot: int
    attempt: int
    reason: str
    detail: str
    evidence: dict[str, str]
    faults: list[str] = []
    gate: GateReport | None = None
    exchange: list[dict[str, str]] = []
    scenario: dict[str, Any]

    def to_json(self) -> str:
        return self.model_dump_json(indent=1) + "\n"


def read_bundle(body: object) -> Scenario | Rejected:
    """Make a scenario of what an author produced, or say which field is wrong."""
    try:
        return Scenario.model_validate(body)
    except ValidationError as error:
        return unreadable(error)


def unreadable(error: ValidationError) -> Rejected:
    """The rejection for a bundle that is no scenario: every field that is wrong."""
    return Rejected.of(faults_of(error.errors(include_url=False)))


def faults_of(errors: Sequence[ErrorDetails]) -> list[GateFault]:
    """Each field that is wrong as a fault."""
    return [GateFault(_reason(detail), detail) for detail in map(explained, errors)]


def _reason(detail: str) -> Reason:
    outside = "outside the writable tree" in detail or "absolute path" in detail
    return Reason.PATH_OUTSIDE_TREE if outside else Reason.SCHEMA
