"""Files that lie about and have nothing to do with the work: what people left, and copies from before a change."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping

from sekft.authors.procedural import tables
from sekft.authors.procedural.host import Host, local, moment, numbered
from sekft.authors.procedural.world import Paper
from sekft.scenario import File


def clutter(host: Host) -> tuple[File, ...]:
    """What people left, and what a home has; nothing on a brief host."""
    if host.brief:
        return ()
    count = host.rng.choice((1, 1, 1, 1, 2, 2, 3))
    files = papers(host, count)
    kinds = [kind for kind, share in _KINDS.items() if host.rng.random() < share]
    return (*_dotted(host), *(file for kind in kinds for file in kind(host)), *files)


def papers(host: Host, count: int) -> list[File]:
    """So many texts of the setting, or as many as there are, none in a folder that the work has."""
    all_of_them = host.world.setting.papers
    found = host.skin.sample(all_of_them, len(all_of_them))
    apart = [paper for paper in found if host.names.taken.isdisjoint(paper.path.split("/")[:-1])]
    return [_left(host, paper) for paper in apart[:count]]


def _left(host: Host, paper: Paper) -> File:
    """The paper where it lies."""
    home, inside = paper.path.startswith("~/"), paper.path.removeprefix("~/")
    text = told(host, paper.text)
    mode = "0755" if text.startswith("#!") else "0644"
    return host.file(posixpath.join(host.home if home else host.data, inside), text, mode)


def told(host: Host, text: str) -> str:
    """A paper's text as it stands on this host. Raises KeyError for a slot that there is not."""
    text = _CHOICE.sub(lambda match: host.skin.choice(match[1].split("|")), text)
    text = numbered(host.skin, text)
    people = host.skin.sample(host.cast[1:], len(_PEOPLE) + 1)
    past = moment(host)
    given: dict[str, object] = {
        **{name: re.sub(r"(^|[. ])0", r"\1", f"{past:{form}}") for name, form in _DATES.items()},
        "role": f"the {people[-1].role}",
        "name": host.me.name,
        "outsider": host.names.family(),
    }
    for slot, person in zip(_PEOPLE, people, strict=False):
        given |= {slot: person.name, f"{slot}_first": person.first, f"{slot}_login": person.login}
        given |= {f"{slot}_role": person.role}
    for slot in sorted({name for name, _ in _SLOT.findall(text)} - set(given)):
        given[slot] = local(host, slot)
    return _SLOT.sub(lambda match: f"{given[match[1]]!s:{match[2] or 0}}", text)


_PEOPLE = ("who", "other", "third")
_DATES = {"iso": "%Y-%m-%d", "date": "%d %B", "dm": "%d.%m.", "dmy": "%d.%m.%y", "us": "%b %d", "year": "%Y"}
"""Slots for the day on which a paper was written, as one or the other writes it."""
_CHOICE = re.compile(r"\[(?! )([^\[\]\n]*\|[^\[\]\n]*)(?<! )\]")
_SLOT = re.compile(r"<([a-z_]+)(?::(\d+))?>")

_DOTTED_SHARE = 0.5
_DOTTED: Mapping[str, tuple[str, ...]] = {
    ".profile": (
        "umask 022\n",
        "EDITOR=vi; export EDITOR\n",
        "# .profile\numask 022\nPAGER=cat; export PAGER\n",
        "alias ll='ls -l'\nalias la='ls -A'\n",
        "PAGER=less; export PAGER\nalias ll='ls -l'\n",
    ),
    ".exrc": ("set number\nset shiftwidth=4\n", "set ai nu\n", "set tabstop=8\nset showmode\n"),
    ".inputrc": ("set bell-style none\n", "set completion-ignore-case on\n"),
    ".nanorc": ("set nowrap\n", "set tabsize 4\nset constantshow\n"),
    ".screenrc": ("startup_message off\ndefscrollback 5000\n", "vbell off\nstartup_message off\n"),
    ".selected_editor": ('SELECTED_EDITOR="/usr/bin/vim.tiny"\n', 'SELECTED_EDITOR="/bin/nano"\n'),
}
"""Files of a home, and what may stand in them."""


def _dotted(host: Host) -> list[File]:
    """What a home has besides its owner's texts."""
    if host.rng.random() >= _DOTTED_SHARE:
        return []
    name = host.skin.choice(list(_DOTTED))
    return [host.file(f"{host.home}/{name}", host.skin.choice(_DOTTED[name]))]


def _folder(host: Host, names: str) -> str:
    """A folder of its own where the host keeps its data, so that no pattern of the work meets what lies there."""
    return posixpath.join(host.data, host.names.pick(*filter(None, (names, host.world.setting.folders))))


def _settings(host: Host) -> list[File]:
    """Settings, and the copy that was made before one of them was changed."""
    settings = host.world.settings(host.some(host.rng, 2, 4))
    rows = {name: value for name, value, *_ in settings.entries}
    name, _, new, _ = settings.entries[0]
    path = f"{_folder(host, settings.kind.folders)}/{settings.stem}.conf"
    texts = {path + host.skin.choice([".bak", ".orig", ".old"]): rows, path: rows | {name: new}}
    return [host.file(at, "".join(f"{key} = {value}\n" for key, value in pairs.items())) for at, pairs in texts.items()]


def _old_table(host: Host) -> list[File]:
    """A table that was rotated away, and the one that took its place."""
    form, count = tables.draw(host.skin), host.some(host.rng, 4, 6)
    table = host.world.table(count, min(count, 3))
    kind = table.kind
    amounts = (str(host.rng.randint(kind.low, kind.high)) for _ in table.keys)
    rows = [(key, host.rng.choice(table.groups), amount) for key, amount in zip(table.keys, amounts, strict=True)]
    columns, path = [kind.key, kind.group, kind.amount], f"{_folder(host, kind.folders)}/{table.stem}{form.ending}"
    return [host.file(path, form.text(columns, rows[2:])), host.file(f"{path}.1", form.text(columns, rows[:2]))]


_KINDS: dict[Callable[[Host], list[File]], float] = {_settings: 0.1, _old_table: 0.1}
"""What else lies about, and on what share of hosts."""
