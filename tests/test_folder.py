"""The run folder: whole files, remembered settings, one writer, plain refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sekft.errors import BundleError, StoreError
from sekft.folder import UNFINISHED, Folder, Layout, documents
from sekft.folder.config import Setting

SETTINGS: dict[str, Setting] = {"seed": 7, "n": 5, "where": ["ending=work"]}


def test_a_file_appears_whole(tmp_path: Path) -> None:
    """A written file holds its text and nothing unfinished lies beside it."""
    with Folder(tmp_path / "run").writing() as folder:
        folder.write(tmp_path / "run" / "a" / "b.json", "é\n")
    assert (tmp_path / "run" / "a" / "b.json").read_text(encoding="utf-8") == "é\n"
    assert not list(tmp_path.rglob(f"*{UNFINISHED}"))


def test_leftovers_of_a_killed_writer_are_cleared(tmp_path: Path) -> None:
    """What a killed run left half-written is removed when the next one opens the folder."""
    leftover = tmp_path / "scenarios" / f".x.json.abc{UNFINISHED}"
    leftover.parent.mkdir()
    leftover.write_text("{")
    with Folder(tmp_path).writing():
        assert not leftover.exists()


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    """Each setting that differs is named with both values; the folder stays as it was."""
    with Folder(tmp_path).writing() as folder:
        folder.settle("generate", SETTINGS, growing=("n",))
        with pytest.raises(StoreError, match=r"seed was 7, now 8; where was \[\"ending=work\"\], now unset"):
            folder.settle("generate", {"seed": 8, "n": 5, "where": None}, growing=("n",))
        folder.settle("generate", SETTINGS, growing=("n",))


def test_what_may_grow_may_differ(tmp_path: Path) -> None:
    """--n is remembered, yet a larger one goes on."""
    with Folder(tmp_path).writing() as folder:
        folder.settle("generate", SETTINGS, growing=("n",))
        folder.settle("generate", SETTINGS | {"n": 50}, growing=("n",))


def test_broken_settings_are_named(tmp_path: Path) -> None:
    """A settings file that is no JSON is named, not overwritten."""
    with Folder(tmp_path).writing() as folder:
        (tmp_path / ".sekft" / "generate.json").write_text("{")
        with pytest.raises(BundleError, match=r"generate\.json: cannot be read"):
            folder.settle("generate", SETTINGS)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    """Two commands cannot fill one folder at once; the lock goes with its holder."""
    with Folder(tmp_path).writing(), pytest.raises(StoreError, match="another sekft"), Folder(tmp_path).writing():
        pass
    with Folder(tmp_path).writing():
        pass


def test_a_file_in_the_way_is_explained(tmp_path: Path) -> None:
    """An --out that is a file, or lies under one, says so."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(StoreError, match="choose another --out"), Folder(path).writing():
            pass


def test_an_unwritable_folder_is_explained() -> None:
    """A place where nobody can make files is refused with its reason."""
    with pytest.raises(StoreError, match="/proc/sekft"), Folder(Path("/proc/sekft")).writing():
        pass


FULL = """
import resource, sys
from pathlib import Path
from sekft.errors import StoreError
from sekft.folder import Folder
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
root = Path(sys.argv[1])
with Folder(root).writing() as folder:
    folder.write(root / "first.json", "x" * 1000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        folder.write(root / "second.json", "x" * 100000)
    except StoreError as error:
        print(error)
"""


def test_a_file_that_cannot_grow_leaves_nothing_half_written(tmp_path: Path) -> None:
    """When the system refuses more bytes, what was done is kept and no part of the file appears."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "what was done is kept" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [".sekft", "first.json"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a tiny file system")
def test_a_full_disk_is_explained(tmp_path: Path) -> None:
    """A full disk says so, keeps what was done and leaves nothing half-written."""
    script = (
        "mount -t tmpfs -o size=64k none $1 && $2 -c 'import sys; from pathlib import Path; "
        "from sekft.folder import Folder; from sekft.errors import StoreError\n"
        'root = Path(sys.argv[1])\nwith Folder(root).writing() as folder:\n folder.write(root / "a.json", "x")\n'
        ' try:\n  folder.write(root / "b.json", "x" * 10**6)\n except StoreError as error:\n  print(error)\n'
        "print(sorted(path.name for path in root.iterdir()))' $1"
    )
    command = ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "mount:" in done.stderr:
        pytest.skip("this kernel lets not even root mount here")
    assert "the disk is full" in done.stdout
    assert "['.sekft', 'a.json']" in done.stdout


def test_documents_are_visible_and_sorted(tmp_path: Path) -> None:
    """Hidden and unfinished files are no documents; no folder holds none."""
    for name in ("b.json", "a.json", ".c.json", "d.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in documents(tmp_path)] == ["a.json", "b.json"]
    assert documents(tmp_path / "nowhere") == []


def test_layouts_are_told_apart(tmp_path: Path) -> None:
    """A folder with scenarios/ is a run; any other is one stage's own."""
    assert Layout.found(tmp_path).scenarios == tmp_path
    (tmp_path / "scenarios").mkdir()
    assert Layout.found(tmp_path).scenarios == tmp_path / "scenarios"
