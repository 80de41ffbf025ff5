"""Reading runs in a browser: pages on this machine, or one file to pass on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sekft.cli.options import Json, result, source
from sekft.cli.running import reporter, say
from sekft.errors import UsageError, installing
from sekft.protocols import Reporter

Runs = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN...", help="Run folders, evaluations, exports, ATIF documents, or one such file; at most 8."
    ),
]
Scenarios = Annotated[
    Path | None, source("--scenarios", "Run folder, or a folder of scenarios; default: beside the rollouts.")
]
NOTED_EVERY = 500
FORMS = (".html", ".eval", ".json")


def view(
    runs: Runs,
    scenarios: Scenarios = None,
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Let the reader note keep, drop or unsure in the run's notes.jsonl.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Show new results while the run continues.")] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=0, max=65535, help="Port on 127.0.0.1; default: 7353, or a free one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve pages of runs on this machine alone until Ctrl-C. The address that is printed holds the key to them."""
    from sekft.viewer.opening import opened, servable
    from sekft.viewer.server import bound, serve

    if not servable():
        raise UsageError(f"sekft view wants starlette and uvicorn: {installing('view')}; `sekft report` needs neither")
    with reporter() as progress:
        viewer = opened(runs, scenarios, annotating=annotate, following=follow, step=_counting(progress))
    listening = bound(port)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/?token={viewer.token}"
    try:
        say(json.dumps({"url": url}) + "\n" if as_json else f"{url}\n")
        if not as_json:
            typer.echo(
                "sekft: Ctrl-C ends it" + ("" if annotate else "; --annotate lets you note what you read"), err=True
            )
        asyncio.run(serve(viewer, listening, follow))
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("sekft: ended", err=True)


def report(
    runs: Runs,
    out: Annotated[Path, result("--out", "File to write: .html is a page, .eval or .json a log for inspect.", "FILE")],
    scenarios: Scenarios = None,
    most: Annotated[
        int | None,
        typer.Option("--most", metavar="N", min=1, help="Hold N rollouts in full; default: as many as fit into 3 MB."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one page that opens from disk and needs nothing else: for a pull request, a Space, an e-mail."""
    from sekft.viewer.inspect_log import write_log
    from sekft.viewer.opening import opened
    from sekft.viewer.report import write_report

    if out.suffix not in FORMS:
        raise UsageError(f"--out {out}: want a name that ends in {', '.join(FORMS)}")
    with reporter() as progress:
        viewer = opened(runs, scenarios, one_file=True, step=_counting(progress))
        written = write_report(viewer, out, most) if out.suffix == ".html" else write_log(viewer.pages, out, most)
    viewer.pages.indexes.close()
    if as_json:
        return say(written.to_json())
    return say(str(written))


def _counting(progress: Reporter) -> Callable[[int], None]:
    def step(count: int) -> None:
        if count % NOTED_EVERY == 0:
            progress.note(f"read {count:,} files")

    return step
