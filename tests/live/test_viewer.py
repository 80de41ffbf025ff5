"""The pages in a real browser: every feature is driven, nothing of a rollout is executed, axe finds no fault."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sekft.evaluation.metrics import CHAIN
from sekft.folder import ROLLOUTS, Layout, documents
from sekft.folder.notes import read_notes
from sekft.rejection import Rejection
from sekft.runs.run import Run
from sekft.scenario import load_scenario
from sekft.trajectory import Effect, Trajectory, Turn, load_trajectory
from sekft.viewer.opening import opened
from sekft.viewer.query import Filters, Row
from sekft.viewer.report import write_report
from sekft.viewer.server import Viewer
from sekft.viewer.session import lines
from tests.sets import filled
from tests.viewer.conftest import Browser, served
from tests.viewer.test_query import ASKED

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
    for number, path in enumerate(documents(Layout.of_run(root).trajectories, ROLLOUTS)[:2]):
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


def besides(viewer: Viewer, *, same: bool) -> list[tuple[Row, Row]]:
    """Solved sessions with the one that a saboteur made of them, or with one of another scenario."""
    rows = viewer.pages.indexes.rows(Filters(), 1000)
    ones = [row for row in rows if row["sample"] == 0 and row["operator"] == "explorer"]
    if not same:
        return list(itertools.pairwise(ones))
    spoilt = {row["scenario"]: row for row in rows if row["sample"] == 0 and row["operator"] == "saboteur"}
    return [(row, spoilt[row["scenario"]]) for row in ones if row["scenario"] in spoilt]


def compared(rows: tuple[Row, Row]) -> str:
    one, two = rows
    return "compare?" + urlencode({"run": one["run"], "at": one["place"], "run2": two["run"], "at2": two["place"]})


# Each line of a page as (left turn, right turn, whether the two part there); None where a side has no step.
SIDES = """() => $$(".sides > li").map((line) => {
  const turn = (half) => half.matches(".none") ? null : Number($(".turn", half)?.textContent ?? 0);
  const turns = $$(".half", line).map(turn);
  return [turns[0], turns.at(-1), line.matches(".parts")];
})"""


def test_two_sessions_are_aligned_up_to_where_they_part(page: Any, viewer: Viewer) -> None:
    """An explorer and the saboteur that follows it are alike up to the failure, and part there; all steps are shown."""
    base, parted = page.url, 0
    chosen = besides(viewer, same=True)[:10]
    for rows in chosen:
        page.goto(base + compared(rows))
        page.wait_for_selector("#sides > ol.sides")
        shown = page.evaluate(SIDES)
        for side, row in enumerate(rows):
            assert sum(line[side] is not None for line in shown) == row["actions"] + 1
        (at,) = [at for at, line in enumerate(shown) if line[2]]
        assert all(line[0] == line[1] for line in shown[:at])
        fault = viewer.pages.reading(rows[1]["run"], rows[1]["place"]).fault
        parted += fault is not None and fault.turn in shown[at][:2]
    assert parted >= len(chosen) * 0.7


def test_two_scenarios_are_aligned_by_their_marks(page: Any, viewer: Viewer) -> None:
    """In sessions of different scenarios the steps that reach a mark stand side by side, and all steps are shown."""
    base = page.url
    for rows in besides(viewer, same=False)[:6]:
        page.goto(base + compared(rows))
        page.wait_for_selector("#sides > ol.sides")
        shown = page.evaluate(SIDES)
        for side, row in enumerate(rows):
            assert [line[side] for line in shown if line[side] is not None] == [0, *range(1, 2 * row["actions"], 2)]
        steps = [[row[mark] - 1 + row[mark] % 2 for mark in CHAIN if row[mark]] for row in rows]
        if all(len(each) == len(set(each)) for each in steps):
            retrieved = [row["retrieved"] - 1 for row in rows if row["retrieved"]]
            assert len(retrieved) < 2 or [*retrieved, False] in shown


def test_two_rollouts_are_selected_and_set_side_by_side(page: Any) -> None:
    """x selects, c compares, and the line where the two part is on the page."""
    page.goto(page.url + "rollouts")
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    assert "2 selected" in page.inner_text("#picked")
    page.keyboard.press("c")
    page.wait_for_selector("#sides > ol.sides")
    assert page.locator(".sides-head header").count() == 2


def test_what_was_read_before_is_pale(page: Any, viewer: Viewer) -> None:
    """In a second session of a scenario the steps that the first one showed are pale; in another scenario none is."""
    (one, two), (_, other) = besides(viewer, same=True)[0], besides(viewer, same=False)[0]
    base, pale = page.url, []
    for row in (one, two, two, other):
        page.goto(base + "rollout?" + urlencode({"run": row["run"], "at": row["place"]}))
        page.wait_for_load_state("load")
        pale.append(page.evaluate("$$('.step.known').map((step) => step.dataset.key)"))
        assert page.is_visible("#known") == bool(pale[-1])
    keys = [{line.key for line in lines(viewer.pages.reading(row["run"], row["place"]))} for row in (one, two)]
    assert set(pale[1]) == set(pale[2]) == keys[0] & keys[1] != set()
    assert pale[0] == pale[3] == []


def test_what_was_searched_for_is_marked_in_the_session(page: Any) -> None:
    """A session that a search leads to shows each place of the text, and begins at the first."""
    page.goto(page.url + "rollouts?q=typed: --HELP")
    page.click("#rows .row .what a >> nth=0")
    page.wait_for_url("**/rollout?*")
    page.wait_for_load_state("load")
    found = page.evaluate("[...CSS.highlights.get('found')].map((range) => range.toString())")
    assert found
    assert set(found) == {"--help"}


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


@pytest.fixture
def file(chromium: Any, run: Path, tmp_path: Path) -> Iterator[Any]:
    """The report, opened from disk. What it asks of anything but that file fails the test, as does what it logs."""
    write_report(opened([run], one_file=True), tmp_path / "run.html")
    page = chromium.new_page()
    faults: list[str] = []
    page.on("request", lambda request: faults.extend([] if request.url.startswith("file:") else [request.url]))
    page.on("pageerror", lambda error: faults.extend([str(error)]))
    page.on("console", lambda message: faults.extend([message.text] if message.type == "error" else []))
    page.goto((tmp_path / "run.html").as_uri())
    page.wait_for_function("all !== null")
    yield page
    assert page.evaluate("window.pwned") is None
    assert not faults
    page.close()


def show(file: Any, address: str) -> None:
    """Go to a part of the file and wait until it is there."""
    file.evaluate("(address) => { history.replaceState(null, '', '#' + address); return route(); }", address)


def test_the_file_is_read_without_a_server(file: Any) -> None:
    """Bars filter, a search finds, sessions and pairs open, and attacks stay text."""
    file.click("table.matrix a.cell.bad >> nth=0")
    file.wait_for_selector("#page-list:not([hidden]) .row")
    count = int(file.inner_text("#total"))
    assert file.locator("#rows .row").count() == count
    file.keyboard.press("j")
    file.keyboard.press("Enter")
    file.wait_for_selector("#page-one article.rollout")
    assert file.inner_text("#up").endswith(f"1 of {count}")
    assert file.locator("#scenario summary").count() >= 6
    file.click("a.jump >> nth=1")
    assert file.locator(".step.here").count() == 1
    show(file, "/rollouts?q=pwned")
    assert file.inner_text("#total") == "2"
    file.click("#rows .row a >> nth=0")
    file.wait_for_selector("#page-one article.rollout")
    show(file, "/pairs")
    file.click("#rows .row a >> nth=0")
    file.wait_for_selector("#page-one .two-sides del.word, #page-one .two-sides ins.word")


def test_the_file_filters_as_the_server_does(file: Any, viewer: Viewer) -> None:
    """Each filter, each order and the number beside each choice are those of the served list."""
    indexes = viewer.pages.indexes
    for query in (*ASKED, "q=--help", "q=shown: exit", "sort=-actions&keep=yes", "sort=tool"):
        filters = Filters.of(query)
        show(file, "/rollouts?" + query)
        rows = indexes.rows(filters, 1000)
        shown = file.evaluate("$$('#rows .row').map((row) => row.dataset.at)")
        assert shown == [row["place"] for row in rows], query
        if "q=" in query:
            continue
        told = file.evaluate(
            "$$('#facets .choice').map((each) => [each.getAttribute('href'), $('.n', each).textContent])"
        )
        for href, count in told:
            left = Filters.of(href.partition("?")[2])
            if len(left.terms) > len(filters.terms) and "lacks" not in href:
                field, value = left.terms[-1]
                assert indexes.count(left.only(field, value)) == int(count.replace(",", "")), (query, href)


def test_the_file_takes_filters_as_they_are_typed(file: Any) -> None:
    """The form adds to the filters that hold, a chip takes one off, and a choice that is on as well."""
    show(file, "/rollouts?keep=yes")
    before = int(file.inner_text("#total"))
    file.fill("#find [name=from]", "8")
    file.select_option("#find [name=sort]", "-actions")
    file.click("#find button")
    file.wait_for_url("**keep=yes*from=8*")
    assert 0 < int(file.inner_text("#total")) < before
    file.click(".chip:has-text('at least')")
    file.wait_for_url(lambda url: "from" not in url)
    file.click("#facets .choice.on")
    file.wait_for_url(lambda url: "keep" not in url)
    file.wait_for_function(f"Number($('#total').textContent) > {before}")


def test_the_file_sets_sessions_side_by_side(file: Any, page: Any, viewer: Viewer) -> None:
    """x and c, as on the served pages, whose alignment it shows; a session names those to be set beside it."""
    show(file, "/rollouts")
    for _ in range(2):
        file.keyboard.press("j")
        file.keyboard.press("x")
    file.keyboard.press("c")
    file.wait_for_selector("#sides > ol.sides")
    base = page.url
    for rows in (*besides(viewer, same=True)[:2], besides(viewer, same=False)[0]):
        show(file, "/" + compared(rows))
        page.goto(base + compared(rows))
        page.wait_for_selector("#sides > ol.sides")
        assert file.inner_text("#sides") == page.inner_text("#sides")
    file.click(".sides-head a >> nth=0")
    file.wait_for_selector("#page-one article.rollout .besides a")
    file.click(".besides a >> nth=0")
    file.wait_for_selector("#sides > ol.sides")


def test_a_run_that_goes_on_is_followed(chromium: Any, run: Path, tmp_path: Path) -> None:
    """With --follow a list says that there is more, without a reload by hand."""
    root = tmp_path / "growing"
    shutil.copytree(run, root, ignore=shutil.ignore_patterns("view-*", "explorer-2.json"))
    viewer = opened([root], following=True)
    with served(viewer) as server:
        page = chromium.new_page()
        page.goto(f"{server.base}/rollouts?token={server.token}")
        late = next(
            path for path in documents(Layout.of_run(run).trajectories, ROLLOUTS) if path.name == "explorer-2.json"
        )
        shutil.copy(late, root / late.relative_to(run))
        viewer.refresh()
        page.wait_for_selector("#news:not([hidden])", timeout=10_000)
        page.close()


def faults_of(page: Any, axe: Any) -> str:
    """What axe finds by its rules for WCAG 2 A and AA and by best practice; empty for nothing."""
    found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}).response
    told = [
        (fault["id"], node["html"][:120], node["failureSummary"])
        for fault in found["violations"]
        for node in fault["nodes"][:1]
    ]
    return json.dumps(told, indent=1) if told else ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_fault(
    chromium: Any, server: Browser, viewer: Viewer, run: Path, tmp_path: Path, scheme: str, width: int
) -> None:
    """Contrast, names and structure of each page pass, served and in the file, in both colour schemes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}).new_page()
    rows = besides(viewer, same=True)[0]
    pair = viewer.pages.indexes.ask("SELECT * FROM pairs LIMIT 1")[0]
    both = [
        "",
        "rollouts?outcome=solved&q=help",
        *("rollout?" + urlencode({"run": row["run"], "at": row["place"]}) for row in rows),
    ]
    both += [compared(rows), "pairs", "pair?" + urlencode({"run": pair["run"], "at": pair["place"]}), "rejected"]
    page.goto(f"{server.base}/?token={server.token}")
    for path in [*both, "draft?run=run&at=rejected/bad0.json"]:
        page.goto(f"{server.base}/{path}")
        page.wait_for_load_state("load")
        assert not faults_of(page, axe), path
    write_report(opened([run], one_file=True), tmp_path / "run.html")
    page.goto((tmp_path / "run.html").as_uri())
    for path in both:
        show(page, "/" + path)
        assert not faults_of(page, axe), path
    page.context.close()


def test_focus_is_seen_and_follows_the_page(page: Any) -> None:
    """Tab goes first to the skip link, then through the top of the page, and what has the focus has an outline."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Tab")
    style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert page.evaluate("document.activeElement.classList.contains('brand')")
    assert style == "solid"
