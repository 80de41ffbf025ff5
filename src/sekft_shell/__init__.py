"""The environment `sekft-shell` of verifiers, which finds environments by the name of a top-level module."""

from sekft.env.verifiers import ShellEnv, ShellHarness, ShellTaskset

__all__ = ["ShellEnv", "ShellHarness", "ShellTaskset"]
