"""What a fresh sandbox's writable tree holds, as data: a bundle's files and what every system has.

The agent is one ordinary user. Root's are /etc, /home, /usr/local, /var and what the bundle gives to root, but for what
it gives the agent there (and the folders that only its files imply). Where a second id is mapped they are chowned to
it. In either case binds keep them: read-only, where the owner alone would not.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Literal

from sekft.protocols import SandboxSpec
from sekft.scenario import File
from sekft.scenario.bounds import SYSTEM_FOLDERS, WRITABLE_ROOTS
from sekft.trajectory import closed

AGENT_ID = 1000
OVERFLOW_ID = 65534
PAST = 1700000000
DATE_SHIM = "/usr/local/bin/date"
_ROOTS_OWN = ("/etc", "/home", "/usr/local", "/var")


@dataclass(frozen=True, slots=True)
class Node:
    """One path to make. body: a file's content or a link's target."""

    path: str
    kind: Literal["directory", "file", "link"]
    mode: int
    body: bytes = b""
    owner: Literal["agent", "root"] = "agent"
    mtime: int = PAST


@dataclass(frozen=True, slots=True)
class Bind:
    """owner_holds: writable where root's files are really root's, so that refusals are those of a host."""

    path: str
    read_only: bool
    owner_holds: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """nodes: parents first. binds: outermost first."""

    nodes: tuple[Node, ...]
    binds: tuple[Bind, ...]


def tree(spec: SandboxSpec) -> Tree:
    """Everything to make for that sandbox, sorted by path."""
    nodes = {node.path: node for node in (*_system(spec), *_shim(spec.clock_offset_s))}
    for file in spec.files:
        nodes[file.path] = _node(file, spec.mtime_offset_s)
    nodes.setdefault(spec.login.home, Node(spec.login.home, "directory", 0o755, mtime=PAST + spec.mtime_offset_s))
    # The agent's first: a folder that any of its files implies is its own.
    for node in sorted(nodes.values(), key=lambda node: (node.owner == "root", node.path)):
        _imply_parents(nodes, node, PAST + spec.mtime_offset_s)
    ordered = tuple(nodes[path] for path in sorted(nodes))
    return Tree(ordered, _binds(nodes))


def _node(file: File, mtime_offset_s: int) -> Node:
    mode, mtime = int(file.mode, 8), file.mtime + mtime_offset_s
    if file.kind == "symlink":
        return Node(file.path, "link", 0o777, (file.target or "").encode(), file.owner, mtime)
    return Node(file.path, file.kind, mode, file.data, file.owner, mtime)


def _imply_parents(nodes: dict[str, Node], node: Node, mtime: int) -> None:
    parent = posixpath.dirname(node.path)
    while parent not in nodes and node.path not in WRITABLE_ROOTS:
        nodes[parent] = Node(parent, "directory", 0o755, owner=node.owner, mtime=mtime)
        parent = posixpath.dirname(parent)


def _system(spec: SandboxSpec) -> list[Node]:
    """What every system has; a bundle's own file of the same path replaces it."""
    login, mtime = spec.login, PAST + spec.mtime_offset_s
    nodes = [Node(root, "directory", 0o755, mtime=mtime) for root in WRITABLE_ROOTS if root not in _ROOTS_OWN]
    nodes += [Node(path, "directory", 0o755, owner="root", mtime=mtime) for path in (*_ROOTS_OWN, *SYSTEM_FOLDERS)]
    nodes += [Node(path, "directory", 0o1777, mtime=mtime) for path in ("/tmp", "/var/tmp")]
    files = {
        "/etc/passwd": f"root:x:{OVERFLOW_ID}:{OVERFLOW_ID}:root:/root:/bin/sh\n"
        f"{login.user}:x:{AGENT_ID}:{AGENT_ID}:{login.user}:{login.home}:/bin/sh\n",
        "/etc/group": f"root:x:{OVERFLOW_ID}:\n{login.user}:x:{AGENT_ID}:\n",
        "/etc/hostname": f"{spec.hostname or login.host}\n",
        "/etc/hosts": f"127.0.0.1\tlocalhost\n127.0.1.1\t{spec.hostname or login.host}\n",
        "/etc/motd": closed(login.motd),
        "/etc/issue": closed(login.banner),
        "/etc/shells": "/bin/sh\n",
    }
    return nodes + [Node(path, "file", 0o644, text.encode(), "root", mtime) for path, text in files.items()]


def _shim(offset_s: int) -> list[Node]:
    """A `date` that tells a shifted time, for a sandbox that has another date."""
    if not offset_s:
        return []
    text = f"#!/bin/sh\n{shifted_date('/usr/bin/date', offset_s)}\n"
    return [Node(DATE_SHIM, "file", 0o755, text.encode(), "root")]


def shifted_date(program: str, offset_s: int) -> str:
    """One line of sh: run date at another time, unless its arguments name a time themselves."""
    return (
        f'case " $* " in *" -d"*|*" --date"*|*" -r"*|*" --reference"*) exec {program} "$@" ;; esac; '
        f'exec {program} -d "@$(( $({program} +%s) + {offset_s} ))" "$@"'
    )


def _binds(nodes: dict[str, Node]) -> tuple[Bind, ...]:
    """A bind wherever the owner changes on the way down, and where the mode would let others change what is root's.

    Links cannot be bound and follow their folder.
    """
    binds: list[Bind] = []
    for path in sorted(nodes):
        node, parent = nodes[path], nodes.get(posixpath.dirname(path))
        above = parent.owner if parent else "agent"
        roots, others = node.owner == "root", node.mode & 0o007
        if node.kind != "link" and (node.owner != above or (roots and others & 0o002)):
            # A mount cannot be moved or removed. Its content is safe when others may not write; in the agent's folders
            # only what it may not even read goes without read-only, for a refused write is evidence there.
            holds = roots and (not others or (path in _ROOTS_OWN and not others & 0o002))
            binds.append(Bind(path, roots, holds))
    return tuple(binds)
