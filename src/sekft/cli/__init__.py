"""The command line: a thin client of the library."""

from __future__ import annotations


def main() -> None:
    """The console command. Exit status: 0 done, 1 could not, 2 wrong usage, 130 interrupted."""
    from sekft.cli.app import main as run

    run()
