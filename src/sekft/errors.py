"""Everything sekft raises on purpose.

    SekftError
    ├── UsageError          wrong input from the user: exit status 2
    ├── BundleError         a scenario or trajectory file that cannot be read
    ├── SandboxUnavailable  this machine cannot sandbox, and why
    ├── InfraError          the sandbox or the endpoint failed, not the policy: retried on resume
    │   └── ResourcesExhausted  a step of the harness's own that the session's processes or files may have stopped
    ├── EndpointError       the model service refused for good (wrong key, unknown model)
    ├── StoreError          the run folder cannot be written or resumed
    └── NothingKept         no stored rollout is fit for what is asked

A scenario that fails the gate and a rollout that fails its check are data, not errors.
"""

from __future__ import annotations


class SekftError(Exception):
    """Base of all errors that carry a message for the user; exit status 1."""

    exit_status = 1


class UsageError(SekftError):
    """A wrong argument, axis, value or setting; exit status 2."""

    exit_status = 2


class BundleError(SekftError):
    """A bundle names file, field, value seen and value wanted."""


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


class NothingKept(SekftError):
    """A data set without a row; the message says of what."""
