"""What a teacher need not work out: sums, sizes, archives and binaries, made of its recipes as the scenario is built.

In any text `{sha256 of PATH}` (or another of SUMS), `{bytes of PATH}` or `{content of PATH}` stands for what the
fixture at that path comes to. A file's `archive` maps the names in it to texts; its `filler` is a number of bytes that
are no text.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import posixpath
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

SUMS = ("md5", "sha1", "sha256", "sha512")
KINDS = (*SUMS, "bytes", "content")
FILLER_LIMIT_BYTES = 256 << 10
PAST = 1_700_000_000
_AGENT_ID = 1000
_RECIPE = re.compile(r"\{([\w-]+) of (/[^{}\n]*)\}")
_TIMES = (
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
)
_MODE = re.compile(r"[0-7]{3}")

Body = dict[str, Any]
Named = dict[str, bytes]


def built(body: Mapping[str, Any], userland: str) -> tuple[Body, list[str]]:
    """The bundle with every recipe carried out, and what is wrong with them as `field: saw …, want …`."""
    files = body.get("files")
    files = [file if isinstance(file, dict) else {} for file in files] if isinstance(files, list) else []
    kitchen = _Kitchen(files, userland)
    made: Body = {name: kitchen.expanded(value, name) for name, value in body.items() if name != "files"}
    if "files" in body:
        made["files"] = [kitchen.file(at, file) for at, file in enumerate(files)] or body["files"]
    return made, list(dict.fromkeys(kitchen.faults))


def recipes(body: Any, files: Sequence[Mapping[str, Any]]) -> Any:
    """The other way round: the sums of these files' texts as the recipes that give them."""
    known = {
        hashlib.new(kind, str(file["content"]).encode()).hexdigest(): f"{{{kind} of {file['path']}}}"
        for file in files
        if file.get("content")
        for kind in SUMS
    }
    return _mapped(
        body, lambda text, _: re.sub(r"\b[0-9a-f]{32,128}\b", lambda sum_: known.get(sum_[0], sum_[0]), text)
    )


class _Kitchen:
    """faults: what was wrong so far."""

    def __init__(self, files: Sequence[Mapping[str, Any]], userland: str) -> None:
        self._files = {str(file.get("path")): (at, file) for at, file in enumerate(files)}
        self._made: dict[str, bytes] = {}
        self._open: list[str] = []
        self._userland = userland
        self.faults: list[str] = []

    def file(self, at: int, file: Mapping[str, Any]) -> Body:
        """One fixture as bundles have them: content, mode and mtime made of what was said."""
        made = {name: value for name, value in file.items() if name not in ("archive", "form", "filler")}
        if file.get("kind") == "directory":
            made.setdefault("mode", "0755")
        if isinstance(mode := made.get("mode"), str) and _MODE.fullmatch(mode):
            made["mode"] = f"0{mode}"
        if isinstance(mtime := made.get("mtime"), str):
            made["mtime"] = self._time(mtime, f"files.{at}.mtime")
        if isinstance(file.get("content"), str) or "archive" in file or "filler" in file:
            data = self._data(str(file.get("path")), f"files.{at}")
            try:
                made["content"] = data.decode()
            except UnicodeDecodeError:
                made.pop("content", None)
                made["content_b64"] = base64.b64encode(data).decode()
        return made

    def expanded(self, value: Any, where: str) -> Any:
        """The value with every recipe in its texts carried out."""
        return _mapped(value, lambda text, at: self._text(text, at).decode(errors="replace"), where)

    def _text(self, text: str, where: str) -> bytes:
        parts: list[bytes] = []
        end = 0
        for match in _RECIPE.finditer(text):
            parts += [text[end : match.start()].encode(), self._cooked(match, where)]
            end = match.end()
        return b"".join([*parts, text[end:].encode()])

    def _cooked(self, match: re.Match[str], where: str) -> bytes:
        kind, path = match[1].lower().replace("-", ""), match[2].strip()
        if kind not in KINDS:
            self.faults.append(f"{where}: saw {match[0]!r}, want one of {', '.join(KINDS)} of a file")
            return b""
        if path not in self._files or path in self._open:
            why = "which is made of itself" if path in self._open else "which is none of `files`"
            self.faults.append(f"{where}: saw {match[0]!r}, {why}; want the path of a fixture with content")
            return b""
        data = self._data(path, f"files.{self._files[path][0]}")
        if kind in SUMS:
            return hashlib.new(kind, data).hexdigest().encode()
        return data if kind == "content" else str(len(data)).encode()

    def _data(self, path: str, where: str) -> bytes:
        """The bytes of the fixture there."""
        if path not in self._made:
            self._open.append(path)
            self._made[path] = self._mixed(self._files[path][1], where)
            self._open.pop()
        return self._made[path]

    def _mixed(self, file: Mapping[str, Any], where: str) -> bytes:
        if isinstance(archive := file.get("archive"), dict):
            named = {str(name): self._text(str(text), f"{where}.archive.{name}") for name, text in archive.items()}
            return self._archive(file, named, where)
        if isinstance(size := file.get("filler"), int):
            if 0 < size <= FILLER_LIMIT_BYTES:
                return b"\x00\xff" + hashlib.shake_256(str(file.get("path")).encode()).digest(size)[2:]
            self.faults.append(f"{where}.filler: saw {size}, want 1 to {FILLER_LIMIT_BYTES} bytes")
        if isinstance(stored := file.get("content_b64"), str):
            return _decoded(stored)
        return self._text(str(file.get("content") or ""), f"{where}.content")

    def _archive(self, file: Mapping[str, Any], named: Named, where: str) -> bytes:
        path = str(file.get("path"))
        form = str(file.get("form") or next((end for end in _ENDS if path.endswith(f".{end}")), ""))
        pack = _PACKERS.get(form)
        if form == "zip" and self._userland != "busybox":
            self.faults.append(f"{where}.archive: saw a zip in the userland {self._userland}, which has no unzip")
        elif pack is None:
            name = posixpath.basename(path)
            self.faults.append(f"{where}.form: saw {form or name!r}, want one of {', '.join(_PACKERS)}")
        elif not named or (form == "gz" and len(named) > 1):
            want = "one file" if form == "gz" else "one file at least"
            self.faults.append(f"{where}.archive: saw {len(named)} files, want {want} in a {form}")
        elif strange := [name for name in named if name != posixpath.normpath(name) or name.startswith(("/", "../"))]:
            self.faults.append(f"{where}.archive: saw the name {strange[0]!r}, want one as `notes/a.txt`")
        else:
            return pack(named)
        return b""

    def _time(self, text: str, where: str) -> int:
        for form in _TIMES:
            try:
                return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
            except ValueError:
                continue
        self.faults.append(f"{where}: saw {text!r}, want a time as 2023-05-31 08:15")
        return PAST


def _mapped(value: Any, change: Callable[[str, str], str], where: str = "") -> Any:
    """The value with each text in it changed; `where` grows by the way to it."""
    if isinstance(value, str):
        return change(value, where)
    if isinstance(value, list):
        return [_mapped(item, change, f"{where}.{at}") for at, item in enumerate(value)]
    if isinstance(value, dict):
        return {name: _mapped(item, change, f"{where}.{name}") for name, item in value.items()}
    return value


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""  # the bundle's own validation names it


def _tar(named: Named) -> bytes:
    """A folder's entry stands before what it holds."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        done: set[str] = set()
        for name in sorted(named):
            parts = name.split("/")
            for folder in ("/".join(parts[:depth]) for depth in range(1, len(parts))):
                if folder not in done:
                    archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))
                    done.add(folder)
            entry = _entry(name, tarfile.REGTYPE, 0o644)
            entry.size = len(named[name])
            archive.addfile(entry, io.BytesIO(named[name]))
    return packed.getvalue()


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime, entry.uid, entry.gid = kind, mode, PAST, _AGENT_ID, _AGENT_ID
    return entry


def _zip(named: Named) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(named):
            info = zipfile.ZipInfo(name, (2023, 11, 14, 22, 13, 20))
            info.external_attr, info.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, named[name])
    return packed.getvalue()


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


_PACKERS: Mapping[str, Callable[[Named], bytes]] = {
    "tar": _tar,
    "tar.gz": lambda named: _gzip(_tar(named)),
    "tgz": lambda named: _gzip(_tar(named)),
    "gz": lambda named: _gzip(*named.values()),
    "zip": _zip,
}
_ENDS = sorted(_PACKERS, key=len, reverse=True)
