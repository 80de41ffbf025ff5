"""From paths to pages: sources with names of their own, indexes brought up to date, and what renders them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from sekft.errors import UsageError
from sekft.folder import told_apart
from sekft.viewer.index import Index
from sekft.viewer.pages import OneFile, Pages, Server
from sekft.viewer.query import SOURCES_AT_MOST, Indexes
from sekft.viewer.server import Viewer
from sekft.viewer.sources import Source


def opened(
    paths: Sequence[Path],
    scenarios: Path | None = None,
    *,
    annotating: bool = False,
    following: bool = False,
    one_file: bool = False,
    step: Callable[[int], None] = lambda _: None,
) -> Viewer:
    """Index what is at these paths and make pages of it.

    scenarios: where bundles are that do not lie beside their rollouts. one_file: with links for a page of its own.
    step: is told how many files have been read. Raises UsageError where there is nothing to read, StoreError.
    """
    if len(paths) > SOURCES_AT_MOST:
        raise UsageError(f"{len(paths)} paths: want at most {SOURCES_AT_MOST} at once")
    sources = {name: Source.opened(path, name, scenarios) for name, path in told_apart(list(paths)).items()}
    indexes = {name: Index(source) for name, source in sources.items()}
    for index in indexes.values():
        index.refresh(step)
    pages = Pages(
        sources,
        Indexes({name: index.path for name, index in indexes.items()}),
        OneFile() if one_file else Server(),
        annotating=annotating,
        following=following,
    )
    if not following and not any(pages.counts().values()):
        pages.indexes.close()
        raise UsageError(
            f"{', '.join(map(str, paths))}: holds no rollouts, pairs or drafts; "
            "want a run folder, rollouts, an export, or documents of ATIF"
        )
    return Viewer(pages, indexes)


def servable() -> bool:
    """Whether the libraries that serve pages are installed (extra `view`)."""
    return all(find_spec(name) is not None for name in ("starlette", "uvicorn"))
