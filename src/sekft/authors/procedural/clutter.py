"""Files that lie about and have nothing to do with the work: notes, stale data, drafts and other people's leftovers."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from sekft.authors.procedural import tables
from sekft.authors.procedural.announcements import remarks
from sekft.authors.procedural.host import Host, expand
from sekft.scenario import File


def clutter(host: Host) -> tuple[File, ...]:
    """Up to three files, fewer on a brief host; each has a name of its own."""
    kinds = host.skin.choices(list(_KINDS), list(_KINDS.values()), k=host.some(host.rng, 0, 3))
    return tuple(kind(host) for kind in kinds)


def _folder(host: Host, *others: str) -> str:
    """The home, a folder in it, or one of the others."""
    below = f"{host.home}/{host.world.stem(host.world.setting.folders)}"
    return host.skin.choice([host.home, below, *others])


def _data_folder(host: Host) -> str:
    """A folder of its own where the setting keeps its data, so that no pattern of the work meets what lies there."""
    root = host.skin.choice(host.world.setting.roots.split())
    return posixpath.join(root, host.skin.choice(["old", "attic", "backup", "misc", "from-" + host.person().name]))


def _note(host: Host) -> File:
    """What somebody wrote down, now and then with a slip of the keyboard."""
    name = f"{host.world.stem(host.world.setting.words)}.{host.skin.choice(['txt', 'old', 'md', 'log'])}"
    lines = remarks(host, host.some(host.rng, 1, 3))
    return host.file(posixpath.join(_folder(host), name), "".join(f"{line}\n" for line in lines))


def _stale_table(host: Host) -> File:
    """Last year's figures."""
    form, count = tables.draw(host.skin), host.some(host.rng, 2, 6)
    table = host.world.table(count, min(count, 3))
    kind = table.kind
    amounts = (str(host.rng.randint(kind.low, kind.high)) for _ in table.keys)
    rows = [(key, host.rng.choice(table.groups), amount) for key, amount in zip(table.keys, amounts, strict=True)]
    text = form.text([kind.key, kind.group, kind.amount], rows)
    suffix = host.skin.choice([".old", ".bak", "-2019", "-last-year", ".1"])
    return host.file(f"{_data_folder(host)}/{table.stem}{form.ending}{suffix}", text)


def _draft(host: Host) -> File:
    """Somebody's text that is not finished."""
    document = host.world.document(host.some(host.rng, 2, 5))
    head = expand(
        host,
        "[DRAFT <who>|draft, <iso>|<who>, <iso>, not final|for <role> to look at|version 0.<k>|DRAFT for <event>|notes of <who>]",
    )
    lines = [document.kind.title, head, "", *(host.text(line) for line in document.lines)]
    name = f"{document.stem}-{host.skin.choice(['draft', 'wip', 'new', 'v2'])}.txt"
    return host.file(f"{_folder(host, _data_folder(host))}/{name}", "\n".join(lines) + "\n")


def _old_settings(host: Host) -> File:
    """A copy that was made before something was changed."""
    settings = host.world.settings(host.some(host.rng, 2, 4))
    rows = "".join(f"{name} = {value}\n" for name, value, *_ in settings.entries)
    head = expand(host, "# [copy of <iso>|before the change of <iso>|as it was before <who> changed it]")
    return host.file(f"{_data_folder(host)}/{settings.stem}.conf.orig", f"{head}\n{rows}")


_KINDS: dict[Callable[[Host], File], int] = {_note: 5, _stale_table: 2, _draft: 2, _old_settings: 1}
