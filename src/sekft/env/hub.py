"""`sekft push`: an export folder becomes a data set on the Hub, by huggingface_hub and with its own login."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from sekft.dataset.card import CARD
from sekft.dataset.export import MANIFEST, read
from sekft.env.source import FORM
from sekft.errors import SekftError, UsageError, installing
from sekft.folder.config import Config, option
from sekft.models import keys
from sekft.report import Report, Table, facts

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
KEPT_AWAY = [".*", "*/.*"]
"""Hidden files and folders at any depth: `*` goes past slashes here."""
SHOWN = 12


class PushConfig(Config):
    """Upload an export folder to the Hub as a data set."""

    heading: ClassVar[str] = "Hub"

    yes: bool = option(False, "Upload; without it, only show what would be uploaded.", recorded=False)
    private: bool = option(False, "Make a new repository private.", recorded=False)
    message: str = option("Upload a data set made by sekft", "Message of the commit.", recorded=False)


class Pushed(Report):
    """url: where it is now; None where nothing was uploaded. notes: what a reader of the set will miss."""

    repository: str
    url: str | None
    files: dict[str, int]
    notes: list[str]

    @property
    def tables(self) -> list[Table]:
        size = sum(self.files.values()) / 1e6
        done = self.url or "nothing yet: add --yes"
        head = facts([("data set", self.repository), ("uploaded", done), ("size", f"{size:,.1f} MB")], notes=self.notes)
        rows = [(name, count) for name, count in list(self.files.items())[:SHOWN]]
        more = len(self.files) - SHOWN
        return [head, Table(("file", "bytes"), rows, notes=[f"… and {more} more"] if more > 0 else [])]


def push(config: PushConfig, folder: Path, repository: str) -> Pushed:
    """Upload, or say what would be. The token is huggingface_hub's own: HF_TOKEN, or what `hf auth login` stored.

    Raises UsageError for a folder that is no export or a name that is none, SekftError where the Hub refuses.
    """
    if not REPOSITORY.fullmatch(repository):
        raise UsageError(f"{repository!r}: want OWNER/NAME of a data set on the Hub")
    for name in (MANIFEST, CARD):
        if not (folder / name).is_file():
            raise UsageError(f"{folder}: holds no {name}; want a folder that `sekft export` filled, with its card")
    if not read(folder).parts:
        raise UsageError(f"{folder}: its {MANIFEST} names no rows, as after an export that was stopped; export again")
    url = _uploaded(config, folder, repository) if config.yes else None
    return Pushed(repository=repository, url=url, files=_files(folder), notes=_notes(folder))


def _files(folder: Path) -> dict[str, int]:
    """What is uploaded, by path: hidden files are not."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = {str(path.relative_to(folder)): path.stat().st_size for path in paths}
    return {name: size for name, size in named.items() if not any(part.startswith(".") for part in name.split("/"))}


def _notes(folder: Path) -> list[str]:
    if (folder / FORM).is_dir():
        return []
    return [f"without scenarios: nobody can verify the set or play in it; sekft export --to {FORM} adds them"]


def _uploaded(config: PushConfig, folder: Path, repository: str) -> str:
    """The commit's address. No message holds the token, whoever wrote it."""
    api = _api()
    token = keys.checked("HF_TOKEN", api.token or "")
    if not token:
        raise SekftError("push: no token: set HF_TOKEN, or run `hf auth login`")
    try:
        api.create_repo(repository, repo_type="dataset", private=config.private or None, exist_ok=True)
        if config.private and not api.repo_info(repository, repo_type="dataset").private:
            raise SekftError("it is public already: make it private on the Hub first, or push without --private")
        commit = api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=folder,
            commit_message=config.message,
            ignore_patterns=KEPT_AWAY,
        )
    except Exception as error:  # also what the HTTP client of huggingface_hub raises
        said = str(error).strip() or type(error).__name__
        raise SekftError(f"push: {repository}: {keys.scrubbed(said, [token, *keys.in_url(api.endpoint)])}") from None
    return str(commit.commit_url)


def _api() -> Any:
    """Raises UsageError without the extra."""
    try:
        from huggingface_hub import HfApi, get_token
    except ImportError as error:
        raise UsageError(f"push wants huggingface_hub: {installing('hub')}") from error
    return HfApi(token=get_token())
