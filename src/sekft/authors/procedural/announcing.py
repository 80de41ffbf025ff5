"""What every channel shares: the sentence that announces, and the noise around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sekft.authors.procedural.phrase import sentence
from sekft.authors.procedural.world import World
from sekft.scenario import File

_SENTENCES = (
    "[Requests|Errands|Open matters|Pending items|Assignments] for <user> are [kept|held|collected|filed] [in|by|with] <tool>.",
    "[Work|Whatever is pending|Anything outstanding] for <user> is [kept|held|handed out] by <tool>.",
    "<tool> [holds|keeps|has] [the work|what is pending|open matters|the requests] for <user> [on <host>|].",
    "[Since the move|As before|Since last season|On <host>], [requests|assignments|jobs] [reach|come to] <user> through <tool>.",
    "The [tool|program|command] for [pending requests|assigned work|incoming work] [on this host|here] is <tool> [; it documents itself|].",
    "[Assignments|Duties|Requests] on <host> [live in|are served by|are held in] <tool>.",
    "<user>'s [duties|requests|open matters] [can be found|lie|wait] in <tool> [, which explains itself|].",
)
_NOISE = (
    "Last login: [Mon|Tue|Wed|Thu|Fri] [Jan|Mar|May|Sep|Nov] [3|9|14|21|27] [06|09|13|18]:[02|17|41|55] from <place>",
    "<host>: [up|running] for <n> days",
    "[Backups|Snapshots] [run|are taken] [nightly|on Sundays|every six hours].",
    "Disk [usage|use] of /home: <n>%",
    "[Maintenance|A restart] is [planned|announced] for [Sunday|the first of the month], [05|13|22]:[00|30].",
    "[Welcome|Good day], <user>.",
    "[Quota|Home quota]: <n> MiB of 900 MiB used",
    "This host is [part of|run by] <place>.",
)
_REMARKS = (
    "[The printer|The scanner] [in room <n>|of the annex] [is back|works again].",
    "[Backups|Snapshots] of this folder are [kept|taken] for <n> days.",
    "[Keys|Spare keys] are with <place>.",
    "<place> [looks after|runs] this host; [questions|complaints] go there.",
    "[Old notes|Last year's papers] were moved to <place>.",
    "The [heating|projector] in room <n> is on a timer.",
)


@dataclass(frozen=True)
class Announced:
    """What a channel adds to the login. look: ways to come to see it, [[]] when login shows it."""

    needle: str
    look: list[list[str]]
    motd: str = ""
    banner: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    files: tuple[File, ...] = ()


def announcement(world: World, tool: str) -> str:
    """One descriptive sentence that names the tool; never an imperative."""
    return sentence(world.rng, world.rng.choice(_SENTENCES), user=world.user, host=world.host, tool=tool)


def noise(world: World, count: int) -> list[str]:
    """Lines such as real logins print."""
    return [_remark(world, template) for template in world.rng.sample(_NOISE, count)]


def remarks(world: World, count: int) -> list[str]:
    """Lines such as people leave in files."""
    return [_remark(world, template) for template in world.rng.sample(_REMARKS, count)]


def _remark(world: World, template: str) -> str:
    place = world.rng.choice(["the annex", "the front desk", "the north office", "the archive", "the workshop"])
    return sentence(world.rng, template, user=world.user, host=world.host, place=place, n=world.rng.randint(2, 88))
