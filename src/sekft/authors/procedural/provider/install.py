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
from sekft.authors.procedural.provider.program import Texts, render
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
    storage = skin.choice(sorted(STORAGES))
    store = skin.choice([f"/var/lib/{tool}", f"/srv/{tool}", f"/var/spool/{tool}", f"/opt/{tool}/store"])
    notes = _notes(host, interface, store, contents.notes)
    documentation = document(skin, interface, cell["documentation"], LAYOUTS[cell["layout"]], summary, notes)
    program = render(kind, interface, documentation, STORAGES[storage].code, store, host.user, texts)
    files = [File(path=f"/usr/local/bin/{tool}", content=program, mode="0755", mtime=host.mtime)]
    own_tools = interface.known if cell["syntax"] == "tool_per_verb" else ()
    tools = [f"/usr/local/bin/{tool}-{operation.verb}" for operation in own_tools]
    files += [File(path=path, kind="symlink", target=tool, mtime=host.mtime) for path in tools]
    if documentation.page is not None:
        page = f"/usr/local/share/man/man1/{tool}.1"
        files.append(File(path=page, content=documentation.page, mtime=host.mtime))
    if documentation.text is not None:
        files.append(File(path=documentation.text[0], content=documentation.text[1], mtime=host.mtime))
    interface.facts.update({"ids": form, "storage": storage, "layout": cell["layout"], "depth": cell["documentation"]})
    password = names.word((2, 3)) if "pass" in kind.roles else ""
    return InstalledProvider(
        kind, interface, documentation, storage, store, entries, tuple(files), texts.empty, groups, password, contents.sealed,
        (summary, *notes),
    )  # fmt: skip


def _entries(
    host: Host, kind: ProviderKind, cell: Cell, contents: Contents, groups: Sequence[str], ack: str
) -> tuple[str, tuple[QueueEntry, ...]]:
    """The form of the ids, and what the provider holds in their order."""
    rng, names, decoy = host.rng, host.names, contents.decoy
    keeper = decoy.keeper if decoy else None
    directives = [(job.title, job.text, keeper, True) for job in contents.jobs]
    others = []
    if contents.beside:
        job, waiting = contents.beside
        others.append((job.title, job.text, keeper, waiting))
    if decoy and decoy.body is not None:
        others.append((decoy.job.title, decoy.body, decoy.sender, decoy.waiting))
    past = rng.randint(*(_LONG_PAST if kind.every else _PAST[cell["difficulty"]]))
    others += [(f"{names.subject()} {names.word()}", remarks(host, 1)[0], None, False) for _ in range(past)]
    rng.shuffle(others)
    slots = list(range(len(others), len(others) + len(directives)))
    if "commit" not in kind.acks:
        slots = sorted(rng.sample(range(len(others) + len(directives)), len(directives)))
    for slot, entry in zip(slots, directives, strict=True):
        others.insert(slot, entry)
    form, ids = entry_ids(host.skin, names, kind.ids, len(others))
    receipts = [""] * len(ids)
    if ack == "receipt":
        _, receipts = entry_ids(host.skin, names, ("hex", "lettered", "pair", "suffixed"), len(ids))
    former = remarks(host, len(ids)) if "older" in kind.extra else [""] * len(ids)
    return form, tuple(
        QueueEntry(
            id_, title, body, sender or names.user(), waiting, rng.choice(groups) if groups else "", older, receipt
        )
        for id_, older, receipt, (title, body, sender, waiting) in zip(ids, former, receipts, others, strict=True)
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
        receipt=skin.choice(list(vocabulary()["receipts"])),
    )


def _notes(host: Host, interface: Interface, store: str, required: Sequence[str]) -> list[str]:
    """What the documentation says besides the calls, in any order."""
    skin = host.skin
    notes = [*required, phrase(skin, _SEALED, n=interface.codes["sealed"])]
    if interface.note:
        notes.append(phrase(skin, interface.note, tool=interface.tool))
    pool = skin.sample(vocabulary()["notes"]["harmless"], skin.randint(0, 2))
    notes += [host.say(text, n=skin.randint(3, 90), path=store, keeper=host.names.user()) for text in pool]
    skin.shuffle(notes)
    return notes
