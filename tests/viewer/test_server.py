"""The served pages: for whoever has the token, on loopback, and nothing more."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.error
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from sekft.viewer.query import Filters
from sekft.viewer.server import Viewer, bound
from tests.commands import SEKFT, sekft
from tests.viewer.conftest import Browser, served

LINK = re.compile(r'href="(/[^"#]*)[^"]*"')


@pytest.fixture(scope="module")
def browser(viewer: Viewer) -> Iterator[Browser]:
    with served(viewer) as made:
        yield made.enter()


def test_nobody_reads_without_the_token(viewer: Viewer) -> None:
    """Without the token, with a wrong one, or under a foreign host's name nothing is served."""
    with served(viewer) as stranger:
        for path in ("/", "/rollouts", "/state", "/static/view.css", "/?token=", "/?token=guess"):
            answer = stranger.get(path)
            assert answer.status == 403, path
            assert b"sekft view printed" in answer.read()
        assert stranger.get(f"/?token={stranger.token}", Host="evil.example:80").status == 421
        assert stranger.enter().get("/rollouts").status == 200


def test_the_address_loses_its_token(browser: Browser) -> None:
    """The first page is one without the token in its address, so that none is left in a history or a screenshot."""
    assert (
        browser.get(f"/rollouts?outcome=solved&token={browser.token}").geturl()
        == f"{browser.base}/rollouts?outcome=solved"
    )


def test_no_page_may_load_or_run_anything_else(browser: Browser) -> None:
    """Every answer forbids scripts and styles but ours, foreign frames, and any other address."""
    for path in ("/", "/rollouts", "/pairs", "/rejected", "/nowhere", "/static/view.js"):
        answer = browser.get(path)
        policy = answer.headers.get("Content-Security-Policy", "")
        assert answer.status == 404 or ("default-src 'none'" in policy and "unsafe" not in policy), path


def test_every_link_leads_to_a_page(browser: Browser) -> None:
    """From the overview on, every page that is linked to is there, but for replays; a dozen of each kind are tried."""
    waiting, seen = ["/"], {"/"}
    kinds: Counter[str] = Counter()
    while waiting:
        for link in LINK.findall(browser.text(waiting.pop()).replace("&amp;", "&")):
            kind = link.partition("?")[0]
            if link not in seen and not kind.startswith(("/effects", "/static")) and kinds[kind] < 12:
                kinds[kind] += 1
                seen.add(link)
                waiting.append(link)
    assert kinds.keys() >= {"/", "/rollouts", "/rollout", "/pairs", "/pair", "/compare", "/rejected", "/draft"}


def test_a_place_outside_the_run_is_not_read(browser: Browser, run: Path) -> None:
    """Only what the index names is opened: no path leads out of the run, and none to other files in it."""
    for place in ("../../etc/passwd", "/etc/passwd", ".sekft/lock", "scenarios/../.sekft/generate.json", "x#1"):
        for page in ("rollout", "pair", "draft", "effects"):
            assert browser.get(f"/{page}?{urlencode({'run': run.name, 'at': place})}").status == 404


def test_an_effect_is_shown_with_its_difference(browser: Browser, viewer: Viewer) -> None:
    """What a solved session wrote is shown line by line, from a replay that ends in the recorded state."""
    rows = viewer.pages.indexes.rows(Filters.of("outcome=solved"), 100)
    changed = (row for row in rows if _changed(viewer, row["run"], row["place"]))
    texts = (browser.text(f"/effects?{urlencode({'run': row['run'], 'at': row['place']})}") for row in changed)
    text = next(text for text in texts if '<span class="add">' in text)  # what a database holds is no text
    assert "ended in the recorded state" in text


def _changed(viewer: Viewer, run: str, place: str) -> bool:
    return any(each.change != "removed" for each in viewer.pages.reading(run, place).effects or ())


def test_notes_are_off_unless_asked_for(browser: Browser, viewer: Viewer, run: Path) -> None:
    """Without --annotate nothing can be written, and no page offers it."""
    row = viewer.pages.indexes.rows(Filters(), 1)[0]
    form = urlencode({"run": row["run"], "at": row["place"], "verdict": "drop"}).encode()
    assert browser.get("/note", form).status == 403
    assert not (run / "notes.jsonl").exists()
    assert "noting" not in browser.text(f"/rollout?{urlencode({'run': row['run'], 'at': row['place']})}")


def test_a_stored_error_page_says_what_is_wrong(browser: Browser) -> None:
    """A rollout that is not there is a page with status 404 that says so."""
    answer = browser.get("/rollout?run=none&at=x")
    assert isinstance(answer, urllib.error.HTTPError)
    assert "no such rollout" in answer.read().decode()


def test_the_command_prints_an_address_and_ends_at_ctrl_c(run: Path) -> None:
    """`sekft view` prints an address that opens, serves on loopback alone, and ends cleanly at Ctrl-C."""
    command = [*SEKFT, "view", str(run), "--port", "0", "--json"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        url = json.loads(started.stdout.readline())["url"]
        assert url.startswith("http://127.0.0.1:")
        base, _, token = url.partition("/?token=")
        page = Browser(base, token).enter().text("/rollouts")
        started.send_signal(signal.SIGINT)
        _, told = started.communicate(timeout=60)
    finally:
        started.kill()
        started.communicate()
    assert "solved" in page
    assert (started.returncode, told.strip()) == (0, "sekft: ended")


def test_a_port_that_is_taken_is_refused(run: Path) -> None:
    """A port that was asked for and is not free is an error of use that says so; without one another is taken."""
    with bound(0) as taken:
        done = sekft("view", str(run), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "--port" in done.stderr
