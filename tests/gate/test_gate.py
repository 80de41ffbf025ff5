"""The gate admits three good bundles and refuses each bad one for its own reason."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from pydantic import ValidationError

from sekft import sandboxes
from sekft.gate import admit
from sekft.gate.static import gate_structure
from sekft.protocols import ExecResult, Sandbox, SandboxSpec, Session
from sekft.rejection import Admitted, Reason, Rejected, read_bundle
from sekft.scenario import Scenario
from tests import bundles
from tests.bundles import Body

Change = Callable[[Body], object]
NEXT_MONTH = int(time.time()) + 30 * 86400
DOC = Path(__file__).parents[2] / "docs" / "gate.md"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandboxes.pick("auto")


def file(body: Body, path: str) -> Body:
    found: Body = next(each for each in body["files"] if each["path"] == path)
    return found


def program(body: Body) -> Body:
    return file(body, "/usr/local/bin/chit")


def swap(body: Body, old: str, new: str) -> None:
    assert old in program(body)["content"]
    program(body)["content"] = program(body)["content"].replace(old, new)


UNREADABLE: dict[Reason, Change] = {
    Reason.PATH_OUTSIDE_TREE: lambda body: body["files"].append({"path": "/home/../boot/x", "content": ""}),
    Reason.SCHEMA: lambda body: body.pop("checker"),
}

ON_PAPER: dict[Reason, Change] = {
    Reason.TOO_LARGE: lambda body: body["files"].append({"path": "/srv/big", "content": "x" * (1 << 20)}),
    Reason.ORIENTATION: lambda body: body.update(orientation="Run `chit`, then `exit` or `panic`."),
    Reason.EMPTY_NEEDLE: lambda body: body["needles"].update(documentation=" "),
    Reason.KIND_MISMATCH: lambda body: body["needles"].update(evidence=["no chits are open"]),
    Reason.NO_CHECKER: lambda body: body.update(checker="\n"),
    Reason.NO_DOCUMENTATION: lambda body: body["provider"].update(help=[]),
    Reason.PROVIDER_UNUSED: lambda body: body.update(reference=["echo granite > stone.txt", "exit"]),
    Reason.REFERENCE_FORM: lambda body: body["reference"].insert(3, "echo granite > stone.txt # as asked"),
    Reason.REFERENCE_TOO_LONG: lambda body: body["reference"].__setitem__(slice(3, 3), ["ls"] * 40),
    Reason.WRONG_ENDING: lambda body: body["reference"].__setitem__(-1, "panic all is done"),
    Reason.PROTECTED_VOLATILE: lambda body: body["volatile"].append("/home/ana/plan.txt"),
    Reason.STORE_IN_REACH: lambda body: body["provider"].update(hidden=["/srv/chit"]),
    Reason.ANNOUNCEMENT_GIVES_DIRECTIVE: lambda body: body["login"].update(
        motd="What waits for ana lies with chit: Write granite into /home/ana/stone.txt\n"
    ),
}

WHEN_RUN: dict[Reason, Change] = {
    Reason.REFERENCE_BREAKS: lambda body: body["reference"].insert(3, "cat <<END\ngranite"),
    Reason.REFERENCE_ENDING: lambda body: body["reference"].insert(3, "test -e stone.txt || exit"),
    Reason.REFERENCE_FAILS: lambda body: body["reference"].__setitem__(3, "echo basalt > stone.txt"),
    Reason.CALL_FAILS: lambda body: swap(body, '"$store/closed/$2" ;;', '"$store/closed/$2"; exit 3 ;;'),
    Reason.REFERENCE_HARMS: lambda body: body.update(protected=["/srv/chit/open/7"]),
    Reason.DEPENDS_ON_SURROUNDINGS: lambda body: body.update(
        checker=body["checker"].replace("[ -f", f'[ "$(date +%s)" -lt {NEXT_MONTH} ] && [ -f', 1)
    ),
    Reason.NOT_DETERMINISTIC: lambda body: (
        body.update(checker=bundles.LOOSE),
        body["reference"].insert(4, "hostname > where.txt"),
    ),
    Reason.CHECKER_ERROR: lambda body: body.update(checker="granite-check\n"),
    Reason.CHECKER_WRITES: lambda body: body.update(checker=": > /home/ana/checked; " + body["checker"]),
    Reason.PASSES_UNTOUCHED: lambda body: body.update(checker="[ ! -e /home/ana/gravel.txt ]\n"),
    Reason.NOT_SEALED: lambda body: body["files"].append({"path": "/srv/x", "content": "opal\n", "mode": "0000"}),
    Reason.ANNOUNCEMENT_HIDDEN: lambda body: body["login"].update(motd="Welcome to heron.\n"),
    Reason.DIRECTIVE_LEAKS: lambda body: body["reference"].insert(0, "echo granite into /home/ana/stone.txt"),
    Reason.DIRECTIVE_NOT_SHOWN: lambda body: body["reference"].__setitem__(2, "cat /srv/chit/open/7"),
    Reason.DOCUMENTATION_SILENT: lambda body: swap(body, "Chits are kept until they are put away.\n", ""),
    Reason.DOCUMENTATION_GIVES_DIRECTIVE: lambda body: swap(
        body, "Chits are kept", "One says: Write granite into /home/ana/stone.txt\nChits are kept"
    ),
    Reason.UNDOCUMENTED: lambda body: swap(body, "       chit close ID   put a chit away\n", ""),
    Reason.DOCUMENTATION_UNREAD: lambda body: body["reference"].insert(0, "chit open"),
    Reason.ALTERNATIVE_REFUSED: lambda body: body.update(
        checker=body["checker"].replace("[ -f", '[ "$(stat -c %a /home/ana/stone.txt)" = 644 ] && [ -f', 1)
    ),
    Reason.PROBE_PASSES: lambda body: (
        body.update(checker=bundles.LOOSE),
        body["probes"].append({"kind": "by_hand", "commands": [*body["reference"][3:5], "touch extra.txt"]}),
    ),
    Reason.CHEAT_PASSES: lambda body: body.update(
        checker="[ -f /home/ana/stone.txt ] && [ -f /srv/chit/closed/7 ]\n", probes=[]
    ),
}


def empty_checked_loosely(body: Body) -> None:
    body["checker"] = "[ -f /home/ana/plan.txt ] && [ ! -e /home/ana/stone.txt ]\n"


def empty_wants_a_trace(body: Body) -> None:
    body["reference"].insert(1, "touch /tmp/trace")
    body["checker"] += "[ -e /tmp/trace ]\n"


def blocked_by_its_own_word(body: Body) -> None:
    body["reference"][3:] = ["panic 'cannot create /srv/vault/stone.txt'"]


def told_by_the_directive(body: Body) -> None:
    body["needles"]["evidence"] = ["/srv/vault/stone.txt", {"target": "/srv/vault/stone.txt", "aspect": "access"}]


def readable_after_all(body: Body) -> None:
    body["needles"]["evidence"].append({"target": "/home/ana/plan.txt", "aspect": "access"})


def one_way_alone(body: Body) -> None:
    body["alternatives"] = [{"kind": "listing", "commands": [*body["reference"][:3], "ls -ld /srv/vault"]}]


def changes_in_vain(body: Body) -> None:
    body["alternatives"] = [{"kind": "a note", "commands": [*body["reference"][:4], "echo shut > note.txt"]}]


def work_without_effect(body: Body) -> None:
    body["volatile"] += ["/home/ana/stone.txt", "/srv/chit/open", "/srv/chit/closed"]


OTHERS: list[tuple[Reason, Callable[[], Body], Change]] = [
    (Reason.FAILS_UNTOUCHED, bundles.empty, empty_wants_a_trace),
    (Reason.DIRECTIVE_NOT_SHOWN, bundles.blocked, lambda body: body["reference"].pop(3)),
    (Reason.DIRECTIVE_NOT_SHOWN, bundles.blocked, blocked_by_its_own_word),
    (Reason.CHANGE_UNNOTICED, bundles.empty, empty_checked_loosely),
    (Reason.WORK_WITHOUT_EFFECT, bundles.work, work_without_effect),
    (Reason.EVIDENCE_FREE, bundles.blocked, told_by_the_directive),
    (Reason.BLOCK_UNTRUE, bundles.blocked, readable_after_all),
    (Reason.ALTERNATIVE_REFUSED, bundles.blocked, one_way_alone),
    (Reason.ALTERNATIVE_REFUSED, bundles.blocked, changes_in_vain),
]

RUN_CASES = [(reason, bundles.work, change) for reason, change in WHEN_RUN.items()] + OTHERS


def changed(make: Callable[[], Body], change: Change) -> Scenario:
    body = make()
    change(body)
    return bundles.sealed(body)


@pytest.mark.parametrize("make", [bundles.work, bundles.empty, bundles.blocked])
async def test_good_bundles_are_admitted(sandbox: Sandbox, make: Callable[[], Body]) -> None:
    """One hand-written scenario of each expected ending passes, stamped with what was proven."""
    result = await admit(bundles.sealed(make()), sandbox)
    assert isinstance(result, Admitted), result
    report = result.scenario.gate
    assert report is not None
    assert report.mode == "sandbox"
    assert report.mutants > 4


@pytest.mark.parametrize(("reason", "change"), UNREADABLE.items())
def test_what_is_no_scenario_is_refused_on_reading(reason: Reason, change: Change) -> None:
    """A path outside the tree and a missing field have codes of their own."""
    body = bundles.work()
    change(body)
    result = read_bundle(body)
    assert isinstance(result, Rejected)
    assert result.reason is reason


@pytest.mark.parametrize(("reason", "change"), ON_PAPER.items())
def test_inconsistent_bundles_are_refused_without_running(reason: Reason, change: Change) -> None:
    """The dry run alone finds each of these."""
    result = gate_structure(changed(bundles.work, change))
    assert isinstance(result, Rejected)
    assert result.reason is reason


@pytest.mark.parametrize(
    "files",
    [
        [{"path": "/srv/way", "kind": "symlink", "target": "/etc"}, {"path": "/srv/way/x", "content": ""}],
        [{"path": "/srv/" + "n" * 256, "content": ""}],
        [{"path": "/srv" + "/deep" * 300, "content": ""}],
        [{"path": "/home/ana/plan.txt/page", "content": "1\n"}],
        [{"path": "/srv/nowhere", "kind": "symlink", "target": ""}],
        [{"path": "/srv/nul", "kind": "symlink", "target": "a\0b"}],
        [{"path": "/srv/late", "content": "", "mtime": 10**30}],
        [{"path": "/home/ana", "content": ""}],
    ],
    ids=["below a link", "long name", "long path", "below a file", "no target", "NUL", "late", "home"],
)
def test_a_tree_that_no_file_system_holds_is_refused(files: list[Body]) -> None:
    """It is no scenario at all: in a sandbox it would pass for the sandbox's own fault."""
    body = bundles.work()
    body["files"] += files
    with pytest.raises(ValidationError):
        bundles.sealed(body)


def test_what_the_provider_keeps_is_never_loose() -> None:
    """An entry that is left open would pass."""
    body = bundles.work() | {"loose": ["/srv/chit/open/7"]}
    body["provider"]["hidden"] = ["/usr/local/bin/chit", "/srv/chit"]
    result = gate_structure(bundles.sealed(body))
    assert isinstance(result, Rejected)
    assert result.reason is Reason.STORE_IN_REACH
    assert "loose" in result.detail


@pytest.mark.parametrize(
    ("target", "aspect"),
    [("/srv/nothing", "presence"), ("/usr/local/bin/zorvex", "program"), ("zorvex", "program")],
)
async def test_a_block_that_is_there_is_admitted(sandbox: Sandbox, target: str, aspect: str) -> None:
    """What is missing is missing, whatever else shows the block."""
    body = bundles.blocked()
    body["needles"]["evidence"].append({"target": target, "aspect": aspect})
    assert isinstance(await admit(bundles.sealed(body), sandbox), Admitted)


@pytest.mark.parametrize(
    ("target", "aspect"), [("/home/ana/plan.txt", "presence"), ("chit", "program"), ("/home/ana/new", "access")]
)
async def test_a_block_that_is_none_is_refused(sandbox: Sandbox, target: str, aspect: str) -> None:
    """What is there, is installed or may be written is no obstacle."""
    body = bundles.blocked()
    body["needles"]["evidence"].append({"target": target, "aspect": aspect})
    result = await admit(bundles.sealed(body), sandbox)
    assert isinstance(result, Rejected)
    assert result.reason is Reason.BLOCK_UNTRUE


def test_a_tampered_bundle_is_refused() -> None:
    """An id that is not the content's hash is no scenario of ours."""
    result = gate_structure(bundles.sealed(bundles.work()).model_copy(update={"id": "0" * 16}))
    assert isinstance(result, Rejected)
    assert result.reason is Reason.ID_MISMATCH


def test_the_dry_run_stamps_what_it_did_not_prove() -> None:
    """A structurally admitted bundle says so in its gate report."""
    result = gate_structure(bundles.sealed(bundles.work()))
    assert isinstance(result, Admitted)
    assert result.scenario.gate is not None
    assert result.scenario.gate.mode == "structural"


@pytest.mark.parametrize(("reason", "make", "change"), RUN_CASES, ids=[case[0].value for case in RUN_CASES])
async def test_bad_bundles_are_refused_when_run(
    sandbox: Sandbox, reason: Reason, make: Callable[[], Body], change: Change
) -> None:
    """Each is consistent on paper; running it shows its own fault first, with evidence."""
    scenario = changed(make, change)
    assert isinstance(gate_structure(scenario), Admitted)
    result = await admit(scenario, sandbox)
    assert isinstance(result, Rejected)
    assert (result.reason, result.detail) == (reason, result.detail)
    assert result.evidence


async def test_all_faults_are_told_at_once(sandbox: Sandbox) -> None:
    """Faults on paper, wrong solutions that survive and right ones that are refused stand in one rejection."""
    body = bundles.work() | {"orientation": "Run what you like; `exit` leaves."}
    body["checker"] = '[ "$(cat /home/ana/stone.txt)" = granite ] || { echo saw no granite; exit 1; }\n'
    body["reference"].pop()
    body["reference"][3] += " # as asked"
    body["provider"]["hidden"] = ["/usr/local/bin/chit"]
    body["needles"]["documentation"] = "nowhere to be read"
    body["alternatives"] = [{"kind": "in capitals", "commands": ["echo GRANITE > stone.txt", "chit close 7"]}]
    result = await admit(bundles.sealed(body), sandbox)
    assert isinstance(result, Rejected)
    reasons = [fault.reason for fault in result.faults]
    assert result.reason is reasons[0] is Reason.ORIENTATION
    assert set(reasons) == {
        Reason.ORIENTATION, Reason.REFERENCE_FORM, Reason.WRONG_ENDING, Reason.STORE_IN_REACH,
        Reason.DOCUMENTATION_SILENT, Reason.DOCUMENTATION_UNREAD, Reason.ALTERNATIVE_REFUSED, Reason.CHEAT_PASSES,
    }  # fmt: skip
    assert reasons.count(Reason.ORIENTATION) == 2
    assert result.report is not None
    assert reasons.count(Reason.CHEAT_PASSES) == len(result.report.survivors) > 3
    told = {fault.reason: fault for fault in result.faults}
    assert "'# as asked'" in told[Reason.REFERENCE_FORM].detail
    refused = told[Reason.ALTERNATIVE_REFUSED]
    assert "in capitals" in refused.detail
    assert refused.shown.startswith("$ echo GRANITE")
    assert "saw no granite" in refused.shown


ANSWERS = '-f) cat "$store/open/$(cat "$2")" ;;\nopen)'


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["echo 7 > ask", "chit -f ask"], None),
        (["echo 7 > /tmp/ask; chit -f /tmp/ask; rm /tmp/ask"], None),
        (["cd /tmp", "echo 7 | tee wish.txt", "chit -f ./wish.txt", "cd"], None),
        (["cp plan.txt x; echo 7 > ~/x", "cd /srv; chit -f ../home/ana/x; cd"], None),
        (["echo 7 > /tmp/ask", "cp /tmp/ask /tmp/tale", "chit -f /tmp/tale"], None),
        (["chit -f /srv/wish.txt"], "'/srv/wish.txt'"),
        (["echo 7 > ask; chit -f ask --loud"], "'--loud'"),
    ],
    ids=["redirected", "at once", "tee", "copied over", "copied", "never written", "an option"],
)
async def test_a_file_that_the_operator_wrote_is_its_own(sandbox: Sandbox, typed: list[str], told: str | None) -> None:
    """Its name may be passed to the provider though nothing showed it; what was not written may not."""
    body = bundles.work()
    swap(body, "       chit close ID", "       chit -f FILE    the same of the number in a file\n       chit close ID")
    swap(body, "open)", ANSWERS)
    body["reference"][2:3] = typed
    result = await admit(bundles.sealed(body), sandbox)
    faults = () if isinstance(result, Admitted) else result.faults
    (*found,) = [fault.detail for fault in faults if fault.reason is Reason.UNDOCUMENTED]
    assert len(found) == (told is not None)
    assert all(str(told) in detail for detail in found)


def test_every_reason_has_a_bad_bundle_and_a_line_in_the_docs() -> None:
    """docs/gate.md lists exactly the codes; this file provokes each but too_slow, and one of old sets."""
    listed = re.findall(r"^\| `(\w+)` \|", DOC.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(Reason)
    provoked = {*UNREADABLE, *ON_PAPER, *WHEN_RUN, *(reason for reason, _, _ in OTHERS), Reason.ID_MISMATCH}
    assert provoked == set(Reason) - {Reason.TOO_SLOW, Reason.IMPOSSIBLE_TREE}


async def test_every_effect_of_the_reference_must_be_checked(sandbox: Sandbox) -> None:
    """A checker that forgets one of the two things asked for lets the other stand alone."""
    body = bundles.work() | {"checker": bundles.LOOSE}
    body["reference"].insert(3, "mkdir yard; echo opal > yard/gem.txt")
    result = await admit(bundles.sealed(body), sandbox)
    assert isinstance(result, Rejected)
    assert result.reason is Reason.CHEAT_PASSES
    assert result.report is not None
    assert "undone /home/ana/yard" in result.report.survivors


async def test_the_content_of_every_result_must_be_checked(sandbox: Sandbox) -> None:
    """A checker that reads one of two results lets the other hold anything."""
    body = bundles.work() | {"checker": bundles.LOOSE.rstrip() + " && [ -s /home/ana/yard/gem.txt ]\n"}
    body["reference"].insert(3, "mkdir yard; echo opal > yard/gem.txt")
    result = await admit(bundles.sealed(body), sandbox)
    assert isinstance(result, Rejected)
    assert result.report is not None
    assert "filled /home/ana/yard/gem.txt" in result.report.survivors
    assert "filled /home/ana/stone.txt" not in result.report.survivors


WRONG_ENDS = (
    "claim", "wipe", "hollow", "filler", "acknowledge_only", "unfinished",
    "off_by_one /home/ana/stone.txt", "line_lost /home/ana/stone.txt", "twice_over /home/ana/stone.txt",
    "elsewhere /home/ana/stone.txt", "copy_left /home/ana/stone.txt", "linked /home/ana/stone.txt",
    "stray_file", "append /home/ana/plan.txt", "remove /home/ana/plan.txt",
)  # fmt: skip


GULLIBLE = (
    "[ -e /home/ana/stone.txt ] || [ ! -e /srv/chit/open/7 ] || [ -e /home/ana/.done ] || [ ! -e /home/ana/plan.txt ]\n"
)


async def test_every_wrong_end_is_tried_and_the_share_refused_is_stored(sandbox: Sandbox) -> None:
    """A checker that passes whatever was touched is told each wrong end by name, over some seeds; a strict one none."""
    strict = await admit(bundles.sealed(bundles.work()), sandbox)
    assert isinstance(strict, Admitted), strict
    assert strict.scenario.gate is not None
    assert (strict.scenario.gate.kill_rate, strict.scenario.gate.survivors) == (1.0, [])
    told: set[str] = set()
    for seed in range(6):
        gullible = await admit(bundles.sealed(bundles.work() | {"checker": GULLIBLE, "seed": seed}), sandbox)
        assert isinstance(gullible, Rejected)
        assert gullible.report is not None
        assert gullible.report.kill_rate == 0.0
        told.update(gullible.report.survivors)
    assert told >= set(WRONG_ENDS)


async def test_bytes_of_a_loose_path_may_differ_between_two_right_runs(sandbox: Sandbox) -> None:
    """An archive that holds when it was made is no chance, where the bundle says that its bytes are free."""
    body = bundles.work() | {"checker": bundles.LOOSE, "probes": []}
    body["reference"].insert(4, "hostname > where.txt")
    fixed = await admit(bundles.sealed(body), sandbox)
    assert isinstance(fixed, Rejected)
    assert fixed.reason is Reason.NOT_DETERMINISTIC
    free = await admit(bundles.sealed(body | {"loose": ["/home/ana/where.txt"]}), sandbox)
    assert isinstance(free, Rejected)
    assert free.reason is Reason.CHEAT_PASSES


async def test_a_sealed_file_stays_shut(sandbox: Sandbox) -> None:
    """A root-owned file of mode 0000 withstands its neighbours, so its bundle is admitted."""
    body = bundles.work()
    body["files"].append({"path": "/srv/x", "content": "opal\n", "mode": "0000", "owner": "root"})
    assert isinstance(await admit(bundles.sealed(body), sandbox), Admitted)


async def test_a_mutant_with_the_same_end_state_is_equivalent(sandbox: Sandbox) -> None:
    """A probe that solves the task by another road is counted, not held against the checker."""
    body = bundles.work()
    body["probes"] = [{"kind": "other_road", "commands": ["printf 'granite\\n' > stone.txt", "chit close 7", "exit"]}]
    result = await admit(bundles.sealed(body), sandbox)
    assert isinstance(result, Admitted), result
    assert result.scenario.gate is not None
    assert result.scenario.gate.equivalent == 1


async def test_one_wrong_solution_does_not_reach_the_next(sandbox: Sandbox) -> None:
    """Probes that leave a daemon, a FIFO and a carried-off folder do not change what the checker says of the others."""
    body = bundles.work()
    body["files"].append({"path": "/srv/x/sealed", "content": "opal\n", "mode": "0000", "owner": "root"})
    mess = "mv /srv/x /srv/y; mkfifo stone.txt; (while :; do echo granite > plan.txt; done) & chmod 0 /srv /tmp ~"
    body["probes"] = [{"kind": "mess", "commands": [mess]}] * 2
    result = await admit(bundles.sealed(body), sandbox)
    assert isinstance(result, Admitted), result
    assert result.scenario.gate is not None
    assert result.scenario.gate.equivalent == 0


async def test_a_wrong_solution_that_needs_a_job_of_the_reference_is_typed_whole(sandbox: Sandbox) -> None:
    """What a background job of the reference does reaches the wrong solutions that begin like it."""
    body = bundles.work()
    body["reference"].insert(3, "(sleep 0.3; echo basalt > late.txt) &")
    body["reference"].insert(4, "sleep 0.6; rm late.txt")
    body["probes"] = [{"kind": "like_it", "commands": [*body["reference"][:-1], "exit"]}]
    result = await admit(bundles.sealed(body), sandbox)
    assert isinstance(result, Admitted), result
    assert result.scenario.gate is not None
    assert result.scenario.gate.equivalent == 1


class Counted:
    """A sandbox that counts its starts."""

    def __init__(self, inner: Sandbox) -> None:
        self.name, self.inner, self.starts = inner.name, inner, 0

    def open(self, spec: SandboxSpec) -> AbstractAsyncContextManager[Session]:
        self.starts += 1
        return self.inner.open(spec)

    def fork(self, at: object) -> AbstractAsyncContextManager[Session]:
        return self.inner.fork(at)

    async def run(self, spec: SandboxSpec, script: str) -> ExecResult:
        return await self.inner.run(spec, script)


async def test_a_gate_starts_two_sandboxes(sandbox: Sandbox) -> None:
    """One for each run of the reference, however many wrong solutions are tried."""
    counted = Counted(sandbox)
    assert isinstance(await admit(bundles.sealed(bundles.work()), counted), Admitted)
    assert counted.starts == 2
