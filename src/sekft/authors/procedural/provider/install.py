"""Installs a provider: draws its interface, fills its queue, writes its program and documentation."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sekft.authors.procedural.announcements import remarks
from sekft.authors.procedural.decoys import Decoy
from sekft.authors.procedural.grammar import phrase
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.provider.documentation import document
from sekft.authors.procedural.provider.draw import Requirements, draw_interface, entry_ids
from sekft.authors.procedural.provider.installed import InstalledProvider
from sekft.authors.procedural.provider.interface import Interface
from sekft.authors.procedural.provider.layouts import LAYOUTS
from sekft.authors.procedural.provider.program import RECEIPTS, Texts, render
from sekft.authors.procedural.provider.semantics import PROVIDERS, ProviderKind, QueueEntry, vocabulary
from sekft.authors.procedural.provider.storage import STORAGES
from sekft.scenario import Cell, File

_EXTRAS = {"plain": 0, "busy": 3, "double": 1, "triple": 2}
_PAST = {"plain": (0, 1), "busy": (2, 5), "double": (1, 2), "triple": (1, 3)}
_LONG_PAST = (5, 9)
_SEALED = (
    "[Exit status <n>: the store is sealed|When the store is sealed, calls end with status <n>|Status <n> stands for a sealed store]"
    " [, which only its keeper can undo|; a seal is lifted from outside, never from here|; nobody here can lift a seal]."
)


@dataclass(frozen=True)
class Contents:
    """What the provider is to hold. beside: a directive that comes besides the jobs, open or over.

    sealed: why nothing answers. notes: sentences that its documentation must hold.
    """

    jobs: tuple[Job, ...]
    beside: tuple[Job, bool] | None = None
    decoy: Decoy | None = None
    sealed: str | None = None
    notes: tuple[str, ...] = ()


def install(host: Host, cell: Cell, tool: str, contents: Contents, drawn_from: Host | None = None) -> InstalledProvider:
    """Install the provider with these jobs waiting in it. drawn_from: what its interface is drawn from, if not the host."""
    decoy, drawn = contents.decoy, drawn_from or host
    kind = PROVIDERS[cell["provider"]]
    rng, skin, names, difficulty = host.rng, drawn.skin, host.names, cell["difficulty"]
    demand = Requirements(
        extras=_EXTRAS[difficulty],
        roles=tuple(role for role in (decoy.shown if decoy else ()) if role not in kind.roles),
        stale=cell["documentation"] == "stale",
        senders=decoy is not None and decoy.keeper is not None,
        ack=drawn.rng.choice(kind.acks),
    )
    interface = draw_interface(skin, kind, drawn.names, tool, cell["syntax"], demand)
    groups = tuple(sorted(names.word((2, 3)) for _ in range(rng.randint(2, 4)))) if "groups" in kind.roles else ()
    form, entries = _entries(host, kind, cell, contents, groups, interface.ack)
    words = {"noun": interface.noun, "nouns": interface.nouns, "user": host.user, "host": host.name}
    summary = phrase(skin, skin.choice(kind.summary), **words)
    texts = _texts(skin, kind, interface, words)
    layout = LAYOUTS[cell["layout"]]
    storage = skin.choice(sorted(STORAGES))
    store = skin.choice([f"/var/lib/{tool}", f"/srv/{tool}", f"/var/spool/{tool}", f"/opt/{tool}/store"])
    told = _notes(host, interface, store, contents.notes)
    documentation = document(skin, interface, cell["documentation"], layout, summary, told)
    helps, bare = documentation.helps, documentation.bare
    program = render(kind, interface, helps, STORAGES[storage].code, store, host.user, texts, bare)
    files = [File(path=f"/usr/local/bin/{tool}", content=program, mode="0755", mtime=host.mtime)]
    if cell["syntax"] == "tool_per_verb":
        files += [
            File(path=f"/usr/local/bin/{tool}-{operation.verb}", kind="symlink", target=tool, mtime=host.mtime)
            for operation in interface.known
        ]
    if documentation.page is not None:
        page = f"/usr/local/share/man/man1/{tool}.1"
        files.append(File(path=page, content=documentation.page, mtime=host.mtime))
    if documentation.text is not None:
        files.append(File(path=documentation.text[0], content=documentation.text[1], mtime=host.mtime))
    interface.facts.update({"ids": form, "storage": storage, "layout": cell["layout"], "depth": cell["documentation"]})
    password = names.word((2, 3)) if "pass" in kind.roles else ""
    return InstalledProvider(
        kind, interface, documentation, storage, store, entries, tuple(files), texts.empty, groups, password, contents.sealed,
        (summary, *told),
    )  # fmt: skip


def _entries(
    host: Host, kind: ProviderKind, cell: Cell, contents: Contents, groups: Sequence[str], ack: str
) -> tuple[str, tuple[QueueEntry, ...]]:
    """What the provider holds, in the contents of the ids, whose form is told first."""
    rng, names, decoy = host.rng, host.names, contents.decoy
    keeper = decoy.keeper if decoy else None
    asked = [(job.title, job.text, keeper, True) for job in contents.jobs]
    aside = []
    if contents.beside:
        job, waiting = contents.beside
        aside.append((job.title, job.text, keeper, waiting))
    if decoy and decoy.body is not None:
        aside.append((decoy.job.title, decoy.body, decoy.sender, decoy.waiting))
    past = rng.randint(*(_LONG_PAST if kind.every else _PAST[cell["difficulty"]]))
    aside += [(f"{names.subject()} {names.word()}", remarks(host, 1)[0], None, False) for _ in range(past)]
    rng.shuffle(aside)
    slots = list(range(len(aside), len(aside) + len(asked)))
    if "commit" not in kind.acks:
        slots = sorted(rng.sample(range(len(aside) + len(asked)), len(asked)))
    for slot, entry in zip(slots, asked, strict=True):
        aside.insert(slot, entry)
    form, ids = entry_ids(host.skin, names, kind.ids, len(aside))
    receipts = [""] * len(ids)
    if ack == "receipt":
        _, receipts = entry_ids(host.skin, names, ("hex", "lettered", "pair", "suffixed"), len(ids))
    former = remarks(host, len(ids)) if "older" in kind.extra else [""] * len(ids)
    return form, tuple(
        QueueEntry(
            name, title, body, sender or names.user(), waiting, rng.choice(groups) if groups else "", older, receipt
        )
        for name, older, receipt, (title, body, sender, waiting) in zip(ids, former, receipts, aside, strict=True)
    )


def _texts(skin: random.Random, kind: ProviderKind, interface: Interface, words: Mapping[str, str]) -> Texts:
    errors = vocabulary()["errors"]

    def draw(name: str, **slots: str) -> str:
        return phrase(skin, skin.choice(errors[name]), **slots)

    old, hint = interface.former, " " + draw("hint", help=f"{interface.tool} --help")
    return Texts(
        empty=phrase(skin, skin.choice(kind.empty), **words),
        done=phrase(skin, skin.choice(kind.done), **words),
        unknown={name: draw("unknown", what=key) for name, key in interface.keys.items()},
        missing={name: draw("missing", what=key) + hint for name, key in interface.keys.items()},
        wrong=draw("wrong") + hint,
        bare=draw("bare") + hint,
        version=f"{skin.randint(0, 4)}.{skin.randint(0, 30)}",
        renamed=draw("renamed", usage=interface.usage(old[1])) if old else "",
        receipt=skin.choice(RECEIPTS),
    )


def _notes(host: Host, interface: Interface, store: str, wanted: Sequence[str]) -> list[str]:
    """What the documentation says besides the calls, in any contents."""
    skin = host.skin
    notes = [*wanted, phrase(skin, _SEALED, n=interface.codes["sealed"])]
    if interface.note:
        notes.append(phrase(skin, interface.note, tool=interface.tool))
    pool = skin.sample(vocabulary()["notes"]["harmless"], skin.randint(0, 2))
    notes += [host.say(text, n=skin.randint(3, 90), path=store, keeper=host.names.user()) for text in pool]
    skin.shuffle(notes)
    return notes
