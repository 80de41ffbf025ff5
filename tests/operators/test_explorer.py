"""The explorer in real sandboxes: it ends every kind of scenario rightly, and guesses nothing."""

from __future__ import annotations

import asyncio
import re
from functools import cache
from itertools import pairwise

import pytest

from sekft import sandboxes
from sekft.authors.procedural.author import compose
from sekft.evaluation.metrics import mistakes
from sekft.operators.explorer import ExplorerOperator, script
from sekft.operators.typist import Beat, Typist
from sekft.quality.texts import documentation
from sekft.rollouts.record import record
from sekft.rollouts.rollout import rollout
from sekft.rollouts.verify import judge
from sekft.scenario import PlanStep, Scenario
from sekft.seeds import stream
from sekft.shell.chat_format import violations
from sekft.shell.grounding import ungrounded
from sekft.shell.plan import is_wrong_work
from sekft.shell.syntax import written
from sekft.taxonomy import load
from sekft.trajectory import KEPT, StoredRollout, Trajectory, Turn

SCENARIOS, SAMPLES = 21, 2
WANTED = {"work": "solved", "empty": "idle", "blocked": "rightly_blocked"}


def roll(slots: range, recovery_share: float, samples: int) -> list[tuple[Scenario, Trajectory]]:
    """Scenarios of these slots, each rolled out a few times."""
    taxonomy = load()
    drawn = [compose(taxonomy.cell(5, slot), slot) for slot in slots]
    rows = [(scenario, sample) for scenario in drawn for sample in range(samples)]
    return list(zip([scenario for scenario, _ in rows], acted(rows, recovery_share), strict=True))


@cache
def rolled() -> list[tuple[Scenario, Trajectory]]:
    return roll(range(SCENARIOS), 0.25, SAMPLES)


def test_every_rollout_ends_as_the_scenario_wants_and_is_kept() -> None:
    """Solved, idle or rightly blocked, by the state of the sandbox."""
    wrong = [
        (scenario.cell, trajectory.outcome, trajectory.keep_reasons)
        for scenario, trajectory in rolled()
        if trajectory.outcome != WANTED[scenario.expected.kind] or not trajectory.keep
    ]
    assert wrong == []
    assert {trajectory.outcome for _, trajectory in rolled()} == set(KEPT)


def test_every_action_is_grounded_and_every_record_is_deploy_form() -> None:
    """Nothing typed that was not shown or common; nothing recorded that would not be typed."""
    for _, trajectory in rolled():
        assert ungrounded(trajectory.turns) == {}
        assert violations(trajectory) == []


def test_samples_of_a_scenario_differ() -> None:
    """Two samples of one scenario have the same script in at most a tenth of the scenarios."""
    drawn = [compose(load().cell(5, slot), slot) for slot in range(100)]
    scripts = [
        [script(scenario, stream(sample, "explorer", scenario.id), 0.25) for sample in (0, 1)] for scenario in drawn
    ]
    assert sum(one == other for one, other in scripts) <= 10


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_of_mended_mistakes_is_an_option(share: float) -> None:
    """At 0 no command fails but for what blocks the work; at 1 most trajectories hold one that does."""
    rolls = roll(range(40, 46), share, samples=1)
    slipped = sum(_slipped(scenario, trajectory) for scenario, trajectory in rolls)
    assert slipped >= len(rolls) - 2 if share == 1.0 else slipped == 0  # a plan may know no mistake
    assert all(trajectory.keep for _, trajectory in rolls)


def test_what_goes_wrong_with_a_tool_is_typed_and_mended() -> None:
    """Calls that the author knows to fail (no id, a placeholder as it stands) meet an error and are mended."""
    wrong = []
    for scenario, trajectory in roll(range(60, 72), 1.0, samples=1):
        assert trajectory.keep, trajectory.keep_reasons
        known = {command for step in scenario.plan for command in step.mistakes}
        right = {command for step in scenario.plan for way in step.ways for command in way}
        verbs = dict(pair.split("=") for pair in scenario.provider.interface.get("verbs", "").split())
        known = {
            command for command in known if verbs.get("past", "\n") not in command
        }  # taken for a list, and no error
        for at, turn in enumerate(trajectory.turns):
            if turn.role == "action" and turn.content in known - right:
                wrong.append(trajectory.turns[at + 1].status)
    assert len(wrong) >= 2
    assert all(wrong)


def _slipped(scenario: Scenario, trajectory: Trajectory) -> bool:
    """Whether a command failed that is no way of the plan, before it was seen what blocks the work."""
    turns = trajectory.turns
    if scenario.expected.kind == "blocked":
        turns = turns[: trajectory.mechanism.retrieved]
    planned = {command for step in scenario.plan for way in step.ways for command in way}
    return any(
        turn.status
        and turns[at - 1].content not in planned
        and not any(text in turn.content for text in scenario.needles.texts)
        for at, turn in enumerate(turns)
    )


def test_what_cannot_be_grounded_leaves_the_rollout_unfinished_and_is_named() -> None:
    """A plan whose command nothing shows is not typed: no infra error, and the ending says what was missing."""
    scenario = compose(load().cell(5, 2), 1)
    guess = scenario.model_copy(update={"plan": [PlanStep(goal="execute", ways=[["zorbix --secret"]])]})
    (trajectory,) = acted([(guess, 0)])
    assert (trajectory.outcome, trajectory.keep) == ("unfinished", False)
    assert "zorbix" in (trajectory.ending.reason or "")
    assert not any("zorbix" in turn.content for turn in trajectory.turns)
    assert ungrounded(trajectory.turns) == {}


@pytest.mark.parametrize("told", [True, False])
def test_a_scenario_without_a_plan_is_done_by_its_reference(told: bool) -> None:
    """It looks, asks the tool for help, and types the reference, whether or not that holds the looks and the help."""
    taxonomy = load()
    scenarios = [compose(taxonomy.cell(5, slot), slot) for slot in range(30, 44)]
    bare = [scenario.model_copy(update={"plan": [], "reference": _short(scenario, told)}) for scenario in scenarios]
    for scenario, trajectory in zip(bare, acted([(one, 0) for one in bare]), strict=True):
        assert trajectory.outcome == WANTED[scenario.expected.kind], (scenario.cell, trajectory.ending)
        assert trajectory.keep
        assert ungrounded(trajectory.turns) == {}


def _short(scenario: Scenario, told: bool) -> list[str]:
    left_out = [] if told else [text for step in scenario.plan[:2] for text in step.ways[0]]
    return [text for text in scenario.reference if text not in left_out]


@cache
def blocked(seed: int = 9) -> list[tuple[Scenario, Trajectory]]:
    """Sessions of sixty blocked scenarios."""
    cells = [load().cell(seed, slot, {"ending": frozenset(("blocked",))}) for slot in range(60)]
    scenarios = [compose(cell, slot) for slot, cell in enumerate(cells)]
    return list(zip(scenarios, acted([(scenario, 0) for scenario in scenarios]), strict=True))


def refused() -> list[tuple[Scenario, Trajectory]]:
    """Those whose first call is refused."""
    return [(scenario, made) for scenario, made in blocked() if scenario.needles.directives == []]


def typed_in(trajectory: Trajectory) -> list[str]:
    return [turn.content for turn in trajectory.turns if turn.role == "action"]


def reason(trajectory: Trajectory) -> str:
    return trajectory.ending.reason or ""


def test_before_it_gives_up_it_looks_at_what_blocks_the_work() -> None:
    """A quarter or more of the blocked sessions go on with looks of their own, and say what they showed."""
    looked = [(one, made) for one, made in blocked() if any(step.goal == "execute" for step in one.plan)]
    seen, made = [scenario for scenario, _ in looked], [trajectory for _, trajectory in looked]
    planned = [{command for step in one.plan for way in step.ways for command in way} for one in seen]
    more = [
        [turn.content for turn in one.turns[7:-1] if turn.role == "action" and turn.content not in known]
        for one, known in zip(made, planned, strict=True)
    ]
    assert sum(map(bool, more)) > 0.25 * len(seen)
    assert max(map(len, more)) <= 8
    assert {one.outcome for one in made} == {"rightly_blocked"}
    assert all(one.keep and ungrounded(one.turns) == {} for one in made)
    assert any("shows none" in reason(one) for one in made)


def test_a_refused_call_is_asked_for_the_status_by_which_the_documentation_tells_a_block() -> None:
    """Nobody panics before it has been seen, and the reason says it."""
    sealed = [one for one in drawn(300, ending="blocked") if not one.needles.directives and not _is_withheld(one)]
    told = [one for one in sealed if re.search(r"(?i)status:? \d|exits? (with )?\d", documentation(one))]
    for made in acted([(scenario, 0) for scenario in told]):
        assert "echo $?" in " ".join(typed_in(made)), typed_in(made)
        assert "status" in reason(made)
    assert len(told) > 5


def _is_withheld(scenario: Scenario) -> bool:
    notices = ("to sign it off", "not yet released", "for approval", "to see it first")
    return any(notice in text for text in scenario.needles.texts for notice in notices)


def test_a_refused_call_is_repeated_only_where_that_may_help() -> None:
    """A server that is down is tried again; a quota, a pass or a seal is not, and nobody asks for what is over."""
    sealed = [(scenario, made) for scenario, made in refused() if not _is_withheld(scenario)]
    assert len(sealed) > 8
    for scenario, made in sealed:
        calls = [text for text in typed_in(made) if scenario.provider.command in text]
        at = next(
            at for at, turn in enumerate(made.turns) if any(text in turn.content for text in scenario.needles.texts)
        )
        after = [text for text in typed_in(made)[(at + 1) // 2 : -1] if text != "echo $?"]
        down = any("is down" in text for text in scenario.needles.texts)
        assert all(made.turns[at - 1].content in text for text in after), calls
        assert bool(after) == down, calls
        assert scenario.provider.command in reason(made) or calls[-1] in reason(made)
    assert len({reason(made).split()[1] for _, made in sealed}) > 2


def test_one_path_that_is_not_there_is_no_reason_to_give_up() -> None:
    """Whoever meets a missing file or folder lists or searches before the panic."""
    scenarios = [one for one in drawn(160, ending="blocked") if "No such file" in one.needles.texts]
    assert len(scenarios) > 4
    for made in acted([(one, sample) for one in scenarios for sample in (0, 1)]):
        at = next(at for at, turn in enumerate(made.turns) if "No such file" in turn.content)
        assert at < len(made.turns) - 2, typed_in(made)


def test_a_panic_says_no_more_than_was_seen() -> None:
    """A search that it mentions was typed, and no path is said to be missing on the whole host."""
    for _, made in blocked():
        assert "on this host" not in reason(made)
        if " find " in reason(made):
            where = reason(made).partition(" find ")[2].split()[0]
            assert any(text.startswith(f"find {where} ") for text in typed_in(made)), reason(made)


def test_on_a_read_only_file_system_the_work_itself_is_tried_and_nobody_asks_who_one_is() -> None:
    """What fails is the command asked for, or `touch` on a file to be made; `id` comes before it or not at all."""
    met = 0
    for scenario, made in blocked():
        there = {file.path for file in scenario.files}
        assert not any(text.startswith("touch ") and text.split()[1] in there for text in typed_in(made))
        at = next((at for at, turn in enumerate(made.turns) if "Read-only file system" in turn.content), None)
        if at is not None:
            met += 1
            assert "id" not in typed_in(made)[(at + 1) // 2 :]
            looks = [text for text in typed_in(made)[(at + 1) // 2 :] if text.startswith("ls -ld ")]
            work = made.turns[at - 1].content
            assert all(text.split()[-1] == "." or text.split()[-1] in work for text in looks), (work, looks)
    assert met > 2


def drawn(count: int, **asked: str) -> list[Scenario]:
    where = {axis: frozenset(values.split()) for axis, values in asked.items()}
    return [compose(load().cell(11, slot, where), slot) for slot in range(count)]


def test_no_page_of_a_list_is_left_unread() -> None:
    """Whoever exits has read every page that a list has named as the next."""
    paged = 0
    scenarios = drawn(12, provider="roster", ending="empty work")
    for made in acted([(scenario, 0) for scenario in scenarios]):
        pages = {int(number) for turn in made.turns for number in re.findall(r"next: page (\d+)", turn.content)}
        read = {int(number) for turn in made.turns for number in re.findall(r"page (\d+) of", turn.content)}
        paged += bool(pages)
        assert pages <= read, typed_in(made)
    assert paged > 6


def test_one_knows_ones_own_name_before_one_takes_a_row_of_a_table() -> None:
    """A table of several accounts is used once something else has told the account's name."""
    asked = 0
    scenarios = drawn(14, announcement="roster")
    for scenario, made in zip(scenarios, acted([(one, 0) for one in scenarios]), strict=True):
        table = next(at for at, turn in enumerate(made.turns) if scenario.needles.announcement in turn.content)
        used = next(
            at
            for at in range(table, len(made.turns))
            if scenario.provider.command in made.turns[at].content and at > table
        )
        told = [turn.content for at, turn in enumerate(made.turns[:used]) if turn.role == "env" and at != table]
        user = scenario.login.user
        assert any(re.search(rf"(?<![\w-]){user}(?![\w-])", text) for text in told), typed_in(made)
        asked += made.turns[table + 1].content in ("whoami", "id -un", "id", "echo $USER")
    assert 0 < asked < len(scenarios)


async def test_nobody_goes_where_one_is() -> None:
    """`cd` into the present folder is left out, alone and before another command."""
    (scenario,) = drawn(1)
    home = scenario.login.home
    beats = [Beat("execute", command) for command in (f"cd {home}", f"cd {home} && ls", "cd /srv", f"cd {home}; ls -A")]
    typist = Typist(scenario, beats, stream(1, "typist"))
    turns = [Turn(role="env", content=f"{home} $ ")]
    for expected in ("ls", "cd /srv", f"cd {home}; ls -A"):
        action = await typist.act(turns)
        assert action.text == expected
        turns += [Turn(role="action", content=expected), Turn(role="env", content="$ ")]


def test_nobody_searches_for_what_login_has_told() -> None:
    """Where login names the tool, no session begins with the environment, a search or another folder than the home."""
    told = [one for one in drawn(80, announcement="motd banner prompt profile wall") if one.cell["syntax"] != "native"]
    begun = {script(one, stream(sample, "explorer", one.id), 0.0)[0].command for one in told for sample in range(4)}
    assert not {text for text in begun if text.startswith(("env", "find", "export", "ls -R")) or " /" in text}
    assert len(begun) > 20


def test_nobody_prints_the_folder_that_the_prompt_shows() -> None:
    """No `pwd` at a prompt that holds it, and nobody asks twice."""
    for scenario in drawn(60):
        for sample in range(4):
            typed = [beat.command for beat in script(scenario, stream(sample, "explorer", scenario.id), 0.0)]
            asks = sum("pwd" in text.split("; ") for text in typed)
            assert asks <= ("$PWD" not in scenario.login.prompt), typed


def test_a_folder_that_was_listed_with_all_below_it_is_not_listed_again() -> None:
    """After `find .` or `ls -R` no listing of the home alone follows."""
    deep = 0
    for scenario in drawn(40, announcement="readme dotfile filename link"):
        for sample in range(20):
            typed = [beat.command for beat in script(scenario, stream(sample, "explorer", scenario.id), 0.0)]
            at = next((at for at, text in enumerate(typed) if text in ("ls -R", "find . -type f")), len(typed))
            deep += at < len(typed)
            assert not [text for text in typed[at + 1 :] if text in ("ls", "ls -F", "ls -aF", "ls -a", "ls -A")], typed
    assert deep > 4


def test_what_nobody_asks_for_is_not_claimed() -> None:
    """Of a tool that hands out work against receipts, an entry of a sender who does not count is left in the list."""
    forged = drawn(12, provider="claims", decoy="forged")
    assert len(forged) == 12
    for scenario in forged:
        ids = {directive.id for directive in scenario.directives}
        reads = [step for step in scenario.plan if step.goal == "retrieve"]
        assert len(reads) <= max(len(ids), 1), reads


def test_nobody_knows_in_which_folder_of_the_home_something_lies() -> None:
    """The texts beside a folder are opened first, and the folders ahead of it, or all of them are listed at once."""
    below = 0
    for scenario in drawn(300, announcement="readme"):
        home = scenario.login.home
        path = next(file.path for file in scenario.files if scenario.needles.announcement in (file.content or ""))
        folder = path.removeprefix(f"{home}/").rpartition("/")[0]
        beside = [file.path for file in scenario.files if file.path.startswith(f"{home}/") and file.kind == "directory"]
        ahead = sorted(name for one in beside if "/" not in (name := one.removeprefix(f"{home}/")) and name < folder)
        looks = [
            beat.command for beat in script(scenario, stream(0, "explorer", scenario.id), 0.0) if beat.goal == "look"
        ]
        if folder and ahead and not {"ls -R", "find . -type f"} & set(looks):
            below += 1
            assert any(look.startswith("ls") and look.endswith(f" {ahead[-1]}") for look in looks), (ahead, looks)
    assert below > 4


def test_a_tool_is_called_in_one_form_throughout() -> None:
    """Who hands the first request over in a here-document hands over those that close entries in the same way."""
    mixed = several = 0
    for scenario in drawn(60, ending="work", syntax="stdin"):
        calls = [
            beat.command
            for beat in script(scenario, stream(0, "explorer", scenario.id), 0.0)
            if beat.goal in ("retrieve", "acknowledge") and scenario.provider.command in beat.command
        ]
        forms = {"<<" in call for call in calls}
        several += len(calls) > 2
        mixed += len(forms) > 1
    assert several > 20
    assert mixed < several / 5


def test_nobody_forgets_how_a_tool_is_called_once_it_was_called() -> None:
    """A call without a name, or with a placeholder as it stands, comes before the first right call of its kind."""
    slipped = 0
    for scenario in drawn(60, ending="work", difficulty="double triple"):
        beats = script(scenario, stream(1, "explorer", scenario.id), 1.0)
        for at, beat in enumerate(beats):
            if beat.wrong and any(beat.command in step.mistakes for step in scenario.plan):
                slipped += 1
                assert not any(beat.command in other.mistakes for other in beats[:at] if other.step != beat.step), beat
    assert slipped > 10


def test_a_tool_is_first_called_for_its_help() -> None:
    """No script, slips included, asks an unknown tool for its version."""
    for scenario in drawn(60):
        calls = [beat.command for beat in script(scenario, stream(0, "explorer", scenario.id), 1.0)]
        assert f"{scenario.provider.command} --version" not in calls


def test_a_tool_whose_help_is_all_there_is_is_not_asked_twice() -> None:
    """The manual page is read where the help points at it, or instead of it."""
    for scenario in drawn(80, documentation="full terse"):
        learn = next(step for step in scenario.plan if step.goal == "learn")
        assert all(len(way) == 1 for way in learn.ways), learn.ways


def test_what_is_claimed_is_done_before_more_is_claimed() -> None:
    """Of a tool that hands out work against receipts, no second entry is asked for before the first is closed."""
    several = 0
    for scenario in drawn(20, provider="claims", ending="work", difficulty="double triple"):
        said = "\n".join(file.content for file in scenario.files if file.content)
        if re.search(r"Hands off|No changes in|as it is for now|stays untouched", said):  # a hold is read with the rest
            continue
        goals = [step.goal for step in scenario.plan if step.goal in ("retrieve", "acknowledge")]
        if goals.count("acknowledge") > 1:
            several += 1
            decoy = scenario.cell["decoy"] in ("forged", "revoked")
            assert decoy or goals == ["retrieve", "acknowledge"] * (len(goals) // 2), goals
    assert several > 5


def test_news_of_mail_leads_to_the_mail() -> None:
    """Where login tells of mail in the spool, no text of the home is opened and no environment read first."""
    for scenario in drawn(40, announcement="mail"):
        if any(file.path.startswith("/var/mail/") for file in scenario.files):
            typed = [beat.command for beat in script(scenario, stream(0, "explorer", scenario.id), 0.0)]
            before = typed[: next(at for at, text in enumerate(typed) if "/var/mail" in text)]
            assert not [text for text in before if text.startswith(("cat", "head", "tail"))], before


def test_a_wrong_verb_is_tried_where_a_terse_help_leaves_it_open() -> None:
    """It harms and acknowledges nothing, comes after the help, and the right call follows."""
    cells = [load().cell(9, slot, {"documentation": frozenset(("terse",))}) for slot in range(240)]
    scenarios = [compose(cell, slot) for slot, cell in enumerate(cells)]
    tempting = [scenario for scenario in scenarios if _wrong_verbs(scenario)]
    assert len(tempting) > 5
    made = list(zip(tempting * 6, acted([(one, sample) for sample in range(6) for one in tempting], 1.0), strict=True))
    tried = 0
    for scenario, trajectory in made:
        typed = [turn.content for turn in trajectory.turns if turn.role == "action"]
        right = {command for step in scenario.plan for way in step.ways for command in way}
        if wrong := (_wrong_verbs(scenario) - right) & set(typed):
            tried += 1
            assert any(
                typed.index(text) < min(map(typed.index, wrong))
                for text in typed
                if "help" in text or "-h" in text or text.startswith("man ")
            )
        assert trajectory.keep, trajectory.keep_reasons
    assert tried > 3


def test_wrong_work_is_seen_and_done_again() -> None:
    """A wrong file is written and shown, then written anew; a model is to learn the look and what mends it alone."""
    found = 0
    scenarios = drawn(16, ending="work", difficulty="short", task="accounts count excerpt sorted total")
    for scenario, trajectory in zip(scenarios, acted([(one, 0) for one in scenarios], 1.0), strict=True):
        turns = trajectory.turns
        assert trajectory.keep, trajectory.keep_reasons
        for at in range(1, len(turns), 2):
            if is_wrong_work(turns[at].content, scenario):
                found += 1
                files = written(turns[at].content)
                assert files is not None
                [path] = files
                assert turns[at + 2].content == f"cat {path}"
                assert path.rsplit("/", 1)[1] in turns[at + 4].content
                assert {at, at + 2, at + 4}.intersection(mistakes(StoredRollout("", trajectory, scenario))) == {at}
    assert found > 3


def test_after_a_failed_call_the_documentation_is_read_again_at_times() -> None:
    """Of the mistakes in calling the tool, some are followed by the help that was read before, and others are not."""
    again = []
    for scenario in drawn(60, ending="work"):
        beats = script(scenario, stream(2, "explorer", scenario.id), 1.0)
        for wrong, after in pairwise(beats):
            if wrong.wrong and not after.wrong and any(wrong.command in step.mistakes for step in scenario.plan):
                again.append(False)
            elif wrong.wrong and after.wrong and not is_wrong_work(wrong.command, scenario):
                again.append(True)
                assert after.command in [beat.command for beat in beats if beat.goal == "learn"]
    assert 0.25 < sum(again) / len(again) < 0.75
    assert len(again) > 10


def _wrong_verbs(scenario: Scenario) -> set[str]:
    """Calls of the plan's mistakes that the program answers."""
    verbs = dict(pair.split("=") for pair in scenario.provider.interface["verbs"].split())
    first = next(step for step in scenario.plan if step.goal == "retrieve")
    calls = {command for command in first.mistakes if command not in scenario.reference}
    names = {verbs[role] for role in ("tally", "past") if role in verbs}
    return {call for call in calls if any(name in call.replace("'", " ") for name in names)}


def acted(rows: list[tuple[Scenario, int]], recovery_share: float = 0.0) -> list[Trajectory]:
    """A rollout of each (scenario, sample)."""
    operator, sandbox, room = ExplorerOperator(recovery_share), sandboxes.pick("auto"), asyncio.Semaphore(4)

    async def one(scenario: Scenario, sample: int) -> Trajectory:
        async with room:
            observed = await rollout(scenario, sandbox, operator, sample, sample * 1000 + 5)
            return record(scenario, observed, judge(scenario, observed))

    async def all_of_them() -> list[Trajectory]:
        return await asyncio.gather(*(one(*row) for row in rows))

    return asyncio.run(all_of_them())


def test_work_of_one_kind_is_done_in_one_way_throughout_a_session() -> None:
    """Two directives of the same kind are carried out by the same program."""
    asked = {"task": frozenset(("sorted",)), "ending": frozenset(("work",))}
    compared = 0
    for slot in range(60):
        scenario = compose(load().cell(9, slot, asked), slot)
        for sample in range(3):
            beats = script(scenario, stream(sample, "explorer"), 0.0)
            work = [beat.command.split()[0] for beat in beats if beat.goal == "execute"]
            programs = [program for program in work if program in ("sort", "awk")]
            compared += len(programs) > 1
            assert len(set(programs)) <= 1, work
    assert compared > 10


@pytest.mark.parametrize("userland", ["busybox", "gnu"])
def test_a_diff_is_applied_with_patch(userland: str) -> None:
    """The reference types `patch`, which either userland has."""
    asked = {"task": ("patch",), "userland": (userland,), "ending": ("work",)}
    scenario = compose(load().cell(9, 3, {axis: frozenset(values) for axis, values in asked.items()}), 3)
    assert any(command.startswith("patch ") for command in scenario.reference)
    assert acted([(scenario, 0)])[0].outcome == "solved"


def scripts(scenarios: list[Scenario], samples: int = 3) -> list[list[Beat]]:
    return [script(one, stream(sample, "explorer"), 0.0) for one in scenarios for sample in range(samples)]


def test_no_script_leaves_a_file_behind_or_prints_the_top_of_a_text() -> None:
    """Work that can be done in place needs no file in /tmp, and a text that announces something is read to its end."""
    for beats in scripts(drawn(60, ending="work")):
        assert not [beat.command for beat in beats if beat.goal == "execute" and "/tmp/" in beat.command]
        assert not [beat.command for beat in beats if beat.goal == "look" and beat.command.startswith(("head", "tail"))]


def test_figures_are_seen_before_they_are_written() -> None:
    """Whoever adds up files or counts sources has looked into them, whichever way is taken."""
    for task in ("report", "triage"):
        for one in drawn(20, task=task, ending="work", difficulty="plain"):
            step = next(step for step in one.plan if step.goal == "execute")
            for way in step.ways:
                assert any(re.match("(cat|head|grep|awk|for) ", command) and " > " not in command for command in way), (
                    way
                )


def test_the_entry_is_looked_at_where_the_list_shows_it() -> None:
    """After an acknowledgement the page with the entry is shown again, not the first one."""
    seen = 0
    for one in drawn(40, provider="roster", ending="work", difficulty="busy"):
        pages = [command for step in one.plan if step.goal == "retrieve" for command in step.ways[0]]
        again = [step for step in one.plan if step.goal == "confirm"][-1].ways
        if len(pages) > 2 and len(again) > 1:  # the list, a further page, the entry
            seen += 1
            assert again[1][0] in [command for step in one.plan for way in step.ways for command in way]
    assert seen


def test_no_open_entry_is_left_unread_where_reading_takes_it_on() -> None:
    """What blocks the first entry is looked at, then the others are read, and then the work is given up."""
    scenarios = drawn(60, provider="claims", ending="blocked", decoy="revoked")
    scenarios = [one for one in scenarios if one.needles.directives]
    for one, trajectory in zip(scenarios, acted([(one, 0) for one in scenarios]), strict=True):
        calls = [command for step in one.plan if step.goal == "retrieve" for command in step.ways[0]]
        assert trajectory.outcome == "rightly_blocked"
        assert len(calls) >= 3, calls  # the list, and both of its entries
    assert len(scenarios) > 5


def test_a_refusal_is_looked_at_before_the_work_is_given_up() -> None:
    """Whose a file is that cannot be opened is seen first; and nobody prints an archive."""
    for _, trajectory in blocked():
        typed = typed_in(trajectory)
        assert not [text for text in typed if re.match(r"(cat|head) \S+\.(tgz|tar|gz)$", text)]
        if "ermission denied" in trajectory.turns[-3].content and trajectory.turns[-2].role == "action":
            assert not typed[-2].startswith(("cat ", "tar ")), typed


def test_an_entry_is_called_what_the_screen_calls_it() -> None:
    """A noun that no output has shown is not in the reason, but the entry's id."""
    unnamed = 0
    for one, trajectory in [*blocked(), *blocked(10)]:
        shown = "\n".join(turn.content for turn in trajectory.turns if turn.role == "env")
        noun = one.provider.interface["noun"]
        unnamed += noun not in shown
        assert noun in shown or f"{noun} " not in reason(trajectory), reason(trajectory)
    assert unnamed
