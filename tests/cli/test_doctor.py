"""What doctor finds here, and what it says of machines that lack something."""

from __future__ import annotations

import json

import pytest

from sekft.cli.doctor import DoctorFinding, as_data, examine, table
from sekft.report import text
from tests.commands import forked


def test_this_machine_is_described() -> None:
    """Python, the programs, the model services and the backend each have a line; the backend works here."""
    found = {finding.name: finding for finding in examine("auto")}
    assert {"python", "bwrap", "compiler", "teacher model", "operator model", "sandbox", "userlands"} <= found.keys()
    assert found["sandbox"].ok


def test_the_second_uid_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """doctor says whose root's fixtures are shown as, and where they show as the agent's, why and what to install."""
    for reason, shown in ((None, "show as root's"), ("no newuidmap", "show as the agent's: no newuidmap")):
        monkeypatch.setattr("sekft.sandboxes.no_second_uid", lambda reason=reason: reason)
        found = {finding.name: finding for finding in examine("auto")}["second uid"]
        assert found.ok is (reason is None)
        assert shown in found.detail
        assert "apt-get install uidmap" in found.advice
        assert not found.needed


def test_what_is_missing_says_what_to_do() -> None:
    """A needed lack is a FAIL, an optional one a dash; both carry advice, and found things do not."""
    shown = text(
        [
            table(
                [
                    DoctorFinding("bwrap", False, "not found", "apt-get install bubblewrap", needed=True),
                    DoctorFinding("cc", False, "not found", "pip install ziglang"),
                    DoctorFinding("python", True, "3.11", "install Python"),
                ]
            )
        ]
    )
    assert "FAIL  bwrap" in shown
    assert "→ apt-get install bubblewrap" in shown
    assert "--    cc" in shown
    assert "install Python" not in shown


def test_findings_as_data() -> None:
    """--json is a list of findings with their fields."""
    (finding,) = json.loads(as_data([DoctorFinding("cc", True, "here")]))
    assert finding == {"name": "cc", "ok": True, "detail": "here", "advice": "", "needed": False}


def test_keys_and_passwords_are_not_shown() -> None:
    """doctor tells that a key is set, and shows neither it nor a password in the URL."""
    done = forked(
        "doctor",
        SEKFT_MODEL="m",
        SEKFT_KEY="sk-secret",
        SEKFT_URL="http://me:hunter2@localhost:1/v1",
        SEKFT_OP_MODEL="o",
    )
    assert done.returncode == 0, done.stderr
    assert "m at http://localhost:1/v1, key set" in done.stdout
    assert "hunter2" not in done.stdout
    assert "sk-secret" not in done.stdout


def test_the_self_test_runs_behaviours() -> None:
    """--self-test adds one line a behaviour, and they hold here."""
    done = forked("doctor", "--self-test", "--json")
    lines = [finding for finding in json.loads(done.stdout) if finding["name"].startswith("self-test: ")]
    assert len(lines) >= 20
    assert [finding for finding in lines if not finding["ok"]] == []
    assert done.returncode == 0


def test_setup_is_quick_when_done() -> None:
    """--setup over a built cache says where things lie."""
    done = forked("doctor", "--setup")
    assert done.returncode == 0, done.stderr
    assert any(line.split()[:2] == ["ok", "setup"] for line in done.stdout.splitlines())
