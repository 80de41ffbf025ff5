"""A git repository as bytes, without git: the same on every machine and with every zlib, since nothing is compressed."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
_BLOCK = 0xFFFF


@dataclass
class Objects:
    """What a repository holds; each object under the id that its content demands."""

    found: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def add(self, kind: str, data: bytes) -> str:
        name = hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
        self.found[name] = kind, data
        return name

    def tree(self, texts: Mapping[str, str]) -> str:
        """The tree of these files; a path may lead through one folder or more."""
        below: dict[str, dict[str, str]] = {}
        rows: dict[str, tuple[str, str]] = {}
        for path, text in texts.items():
            folder, slash, rest = path.partition("/")
            if slash:
                below.setdefault(folder, {})[rest] = text
            else:
                rows[folder] = "100644", self.add("blob", text.encode())
        rows |= {folder: ("40000", self.tree(inside)) for folder, inside in below.items()}
        ordered = sorted(rows, key=lambda name: name + "/" if rows[name][0] == "40000" else name)
        return self.add("tree", b"".join(f"{rows[n][0]} {n}\0".encode() + bytes.fromhex(rows[n][1]) for n in ordered))

    def commit(self, texts: Mapping[str, str], parent: str | None, author: str, when: int, message: str) -> str:
        """author: NAME <ADDRESS>. when: seconds since 1970."""
        lines = [f"tree {self.tree(texts)}", *([f"parent {parent}"] if parent else [])]
        lines += [f"author {author} {when} +0000", f"committer {author} {when} +0000", "", message.rstrip("\n"), ""]
        return self.add("commit", "\n".join(lines).encode())

    def pack(self) -> tuple[str, bytes, bytes]:
        """The name of a pack that holds them all, the pack and its index."""
        body, places = struct.pack(">4sII", b"PACK", 2, len(self.found)), {}
        for name, (kind, data) in sorted(self.found.items()):
            entry = _head(kind, len(data)) + stored(data)
            places[name] = len(body), zlib.crc32(entry)
            body += entry
        body += _sha(body)
        return body[-20:].hex(), body, _index(places, body[-20:])


def _head(kind: str, size: int) -> bytes:
    """Type and size of an object in a pack: four bits of the size, then seven to a byte."""
    row, size = bytearray([_TYPES[kind] << 4 | size & 15]), size >> 4
    while size:
        row[-1] |= 128
        row.append(size & 127)
        size >>= 7
    return bytes(row)


def stored(data: bytes) -> bytes:
    """The data as a zlib stream that compresses nothing."""
    parts = [data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK)] or [b""]
    blocks = [
        struct.pack("<BHH", at == len(parts) - 1, len(part), len(part) ^ 0xFFFF) + part for at, part in enumerate(parts)
    ]
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(data))


def _index(places: Mapping[str, tuple[int, int]], pack: bytes) -> bytes:
    names = sorted(places)
    counts = [sum(int(name[:2], 16) <= first for name in names) for first in range(256)]
    index = b"\xfftOc" + struct.pack(">I256I", 2, *counts) + b"".join(map(bytes.fromhex, names))
    index += b"".join(struct.pack(">I", places[name][1]) for name in names)
    index += b"".join(struct.pack(">I", places[name][0]) for name in names) + pack
    return index + _sha(index)


def _sha(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
