"""A compiler against musl: what it makes begins in a quarter of the time that a program of glibc needs.

Most programs in a sandbox live for a millisecond, and most of that is the start of the C library: glibc looks for
shared libraries and asks the processor about its caches, which a virtual machine traps each time.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from sekft.cache import built, cache_root
from sekft.errors import SandboxUnavailable
from sekft.sandboxes import debian

HINT = "install a C compiler (Debian: gcc libc6-dev), or `pip install ziglang`"
_PACKAGES = ("musl-dev",)
_KERNEL = ("linux", "asm-generic", "mtd", f"{platform.machine()}-linux-gnu/asm")
_SPECS = """\
%rename cpp_options old_cpp_options

*cpp_options:
-nostdinc -isystem {include} -isystem include%s -isystem {kernel} %(old_cpp_options)

*cc1:
%(cc1_cpu) -nostdinc -isystem {include} -isystem include%s -isystem {kernel}

*link_libgcc:
-L{lib} -L .%s

*libgcc:
libgcc.a%s %:if-exists(libgcc_eh.a%s)

*startfile:
{lib}/crt1.o {lib}/crti.o crtbeginT.o%s

*endfile:
crtend.o%s {lib}/crtn.o

*link:
-nostdlib -static

*esp_link:


*esp_options:


*esp_cpp_options:


"""
"""Those of Debian's musl-gcc, for a musl that lies elsewhere, with the kernel's headers beside its own."""


def compiler() -> list[str]:
    """gcc with Debian's musl, else ziglang, which brings it. Raises SandboxUnavailable where there is neither."""
    if gcc := shutil.which("gcc"):
        specs = built(f"musl/{platform.machine()}-1", _unpack) / "specs"
        return [gcc, "-specs", str(specs), "-static", "-no-pie", "-fno-pie"]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", "-target", f"{platform.machine()}-linux-musl"]
    raise SandboxUnavailable(f"no gcc and no ziglang here; {HINT}")


def native() -> list[str]:
    """The same compiler against this machine's own library. Raises SandboxUnavailable where there is none."""
    return compiler()[: 1 if shutil.which("gcc") else 4]


def _unpack(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        debian.unpack(_PACKAGES, Path(scratch) / "unpacked")
        (Path(scratch) / "unpacked/usr").rename(folder / "usr")
    done, own = cache_root() / f"musl/{platform.machine()}-1", f"{platform.machine()}-linux-musl"
    (folder / "kernel").mkdir()
    for part in _KERNEL:
        (folder / "kernel" / Path(part).name).symlink_to(Path("/usr/include") / part)
    places = {"include": done / "usr/include" / own, "lib": done / "usr/lib" / own, "kernel": done / "kernel"}
    text = _SPECS
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", str(place))
    (folder / "specs").write_text(text)
