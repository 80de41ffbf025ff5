"""The pages in a real browser: every feature is driven, nothing of a rollout is executed, axe finds no fault."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sekft.folder import Layout, documents
from sekft.folder.notes import read_notes
from sekft.rejection import Rejection
from sekft.runs.run import Run
from sekft.scenario import load_scenario
from sekft.trajectory import Effect, Trajectory, Turn, load_trajectory
from sekft.viewer.opening import opened
from sekft.viewer.query import Filters
from sekft.viewer.report import write_report
from sekft.viewer.server import Viewer
from tests.sets import filled
from tests.viewer.conftest import Browser, served

pytestmark = pytest.mark.live
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
)
ATTACK = "<img src=x onerror=\"window.pwned='img'\"></pre></script><script>window.pwned='script'</script>{{ 7*7 }}"
HOSTILE = [
    f"\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m {ATTACK}\n",
    "x" * 32_000 + "\n",
    "\u202eevil\u202c שלום عالم \u2066iso\u2069\u200b\n" * 40,
    "a\rb\x00\x08\x7f\x9b31m'\"`\\ javascript:alert(1) ${pwned}\n",
]


def spoilt(one: Trajectory) -> Trajectory:
    """The rollout with every text in it turned against the reader."""
    turns = [
        turn.model_copy(update={"content": HOSTILE[at % len(HOSTILE)] + turn.content})
        if turn.role == "env"
        else turn.model_copy(update={"content": f"{turn.content} # {ATTACK}"})
        for at, turn in enumerate(one.turns)
    ]
    return one.model_copy(
        update={
            "turns": [Turn(role="env", content=HOSTILE[0], orientation=ATTACK), *turns[1:]],
            "id": "f00d" * 4,
            "effects": [Effect(path=f"/srv/a\nb\u202e{ATTACK}", change="added"), *one.effects],
            "ending": one.ending.model_copy(update={"reason": ATTACK}),
            "check": one.check.model_copy(update={"output": ATTACK}),
            "keep": False,
            "keep_reasons": [f"outcome {ATTACK}"],
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with pairs, a rejected draft and two rollouts full of attacks."""
    root = filled(tmp_path_factory).root
    Run(root).pair()
    scenario = load_scenario(documents(root / "scenarios")[0])
    draft = Rejection(
        id="bad0", slot=0, attempt=0, reason=ATTACK, detail=ATTACK, evidence={ATTACK: ATTACK}, faults=[ATTACK, "b"],
        exchange=[{"role": "user", "content": ATTACK}], scenario=scenario.model_dump(mode="json"),
    )  # fmt: skip
    (root / "rejected").mkdir()
    (root / "rejected" / "bad0.json").write_text(draft.to_json(), encoding="utf-8")
    for number, path in enumerate(Layout.of_run(root).rollouts()[:2]):
        one = spoilt(load_trajectory(path)).model_copy(update={"sample": 90 + number, "id": f"f00d{number}"})
        path.with_name(f"explorer-{90 + number}.json").write_text(one.to_json(), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def viewer(run: Path) -> Iterator[Viewer]:
    made = opened([run], annotating=True)
    yield made
    made.pages.indexes.close()


@pytest.fixture(scope="module")
def server(viewer: Viewer) -> Iterator[Browser]:
    with served(viewer) as made:
        yield made


@pytest.fixture(scope="module")
def chromium(run: Path) -> Iterator[Any]:
    """Started when the run is there: while it lives, this thread has a loop that runs."""
    assert run.is_dir()
    api = pytest.importorskip("playwright.sync_api", reason="wants a browser: ./dev setup live")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, server: Browser) -> Iterator[Any]:
    """A page that has entered. What it asks of others, what it logs as an error and what pops up fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    made = context.new_page()
    faults: list[str] = []
    made.on("request", lambda request: faults.extend(_foreign(request.url, server.base)))
    made.on("pageerror", lambda error: faults.extend([str(error)]))
    made.on("dialog", lambda dialog: faults.extend([dialog.message]) or dialog.dismiss())  # type: ignore[func-returns-value]
    made.on("console", lambda message: faults.extend([message.text] if message.type == "error" else []))
    made.goto(f"{server.base}/?token={server.token}")
    yield made
    assert made.evaluate("window.pwned") is None
    assert not faults
    context.close()


def _foreign(url: str, base: str) -> list[str]:
    return [] if url.startswith((base + "/", "blob:")) else [url]


def test_a_reader_goes_from_a_bar_to_a_session(page: Any) -> None:
    """A cell of the overview leads to its rollouts, j and Enter open one, j goes on, u leads back to the list."""
    page.click("table.matrix a.cell.good >> nth=0")
    page.wait_for_url("**/rollouts?*outcome=solved*")
    total = page.inner_text(".total")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator(".row.here").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/rollout?*")
    assert page.inner_text("#up").endswith(f"2 of {total}")
    page.keyboard.press("j")
    page.wait_for_function(f"document.querySelector('#up')?.textContent.includes('3 of {total}')")
    page.wait_for_load_state("load")
    page.keyboard.press("n")
    assert page.locator(".step.here").count() == 1
    page.keyboard.press("u")
    page.wait_for_url("**/rollouts?*")
    assert page.inner_text(".total") == total


def test_a_search_and_filters_narrow_the_list(page: Any, viewer: Viewer) -> None:
    """/ goes to the search; a choice is added and taken off again, and the address keeps all of it."""
    page.goto(page.url + "rollouts")
    page.keyboard.press("/")
    page.keyboard.type("typed: --help")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=typed*")
    page.click("a.choice:has-text('saboteur')")
    page.wait_for_url("**operator=saboteur*")
    expected = viewer.pages.indexes.count(Filters.of("q=typed: --help&operator=saboteur"))
    assert page.inner_text(".total") == str(expected)
    page.click(".chip:has-text('saboteur')")
    page.wait_for_url(lambda url: "saboteur" not in url)
    page.keyboard.press("?")
    assert page.locator("#help[open]").count() == 1


def test_two_rollouts_are_selected_and_set_side_by_side(page: Any) -> None:
    """x selects, c compares, and the line where the two part is on the page."""
    page.goto(page.url + "rollouts")
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    assert "2 selected" in page.inner_text("#picked")
    page.keyboard.press("c")
    page.wait_for_selector("ol.sides")
    assert page.locator(".sides-head header").count() == 2


def test_a_note_is_a_key(page: Any, run: Path, viewer: Viewer) -> None:
    """2 notes that the rollout is to be dropped, and the page says so."""
    row = viewer.pages.indexes.rows(Filters.of("keep=yes"), 1)[0]
    page.goto(page.url + viewer.pages.links.link("rollout", f"run={row['run']}&at={row['place']}").lstrip("/"))
    page.keyboard.press("2")
    page.wait_for_selector("#noting button.on.drop")
    assert read_notes(run)[row["id"]].verdict == "drop"


def test_what_files_hold_is_shown_in_place(page: Any, viewer: Viewer) -> None:
    """e types the session again in a sandbox and shows the differences below it."""
    rows = viewer.pages.indexes.rows(Filters.of("outcome=solved&operator=explorer&keep=yes"), 50)
    row = next(row for row in rows if viewer.pages.reading(row["run"], row["place"]).effects)
    page.goto(page.url + viewer.pages.links.link("rollout", f"run={row['run']}&at={row['place']}").lstrip("/"))
    page.keyboard.press("e")
    page.wait_for_selector("#changes .diff", timeout=30_000)


@pytest.mark.parametrize("kind", ["rollout", "draft", "compare", "rollouts"])
def test_a_hostile_rollout_is_only_text(page: Any, viewer: Viewer, kind: str) -> None:
    """Escapes, markup, long lines, right-to-left text and names with line ends are read, and none of it acts."""
    rows = viewer.pages.indexes.ask("SELECT * FROM rollouts WHERE sample >= 90")
    one = f"run={rows[0]['run']}&at={rows[0]['place']}"
    queries = {
        "rollout": one,
        "draft": f"run={rows[0]['run']}&at=rejected/bad0.json",
        "compare": f"{one}&run2={rows[1]['run']}&at2={rows[1]['place']}",
        "rollouts": "keep=no",
    }
    page.goto(f"{page.url}{kind}?{queries[kind]}")
    assert "window.pwned" in page.inner_text("main") or kind == "rollouts"
    assert page.locator("main img, main script, main iframe").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if kind == "rollout":
        assert "U+202E" in page.inner_html("main")
        assert page.locator(".long").count() >= 2
        page.keyboard.press("f")
        assert page.locator(".long.open").count() >= 2


def test_the_file_is_read_without_a_server(chromium: Any, run: Path, tmp_path: Path) -> None:
    """One file, opened from disk: bars filter, a search finds, sessions and pairs open, and attacks stay text."""
    write_report(opened([run], one_file=True), tmp_path / "run.html")
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "run.html").as_uri())
    page.click("table.matrix a.cell.bad >> nth=0")
    page.wait_for_selector("#page-list:not([hidden]) .row")
    count = int(page.inner_text("#total"))
    assert page.locator("#rows .row").count() == count
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#page-one article.rollout")
    assert page.inner_text("#up").endswith(f"1 of {count}")
    assert page.locator("#scenario summary").count() >= 6
    page.goto((tmp_path / "run.html").as_uri() + "#/rollouts?q=pwned")
    page.wait_for_selector("#total:text-is('2')")
    page.click("#rows .row a >> nth=0")
    page.wait_for_selector("#page-one article.rollout")
    page.goto((tmp_path / "run.html").as_uri() + "#/pairs")
    page.wait_for_selector("#page-list:not([hidden]) .row kbd")
    page.click("#rows .row a >> nth=0")
    page.wait_for_selector("#page-one .two-sides")
    assert page.evaluate("window.pwned") is None
    assert all(url.startswith("file:") for url in asked)
    page.close()


def test_a_run_that_goes_on_is_followed(chromium: Any, run: Path, tmp_path: Path) -> None:
    """With --follow a list says that there is more, without a reload by hand."""
    root = tmp_path / "growing"
    shutil.copytree(run, root, ignore=shutil.ignore_patterns("view-*", "explorer-2.json"))
    viewer = opened([root], following=True)
    with served(viewer) as server:
        page = chromium.new_page()
        page.goto(f"{server.base}/rollouts?token={server.token}")
        late = next(path for path in Layout.of_run(run).rollouts() if path.name == "explorer-2.json")
        shutil.copy(late, root / late.relative_to(run))
        viewer.refresh()
        page.wait_for_selector("#news:not([hidden])", timeout=10_000)
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_fault(chromium: Any, server: Browser, viewer: Viewer, scheme: str, width: int) -> None:
    """Contrast, names and structure of each page pass axe's rules for WCAG 2 A and AA, in both colour schemes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()
    page.goto(f"{server.base}/?token={server.token}")
    row = viewer.pages.indexes.rows(Filters.of("operator=saboteur"), 1)[0]
    other = viewer.pages.indexes.rows(Filters.of("operator=explorer"), 1)[0]
    pair = viewer.pages.indexes.ask("SELECT * FROM pairs LIMIT 1")[0]
    one = f"run={row['run']}&at={row['place']}"
    paths = ["", "rollouts?outcome=solved", f"rollout?{one}", f"compare?{one}&run2={other['run']}&at2={other['place']}"]
    paths += [
        "pairs",
        f"pair?run={pair['run']}&at={pair['place'].replace('#', '%23')}",
        "rejected",
        "draft?run=run&at=rejected/bad0.json",
    ]
    for path in paths:
        page.goto(f"{server.base}/{path}")
        found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}).response
        told = [
            (fault["id"], node["html"][:120], node["failureSummary"])
            for fault in found["violations"]
            for node in fault["nodes"][:1]
        ]
        assert not told, (path, json.dumps(told, indent=1))
    page.context.close()


def test_focus_is_seen_and_follows_the_page(page: Any) -> None:
    """Tab goes first to the skip link, then through the top of the page, and what has the focus has an outline."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Tab")
    style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert page.evaluate("document.activeElement.classList.contains('brand')")
    assert style == "solid"
