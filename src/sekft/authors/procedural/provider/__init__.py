"""The tool that holds the directives: draws every part of its interface apart, fills its queue, installs it."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sekft.authors.procedural.announcements import remarks
from sekft.authors.procedural.decoys import Decoy
from sekft.authors.procedural.host import Host, Job, Names, expand, line, phrase
from sekft.authors.procedural.provider.documentation import LAYOUTS, document
from sekft.authors.procedural.provider.installed import InstalledProvider
from sekft.authors.procedural.provider.program import STORAGES, render
from sekft.authors.procedural.provider.semantics import (
    PROVIDERS,
    Operation,
    ProviderKind,
    QueueEntry,
    draw_noun,
    placeholder,
    vocabulary,
)
from sekft.authors.procedural.provider.syntaxes import SYNTAXES, Interface
from sekft.authors.procedural.world import INVENTED, MIXED, PLAIN, World
from sekft.scenario import Cell, File

SENDER_HEADS = ("fields", "mail", "mail_short", "barred", "signed")
_EXTRA_ROLES = (*["past"] * 6, "hold", "drop")
"""Operations that the work does not need, each as often as it is to come."""
_INVENTED_SHARE = {PLAIN: 0.0, MIXED: 0.0, INVENTED: 0.3}
"""Of interfaces, those with verbs that tell nothing, by the value of the axis `names`."""
_USUAL_NOUNS = {PLAIN: 4, MIXED: 6, INVENTED: None}
"""Of the nouns of a theme, those that a host takes; the list begins with them."""
_USUAL_PLACEHOLDERS = ("upper", "upper", "angle")
_OWN_WORK_SHARE = 0.7
"""Of tools whose entries may be called as the setting calls its work, those that do so."""
_ORDERLY_SHARE = 0.9
"""Of tools, those that tell their operations in the order in which they are used; the others go by the alphabet."""
_TOLD = {"codes": 0.1, "remark": 0.12}
"""Of tools, those that tell what their exit statuses mean, and who looks after them."""
_NO_LETTERS = "hVK"
_CODES = {"usage": (1, 2, 2, 64), "unknown": (1, 3, 4, 66), "sealed": (69, 75, 77, 5)}


def draw_interface(
    rng: random.Random, kind: ProviderKind, world: World, tool: str, cell: Cell, ack: str, decoy: Decoy | None
) -> Interface:
    """Draw every part apart. ack: the form of acknowledgement. decoy: what the interface must let one tell."""
    shown = [role for role in (decoy.shown if decoy else ()) if role not in kind.roles]
    senders = decoy is not None and decoy.keeper is not None  # who sent an entry is seen without a search for it
    words, syntax = vocabulary(), SYNTAXES[cell["syntax"]]
    dial = world.names.dial
    noun, nouns, work = _called(rng, kind, world)
    roles = [*kind.roles, *(["commit"] if ack == "commit" else ["ack"] if ack != "none" else []), *kind.extra]
    roles += shown
    if rng.random() < _EXTRA_SHARE[cell["difficulty"]]:
        roles.append(rng.choice([role for role in _EXTRA_ROLES if role not in roles]))
    keys = _keys(rng, kind, noun)
    opkey = rng.choice([word for word in words["keys"]["op"].split() if word not in keys.values()])
    done_word = rng.choice(["done", "closed", "finished", "complete"])
    forms = sorted(words["placeholders"]) if dial == INVENTED else _USUAL_PLACEHOLDERS
    variant, form = rng.choice(syntax.variants), rng.choice(forms)
    slots = {name: placeholder(form, key) for name, key in keys.items()}
    slots |= {"shelf": slots["group"], "id": slots["entry"], "group": keys["group"], "groups": keys["groups"]}
    slots |= {"noun": noun, "nouns": nouns, "done": done_word, "slip": keys["receipt"], "key": keys["pass"]}
    taken = {noun, nouns, "help", keys["word"], keys["pass"], *([done_word] if ack == "word" else [])}
    taken |= set(keys.values()) if "FLAG" in variant else set()  # the verb is an option there, as keys may be
    drawn = _operations(rng, roles, kind, world.names, slots, taken, ack)
    former = _former(rng, kind, drawn, ack, slots, taken) if cell["documentation"] == "stale" else None
    formats, heads = sorted(words["list_formats"]), list(kind.heads)
    if senders and "list" in roles:
        formats = [name for name in formats if words["list_formats"][name][1].count("%") > 2]
    elif senders:
        heads = [name for name in heads if name in SENDER_HEADS]
    list_format, head = rng.choice(formats), rng.choice(heads)
    codes: dict[str, int] = {}
    for name, values in _CODES.items():
        codes[name] = rng.choice([value for value in values if value not in codes.values()])
    facts = {
        "syntax": f"{cell['syntax']}{':' if variant else ''}{variant}",
        "verbs": " ".join(f"{operation.role}={operation.verb}" for operation in drawn),
        "noun": noun,
        "options": " ".join([opkey, *sorted(keys.values())]),
        "placeholder": form,
        "list_format": list_format,
        "head": head,
        "ack": ack,
        "roles": " ".join(sorted(operation.role for operation in drawn)),
        "paging": "pages" if "page" in roles else "none",
        "exit_codes": " ".join(f"{name}={code}" for name, code in codes.items()),
        "stale": former[1].role if former else "",
    }
    drop_file = f"/tmp/{world.word()}"
    return syntax(
        tool, noun, nouns, variant, keys, opkey, drawn, form, list_format, head, ack, done_word, codes,
        drop_file, facts, former, work,
    )  # fmt: skip


def _called(rng: random.Random, kind: ProviderKind, world: World) -> tuple[str, str, str | None]:
    """What an entry is called, in the singular and plural, and the setting's work that is called so, too."""
    theme = vocabulary()["nouns"][kind.theme].split(", ")[: _USUAL_NOUNS[world.names.dial]]
    shared = [(*pair.split(), work) for work in world.setting.work for pair in theme if pair.split()[1] in work.split()]
    if shared and rng.random() < _OWN_WORK_SHARE:
        noun, nouns, work = rng.choice(shared)
        return noun, nouns, work
    return *draw_noun(rng, kind.theme, _USUAL_NOUNS[world.names.dial]), None


def _keys(rng: random.Random, kind: ProviderKind, noun: str) -> dict[str, str]:
    """One word for each argument, all different."""
    keys: dict[str, str] = {}
    group = draw_noun(rng, "group", None)
    for name in ("entry", "receipt", "page", "pass", "word", "position"):
        choices = vocabulary()["keys"][name].split()
        if name == "entry":
            choices = [*(kind.entry or " ".join(choices)).split(), *["id"] * 3, *[noun] * 3]
        keys[name] = rng.choice([word for word in choices if word not in keys.values() and word not in group])
    return keys | {"group": group[0], "groups": group[1]}


def _operations(
    rng: random.Random,
    roles: Sequence[str],
    kind: ProviderKind,
    names: Names,
    slots: Mapping[str, str],
    taken: set[str],
    ack: str,
) -> tuple[Operation, ...]:
    """slots: what the phrases may name. taken: words that are no verbs here."""
    words = vocabulary()
    odd, orderly = rng.random() < _INVENTED_SHARE[names.dial], rng.random() < _ORDERLY_SHARE
    used = set(taken)
    letters: set[str] = set()
    drawn = []
    verbs: dict[str, tuple[str, bool]] = {}
    for role in roles:
        invented = odd and rng.random() < 0.6
        usual = [verb for verb in _verbs(role, kind, ack, slots) if verb not in used]
        verbs[role] = _invented(names, used) if invented else rng.choice(usual), invented
        used.add(verbs[role][0])
    order = roles if orderly else sorted(roles, key=lambda role: verbs[role][0])
    for number, role in enumerate(order, 1):
        verb, invented = verbs[role]
        letter = next(letter for letter in _letters(verb) if letter not in letters)
        letters.add(letter)
        key = _described_as(role, kind, ack)
        does = phrase(rng, rng.choice(words["does"][key]), **slots)
        short = phrase(rng, words["short"][key], **slots)
        drawn.append(Operation(role, verb, _takes_of(role, kind, ack), does, short, number, letter, invented))
    return tuple(drawn)


def _verbs(role: str, kind: ProviderKind, ack: str, slots: Mapping[str, str]) -> list[str]:
    """Usual verbs for an operation."""
    usual = vocabulary()["verbs"]
    own = usual[ack] if role == "ack" and ack in usual else kind.verbs.get(role, usual[role])
    return [verb.replace("<groups>", slots["groups"]) for verb in own.split()]


def _former(
    rng: random.Random,
    kind: ProviderKind,
    drawn: Sequence[Operation],
    ack: str,
    slots: Mapping[str, str],
    taken: set[str],
) -> tuple[Operation, Operation]:
    """An operation as it was called once, by another usual verb, and as it is."""
    needed = [operation for operation in drawn if operation.role in (*kind.roles, "ack", "commit")]
    new = rng.choice([operation for operation in needed if operation.takes] or needed)
    used = {*taken, *(operation.verb for operation in drawn)}
    verb = rng.choice([verb for verb in _verbs(new.role, kind, ack, slots) if verb not in used])
    letter = next(letter for letter in _letters(verb) if letter not in {operation.letter for operation in drawn})
    return replace(new, verb=verb, number=len(drawn) + 1, letter=letter), new


def _invented(names: Names, used: set[str]) -> str:
    """An invented word that is no verb of this tool: syllables can make an ordinary word, such as `see`."""
    while (verb := names.word((1, 2))) in used:
        pass
    return verb


def _takes_of(role: str, kind: ProviderKind, ack: str) -> tuple[str, ...]:
    """The names of a role's arguments."""
    own = vocabulary()["takes"].get(ack if role == "ack" else role, ())
    if role in ("list", "sheet") and "groups" in kind.roles:
        own = ("group",)
    guarded = "pass" in kind.roles and role not in ("pass", "past")
    return (*own, "pass") if guarded else own


def _described_as(role: str, kind: ProviderKind, ack: str) -> str:
    """The key under which vocabulary.toml describes the role."""
    if role == "ack":
        return ack
    if role in ("list", "sheet") and "groups" in kind.roles:
        return "grouped" if role == "list" else "grouped_sheet"
    if role == "list" and kind.every:
        return "paged"
    return "claim" if role == "read" and ack == "receipt" else role


def _letters(verb: str) -> list[str]:
    """Letters for a short option, the verb's own first."""
    own = [letter for letter in verb + verb.upper() if letter.isalpha()]
    return [letter for letter in [*own, *string.ascii_letters] if letter not in _NO_LETTERS]


_ENTERED_DAYS = 40, 160
"""Entries named by a day have one that is so many days after `Host.mtime`."""


def entry_ids(host: Host, forms: tuple[str, ...], count: int) -> tuple[str, list[str]]:
    """The form that was drawn, and ids in it, ascending, so that the order of files is the order of entries."""
    rng, world = host.skin, host.world
    form, words = rng.choice(forms), world.setting.words
    made = datetime.fromtimestamp(host.mtime, UTC)
    if form == "word":
        return form, sorted(world.several(count, words))
    if form == "pair":
        return form, sorted("-".join(world.several(2, words, (1, 2))) for _ in range(count))
    if form == "hex":
        return form, sorted(f"{rng.randrange(1 << 20, 1 << 24):06x}" for _ in range(count))
    if form == "date":
        days = sorted(rng.sample(range(*_ENTERED_DAYS), count))
        return form, [f"{made + timedelta(day):%Y-%m-%d}" for day in days]
    numbers = sorted(rng.sample(range(101, 999), count))
    prefix = world.one(words, (1, 1))[:4]
    letter = rng.choice("abcdefgkmnprstx")
    patterns = {
        "number": "{n}",
        "prefixed": prefix.upper() + "-{n}",
        "dotted": f"{rng.randint(1, 9)}.{{n}}",
        "serial": "00{n}",
        "lettered": letter + "{n}",
        "year": f"{made:%y}-0{{n}}",
        "suffixed": "{n}" + letter.upper(),
    }
    return form, [patterns[form].format(n=number) for number in numbers]


_EXTRA_SHARE = {"short": 0.0, "plain": 0.15, "busy": 0.7, "double": 0.2, "triple": 0.2}
"""Of tools, those that have an operation more than the work needs."""
_PAST = {"short": (0, 0), "plain": (0, 1), "busy": (2, 5), "double": (1, 2), "triple": (1, 3)}
_LONG_PAST = (5, 9)


@dataclass(frozen=True)
class Contents:
    """What the provider is to hold. beside: a directive that comes besides the jobs, open or over.

    sealed: why nothing answers.
    titles: what closed entries are called, by their place: the same kind of thing as open ones.
    """

    jobs: tuple[Job, ...]
    titles: Callable[[int], str]
    beside: tuple[Job, bool] | None = None
    decoy: Decoy | None = None
    sealed: str | None = None


def install(host: Host, cell: Cell, tool: str, contents: Contents, drawn_from: Host | None = None) -> InstalledProvider:
    """Install the provider with these jobs waiting in it. drawn_from: what its interface is drawn from, if not the host."""
    decoy, drawn = contents.decoy, drawn_from or host
    kind = PROVIDERS[cell["provider"]]
    rng, skin, names = host.rng, drawn.skin, host.names
    ack = drawn.rng.choice(kind.acks)
    interface = draw_interface(skin, kind, drawn.world, tool, cell, ack, decoy)
    groups = (
        tuple(sorted(host.world.several(rng.randint(2, 4), host.world.setting.groups, (2, 3))))
        if "groups" in kind.roles
        else ()
    )
    form, entries = queue_entries(host, kind, cell, contents, groups, interface.ack)
    words = {"noun": interface.noun, "nouns": interface.nouns, "user": host.user, "host": host.name}
    words |= {name: interface.keys[name] for name in ("group", "groups")} | {"key": interface.keys["pass"]}
    summary = _summary(host, skin, kind, interface, words)
    texts = _texts(skin, kind, interface, words)
    storage = skin.choice(sorted(STORAGES))
    # Below no folder that people list or search: what is closed to them would show there.
    store = skin.choice([f"/var/lib/{tool}", f"/var/spool/{tool}", f"/var/local/{tool}", f"/var/lib/{tool}/store"])
    notes = _notes(host, interface)
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
    password = f"{host.world.word()}{names.number(10, 99)}" if "pass" in kind.roles else ""
    return InstalledProvider(
        kind, interface, documentation, storage, store, entries, tuple(files), texts["empty"], groups, password, contents.sealed,
        (summary, *notes),
    )  # fmt: skip


def queue_entries(
    host: Host, kind: ProviderKind, cell: Cell, contents: Contents, groups: Sequence[str], ack: str
) -> tuple[str, tuple[QueueEntry, ...]]:
    """The form of the ids, and what the provider holds in their order."""
    rng, decoy = host.rng, contents.decoy
    keeper = decoy.keeper if decoy else None
    directives = [(job.title, job.text, keeper or job.sender or None, True) for job in contents.jobs]
    others = []
    if contents.beside:
        job, waiting = contents.beside
        others.append((job.title, job.text, keeper or job.sender or None, waiting))
    if decoy and decoy.body is not None:
        others.append((decoy.job.title, decoy.body, decoy.sender, decoy.waiting))
    past = rng.randint(*(_LONG_PAST if kind.every else _PAST[cell["difficulty"]]))
    past = 1 if host.brief and kind.every else past
    others += [(contents.titles(at), line(host, "settled"), None, False) for at in range(past)]
    rng.shuffle(others)
    slots = list(range(len(others), len(others) + len(directives)))
    if "commit" not in kind.acks:
        slots = sorted(rng.sample(range(len(others) + len(directives)), len(directives)))
    for slot, entry in zip(slots, directives, strict=True):
        others.insert(slot, entry)
    form, ids = entry_ids(host, kind.ids, len(others))
    receipts = [""] * len(ids)
    if ack == "receipt":
        _, receipts = entry_ids(host, ("hex", "lettered", "pair", "suffixed"), len(ids))
    former = remarks(host, len(ids)) if "older" in kind.extra else [""] * len(ids)
    return form, tuple(
        QueueEntry(
            id_,
            title,
            body,
            sender or host.person(keeper or "").name,
            waiting,
            rng.choice(groups) if groups else "",
            older,
            receipt,
        )
        for id_, older, receipt, (title, body, sender, waiting) in zip(ids, former, receipts, others, strict=True)
    )


def _texts(skin: random.Random, kind: ProviderKind, interface: Interface, words: Mapping[str, str]) -> dict[str, str]:
    errors = vocabulary()["errors"]

    def draw(name: str, **slots: str) -> str:
        return phrase(skin, skin.choice(errors[name]), **slots)

    old, hint = interface.former, " " + draw("hint", help=f"{interface.tool} --help")
    texts = {
        "empty": phrase(skin, skin.choice(kind.empty), **words),
        "done": phrase(skin, skin.choice(kind.done), **words),
        "nothing_here": phrase(skin, "[nothing|no <nouns>|no open <nouns>] in $a1", **words),
    }
    texts |= {f"unknown_{name}": draw("unknown", what=key) for name, key in interface.keys.items()}
    texts |= {f"missing_{name}": draw("missing", what=key) + hint for name, key in interface.keys.items()}
    texts |= {"wrong": draw("wrong") + hint, "bare": draw("bare") + hint}
    new = {"old": old[0].verb, "new": old[1].verb, "usage": interface.usage(old[1])} if old else {}
    texts["renamed"] = draw("renamed", n=str(skin.randint(2, 6)), **new) if old else ""
    return texts | {"receipt_form": skin.choice(list(vocabulary()["receipts"]))}


def _summary(
    host: Host, skin: random.Random, kind: ProviderKind, interface: Interface, words: Mapping[str, str]
) -> str:
    """What the program is for."""
    said, place = vocabulary()["summaries"], host.world.setting.place
    if interface.work is None:
        return phrase(skin, skin.choice(kind.summary), house=place, **words)
    bare = len(interface.work.split()) > 2  # it says already whose work it is
    return phrase(
        skin, said["work"][0] if bare else skin.choice(said["work"]), work=interface.work, house=place, **words
    )


def _notes(host: Host, interface: Interface) -> list[str]:
    """What the documentation says besides the calls."""
    kinds = [kind for kind, share in _TOLD.items() if host.skin.random() < share and not host.brief]
    words = {"nouns": interface.nouns, **interface.codes}
    return [expand(host, host.skin.choice(vocabulary()["notes"][kind]), **words) for kind in kinds]
