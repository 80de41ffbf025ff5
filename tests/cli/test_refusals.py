"""Refusals that need a sandbox or a model service to come about: messages, statuses, what is kept."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekft.folder import documents
from tests import bundles
from tests.commands import forked, start
from tests.served import Answer, serving


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    """A folder of one hand-written scenario."""
    folder = tmp_path / "scenarios"
    folder.mkdir()
    scenario = bundles.sealed(bundles.work())
    (folder / f"{scenario.id}.json").write_text(scenario.to_json())
    return folder


def roll(scenarios: Path, out: Path, *more: str, **environ: str) -> tuple[int, str, str]:
    done = forked("rollout", "--scenarios", scenarios, "--out", out, "--samples", "2", *more, **environ)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_down_endpoint(scenarios: Path, tmp_path: Path) -> None:
    """Nobody listening: exit 1, the URL is named, and no rollout is written."""
    status, _, log = roll(scenarios, tmp_path / "out", SEKFT_OP_MODEL="m", SEKFT_OP_URL="http://127.0.0.1:9/v1")
    assert status == 1
    assert "http://127.0.0.1:9/v1" in log
    assert "operator: model (default" in log
    assert not documents(tmp_path / "out", "*/*.json")


def test_a_run_asks_its_model_first(tmp_path: Path) -> None:
    """One word is asked before anything is authored, and only by the first command over a folder."""
    out = tmp_path / "out"
    with serving(Answer("ok"), Answer("exit")) as served:
        environ = {"SEKFT_OP_MODEL": "m", "SEKFT_OP_URL": served.url}
        for _ in range(2):
            done = forked("run", "--n", "1", "--samples", "1", "--out", out, **environ)
            assert done.returncode == 0, done.stderr
    assert [request["messages"][-1]["content"] for request in served.requests].count("Say ok.") == 1
    assert served.requests[0]["messages"] == [{"role": "user", "content": "Say ok."}]
    with serving(Answer('{"error": {"message": "The model `m` does not exist"}}', status=404)) as served:
        done = forked("run", "--n", "1", "--out", tmp_path / "new", **environ | {"SEKFT_OP_URL": served.url})
    assert (done.returncode, "has no model 'm'" in done.stderr) == (1, True), done.stderr
    assert not documents(tmp_path / "new" / "scenarios")


def test_a_wrong_key(scenarios: Path, tmp_path: Path) -> None:
    """A refused key: exit 1, told once, and the key is shown and stored nowhere."""
    refusal = Answer('{"error": {"message": "bad key sk-secret-123"}}', status=401)
    with serving(refusal) as served:
        status, out, log = roll(
            scenarios,
            tmp_path / "out",
            SEKFT_OP_MODEL="m",
            SEKFT_OP_URL=served.url,
            SEKFT_OP_KEY="sk-secret-123",
        )
    assert status == 1
    assert "key" in log
    stored = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "sk-secret-123" not in out + log + stored


def command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it may have ended
            yield path.read_bytes()


def test_no_byte_of_a_run_holds_the_key(scenarios: Path, tmp_path: Path) -> None:
    """A service that says the key back, aloud and in thought, brings it into no file, log or process listing."""
    key, listings = "sk-secret-0123456789", b""
    says_it = Answer(f"echo {key}", delay_s=0.3, fields={"reasoning": f"My key is {key}."})
    with serving(says_it, Answer(f"{{{key}", raw=True), Answer(key, status=500), Answer("exit")) as served:
        options = ("--samples", "1", "--operator", "model", "--keep-thoughts", "--out", tmp_path / "out")
        running = start(
            "rollout",
            "--scenarios",
            scenarios,
            *options,
            SEKFT_OP_MODEL="m",
            SEKFT_OP_URL=served.url,
            SEKFT_OP_KEY=key,
        )
        while running.poll() is None:
            listings += b"".join(command_lines())
            time.sleep(0.1)
        out, log = running.communicate()
    assert running.returncode == 0, log
    assert b"rollout\0--scenarios" in listings
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"[key]" in stored
    assert key.encode() not in stored + listings + out.encode() + log.encode()


def test_what_a_model_did_before_its_endpoint_failed_is_kept(scenarios: Path, tmp_path: Path) -> None:
    """One sample done, then the key is withdrawn: the first stays, and the same command resumes to the rest."""
    out, environ = tmp_path / "out", {"SEKFT_OP_MODEL": "m", "SEKFT_OP_KEY": "k"}
    with serving(Answer("exit"), Answer("{}", status=403)) as served:
        status, _, _ = roll(scenarios, out, "--concurrency", "1", SEKFT_OP_URL=served.url, **environ)
    assert status == 1
    assert [path.name for path in documents(out, "*/*.json")] == ["model-0.json"]
    with serving(Answer("exit")) as served:
        status, _, log = roll(scenarios, out, "--concurrency", "1", SEKFT_OP_URL=served.url, **environ)
    assert status == 0, log
    assert [path.name for path in documents(out, "*/*.json")] == ["model-0.json", "model-1.json"]


def test_a_stumbling_endpoint_is_an_infra_error_and_is_redone(scenarios: Path, tmp_path: Path) -> None:
    """A service that keeps failing goes to errors/ with exit 1; redone, the error's file goes."""
    out, environ = tmp_path / "out", {"SEKFT_OP_MODEL": "m", "SEKFT_OP_KEY": "k"}
    with serving(Answer("{}", status=500, headers={"Retry-After": "0"})) as served:
        status, summary, log = roll(scenarios, out, "--concurrency", "2", "--json", SEKFT_OP_URL=served.url, **environ)
    assert status == 1
    assert "2 rollouts met an infra error" in log
    assert json.loads(summary)["errors"] == 2
    errors = documents(out / "errors", "*/*.json")
    assert [path.name for path in errors] == ["model-0.json", "model-1.json"]
    assert json.loads(errors[0].read_text())["ending"]["reason"].startswith("infra: ")
    with serving(Answer("exit")) as served:
        status, _, log = roll(scenarios, out, SEKFT_OP_URL=served.url, **environ)
    assert status == 0, log
    assert not documents(out / "errors", "*/*.json")


SOLUTION = ("chit --help", "chit open", "chit read 7", "echo granite > stone.txt", "chit close 7", "exit")


def test_what_was_paid_for_is_not_paid_for_again(scenarios: Path, tmp_path: Path) -> None:
    """A rollout that its endpoint broke off is done again without asking again what was answered before."""
    out, environ = tmp_path / "out", {"SEKFT_OP_MODEL": "m", "SEKFT_OP_KEY": "k"}
    with serving(*map(Answer, SOLUTION[:3]), Answer("{}", status=403)) as served:
        roll(scenarios, out, "--samples", "1", SEKFT_OP_URL=served.url, **environ)
    with serving(*map(Answer, SOLUTION[3:])) as served:
        status, summary, log = roll(scenarios, out, "--samples", "1", "--json", SEKFT_OP_URL=served.url, **environ)
    assert status == 0, log
    assert len(served.requests) == 3
    assert json.loads(summary)["kept"] == 1


def test_a_spent_budget_stops_the_run_and_more_goes_on(scenarios: Path, tmp_path: Path) -> None:
    """--max-total-tokens counts over all commands: exit 1 when it is spent, and a higher one finishes the rest."""
    out, environ = tmp_path / "out", {"SEKFT_OP_MODEL": "m", "SEKFT_OP_KEY": "k"}
    with serving(Answer("ls"), Answer("exit")) as served:
        environ["SEKFT_OP_URL"] = served.url
        status, _, log = roll(scenarios, out, "--concurrency", "1", "--max-total-tokens", "20", **environ)
        assert status == 1
        assert "20 tokens in 2 requests are spent" in log
        status, _, log = roll(scenarios, out, "--concurrency", "1", "--max-total-tokens", "99", **environ)
        assert status == 0, log


def test_an_estimate_spends_nothing(scenarios: Path, tmp_path: Path) -> None:
    """--dry-run tells tokens and dollars for what is left to do, asks nobody and makes no folder."""
    out, environ = tmp_path / "out", {"SEKFT_OP_MODEL": "m", "SEKFT_OP_PRICE": "1/10"}
    with serving() as served:
        status, said, log = roll(scenarios, out, "--dry-run", "--json", SEKFT_OP_URL=served.url, **environ)
    assert status == 0, log
    assert not served.requests
    assert not out.exists()
    (told,) = json.loads(said)
    assert told["calls"] > 2
    assert told["cost_usd"] == pytest.approx((told["prompt_tokens"] + 10 * told["completion_tokens"]) / 1e6)
    assert told["most_usd"] > told["cost_usd"]


def test_a_local_student_costs_nothing(scenarios: Path, tmp_path: Path) -> None:
    """--dry-run with a model of this machine, also by its bare name, asks no service and loads nothing."""
    status, said, log = roll(scenarios, tmp_path / "out", "--dry-run", "--model", "smollm2")
    assert status == 0, log
    assert said == "no model would be asked\n"


def test_what_models_cost_and_brought_is_summed_up(scenarios: Path, tmp_path: Path) -> None:
    """The summary tells what a kept trajectory cost, and pass@k; selected.txt lists what to learn from."""
    out, answers = tmp_path / "out", [*map(Answer, SOLUTION), Answer("exit")]
    options = ("--concurrency", "1", "--keep-band", "medium", "--keep-most", "1")
    with serving(*answers) as served:
        environ = {"SEKFT_OP_MODEL": "m", "SEKFT_OP_URL": served.url, "SEKFT_OP_PRICE": "100/1000"}
        status, summary, log = roll(scenarios, out, *options, **environ)
    assert status == 0, log
    assert "operator    7 requests, 70 tokens, $0.0259, $0.0259 a kept trajectory" in summary
    assert "pass@1 50%, pass@2 100%" in summary
    assert "medium 1" in summary
    (name,) = (out / "selected.txt").read_text().splitlines()
    assert name.endswith("/model-0.json")
    assert (out / name).exists()


def test_thoughts_are_kept_apart_on_request(scenarios: Path, tmp_path: Path) -> None:
    """--keep-thoughts writes a model's reasoning beside the trajectories, which hold none of it."""
    out = tmp_path / "out"
    with serving(Answer("<think>Nothing to see.</think>exit")) as served:
        roll(scenarios, out, "--samples", "1", "--keep-thoughts", SEKFT_OP_MODEL="m", SEKFT_OP_URL=served.url)
    (made,), (kept,) = documents(out, "*/*-*.json"), documents(out, "thoughts/*/*.json")
    assert json.loads(kept.read_text()) == {"1": "Nothing to see."}
    assert "Nothing" not in made.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scaffold", "none-such"), "brief, careful, default"),
        (("--action-format", "xml"), "plain or fenced"),
        (("--scaffold", "brief", "--no-scaffold"), "one of them"),
    ],
)
def test_settings_that_cannot_be_meant(scenarios: Path, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """Exit 2 with what would be right, before anything is asked."""
    status, _, log = roll(scenarios, tmp_path / "out", *options, SEKFT_OP_MODEL="m")
    assert status == 2
    assert said in log


def test_no_backend_can_run(scenarios: Path, tmp_path: Path) -> None:
    """Without bwrap nothing runs unsandboxed: exit 1, and what to install is said."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "cc", "dpkg-deb"):
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    status, _, log = roll(scenarios, tmp_path / "out", "--operator", "reference", PATH=str(tools))
    assert status == 1
    assert "install bubblewrap" in log
    generated = forked("generate", "--n", "1", "--out", tmp_path / "generated", PATH=str(tools))
    assert generated.returncode == 1
    assert not documents(tmp_path / "generated")
    doctor = forked("doctor", PATH=str(tools))
    assert doctor.returncode == 1
    assert "FAIL  sandbox" in doctor.stdout


def test_a_userland_that_cannot_be_had(scenarios: Path, tmp_path: Path) -> None:
    """A missing userland that cannot be built stops the run with the reason."""
    status, _, log = roll(scenarios, tmp_path / "out", "--operator", "reference", SEKFT_CACHE="/proc/nowhere")
    assert status == 1
    assert "/proc/nowhere" in log


def test_an_unknown_userland_is_named(scenarios: Path, tmp_path: Path) -> None:
    """A scenario that wants a userland we do not have names it and those we have."""
    body = bundles.work()
    body["cell"]["userland"] = "plan9"
    scenario = bundles.sealed(body)
    (scenarios / f"{scenario.id}.json").write_text(scenario.to_json())
    status, _, log = roll(scenarios, tmp_path / "out", "--operator", "reference")
    assert status != 0
    assert "plan9" in log
    assert "busybox" in log


def test_docker_without_its_daemon(scenarios: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for the docker backend where none answers is an error that says what to do, and nothing falls back."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
    status, _, log = roll(scenarios, tmp_path / "out", "--sandbox", "docker")
    assert status == 1
    assert "start its daemon" in log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a tiny file system")
def test_a_full_disk_in_the_middle(tmp_path: Path) -> None:
    """generate onto a small disk exits 1, says so, and every file that is there is whole."""
    import subprocess

    from tests.commands import SEKFT, environment

    script = (
        'mount -t tmpfs -o size=200k none "$1" || { echo "cannot mount"; exit 0; }; out=$1; shift; "$@" --out "$out"; '
        'echo "status $?"; for file in "$out"/*.json; do python3 -m json.tool "$file" /dev/null || echo broken; done'
    )
    generate = [*SEKFT, "generate", "--no-sandbox", "--n", "200"]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), *generate],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=120,
    )
    if "cannot mount" in done.stdout:
        pytest.skip("this kernel lets not even root mount here")
    assert "status 1" in done.stdout
    assert "broken" not in done.stdout
    assert "the disk is full" in done.stderr


FILTERED = '{"error": {"message": "flagged by our content policy", "code": "content_filter"}}'


@pytest.mark.parametrize(
    "answer", [Answer(FILTERED, status=400), Answer("", finish="content_filter", fields={"content": None})]
)
def test_a_filtered_conversation(answer: Answer, scenarios: Path, tmp_path: Path) -> None:
    """A filter's refusal is the rollout's outcome: no error is left, and the same command asks nothing again."""
    with serving(answer) as served:
        for _ in range(2):
            status, _, _ = roll(scenarios, tmp_path / "out", SEKFT_OP_MODEL="m", SEKFT_OP_URL=served.url)
            assert status == 0
    made = [json.loads(path.read_text()) for path in (tmp_path / "out").rglob("model-*.json")]
    assert [one["outcome"] for one in made] == ["unfinished"] * 2
    assert all(one["ending"]["reason"].startswith("refused by the service: ") for one in made)
    assert len(served.requests) == 2


@pytest.mark.parametrize("status", [402, 400, 429])
def test_a_spent_account(status: int, scenarios: Path, tmp_path: Path) -> None:
    """The run stops at once with the service's own words."""
    with serving(Answer("ls"), Answer('{"error": {"message": "Insufficient Balance"}}', status=status)) as served:
        code, _, log = roll(scenarios, tmp_path / "out", SEKFT_OP_MODEL="m", SEKFT_OP_URL=served.url)
    assert code == 1
    assert "Insufficient Balance" in log
    assert len(served.requests) <= 4
    assert not list((tmp_path / "out").rglob("errors/*/*.json"))


def test_markup_of_any_family_is_typed_by_nobody(scenarios: Path, tmp_path: Path) -> None:
    """Thoughts are taken off, tool calls are no actions, and no record holds either."""
    answers = [Answer("[THINK]hm[/THINK]ls"), Answer("<|channel>thought\nhm<channel|>pwd"), Answer('{"command": "id"}')]
    with serving(*answers) as served:
        roll(scenarios, tmp_path / "out", "--concurrency", "1", SEKFT_OP_MODEL="m", SEKFT_OP_URL=served.url)
    made = [path.read_text() for path in (tmp_path / "out").rglob("model-*.json")]
    assert any("malformed: a tool call" in text for text in made)
    assert not any(mark in text for text in made for mark in ("THINK", "channel", '\\"command'))
