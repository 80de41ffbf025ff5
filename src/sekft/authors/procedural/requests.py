"""What every kind of task shares: how it is asked for, how it can be done, how it goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sekft.authors.procedural.host import Host, Job
from sekft.scenario import Probe
from sekft.taxonomy.kinds import Family, import_modules

TASKS = Family[Callable[[Host], Job]](partial(import_modules, "sekft.authors.procedural.tasks"))

Typed = str | list[str]
"""One command, or several in a row."""

_ENDINGS = {
    "text": ".txt .lst .note .md .list .memo .text .asc".split(),
    "log": ".log .out .journal .trace .log.1 .events".split(),
    "table": ".tab .dat .tbl .rows .data .col".split(),
    "config": ".conf .cfg .ini .settings .rc .opts".split(),
    "result": ".out .txt .res .found .lst .result .answer".split(),
}
_SORT = "[spring|autumn|yearly|monthly|winter] [review|audit|inventory|handover|move|count|session]"
# Whole sentences for any core, clauses for one that asks for something; neither says anything of the work itself.
_OPENINGS = (
    "[A request|A note|Word|A wish] from <who> [, passed on as it came|, written in some haste|, by way of the front desk|].",
    "<who> [would like this done|has asked for this twice|needs this|brought this up again] [for <matter>|].",
    "This [is part of|belongs to] <matter>.",
    "This [came out of|is left over from|was promised at] <past>.",
    "[One more|The next|Another] item [of|on] the list for <matter>.",
    "[Agreed|Decided|Settled|Promised] [on Monday|at the last meeting|in passing|last week].",
    "[Agreed|Settled|Talked over] with <who>.",
    "[A small job|A short one|Routine|Housekeeping|One for the patient].",
    "[Nobody|Hardly anybody] has had time for this since <past>.",
    "<who> is away [this week|until Thursday|for a while], so this comes to <user>.",
)
_CLAUSES = (
    "for <matter>,",
    "ahead of <matter>,",
    "[in the name|on behalf] of <who>,",
    "[before|by] the end of [the week|the month|the day],",
    "[now that|since] <who> [has left|has moved on|has changed rooms],",
    "[to be ready for|with a view to|in preparation for] <matter>,",
    "[as a consequence|as a result] of <past>,",
)
_CLOSINGS = (
    "[Nothing else|No other file|No other path] [is to change|changes|is concerned|is meant].",
    "[All|Everything] else stays [as it is|untouched|the way it is|where it is].",
    "<who> [picks it up|looks at it|reads it|goes on from there] [later|tomorrow|on Friday].",
    "[Thanks|Many thanks], <who>.",
    "[That is all|That is the whole of it|No more than that].",
    "It is [needed|wanted|meant] for <matter>.",
    "This was [overlooked|left out|put off] [last time|in spring|twice].",
    "[It|This] has been on the list since <past>.",
)
# First words of cores that ask for something: a purpose can stand before them, and never before a state.
_ASKING = frozenset(
    "add append apply archive assign arrange begin bring carry change check choose clear collect compare compile complete"
    " compute connect continue copy correct count create cut delete dispose do drop empty enter extend extract fill find"
    " gather get give go have hunt join keep leave lend let link list look make mark mend merge move name note open order"
    " pack pick place point produce put re-point record redirect remove rename renew replace restore retain rid run save"
    " see set shift show single sort start store substitute sum switch take tar thin tidy trim turn unfold unpack verify"
    " work write".split()
)


def new_path(host: Host, folder: str, sort: str) -> str:
    """A path in the folder for a file of that sort."""
    return f"{folder}/{host.names.compound()}{host.skin.choice(_ENDINGS[sort])}"


def ask(host: Host, cores: Sequence[str], **slots: object) -> str:
    """One of the cores, with or without something before and after it.

    cores: templates that start in lower case; one that ends in a full stop may be followed by another sentence,
    one that ends in a bare value may not, so that the value's end is never in doubt.
    """
    skin = host.skin
    template, around = skin.choice(cores), skin.random()
    coming, past = (
        host.say(f"[the|this year's|the coming|the next] {_SORT}"),
        host.say(f"[the last|last year's] {_SORT}"),
    )
    about = {"who": host.names.user(), "user": host.user, "matter": _lowered(coming), "past": _lowered(past)}
    core = host.say(template, **slots)
    if around < 0.4:
        core = f"{host.say(skin.choice(_OPENINGS), **about)} {core}"
    elif around < 0.65 and _lowered(core).split()[0] in _ASKING:
        core = f"{host.say(skin.choice(_CLAUSES), **about)} {_lowered(core)}"
    if core.endswith(".") and skin.random() < 0.5:
        plain = [text for text in _CLOSINGS if "<matter>" not in text and "<past>" not in text]
        core = f"{core} {host.say(skin.choice(plain if around < 0.65 else _CLOSINGS), **about)}"
    return core


def ways(folder: str, looks: Sequence[str], direct: Sequence[Typed], informed: Iterable[Typed] = ()) -> list[list[str]]:
    """Valid ways, the reference's first: each command at once and after a look, and from inside the folder.

    direct:   what the directive alone tells. informed: what takes names or numbers from the first look.
    """
    found = [[looks[0], *_typed(direct[0])], *(_typed(command) for command in direct)]
    found += [[looks[at % len(looks)], *_typed(command)] for at, command in enumerate(direct[1:], 1)]
    found += [[looks[0], *_typed(command)] for command in informed]
    inside = [within(folder, command) for command in (looks[-1], *_typed(direct[0]))]
    return [*found, [f"cd {folder}", *(command for command in inside if command != "cd .")]]


def within(folder: str, command: str) -> str:
    """The same command as typed from inside the folder."""
    name = re.escape(folder)
    return re.sub(rf"(?<![\w/.-]){name}(?![\w/.-])", ".", re.sub(rf"(?<![\w/.-]){name}/(?=[\w*.'\"-])", "", command))


def probes(**wrong: Typed) -> tuple[Probe, ...]:
    """Wrong solutions by what is wrong with them."""
    return tuple(Probe(kind=kind, commands=_typed(commands)) for kind, commands in wrong.items())


def _typed(command: Typed) -> list[str]:
    return [command] if isinstance(command, str) else list(command)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
