"""Texts of a set: what a scenario and a session say, masked of names, and clusters of near-duplicates among them."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from sekft.scenario import Scenario
from sekft.shell import syntax
from sekft.trajectory import StoredRollout

SIMILAR = 0.8
"""Jaccard similarity of three-word runs from which two texts count as near-duplicates."""
_RUN = 3
_HASHES, _BANDS = 120, 20
_AT_ONCE = 256
_RARE = 1000
_QUOTED = re.compile(r"(?<!\w)'[^'\n]+'(?!\w)|\"[^\"\n]+\"|`[^`\n]+`|“[^”\n]+”|‘[^’\n]+’|«[^»\n]+»")
_PATH = re.compile(r"(?:(?<=\s)|^)~?(?:/[\w.*+,@%-]+)+/?|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{1,5}\b")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|[\w-]*\d[\w-]*|[^\w\s]")
_HEREDOC = re.compile(r"<<'(\w+)'\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
_PRINTED = re.compile(r"printf %s ((?:'[^']*'|\"'\")+)")
_PARTS = re.compile(r"""'([^']*)'|"(')\"""")
_ROFF = re.compile(r"^\.[A-Z].*\n|\\&|\\", re.MULTILINE)
_PROFILES = ("/etc/profile", "/.profile")
_NAME_LETTERS = 4


def words(text: str) -> list[str]:
    """Words, numbers and signs, in order."""
    return _WORD.findall(text)


def masked(texts: Iterable[tuple[str, Collection[str]]]) -> list[str]:
    """The texts with quotations, paths, numbers and names masked.

    Each comes with the words that name something in its scenario. A word in hardly any text is a name, too.
    """
    spread = Counter[str]()
    cut = [" ".join(_without_names(text, known, spread)) for text, known in texts]
    rare = max(1, len(cut) // _RARE)
    return [" ".join(_merged([_mask(token, spread[token] <= rare) for token in text.split()])) for text in cut]


def _without_names(text: str, known: Collection[str], spread: Counter[str]) -> Iterator[str]:
    """The words of the text, of which the spread takes note, with those masked that are known as names."""
    tokens = words(_PATH.sub(" PATH ", _QUOTED.sub(" TEXT ", text)))
    spread.update(set(tokens))
    masks = {token for token in known if token not in ("PATH", "TEXT") and not _is_number(token)}
    return ("NAME" if token in masks and token[0].isalpha() else token for token in tokens)


def _mask(token: str, rare: bool) -> str:
    if token in ("PATH", "TEXT"):
        return token
    if _is_number(token):
        return "N"
    return "NAME" if rare and token[0].isalpha() else token


def _is_number(token: str) -> bool:
    return not token.isalpha() and any(char.isdigit() for char in token)


def _merged(tokens: list[str]) -> list[str]:
    """Without a mask that repeats: how many words a name has says nothing."""
    return [token for at, token in enumerate(tokens) if token != "NAME" or not at or tokens[at - 1] != "NAME"]


def clusters(texts: Sequence[str]) -> list[list[int]]:
    """Groups of indexes, largest first; a chain of near-duplicates is one group."""
    from rensa import RMinHash, RMinHashLSH

    places = defaultdict(list)
    for at, text in enumerate(texts):
        places[text].append(at)
    distinct = list(places)
    index = RMinHashLSH(threshold=SIMILAR, num_perm=_HASHES, num_bands=_BANDS)
    root = list(range(len(distinct)))
    for start in range(0, len(distinct), _AT_ONCE):  # the runs of all of them would take many times their texts
        own = [_runs(text) for text in distinct[start : start + _AT_ONCE]]
        sketches = RMinHash.from_token_sets([sorted(runs) for runs in own], num_perm=_HASHES, seed=1)
        for at, (runs, sketch) in enumerate(zip(own, sketches, strict=True), start):
            for other in index.query(sketch):
                if _found(root, other) != _found(root, at) and _similar(runs, _runs(distinct[other])):
                    root[_found(root, at)] = _found(root, other)
            index.insert(at, sketch)
    groups: dict[int, list[int]] = defaultdict(list)
    for number, members in enumerate(places.values()):
        groups[_found(root, number)] += members
    return sorted(groups.values(), key=len, reverse=True)


def _similar(one: set[str], other: set[str]) -> bool:
    return len(one & other) >= SIMILAR * len(one | other)


def _runs(text: str) -> set[str]:
    tokens = text.split()
    return {" ".join(tokens[at : at + _RUN]) for at in range(max(1, len(tokens) - _RUN + 1))}


def _found(root: list[int], at: int) -> int:
    while root[at] != at:
        root[at] = root[root[at]]
        at = root[at]
    return at


def login_text(one: Scenario) -> str:
    login = one.login
    profiles = [file.content or "" for file in one.files if file.path.endswith(_PROFILES)]
    env = (f"{name} {value}" for name, value in login.env.items())
    return "\n".join([one.orientation, login.banner, login.motd, login.prompt, *env, *profiles])


def names(one: Scenario) -> set[str]:
    """What is named in this scenario alone: people, hosts, tools, files, ids; shorter words are no names."""
    paths = " ".join(file.path for file in one.files)
    ids = " ".join(directive.id for directive in one.directives)
    named = words(f"{one.login.user} {one.login.host} {one.provider.command} {paths} {ids}")
    return {word for word in named if len(word) >= _NAME_LETTERS}


def documentation(one: Scenario) -> str:
    """What the tool's help, its manual page and the files named for reading say, as stored in the bundle."""
    command, told = one.provider.command, " ".join(one.provider.help)
    found = []
    for file in one.files:
        text = file.content or ""
        if "/man/" in file.path and file.path.rpartition("/")[2].startswith(command):
            found.append(_ROFF.sub("", text))
        elif "/bin/" in file.path and file.path.rpartition("/")[2].startswith(command):
            found += [match[2] for match in _HEREDOC.finditer(text)]
            printed = ("".join(map("".join, _PARTS.findall(match[1]))) for match in _PRINTED.finditer(text))
            found += [said for said in printed if "\n" in said]
        elif file.path in told:
            found.append(text)
    return "\n".join(found)


def sentences(one: Scenario, documented: str) -> set[str]:
    """Sentences of five words or more, of all that a scenario shows: its login, documentation, directives and texts.

    Programs and rows of data hold none: a sentence starts with a word and has neither "=" nor two signs in a row.
    documented: its documentation().
    """
    texts = [login_text(one), documented, *(directive.text for directive in one.directives)]
    texts += [file.content or "" for file in one.files if "/bin/" not in file.path]
    parts = (part.strip(_MARGIN) for text in texts for part in _SENTENCE_END.split(text))
    return {part for part in parts if len(part.split()) >= _SENTENCE_WORDS and not _NO_SENTENCE.search(part)}


_SENTENCE_WORDS = 5
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")
_MARGIN = " \t-*+>|#o."
_NO_SENTENCE = re.compile(r"^[^A-Za-z]|=|[^\w\s.,;:'()-]{2}")


def skeleton(one: StoredRollout) -> list[str]:
    """Each command with its program, options and redirections; the tool, its options and all else masked."""
    command = one.scenario.provider.command
    found = []
    for action in one.actions:
        for program, *parts in syntax.simple_commands(action):
            name = posixpath.basename(program)
            own = name.startswith(command)
            found.append(" ".join(["TOOL" if own else name, *(_masked_word(part, own) for part in parts if part)]))
    return found


def _masked_word(part: str, own: bool) -> str:
    if part[0] in "<>":
        return part[0]
    return part.partition("=")[0] if part[0] == "-" and not own else "X"
