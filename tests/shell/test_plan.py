"""What a scenario knows of right and wrong solutions."""

from __future__ import annotations

from sekft.authors.procedural.author import compose
from sekft.scenario import Alternative, Probe
from sekft.shell.plan import is_wrong_work
from sekft.taxonomy import load


def test_wrong_work_is_what_only_wrong_solutions_do() -> None:
    """Only what writes a file; not what a right one does, too, nor a look, nor a call, nor what no solution holds."""
    drawn = compose(load().cell(5, 3, {"ending": frozenset(("work",))}), 3)
    call = f"{drawn.provider.command} done 17"
    probes = [
        Probe(
            kind="wrong", commands=["ls /", "rm /srv/b", "echo 3 > /srv/a", "echo 4 > /srv/a", call, *drawn.reference]
        )
    ]
    scenario = drawn.model_copy(
        update={"probes": probes, "alternatives": [Alternative(kind="right", commands=["echo 4 > /srv/a"])]}
    )
    assert is_wrong_work("echo 3 > /srv/a", scenario)
    right = ("ls /", "rm /srv/b", "echo 4 > /srv/a", call, "echo 5 > /srv/a", *drawn.reference)
    assert not any(is_wrong_work(command, scenario) for command in right)
