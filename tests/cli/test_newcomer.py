"""What a newcomer stumbled over: each of it, as it should have gone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import sekft
from sekft import sandboxes
from sekft.authors import hybrid, teacher
from sekft.cli.app import COMMANDS
from sekft.env import episode as episodes
from sekft.errors import installing
from sekft.folder import documents
from sekft.operators import model, student
from sekft.rollouts.record import replay
from sekft.scenario import Scenario, load_scenario
from sekft.trajectory import Trajectory, load_trajectory
from tests import bundles
from tests.commands import SEKFT, environment, forked
from tests.served import Answer, serving
from tests.sets import two

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of two scenarios, each rolled out once by the explorer and once by the saboteur."""
    return two(tmp_path_factory)


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    """A folder of one hand-written scenario."""
    folder = tmp_path / "set"
    folder.mkdir()
    scenario = bundles.sealed(bundles.work())
    (folder / f"{scenario.id}.json").write_text(scenario.to_json())
    return folder


def rolled(scenarios: Path, out: Path, *more: str, **environ: str) -> tuple[int, str, str]:
    done = forked("rollout", "--scenarios", scenarios, "--out", out, "--samples", "1", *more, **environ)
    return done.returncode, done.stdout, done.stderr


def test_a_forgotten_model_mixes_no_operators(scenarios: Path, tmp_path: Path) -> None:
    """Without SEKFT_OP_MODEL the explorer does not act beside a model's rollouts unless it is named."""
    out = tmp_path / "out"
    with serving(Answer("exit")) as served:
        assert rolled(scenarios, out, SEKFT_OP_MODEL="m", SEKFT_OP_URL=served.url)[0] == 0
        status, _, log = rolled(scenarios, out)
        assert status == 2
        assert "holds rollouts by model" in log
        assert "SEKFT_OP_MODEL is not set" in log
        assert "--operator explorer" in log
    assert [path.name for path in documents(out, "*/*-*.json")] == ["model-0.json"]
    assert rolled(scenarios, out, "--operator", "reference")[0] == 0
    assert [path.name for path in documents(out, "*/*-*.json")] == ["model-0.json", "reference-0.json"]


def test_a_run_of_a_model_is_not_resumed_by_the_explorer(tmp_path: Path) -> None:
    """`sekft run` refuses before it authors a scenario more."""
    out = tmp_path / "out"
    with serving(Answer("exit")) as served:
        environ = {"SEKFT_OP_MODEL": "m", "SEKFT_OP_URL": served.url}
        assert forked("run", "--n", "1", "--samples", "1", "--out", out, **environ).returncode == 0
    done = forked("run", "--n", "2", "--samples", "1", "--out", out)
    assert (done.returncode, "holds rollouts by model" in done.stderr) == (2, True), done.stderr
    assert len(documents(out / "scenarios")) == 1


def test_the_explorer_resumes_beside_the_saboteur(run: Path) -> None:
    """A run whose operators are the default ones resumes without naming them."""
    done = forked("run", "--n", "2", "--samples", "1", "--out", run)
    assert done.returncode == 0, done.stderr


def test_a_folder_without_a_rollout_pins_nothing(scenarios: Path, tmp_path: Path) -> None:
    """The name of the model may be corrected after the service did not know it, and not once a rollout is there."""
    out, unknown = tmp_path / "out", Answer('{"error": {"message": "The model `playd` does not exist"}}', status=404)
    with serving(unknown) as served:
        assert rolled(scenarios, out, SEKFT_OP_MODEL="playd", SEKFT_OP_URL=served.url)[0] == 1
    with serving(Answer("exit")) as served:
        status, _, log = rolled(scenarios, out, SEKFT_OP_MODEL="played", SEKFT_OP_URL=served.url)
        assert status == 0, log
        status, _, log = rolled(scenarios, out, SEKFT_OP_MODEL="another", SEKFT_OP_URL=served.url)
    assert 'model was "played", now "another"' in log


def test_a_data_set_wants_a_folder_of_its_own(run: Path) -> None:
    """An export into a run folder's root is refused and writes nothing there."""
    before = sorted(path.name for path in run.iterdir())
    done = forked("export", "--trajectories", run, "--out", run)
    assert done.returncode == 2
    assert f"for example {run / 'export'}" in done.stderr
    assert sorted(path.name for path in run.iterdir()) == before


def test_rollouts_remember_where_their_scenarios_lie(run: Path, tmp_path: Path) -> None:
    """show, export, pairs, audit and replay find scenarios in a folder elsewhere, also once both have moved."""
    both = tmp_path / "both"
    shutil.copytree(run / "scenarios", both / "set" / "scenarios")
    for operator in ("explorer", "saboteur"):
        status, _, log = rolled(both / "set", both / "deep" / "acted", "--operator", operator)
        assert status == 0, log
    moved = tmp_path / "moved"
    both.rename(moved)
    acted = moved / "deep" / "acted"
    shown = json.loads(forked("show", acted, "--json").stdout)
    assert "(scenario not here)" not in shown["outcomes"]
    assert shown["scenarios"]["admitted"] == 2
    for command in (
        ("export", "--trajectories", acted, "--out", moved / "data"),
        ("pairs", "--trajectories", acted, "--out", moved / "pairs"),
        ("audit", acted),
        ("replay", acted),
    ):
        done = forked(*command)
        assert done.returncode == 0, (command, done.stderr)
        assert command[0] != "export" or "kept: scenarios 2/2" in done.stderr


def test_a_record_of_sources_is_no_setting(run: Path, tmp_path: Path) -> None:
    """The same rollouts may be resumed with the scenarios at another path."""
    for name in ("one", "two"):
        shutil.copytree(run / "scenarios", tmp_path / name)
        status, _, log = rolled(tmp_path / name, tmp_path / "out", "--operator", "explorer")
        assert status == 0, log


def test_an_export_that_fails_leaves_nothing(run: Path, tmp_path: Path) -> None:
    """Scenarios that are nowhere, or filters that pass nothing, end without a folder half made."""
    shutil.copytree(run / "trajectories", tmp_path / "run" / "trajectories")
    done = forked("export", "--trajectories", tmp_path / "run", "--out", tmp_path / "data")
    assert (done.returncode, "--scenarios says where" in done.stderr) == (2, True)
    assert not (tmp_path / "data").exists()
    done = forked("export", "--trajectories", run, "--to", "sft", "--max-length", "1", "--out", tmp_path / "data")
    assert (done.returncode, "not a row" in done.stderr) == (1, True)
    assert not (tmp_path / "data").exists()


def shown(*paths: Path, **environ: str) -> str:
    done = forked("show", *paths, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_show_sums_up_a_data_set(run: Path) -> None:
    """An export's folder, or either file that describes it, shows forms, splits and rows, and what to type next."""
    folder = run / "export"
    text = shown(folder)
    rows = sum(int(line.split()[2]) for line in text.splitlines() if line.startswith("sft "))
    assert rows == sum(load_trajectory(path).keep for path in documents(run / "trajectories", "*/*-*.json"))
    assert f"sekft train --data {folder} --out STUDENT" in text
    for name in ("dataset_info.json", "export.json"):
        assert shown(folder / name) == text
    assert json.loads(forked("show", folder, "--json").stdout)["parts"]
    for command in (line for line in text.splitlines() if line.startswith("sekft show ")):
        assert forked(*command.partition("  #")[0].split()[1:]).returncode == 0


def test_show_sums_up_pairs(run: Path) -> None:
    """A folder of pairs, and its report, tell what came of it."""
    assert "have both a kept and a failed rollout" in shown(run / "pairs")
    assert shown(run / "pairs" / "report.json") == shown(run / "pairs")


def test_show_says_what_it_expected_of_a_folder(run: Path, tmp_path: Path) -> None:
    """A folder above run folders is wrong usage, and the run folders are named."""
    done = forked("show", run.parent)
    assert done.returncode == 2
    assert "want a scenario" in done.stderr
    assert str(run) in done.stderr
    (tmp_path / "package.json").write_text("{}")
    done = forked("show", tmp_path)
    assert (done.returncode, "want a scenario" in done.stderr) == (1, True)


def test_a_planned_mistake_is_marked(run: Path, tmp_path: Path) -> None:
    """The margin of a session tells a mistake made on purpose and its repair, and so does the judgement."""
    status, _, log = rolled(run, tmp_path / "out", "--operator", "explorer", "--recovery-share", "1")
    assert status == 0, log
    texts = [shown(path) for path in documents(tmp_path / "out", "*/*-*.json")]
    marked = [text for text in texts if "mistake" in text]
    assert marked
    for text in marked:
        lines, (at, mended) = text.splitlines(), re.findall(r"mistakes +turn (\d+), mended at turn (\d+)", text)[0]
        for mark, turn in (("mistake", at), ("repair", mended)):
            first = next(n for n, line in enumerate(lines) if line[9:14].split()[:1] == [turn])
            assert any(mark in line.partition("│")[0] for line in lines[first : first + 2])
    kept_out = [shown(path) for path in documents(run / "trajectories", "*/saboteur-*.json")]
    assert not any("mistakes  " in text for text in kept_out)
    assert any("on purpose, as an example of a failure" in text for text in kept_out)


def test_a_narrow_terminal_keeps_the_margin(run: Path) -> None:
    """At 60 columns each line of a session stands behind its margin, and no rule is longer."""
    for path in documents(run / "trajectories", "*/*-*.json"):
        lines = shown(path, COLUMNS="60").splitlines()
        first, last = ([line[3:7] for line in lines].index(name) for name in ("sess", "judg"))
        assert all(len(line) <= 60 for line in (lines[0], *lines[first : last + 1]))
        assert all(line[14] == "│" for line in lines[first + 1 : last])


def test_the_summary_of_a_model_counts_answers_asked_again(scenarios: Path, tmp_path: Path) -> None:
    """An answer that held no command, so that the model was asked once more, is counted."""
    with serving(Answer("I will look around first."), Answer("ls"), Answer("exit")) as served:
        _, text, log = rolled(scenarios, tmp_path / "out", SEKFT_OP_MODEL="m", SEKFT_OP_URL=served.url)
    assert "asked again" in text, log
    assert json.loads(forked("show", tmp_path / "out", "--json").stdout)["asked_again"] == 1


def test_the_summary_leads_on(run: Path, scenarios: Path, tmp_path: Path) -> None:
    """After rollouts the next stages are offered; a run folder that has been through them offers them no more."""
    _, text, _ = rolled(run, tmp_path / "out", "--operator", "explorer")
    assert f"sekft export --trajectories {tmp_path / 'out'} --out DATA" in text
    assert "sekft export" not in shown(run)
    assert "outcome false" not in shown(run)


def test_help_tells_the_environment_and_defaults() -> None:
    """Each command that may ask a model lists its variables; options say the defaults of each kind."""
    for command, names in {
        "rollout": ("SEKFT_OP_MODEL", "SEKFT_OP_URL", "SEKFT_OP_KEY", "SEKFT_OP_PRICE"),
        "eval": ("SEKFT_OP_MODEL",),
        "generate": ("SEKFT_MODEL", "SEKFT_URL", "SEKFT_KEY", "SEKFT_PRICE"),
        "run": ("SEKFT_MODEL", "SEKFT_OP_MODEL"),
    }.items():
        text = forked(command, "--help").stdout
        assert "Environment:" in text
        assert [name for name in names if f"  {name} " not in text] == []
    text = " ".join(forked("rollout", "--help").stdout.split())
    assert f"default: {model.TEMPERATURE} for a served one, 0 for a student" in text
    assert f"reasoning included; default: {model.MAX_TOKENS}" in text
    assert student.MAX_TOKENS == model.MAX_TOKENS
    text = " ".join(forked("generate", "--help").stdout.split())
    assert f"default: teacher {teacher.MAX_TOKENS}, hybrid {hybrid.MAX_TOKENS}" in text


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_help_fits_a_narrow_terminal(command: list[str]) -> None:
    """At 60 columns no line of a help text is longer; a folded example is still one command for a shell."""
    text = forked(*command, "--help", COLUMNS="60").stdout
    assert [line for line in text.splitlines() if len(line) > 60] == []
    joined = text.replace(" \\\n", " ")
    for line, _ in COMMANDS[command[0]].examples if command else ():
        assert line.split() in [each.split() for each in joined.splitlines()]


def test_errors_begin_alike() -> None:
    """Whoever finds it, an error begins with `sekft: error:`; a command that was cut short is suggested."""
    for words in (("gen",), ("generate", "--n", "x"), ("generate",), ("--colour",), ("taxonomy", "colour")):
        done = forked(*words)
        assert done.returncode == 2
        assert done.stderr.count("sekft: error: ") == 1, done.stderr
        assert "\nError: " not in done.stderr
    assert "did you mean generate?" in forked("gen").stderr


def test_a_wrong_model_is_named_by_its_option(scenarios: Path, tmp_path: Path) -> None:
    """--model wants a local student, and the message says how a served one is named."""
    status, _, log = rolled(scenarios, tmp_path / "out", "--model", "nosuch")
    assert status == 2
    assert "--model nosuch: want smollm2" in log
    assert "SEKFT_OP_MODEL" in log


ORIGINS = {
    "pip install -e '/src/sekft[train]'": {"dir_info": {"editable": True}, "url": "file:///src/sekft"},
    "pip install '/src/sekft[train]'": {"dir_info": {}, "url": "file:///src/sekft"},
    "pip install 'sekft[train] @ git+https://host/sekft.git'": {
        "vcs_info": {"vcs": "git"},
        "url": "https://host/sekft.git",
    },
    "pip install './sekft[train]', where ./sekft is a checkout": {},
}


@pytest.mark.parametrize("command", ORIGINS)
def test_an_extra_is_installed_as_sekft_was(command: str) -> None:
    """No index has sekft, so that the advice follows where pip took it from."""
    assert installing("train", ORIGINS[command]) == command


def test_no_message_sends_to_an_index() -> None:
    """Neither the package nor a page advises to install sekft by its bare name."""
    files = [*ROOT.glob("src/**/*.*"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]
    texts = {path: path.read_text("utf-8") for path in files if path.suffix in (".py", ".md", ".jinja", ".toml")}
    assert [path for path, text in texts.items() if re.search(r"pip install '?sekft\b(?!\[\{extra\}\] @)", text)] == []


def test_a_played_session_remembers_its_scenario(run: Path, tmp_path: Path) -> None:
    """Sessions in scenarios of two folders are shown with their expected endings."""
    shutil.copytree(run / "scenarios", tmp_path / "other")
    one, two = documents(run / "scenarios")
    for path in (one, tmp_path / "other" / two.name):
        command = [*SEKFT, "play", str(path), "--out", str(tmp_path / "played")]
        subprocess.run(command, input="exit\n", text=True, check=True, capture_output=True, env=environment())
    found = json.loads(forked("show", tmp_path / "played", "--json").stdout)
    assert "(scenario not here)" not in found["outcomes"]
    assert sum(sum(row.values()) for row in found["outcomes"].values()) == 2


def test_a_smaller_number_than_before_is_refused(scenarios: Path, tmp_path: Path) -> None:
    """The record and the data card would tell of fewer rollouts than the folder holds."""
    out = tmp_path / "out"
    assert rolled(scenarios, out, "--samples", "2")[0] == 0
    status, _, log = rolled(scenarios, out, "--samples", "1")
    assert status == 2
    assert "samples was 2, now 1 (it may grow)" in log
    assert rolled(scenarios, out, "--samples", "3")[0] == 0
    assert len(documents(out, "*/*-*.json")) == 3


def test_no_pairs_of_one_operator_says_what_would_make_some(scenarios: Path, tmp_path: Path) -> None:
    """One right and one wrong rollout of a model may differ by chance: more samples or branches tell."""
    run, out = sekft.Run(tmp_path / "run"), tmp_path / "run"
    scenario = load_scenario(documents(scenarios)[0])
    shutil.copytree(scenarios, out / "scenarios")
    for sample, actions in enumerate((scenario.reference, [*scenario.reference[:1], "exit"])):
        run.add(asyncio.run(played(scenario, actions, sample)))
    done = forked("pairs", "--trajectories", out)
    assert done.returncode == 1
    assert "1 of 1 scenarios have both" in done.stderr
    assert re.search(r"may be chance 1.*six rollouts or more.*--branches 4", done.stderr, re.DOTALL)


async def played(scenario: Scenario, actions: Sequence[str], sample: int = 0) -> Trajectory:
    typed = iter(actions)
    return await sekft.play(scenario, lambda _: next(typed), sample=sample)


def test_a_played_session_is_stored_beside_others(scenarios: Path, tmp_path: Path) -> None:
    """What was played by one's own agent is read by every command, and nothing is written over."""
    scenario = load_scenario(documents(scenarios)[0])
    shutil.copytree(scenarios, tmp_path / "run" / "scenarios")
    run = sekft.Run(tmp_path / "run")
    trajectory = asyncio.run(played(scenario, scenario.reference))
    path = run.add(trajectory)
    assert [each.id for each in run.trajectories()] == [load_trajectory(path).id]
    assert run.summary().kept == 1
    with pytest.raises(sekft.StoreError, match="another operator or sample"):
        run.add(trajectory)


def test_a_folder_of_rollouts_is_a_run_for_python(scenarios: Path, tmp_path: Path) -> None:
    """What `sekft rollout --out` filled is read with its scenarios; a folder that is missing is refused."""
    out = tmp_path / "out"
    assert rolled(scenarios, out)[0] == 0
    run = sekft.Run(out)
    assert [each.scenario_id for each in run.trajectories()] == [each.id for each in run.scenarios()]
    assert run.summary().kept == 1
    with pytest.raises(sekft.UsageError, match="no such folder"):
        list(sekft.Run(tmp_path / "nope").trajectories())
    with pytest.raises(sekft.UsageError, match=r"sekft\.Run\('demo'\)"):
        sekft.rollout("demo")  # type: ignore[arg-type]
    with pytest.raises(sekft.UsageError, match=r"sekft\.play"):
        run.rollout(operator=print)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("set", "holds scenarios, not trajectories\n"),
        ("out/{id}", "holds the trajectories of one scenario; want the folder of all: {out}"),
        ("set/{id}.json", "a file, want a folder"),
    ],
)
def test_what_a_folder_holds_is_told_right(scenarios: Path, tmp_path: Path, place: str, told: str) -> None:
    """A folder that is none of trajectories is named for what it is."""
    out = tmp_path / "out"
    assert rolled(scenarios, out)[0] == 0
    name = documents(scenarios)[0].stem
    done = forked("export", "--trajectories", tmp_path / place.format(id=name), "--out", tmp_path / "export")
    assert done.returncode == 2
    assert told.format(out=out) in " ".join(done.stderr.split()) + "\n"


async def test_an_hour_that_is_shown_is_no_difference(scenarios: Path) -> None:
    """A replay shows files of its own hour; what they are is compared."""
    scenario = load_scenario(documents(scenarios)[0])
    trajectory = await played(scenario, ["date +%H:%M > now; ls -l now; echo granite 12:00", "exit"])
    shown = re.sub(r"\d\d:\d\d", "01:23", trajectory.turns[2].content, count=1)
    turns = [*trajectory.turns]
    turns[2] = turns[2].model_copy(update={"content": shown})
    replayed = await replay(scenario, trajectory.model_copy(update={"turns": turns}), sandboxes.pick("auto"))
    assert replayed.difference is None or "turn" not in replayed.difference
    turns[2] = turns[2].model_copy(update={"content": shown.replace("granite", "basalt")})
    replayed = await replay(scenario, trajectory.model_copy(update={"turns": turns}), sandboxes.pick("auto"))
    assert "turn 2" in (replayed.difference or "")


async def test_a_malformed_session_stays_malformed(scenarios: Path) -> None:
    """What was malformed was never typed: a replay cannot meet it again."""
    scenario = load_scenario(documents(scenarios)[0])
    trajectory = await played(scenario, ["ls", ""])
    assert trajectory.outcome == "malformed"
    replayed = await replay(scenario, trajectory, sandboxes.pick("auto"))
    assert (replayed.difference, replayed.trajectory.outcome) == (None, "malformed")


@pytest.mark.parametrize("given", [None, {"content": "ls"}, 3])
async def test_an_agent_that_gives_no_text_is_told(scenarios: Path, given: object) -> None:
    """A client's tool call is no text: the caller's fault is never an infra error."""
    scenario = load_scenario(documents(scenarios)[0])
    with pytest.raises(sekft.UsageError, match=r"act: saw .*, want the text to type"):
        await sekft.play(scenario, lambda _: given)  # type: ignore[arg-type, return-value]
    with pytest.raises(sekft.UsageError, match=r"act: saw .*, want the text to type"):
        await episodes.play(scenario, lambda _: given)  # type: ignore[arg-type, return-value]
    async with sekft.land(scenario) as shell:
        with pytest.raises(sekft.UsageError, match=r"shell\.step: saw"):
            await shell.step(given)  # type: ignore[arg-type]


async def test_what_is_played_wrongly_is_named(scenarios: Path, tmp_path: Path) -> None:
    """A path for a scenario, a name that is taken, a session of another run, a coroutine that nobody awaited."""
    scenario = load_scenario(documents(scenarios)[0])
    with pytest.raises(sekft.UsageError, match="want a Scenario"):
        await sekft.play("set", str)  # type: ignore[arg-type]
    with pytest.raises(sekft.UsageError, match="no name of sekft's own"):
        await sekft.play(scenario, str, operator="explorer")
    trajectory = await played(scenario, ["exit"])
    with pytest.raises(sekft.UsageError, match="holds no scenario"):
        sekft.Run(tmp_path / "other").add(trajectory)
    shutil.copytree(scenarios, tmp_path / "run" / "scenarios")
    waiting = played(scenario, ["exit"])
    with pytest.raises(sekft.UsageError, match="want a Trajectory"):
        sekft.Run(tmp_path / "run").add(waiting)  # type: ignore[arg-type]
    waiting.close()


def test_agents_of_several_names_share_a_run(scenarios: Path, tmp_path: Path) -> None:
    """The name of who acts tells rollouts apart, in the folder and in every row."""
    scenario = load_scenario(documents(scenarios)[0])
    shutil.copytree(scenarios, tmp_path / "run" / "scenarios")
    run = sekft.Run(tmp_path / "run")
    for name in ("first", "second"):
        run.add(asyncio.run(sekft.play(scenario, lambda _: "exit", operator=name)))
    assert [each.operator.kind for each in run.trajectories()] == ["first", "second"]


def test_the_next_command_can_be_typed_where_the_name_is_not_found(scenarios: Path) -> None:
    """Without the environment's bin on PATH a hint begins with the program's own path."""
    program = Path(sys.executable).with_name("sekft")
    command = [str(program), "show", str(scenarios)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PATH": "/usr/bin:/bin"}
    )
    assert f"{os.path.relpath(program)} play " in done.stdout


def test_pairs_of_a_run_are_gone_on_with_by_its_seed(tmp_path: Path) -> None:
    """Whoever types the next command after a run with a seed need not know that seed."""
    out = tmp_path / "set"
    assert forked("run", "--n", "3", "--samples", "1", "--seed", "7", "--out", out).returncode == 0
    again, other = forked("pairs", "--trajectories", out), forked("pairs", "--trajectories", out, "--seed", "8")
    assert "other settings" not in again.stderr
    assert "seed was 7, now 8" in other.stderr
