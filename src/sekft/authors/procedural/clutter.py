"""Files that lie about and have nothing to do with the work: notes, drafts, and copies from before a change."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from sekft.authors.procedural import tables
from sekft.authors.procedural.announcements import remarks
from sekft.authors.procedural.host import Host, expand
from sekft.authors.procedural.pages import fields
from sekft.scenario import File


def clutter(host: Host) -> tuple[File, ...]:
    """What one or two people left, and what a home has; nothing on a brief host."""
    if host.brief:
        return ()
    kinds = dict.fromkeys(host.rng.choices(list(_KINDS), list(_KINDS.values()), k=host.rng.choice((0, 1, 1, 2))))
    profile = (
        [host.file(f"{host.home}/.profile", host.skin.choice(_PROFILES))] if host.rng.random() < _PROFILE_SHARE else []
    )
    return (*profile, *(file for kind in kinds for file in kind(host)))


_PROFILE_SHARE = 0.25
_PROFILES = ("umask 022\n", "EDITOR=vi; export EDITOR\n", "# .profile\numask 022\nPAGER=cat; export PAGER\n")


def _folder(host: Host) -> str:
    """A folder of its own where the setting keeps its data, so that no pattern of the work meets what lies there."""
    root = host.skin.choice(host.world.setting.roots.split())
    return posixpath.join(root, host.world.stem(host.world.setting.folders))


def _note(host: Host) -> list[File]:
    """What somebody wrote down."""
    rows = remarks(host, host.some(host.rng, 2, 3))
    name = host.skin.choice(["notes.txt", "notes.md", "reminders.txt"])
    return [host.file(f"{host.home}/{name}", "".join(f"{row}\n" for row in rows))]


def _phones(host: Host) -> list[File]:
    """Who is called under which number."""
    people = host.skin.sample(host.cast[1:], host.some(host.rng, 2, 4))
    rows = fields([(person.name, expand(host, "<n>-<m>")) for person in people], "  ")
    name = host.skin.choice(["phone-list.txt", "extensions.txt", "phone.txt", "numbers.txt"])
    return [host.file(f"{host.home}/{name}", "".join(f"{row}\n" for row in rows))]


def _draft(host: Host) -> list[File]:
    """Somebody's text that is not finished."""
    document = host.world.document(host.some(host.rng, 2, 4))
    head = expand(host, "[Draft, <who>|Draft, <iso>|<who>, <iso>, not final|Draft for <event>]")
    rows = [document.kind.title, head, "", *(host.text(row) for row in document.lines)]
    name = f"{document.stem}-{host.skin.choice(['draft', 'new', 'v2'])}.txt"
    return [host.file(f"{host.home}/{name}", "".join(f"{row}\n" for row in rows))]


def _settings(host: Host) -> list[File]:
    """Settings, and the copy that was made before one of them was changed."""
    settings = host.world.settings(host.some(host.rng, 2, 4))
    rows = {name: value for name, value, *_ in settings.entries}
    name, _, new, _ = settings.entries[0]
    path = f"{_folder(host)}/{settings.stem}.conf"
    texts = {path + host.skin.choice([".bak", ".orig", ".old"]): rows, path: rows | {name: new}}
    return [host.file(at, "".join(f"{key} = {value}\n" for key, value in pairs.items())) for at, pairs in texts.items()]


def _old_table(host: Host) -> list[File]:
    """A table that was rotated away, and the one that took its place."""
    form, count = tables.draw(host.skin), host.some(host.rng, 4, 6)
    table = host.world.table(count, min(count, 3))
    kind = table.kind
    amounts = (str(host.rng.randint(kind.low, kind.high)) for _ in table.keys)
    rows = [(key, host.rng.choice(table.groups), amount) for key, amount in zip(table.keys, amounts, strict=True)]
    columns, path = [kind.key, kind.group, kind.amount], f"{_folder(host)}/{table.stem}{form.ending}"
    return [host.file(path, form.text(columns, rows[2:])), host.file(f"{path}.1", form.text(columns, rows[:2]))]


_KINDS: dict[Callable[[Host], list[File]], int] = {_note: 3, _phones: 2, _draft: 2, _settings: 1, _old_table: 1}
