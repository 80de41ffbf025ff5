"""Everything sekft raises on purpose.

    SekftError
    ├── UsageError          wrong input from the user: exit status 2
    ├── BundleError         a scenario or trajectory file that cannot be read
    ├── SandboxUnavailable  this machine cannot sandbox, and why
    ├── InfraError          the sandbox or the endpoint failed, not the policy: retried on resume
    │   └── ResourcesExhausted  a step of the harness's own that the session's processes or files may have stopped
    ├── EndpointError       the model service refused for good (wrong key, unknown model)
    ├── StoreError          the run folder cannot be written or resumed
    │   └── OtherSettings   it was made with other settings: exit status 2
    └── NothingKept         no stored rollout is fit for what is asked

A scenario that fails the gate and a rollout that fails its check are data, not errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class SekftError(Exception):
    """Base of all errors that carry a message for the user; exit status 1."""

    exit_status = 1


class UsageError(SekftError):
    """A wrong argument, axis, value or setting; exit status 2."""

    exit_status = 2


class BundleError(SekftError):
    """A bundle is faulty; the message names file, field, value seen and value wanted."""


class SandboxUnavailable(SekftError):
    """No backend can run here; the message says why and what to install."""


class InfraError(SekftError):
    """The sandbox or the endpoint broke; the rollout is retried, never scored."""


class ResourcesExhausted(InfraError):
    """A session's step came to nothing for want of time or memory; whoever judges it finds out whose fault that is.

    killed: the session's processes kept the harness waiting, and are dead: the same step may be tried again.
    """

    def __init__(self, message: str, *, killed: bool = False) -> None:
        super().__init__(message)
        self.killed = killed


class EndpointError(SekftError):
    """The endpoint refused in a way that a retry cannot mend."""


class StoreError(SekftError):
    """The run folder cannot be written, or belongs to other settings."""


class OtherSettings(StoreError):
    """A folder was made with other settings than these; the message names each that differs."""

    exit_status = 2


class NothingKept(SekftError):
    """There is no row to export; the message says where and why."""


def installing(extra: str, origin: Mapping[str, Any] | None = None) -> str:
    """The command that adds an extra to this installation: no package index has sekft.

    origin: what pip recorded of where sekft came from (`direct_url.json`); None reads it.
    """
    told = _origin() if origin is None else origin
    url = str(told.get("url", ""))
    if "vcs_info" in told:
        return f"pip install 'sekft[{extra}] @ {told['vcs_info']['vcs']}+{url}'"
    if "dir_info" in told and url.startswith("file://"):
        editable = "-e " if told["dir_info"].get("editable") else ""
        return f"pip install {editable}'{url.removeprefix('file://')}[{extra}]'"
    return f"pip install './sekft[{extra}]', where ./sekft is a checkout"


def _origin() -> Mapping[str, Any]:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        told = distribution("sekft").read_text("direct_url.json")
    except PackageNotFoundError:
        return {}
    found: Mapping[str, Any] = json.loads(told) if told else {}
    return found
