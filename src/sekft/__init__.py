"""Training data for models that operate a shell as self-directed citizens.

The names of `__all__` are the library; docs/python-api.md shows each at work. A name loads when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sekft.dataset.export import ExportConfig, Exported
    from sekft.dataset.make_pairs import PairConfig, PairReport
    from sekft.dataset.pair import Pair
    from sekft.errors import (
        BundleError,
        EndpointError,
        InfraError,
        NothingKept,
        OtherSettings,
        SandboxUnavailable,
        SekftError,
        StoreError,
        UsageError,
    )
    from sekft.evaluation.compare import Comparison
    from sekft.evaluation.evaluate import Evaluation
    from sekft.protocols import Action, Author, Operator, Policy, Sandbox, SandboxSpec, Session
    from sekft.quality.audit import Audit
    from sekft.rejection import Admitted, Rejected
    from sekft.rollouts.record import Replayed
    from sekft.runs.evaluate import EvalConfig
    from sekft.runs.generate import AuthorExhausted, GenerateConfig
    from sekft.runs.library import (
        Shell,
        admit,
        agenerate,
        arollout,
        compare,
        evaluate,
        generate,
        land,
        play,
        replay,
        rollout,
        sandbox,
    )
    from sekft.runs.rollout import RolloutConfig
    from sekft.runs.run import Run
    from sekft.runs.star import StarConfig
    from sekft.runs.summary import Summary
    from sekft.scenario import Scenario
    from sekft.training.config import TrainConfig
    from sekft.trajectory import Trajectory, Turn

_HOMES = {
    "dataset.export": "ExportConfig Exported",
    "dataset.make_pairs": "PairConfig PairReport",
    "dataset.pair": "Pair",
    "errors": "BundleError EndpointError InfraError NothingKept OtherSettings SandboxUnavailable SekftError StoreError "
    "UsageError",
    "evaluation.compare": "Comparison",
    "evaluation.evaluate": "Evaluation",
    "protocols": "Action Author Operator Policy Sandbox SandboxSpec Session",
    "quality.audit": "Audit",
    "rejection": "Admitted Rejected",
    "rollouts.record": "Replayed",
    "runs.evaluate": "EvalConfig",
    "runs.generate": "AuthorExhausted GenerateConfig",
    "runs.library": "Shell admit agenerate arollout compare evaluate generate land play replay rollout sandbox",
    "runs.rollout": "RolloutConfig",
    "runs.run": "Run",
    "runs.star": "StarConfig",
    "runs.summary": "Summary",
    "scenario": "Scenario",
    "training.config": "TrainConfig",
    "trajectory": "Trajectory Turn",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = [
    "Action",
    "Admitted",
    "Audit",
    "Author",
    "AuthorExhausted",
    "BundleError",
    "Comparison",
    "EndpointError",
    "EvalConfig",
    "Evaluation",
    "ExportConfig",
    "Exported",
    "GenerateConfig",
    "InfraError",
    "NothingKept",
    "Operator",
    "OtherSettings",
    "Pair",
    "PairConfig",
    "PairReport",
    "Policy",
    "Rejected",
    "Replayed",
    "RolloutConfig",
    "Run",
    "Sandbox",
    "SandboxSpec",
    "SandboxUnavailable",
    "Scenario",
    "SekftError",
    "Session",
    "Shell",
    "StarConfig",
    "StoreError",
    "Summary",
    "TrainConfig",
    "Trajectory",
    "Turn",
    "UsageError",
    "admit",
    "agenerate",
    "arollout",
    "compare",
    "evaluate",
    "generate",
    "land",
    "play",
    "replay",
    "rollout",
    "sandbox",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'sekft' has no attribute {name!r}")
    return getattr(import_module(f"sekft.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
