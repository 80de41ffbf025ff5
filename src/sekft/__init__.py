"""Training data for models that operate a shell as self-directed citizens.

The names of `__all__` are the library; docs/python-api.md shows each at work. A name loads when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sekft.dataset.export import ExportConfig
    from sekft.dataset.make_pairs import PairConfig
    from sekft.dataset.pair import Pair
    from sekft.errors import InfraError, SekftError, UsageError
    from sekft.protocols import Action, Author, Operator, Policy, Sandbox, SandboxSpec, Session
    from sekft.rejection import Admitted, Rejected
    from sekft.runs.evaluate import EvalConfig
    from sekft.runs.generate import GenerateConfig
    from sekft.runs.library import (
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
    from sekft.scenario import Scenario
    from sekft.training.config import TrainConfig
    from sekft.trajectory import Trajectory, Turn

_HOMES = {
    "dataset.export": "ExportConfig",
    "dataset.make_pairs": "PairConfig",
    "dataset.pair": "Pair",
    "errors": "InfraError SekftError UsageError",
    "protocols": "Action Author Operator Policy Sandbox SandboxSpec Session",
    "rejection": "Admitted Rejected",
    "runs.evaluate": "EvalConfig",
    "runs.generate": "GenerateConfig",
    "runs.library": "admit agenerate arollout compare evaluate generate land play replay rollout sandbox",
    "runs.rollout": "RolloutConfig",
    "runs.run": "Run",
    "runs.star": "StarConfig",
    "scenario": "Scenario",
    "training.config": "TrainConfig",
    "trajectory": "Trajectory Turn",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = [
    "Action",
    "Admitted",
    "Author",
    "EvalConfig",
    "ExportConfig",
    "GenerateConfig",
    "InfraError",
    "Operator",
    "Pair",
    "PairConfig",
    "Policy",
    "Rejected",
    "RolloutConfig",
    "Run",
    "Sandbox",
    "SandboxSpec",
    "Scenario",
    "SekftError",
    "Session",
    "StarConfig",
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
