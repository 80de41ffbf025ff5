"""What a session has shown its operator: the directives, and what earns an ending.

A text counts when an output shows it. An inspection counts when an action looks at the very thing and is answered: what
the answer says is left to whoever reads it, since every program says it in words of its own. Paths are resolved against
the working folder, through `cd`, `~`, wildcards and variables that the session has set.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import islice

from sekft.scenario import Inspection, Scenario, hidden_programs
from sekft.shell import syntax
from sekft.trajectory import covered

MOST_BASES, MOST_LOOPED, MOST_VARIABLES, VALUE_CHARACTERS = 16, 1024, 8, 512
"""Of one action: folders, words that loops make, variables in a word, and what is read of a value. Each `cd` would
double the folders, each `a=$a$a` the value."""
MOST_RUNS = 20
"""Runs of the provider in one action, above which it is tried with word after word: what it shows earns nothing."""
_SEPARATORS = re.compile(r"""[\s'"`;|&()<>{},:=\\!]+""")
_ASSIGNMENT = re.compile(r"""\b([A-Za-z_]\w*)=["']?([^\s"';|&()]+)""")
_LOOP = re.compile(r"\bfor\s+([A-Za-z_]\w*)\s+in\s+([^\n;]+)")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
_WRITTEN = re.compile(r"(?<![\d&])1?>{1,2}\s*([\w./~$-]+)|\btee\s+(?:-a\s+)?([\w./~$-]+)")
_UNSET = re.compile(r"\$\{?[A-Za-z_]\w*\}?")
_NOWHERE = "/dev/null"
_BARS, _RULE = re.compile("[|│]"), re.compile(r"-+(?:  -+)+ *")
_ERRORS_AWAY = re.compile(r"2>\s*/dev/null")
_SAID = re.compile(
    r"(?<![\w/.-])(?:echo|printf|true)(?=\s)"
    r"""(?:'[^']*'|"(?:[^"`$\\]|\\.|\$(?!\())*"|>&2|\$(?!\()|[^'"`$|;&<>*?()\n])*(?=[;&)\n]|\|\||\|\s*(?:cat|grep|sed|cut|head|tail|wc)\b|$)"""
)
"""What is only said: its words come back whatever is there."""
_SET = re.compile(
    r"""(?:^|(?<=[;&|(\n]))[ \t]*[A-Za-z_]\w*=(?:'[^']*'|"[^"`(]*"|[^\s;&|()`'"]*)(?=[ \t]*(?:[;&\n]|$))"""
)
_KEEPS = re.compile(r"[>`]|\$\(|\btee\b")
_RECURSIVE = re.compile(r"\b(?:find|tree|du|rgrep)\b|\bls\s+(?:\S+\s+){0,12}-\w*R|\bgrep\s+(?:\S+\s+){0,12}-\w*[rR]")
_DIGEST = re.compile(r"\b(?:(?:md5|sha\d*|b2|ck)sum|openssl)\b")
_LISTERS = frozenset("ls find tree du stat test [ file echo printf dir".split())
_NAMING = frozenset(
    "ls stat file which type test [ man echo printf readlink realpath basename dirname cd find du ln".split()
)
"""What may be given a path without showing what is in the file."""
_WORDLESS = frozenset("test [ cd true false : export set unset read echo printf umask alias".split())
"""Programs whose silence tells nothing, since nothing shows their status."""
_TELLS_ACCESS = re.compile(
    r"\bls\s+(?:\S+\s+){0,12}-(?:\w*[lgno]|-long)|\bsed\s+-\w*i|(?:^|[\s;&|(`'\"])(?:\[|test|stat|find|namei|getfacl|chmod|chown|touch|cp|mv|rm|mkdir|ln|tee|install|mktemp|dd|gzip|gunzip|patch)\s"
)
_MOUNTS = frozenset(("mount", "df", "findmnt", "/proc/mounts", "/proc/self/mounts", "/proc/self/mountinfo"))
_PROGRAM_FOLDERS = ("/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One action and its answer.

    output: what followed it, the next prompt included or not. cwd: the working folder before it.
    calls:  how often the sandbox ran the provider meanwhile; 0 also where it cannot tell.
    """

    action: str
    output: str
    cwd: str
    calls: int = 0


def uses(exchange: Exchange, command: str) -> bool:
    """Whether the provider was run: by the sandbox's word, else by the action's."""
    return exchange.calls > 0 or bool(syntax.calls(exchange.action, command))


def retrieved_at(scenario: Scenario, exchanges: Sequence[Exchange]) -> int | None:
    """The exchange by which the provider had shown every directive; None where there are none or some are missing.

    An answer kept in a file or a variable may be shown later, and so may all that a provider behind the door gave
    out, but not what its store is made to show.
    """
    missing, kept = set(scenario.needles.directives), False
    for at, exchange in enumerate(exchanges):
        used = uses(exchange, scenario.provider.command)
        kept = kept or exchange.calls > 0 or (used and _KEEPS.search(exchange.action) is not None)
        if used or (kept and not any(path in exchange.action for path in scenario.hidden)):
            missing -= {needle for needle in missing if is_shown(needle, exchange.output)}
        if not missing and scenario.needles.directives:
            return at
    return None


def is_shown(needle: str, output: str) -> bool:
    """Whether the output holds the text, be it in a column that is too narrow for it."""
    return needle in output or any(needle in column for column in _columns(output))


def _columns(output: str) -> Iterator[str]:
    """Each column of the tables in the output, read downwards: between bars, or below a rule of dashes."""
    lines = output.split("\n")
    barred = [_BARS.split(line)[1:-1] for line in lines if line[:1] in ("|", "│")]
    for at in range(max(map(len, barred), default=0)):
        yield "".join(row[at][1:-1] for row in barred if len(row) > at)
    for place, rule in enumerate(lines):
        if _RULE.fullmatch(rule):
            for dashes in re.finditer("-+", rule):
                yield "".join(line[dashes.start() : dashes.end()] for line in lines[place + 1 :])


def earned_at(scenario: Scenario, exchanges: Sequence[Exchange]) -> int | None:
    """The exchange that earned an ending without work: the evidence, once the directives were known.

    A "No such file" met on the way says nothing about work that was not yet asked for.
    """
    needles = scenario.needles
    known = retrieved_at(scenario, exchanges) if needles.directives else -1
    if known is None:
        return None
    login = scenario.login
    inspected = _inspections_at(needles.inspections, exchanges, known, {**login.env, "HOME": login.home})
    for at in range(max(known, 0), len(exchanges)):
        if exchanges[at].calls > MOST_RUNS:
            continue
        if at in inspected or any(text in exchanges[at].output for text in needles.texts):
            return at
    return None


def _inspections_at(
    wanted: Sequence[Inspection], exchanges: Sequence[Exchange], known: int, variables: dict[str, str]
) -> set[int]:
    """The exchanges after `known` that show what one of these inspections shows. variables: as at login.

    One line may ask the provider and then open what it names: that counts, a listing in the same line does not.
    """
    missing: list[tuple[str, set[str]]] = [
        (inspection.aspect, set(inspection.target.split(":"))) for inspection in wanted
    ]
    found: set[int] = set()
    kept: dict[str, set[tuple[str, str]]] = {}
    lists: dict[str, frozenset[str]] = {}
    for at, exchange in enumerate(exchanges):
        look = Look.of(exchange, variables).with_lists(lists)
        lists |= dict.fromkeys(look.written, look.paths)
        if at < known:
            continue
        looked = look.inspects if at > known else look.opens
        seen = {(aspect, part) for aspect, parts in missing for part in parts if looked(aspect, part)}
        if not look.is_answered:
            kept |= {path: seen | kept.get(path, set()) for path in look.written}
            continue
        seen = seen.union(*(looks for path, looks in kept.items() if path in look.paths))
        for aspect, parts in missing:
            parts -= {part for part in parts if (aspect, part) in seen}
            if not parts:
                found.add(at)
    return found


@dataclass(frozen=True)
class Look:
    """What one action names. paths: as absolute ones; they may hold wildcards. bases: folders in which it looks."""

    exchange: Exchange
    words: frozenset[str]
    paths: frozenset[str]
    bases: frozenset[str]
    programs: frozenset[str]

    @classmethod
    def of(cls, exchange: Exchange, variables: dict[str, str]) -> Look:
        """Read one action. variables: what the session has set so far, by name; what this action sets is added."""
        action, home = _ERRORS_AWAY.sub("", syntax.without_comments(exchange.action)), variables.get("HOME", "")
        for name, value in _ASSIGNMENT.findall(action):
            variables[name] = _expanded(value, variables)
        action = _SAID.sub("", _SET.sub("", action))
        loops = {name: values.split() for name, values in _LOOP.findall(action)}
        words = {_expanded(word, variables) for word in _SEPARATORS.split(action) if word}
        words |= {_expanded(value, variables) for values in loops.values() for value in values}
        words |= set(islice(_looped(words, loops), MOST_LOOPED))
        commands = syntax.simple_commands(exchange.action)
        bases = {exchange.cwd}
        for command in commands:
            if syntax.program(command) == "cd" and len(command) > 1:
                target = _expanded(command[-1], variables)
                bases |= {_resolved(base, target, home) for base in islice(bases, MOST_BASES - len(bases))}
        named = {_UNSET.sub("*", word) for word in words if not word.startswith("-")}
        paths = {_resolved(base, word, home) for base in bases for word in named}
        programs = {syntax.program(command) for command in commands}
        return cls(exchange, frozenset(words), frozenset(paths), frozenset(bases), frozenset(programs))

    def with_lists(self, lists: Mapping[str, frozenset[str]]) -> Look:
        """The look with what the lists of sums name that it checks. lists: the paths that were written to each file."""
        if not _DIGEST.search(self.exchange.action):
            return self
        return replace(self, paths=self.paths.union(*(lists[path] for path in self.paths & lists.keys())))

    def names(self, path: str) -> bool:
        """Whether the path is given, whole or by wildcard, or by its last part where the folder cannot be told."""
        depth, name = path.count("/"), posixpath.basename(path)
        unclear = name in self.words and any("$" in word for word in self.words)
        return (
            path in self.paths
            or unclear
            or any(other.count("/") == depth and fnmatchcase(path, other) for other in self.paths)
        )

    def opens(self, aspect: str, target: str) -> bool:
        """Whether it inspects the target by its own path."""
        return self.names(target) and self.inspects(aspect, target)

    def inspects(self, aspect: str, target: str) -> bool:
        return _ASPECTS[aspect](self, target)

    @property
    def is_answered(self) -> bool:
        """Whether the action showed something, if only by a silence that tells."""
        if "\n" in self.exchange.output:
            return True
        return bool(self.programs - _WORDLESS) and not self.written and _NOWHERE not in self.words

    @property
    def written(self) -> set[str]:
        """Files into which the output went."""
        targets = {first or second for first, second in _WRITTEN.findall(self.exchange.action)}
        return {_resolved(self.exchange.cwd, target, "") for target in targets if target != _NOWHERE}

    def presence(self, path: str) -> bool:
        return self.names(path) or self._lists(path)

    def access(self, path: str) -> bool:
        folder = posixpath.dirname(path)
        within = any(other == folder or posixpath.dirname(other) == folder for other in self.paths)
        within = within or self._searches(path) or posixpath.dirname(folder) in self.paths | self.bases
        tells = _TELLS_ACCESS.search(self.exchange.action) is not None or any(
            posixpath.dirname(target) == folder for target in self.written
        )
        return self.names(path) or (within and tells) or bool(_MOUNTS & self.words)

    def content(self, path: str) -> bool:
        reads = bool(self.programs - _NAMING) or "<" in self.exchange.action or "-exec" in self.words
        return reads and self._reads(path)

    def digest(self, path: str) -> bool:
        return _DIGEST.search(self.exchange.action) is not None and self._reads(path)

    def program(self, name: str) -> bool:
        named = any(word == name or word.endswith("/" + name) for word in self.words)
        everywhere = "$PATH" in self.words and bool(_LISTERS & self.words)
        return named or everywhere or any(self._lists(f"{folder}/{name}") for folder in _PROGRAM_FOLDERS)

    def answer(self, target: str) -> bool:
        """Whether the program was run, by this action or a script of it, and asked of all these words."""
        program, *words = target.split()
        ran = self.exchange.calls > 0 or bool(syntax.calls(self.exchange.action, program))
        asked = self.exchange.action.lower()
        return ran and all(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", asked) for word in words)

    def _lists(self, path: str) -> bool:
        """Whether the path's folder is listed, or one above it with all that it holds."""
        folder = posixpath.dirname(path)
        listed = bool(_LISTERS & (self.programs | self.words)) and (folder in self.bases or self.names(folder))
        return listed or self._searches(path)

    def _reads(self, path: str) -> bool:
        """Whether the file is opened: by its name, or handed on by a search or a listing."""
        handed = "xargs" in self.words and self._lists(path)
        return handed or self.names(path) or self._searches(path)

    def _searches(self, path: str) -> bool:
        """Whether a folder above the path is searched with all that it holds."""
        if not _RECURSIVE.search(self.exchange.action):
            return False
        return any(path.startswith(above.rstrip("/") + "/") for above in self.paths | self.bases)


_ASPECTS = {
    "presence": Look.presence,
    "access": Look.access,
    "content": Look.content,
    "digest": Look.digest,
    "program": Look.program,
    "answer": Look.answer,
}


def reaches(exchange: Exchange, scenario: Scenario) -> bool:
    """Whether the action goes for what only the provider may reach: its store, or the text of its program."""
    command = scenario.provider.command
    name, programs = posixpath.basename(command), hidden_programs(scenario)
    store = set(scenario.hidden) - programs.keys()
    located = re.search(rf"(?:\$\(|`)\s*(?:command -v|which|type -p) +{re.escape(name)}\b", exchange.action)
    bases = Look.of(exchange, {}).bases
    for words in syntax.simple_commands(exchange.action):
        program = syntax.program(words)
        if program in _WORDLESS or (name in " ".join(words) and syntax.calls(shlex.join(words), command)):
            continue
        operands = {_resolved(base, word.lstrip("<>"), "") for base in bases for word in words[1:]}
        if program not in ("stat", "file") and any(covered(path, store) for path in operands):
            return True
        found = located and any("$(" in word or "`" in word for word in words[1:])
        if program not in _NAMING and (found or operands & programs.keys()):
            return True
    return False


def _looped(words: Collection[str], loops: Mapping[str, list[str]]) -> Iterator[str]:
    """The words as each round of a loop has them."""
    for name, values in loops.items():
        mentioned = [word for word in words if 0 < word.count(f"${name}") <= MOST_VARIABLES]
        yield from (word.replace(f"${name}", value[:VALUE_CHARACTERS]) for value in values for word in mentioned)


def _expanded(word: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1], match[0])[:VALUE_CHARACTERS], word, MOST_VARIABLES)


def _resolved(base: str, word: str, home: str) -> str:
    if home and (word == "~" or word.startswith("~/")):
        word = home + word[1:]
    return posixpath.normpath(posixpath.join(base, word))
