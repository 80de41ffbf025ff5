"""What a teacher's recipes come to, opened by the tools of the userlands, and what is said of those that cannot be."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from sekft import sandboxes
from sekft.authors.recipes import built, recipes
from sekft.protocols import SandboxSpec
from sekft.scenario import File, Login

LOGIN = Login(user="ana", host="heron", home="/home/ana")
TEXTS = {"notes/a.txt": "opal\n", "b": "{sha256 of /srv/n.txt}"}
N = {"path": "/srv/n.txt", "content": "seven\n"}
SUM = hashlib.sha256(b"seven\n").hexdigest()


def made(*files: dict[str, Any], userland: str = "busybox", **more: Any) -> dict[str, Any]:
    body, faults = built({"files": [N, *files], **more}, userland)
    assert faults == []
    return body


async def shown(command: str, *files: dict[str, Any], userland: str = "busybox") -> str:
    fixtures = tuple(File.model_validate(file) for file in made(*files, userland=userland)["files"])
    async with sandboxes.pick("auto").open(SandboxSpec(userland, LOGIN, fixtures)) as session:
        return (await session.exec(command)).output


def test_sums_and_sizes_stand_for_themselves_in_any_text() -> None:
    """In files, results, commands and directives, however deep, and of texts that are made by recipes themselves."""
    sums = {"path": "/srv/SUMS", "content": "{sha256 of /srv/n.txt}  n.txt\n"}
    body = made(sums, directives=[{"text": "of {bytes of /srv/n.txt} bytes"}], probes=[["{SHA-256 of /srv/SUMS}"]])
    text = f"{SUM}  n.txt\n"
    assert body["files"][1]["content"] == text
    assert body["directives"][0]["text"] == "of 6 bytes"
    assert body["probes"] == [[hashlib.sha256(text.encode()).hexdigest()]]
    for kind in ("md5", "sha1", "sha512"):
        assert made(x=f"{{{kind} of /srv/n.txt}}")["x"] == hashlib.new(kind, b"seven\n").hexdigest()


def test_sums_become_recipes_again_in_an_example() -> None:
    """No example shows a sum of a fixture's text."""
    assert recipes({"results": [{"text": f"{SUM}  n.txt"}]}, [N]) == {
        "results": [{"text": "{sha256 of /srv/n.txt}  n.txt"}]
    }


@pytest.mark.parametrize("userland", ["busybox", "gnu"])
@pytest.mark.parametrize(
    ("path", "form", "opened"),
    [
        ("/srv/p.tar", None, "tar -xf p.tar"),
        ("/srv/p.tar.gz", None, "tar -xzf p.tar.gz"),
        ("/srv/p.tgz", None, "gunzip -c p.tgz | tar -xf -"),
        ("/srv/parcel", "tar.gz", "tar -xzf parcel"),
    ],
)
async def test_archives_open_in_both_userlands(userland: str, path: str, form: str | None, opened: str) -> None:
    """With their folders, and with texts that hold recipes."""
    file = {"path": path, "archive": TEXTS} | ({"form": form} if form else {})
    output = await shown(f"cd /srv; {opened}; cat notes/a.txt b; ls -ld notes", file, userland=userland)
    assert output.startswith(f"opal\n{SUM}drwxr-xr-x")


async def test_zip_gz_and_filler() -> None:
    """unzip and gunzip open theirs, a filler has its size and is no text."""
    packed = {"path": "/srv/p.zip", "archive": TEXTS}
    alone = {"path": "/srv/a.gz", "archive": {"a": "opal\n"}}
    filler = {"path": "/srv/f", "filler": 5000}
    command = "cd /srv; unzip -q p.zip; cat notes/a.txt; gunzip -c a.gz; wc -c < f; tr -dc '\\000' < f | wc -c"
    first, second, size, nuls = (await shown(command, packed, alone, filler)).split()
    assert (first, second, size) == ("opal", "opal", "5000")
    assert int(nuls) > 0


def test_an_archive_is_the_same_each_time_and_its_sum_is_its_own() -> None:
    """Two builds agree, and a sum of an archive is that of its bytes."""
    packed = {"path": "/srv/p.tgz", "archive": TEXTS}
    once, again = made(packed, x="{md5 of /srv/p.tgz} {bytes of /srv/p.tgz}"), made(packed)
    assert once["files"] == again["files"]
    file = File.model_validate(once["files"][1])
    assert once["x"] == f"{hashlib.md5(file.data).hexdigest()} {len(file.data)}"


def test_what_is_told_loosely_is_understood() -> None:
    """A mode of three digits, a folder without one, a time in words."""
    folder, file = {"path": "/srv/d", "kind": "directory"}, {"path": "/srv/f", "content": "", "mode": "755"}
    late = {"path": "/srv/l", "content": "", "mtime": "2023-05-31 08:15"}
    _, one, two, three = made(folder, file, late)["files"]
    assert (one["mode"], two["mode"], three["mtime"]) == ("0755", "0755", 1685520900)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"content": "{crc32 of /srv/n.txt}"}, "files.1.content: saw '{crc32 of /srv/n.txt}', want one of md5"),
        ({"content": "{md5 of /srv/none}"}, "'{md5 of /srv/none}', which is none of `files`"),
        ({"content": "{md5 of /srv/x}"}, "made of itself"),
        ({"archive": {}, "form": "tar"}, "saw 0 files"),
        ({"archive": TEXTS}, "files.1.form: saw 'x', want one of tar, tar.gz"),
        ({"archive": TEXTS, "form": "rar"}, "saw 'rar'"),
        ({"archive": TEXTS, "form": "gz"}, "saw 2 files, want one file"),
        ({"archive": {"/etc/x": ""}, "form": "tar"}, "saw the name '/etc/x'"),
        ({"archive": {"../x": ""}, "form": "tar"}, "saw the name '../x'"),
        ({"archive": TEXTS, "form": "zip"}, "userland gnu"),
        ({"filler": 10**9}, "files.1.filler: saw 1000000000"),
        ({"content": "", "mtime": "last May"}, "files.1.mtime: saw 'last May'"),
    ],
)
def test_a_recipe_that_cannot_be_carried_out_is_named(file: dict[str, Any], said: str) -> None:
    """With its field, the word seen and what is wanted; the rest is built all the same."""
    body, (fault,) = built({"files": [N, {"path": "/srv/x", **file}], "x": "{md5 of /srv/n.txt}"}, "gnu")
    assert said in fault
    assert len(body["x"]) == 32
