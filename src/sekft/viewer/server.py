"""The served pages: loopback alone, a token in the first address, and nothing that a rollout holds is ever executed.

The token opens a session cookie; every other request without it is refused, and so is one for another host's name, by
which a page elsewhere might reach this one. Only notes are ever written, and only where that was asked for.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from sekft import sandboxes
from sekft.errors import SekftError, UsageError
from sekft.folder.notes import VERDICTS, Note, add_note
from sekft.quality.audit import audit
from sekft.report import Table
from sekft.runs.evaluate import report_file, stored
from sekft.viewer import effects
from sekft.viewer.index import Index
from sekft.viewer.pages import Pages, static
from sekft.viewer.query import Filters

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

PORT = 7353
"""Where it is free; links then stay the same from one start to the next."""
FRESH_EVERY_S = 2.0
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # a form sent without a referrer would tell no origin
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
BODY_BYTES = 1 << 16
Handler = Callable[["Request"], Awaitable["Response"]]


@dataclass
class Viewer:
    """The pages and what keeps them fresh. token: opens them."""

    pages: Pages
    indexes: Mapping[str, Index]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    _refreshing: threading.Lock = field(default_factory=threading.Lock)
    _tables: dict[str, list[Table]] = field(default_factory=dict)

    def refresh(self) -> int:
        """Bring every index up to date; how many files were read."""
        with self._refreshing:
            return sum(index.refresh() for index in self.indexes.values())

    def tables(self, measured: bool) -> list[Table]:
        """The report of an evaluation, and the audit of a run where it has been asked for."""
        found: list[Table] = []
        for name, source in self.pages.sources.items():
            if report_file(source.root).is_file():
                with suppress(SekftError):
                    found += stored(source.root).tables
            if measured:
                found += self._audited(name)
        return found

    def _audited(self, name: str) -> list[Table]:
        held = f"{name} {self.pages.indexes.generation()}"
        if held not in self._tables:
            try:
                told = audit(self.pages.sources[name].layout)
                self._tables[held] = told.model_copy(update={"folder": name}).tables  # a report tells no path of ours
            except SekftError as error:
                self._tables[held] = [Table((), (), "Audit", [str(error)])]
        return self._tables[held]


def application(viewer: Viewer) -> Starlette:
    """The ASGI application."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    routes = _Routes(viewer)
    return Starlette(
        routes=[
            Route("/", routes.guarded(routes.overview)),
            Route("/rollouts", routes.guarded(routes.rollouts)),
            Route("/rollout", routes.guarded(routes.rollout)),
            Route("/compare", routes.guarded(routes.compare)),
            Route("/effects", routes.guarded(routes.effects)),
            Route("/pairs", routes.guarded(routes.pairs)),
            Route("/pair", routes.guarded(routes.pair)),
            Route("/rejected", routes.guarded(routes.rejected)),
            Route("/draft", routes.guarded(routes.draft)),
            Route("/state", routes.guarded(routes.state)),
            Route("/static/{name}", routes.guarded(routes.static)),
            Route("/note", routes.guarded(routes.note), methods=["POST"]),
        ]
    )


class _Routes:
    def __init__(self, viewer: Viewer) -> None:
        self._viewer, self._pages = viewer, viewer.pages

    def guarded(self, handler: Handler) -> Handler:
        """With the token or its cookie alone, under a loopback name alone; errors become pages."""
        from starlette.responses import RedirectResponse

        async def guard(request: Request) -> Response:
            host = request.headers.get("host", "")
            if host.rpartition(":")[0] not in ("127.0.0.1", "localhost", "[::1]"):
                return self._plain("wrong host: open the address that sekft view printed", 421)
            cookie = f"sekft-{request.url.port}"
            if self._opens(request.query_params.get("token", "")):
                rest = urlencode([pair for pair in parse_qsl(request.url.query) if pair[0] != "token"])
                answer: Response = RedirectResponse(request.url.path + (f"?{rest}" if rest else ""), 303)
                answer.set_cookie(cookie, self._viewer.token, httponly=True, samesite="strict", path="/")
                answer.headers.update(HEADERS)
                return answer
            if not self._opens(request.cookies.get(cookie, "")):
                return self._plain("open the whole address that sekft view printed: its token is missing here", 403)
            return await self._answered(handler, request)

        return guard

    async def _answered(self, handler: Handler, request: Request) -> Response:
        try:
            return await handler(request)
        except UsageError as error:
            return self._page(self._pages.render("error", title="Not here", message=str(error), page=""), 404)
        except SekftError as error:
            return self._page(self._pages.render("error", title="It cannot be read", message=str(error), page=""), 500)

    def _opens(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._viewer.token.encode())

    def _page(self, text: str, status: int = 200, kind: str = "text/html") -> Response:
        from starlette.responses import Response

        body = text.encode("utf-8", "replace")
        return Response(body, status, headers=HEADERS, media_type=kind)

    def _plain(self, text: str, status: int) -> Response:
        return self._page(text + "\n", status, "text/plain")

    async def overview(self, request: Request) -> Response:
        measured = request.query_params.get("audit") == "1"
        tables = await asyncio.to_thread(self._viewer.tables, measured)
        return self._page(await asyncio.to_thread(self._pages.overview, Filters.of(request.url.query), tables))

    async def rollouts(self, request: Request) -> Response:
        filters = Filters.of(request.url.query)
        return self._page(await asyncio.to_thread(self._pages.rollouts, filters, _number(request, "offset")))

    async def rollout(self, request: Request) -> Response:
        run, place = _place(request)
        return self._page(await asyncio.to_thread(self._pages.rollout, run, place, Filters.of(_others(request))))

    async def compare(self, request: Request) -> Response:
        return self._page(await asyncio.to_thread(self._pages.compare, _place(request), _place(request, "2")))

    async def effects(self, request: Request) -> Response:
        """What the changed files hold: the session is typed again in a sandbox of its own."""
        run, place = _place(request)
        self._pages.row(run, place)
        reading = await asyncio.to_thread(self._pages.reading, run, place)
        if reading.trajectory is None or reading.scenario is None:
            raise UsageError(
                f"{place}: its scenario is not here, so it cannot be typed again; --scenarios says where it is"
            )
        changed, difference = await effects.changes(reading.scenario, reading.trajectory, sandboxes.pick("auto"))
        return self._page(self._pages.render("changes", changes=changed, difference=difference))

    async def pairs(self, request: Request) -> Response:
        terms = dict(parse_qsl(request.url.query))
        return self._page(await asyncio.to_thread(self._pages.pairs, terms, _number(request, "offset")))

    async def pair(self, request: Request) -> Response:
        return self._page(await asyncio.to_thread(self._pages.pair, *_place(request)))

    async def rejected(self, request: Request) -> Response:
        reason = request.query_params.get("reason", "")
        return self._page(await asyncio.to_thread(self._pages.rejected, reason, _number(request, "offset")))

    async def draft(self, request: Request) -> Response:
        return self._page(await asyncio.to_thread(self._pages.draft, *_place(request)))

    async def state(self, request: Request) -> Response:
        """Whether the indexes have changed, for a page that follows a run."""
        del request
        from starlette.responses import JSONResponse

        body = {"generation": self._pages.indexes.generation(), **self._pages.counts()}
        return JSONResponse(body, headers=HEADERS)

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ("view.css", "view.js", "icon.svg"):
            raise UsageError(f"{name}: no such file")
        return self._page(static(name), kind=KINDS[name.rpartition(".")[2]])

    async def note(self, request: Request) -> Response:
        """Write a note. Refused where notes were not asked for, and from any other page than ours."""
        from starlette.responses import RedirectResponse

        if not self._pages.annotating:
            return self._plain("notes are off: start sekft view with --annotate", 403)
        if request.headers.get("origin") not in (None, f"http://{request.headers['host']}"):
            return self._plain("refused: the request comes from another page", 403)
        form = await _form(request)
        run, place = form.get("run", ""), form.get("at", "")
        note = self._noted(run, place, form)
        await asyncio.to_thread(add_note, self._pages.sources[run].root, note)
        await asyncio.to_thread(self._viewer.refresh)
        query = "&".join(filter(None, (form.get("back", ""), urlencode({"run": run, "at": place}))))
        answer = RedirectResponse(f"/rollout?{query}", 303)
        answer.headers.update(HEADERS)
        return answer

    def _noted(self, run: str, place: str, form: Mapping[str, str]) -> Note:
        row, verdict = self._pages.row(run, place), form.get("verdict") or None
        if verdict not in (None, *VERDICTS):
            raise UsageError(f"verdict {verdict}: want one of {', '.join(VERDICTS)}")
        comment = form.get("comment", "").replace("\r\n", "\n").strip()
        return Note.model_validate({"trajectory": row["id"], "file": place, "verdict": verdict, "comment": comment})


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises UsageError for one that is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise UsageError(f"a note of more than {BODY_BYTES} bytes")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _place(request: Request, number: str = "") -> tuple[str, str]:
    return request.query_params.get(f"run{number}", ""), request.query_params.get(f"at{number}", "")


def _others(request: Request) -> str:
    """The query without what names a rollout: the filters of the list that it stands in."""
    return urlencode([pair for pair in parse_qsl(request.url.query) if pair[0] not in ("run", "at")] + _runs(request))


def _runs(request: Request) -> list[tuple[str, str]]:
    """A list's own filter by run stands beside the run of the rollout: the last one names the rollout."""
    return [("run", value) for value in request.query_params.getlist("run")[:-1]]


def _number(request: Request, name: str) -> int:
    given = request.query_params.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def bound(port: int | None) -> socket.socket:
    """A socket on loopback: at the port asked for, else at the usual one, else at any. Raises UsageError."""
    for wanted in [port] if port is not None else [PORT, 0]:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", wanted))
            listening.listen()  # whoever opens the address at once waits, and is not refused
        except OSError as error:
            listening.close()
            if port is not None:
                raise UsageError(f"--port {port}: {error.strerror}; without --port a free one is taken") from error
        else:
            return listening
    raise UsageError("no free port on 127.0.0.1")


async def serve(viewer: Viewer, listening: socket.socket, following: bool) -> None:
    """Answer until cancelled or interrupted; with `following`, look for new files every few seconds."""
    import uvicorn

    config: Any = uvicorn.Config(
        application(viewer),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    watching = asyncio.create_task(_watch(viewer)) if following else None
    try:
        await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        if watching:
            watching.cancel()


async def _watch(viewer: Viewer) -> None:
    while True:
        await asyncio.sleep(FRESH_EVERY_S)
        with suppress(SekftError):
            await asyncio.to_thread(viewer.refresh)
