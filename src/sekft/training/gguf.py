"""A student as one GGUF file for llama.cpp, by llama.cpp's own converter out of the package that ships it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from sekft.cache import built
from sekft.errors import SekftError

PACKAGE, VERSION = "llama-cpp-python", "0.3.36"
CONVERTER = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/")


def write_gguf(student: Path, file: Path) -> None:
    """Convert the folder's model, its weights in half precision.

    The first time it fetches 76 MB, of which 2 MB stay in the cache. Raises SekftError with what the converter said.
    """
    script = built(f"converters/{PACKAGE}-{VERSION}", _fetch) / CONVERTER[0]
    fresh = file.with_name(f".{file.name}.unfinished")
    _run([sys.executable, str(script), str(student), "--outfile", str(fresh), "--outtype", "f16"])
    fresh.replace(file)


def _fetch(into: Path) -> None:
    """The converter's files out of the source package."""
    with tempfile.TemporaryDirectory() as scratch:
        source = f"{PACKAGE}=={VERSION}"
        _run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", scratch, source]
        )
        with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as package:
            for member in package.getmembers():
                name = member.name.partition("/vendor/llama.cpp/")[2]
                if name.startswith(CONVERTER):
                    member.name = name
                    package.extract(member, into, filter="data")


def _run(command: list[str]) -> None:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise SekftError(f"{' '.join(command[:4])}: {process.stderr.strip()[-600:]}")
