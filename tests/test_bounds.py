"""A bundle that no sandbox can be made of is a bad bundle, told when it is read; one within the bounds lands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sekft.errors import BundleError
from sekft.protocols import SandboxSpec
from sekft.sandboxes.bubblewrap import BubblewrapSandbox
from sekft.scenario import BUNDLE_LIMIT_BYTES, File, Login, load_scenario
from sekft.scenario.bounds import DEPTH, NAME_BYTES, PATH_BYTES, TIME_S
from tests import bundles

HOME = "/home/ana"


def bundle(*files: dict[str, Any], **login: Any) -> dict[str, Any]:
    body: dict[str, Any] = bundles.sealed(bundles.work()).model_dump(mode="json")
    return body | {"files": [*body["files"], *files], "login": body["login"] | login}


def fixture(path: str, **fields: Any) -> dict[str, Any]:
    return {"path": path, **({"content": ""} if fields.get("kind", "file") == "file" else {}), **fields}


BAD = {
    "a time beyond time": (bundle(fixture("/srv/f", mtime=10**30)), "mtime: saw 1000"),
    "a time before time": (bundle(fixture("/srv/f", mtime=-(10**12))), "mtime: saw -1000000000000"),
    "a link to nothing": (bundle(fixture("/srv/l", kind="symlink", target="")), "target: saw ''"),
    "a link to NUL": (bundle(fixture("/srv/l", kind="symlink", target="a\0b")), "want no NUL"),
    "a link too long": (bundle(fixture("/srv/l", kind="symlink", target="x" * 5000)), "at most 4000"),
    "a name of 300 bytes": (bundle(fixture("/srv/" + "x" * 300)), "each of at most 255 bytes"),
    "a name of 86 letters of three bytes": (bundle(fixture("/srv/" + "€" * 86)), "each of at most 255 bytes"),
    "a path too long": (bundle(fixture("/srv" + ("/" + "x" * 200) * 30)), "at most 4000"),
    "a path too deep": (bundle(fixture("/srv" + "/x" * 200)), "at most 100 names"),
    "half a letter": (bundle(fixture("/srv/\ud800")), "files"),
    "a file below a file": (bundle(fixture("/srv/a"), fixture("/srv/a/b")), "'/srv/a' is a file, want a directory"),
    "a file far below a file": (bundle(fixture("/srv/a"), fixture("/srv/a/b/c/d")), "'/srv/a' is a file"),
    "a file below a link": (
        bundle(fixture("/srv/l", kind="symlink", target="/tmp"), fixture("/srv/l/b")),
        "'/srv/l' is a symlink, want a directory",
    ),
    "a file below a system's file": (bundle(fixture("/etc/passwd/x")), "'/etc/passwd' is a file"),
    "a file in a system folder's place": (bundle(fixture("/usr/local/share/man")), "'/usr/local/share/man' is a file"),
    "a file in the home's place": (bundle(home="/srv/chit/open/7"), "'/srv/chit/open/7' is a file"),
    "a link in the home's place": (
        bundle(fixture("/home/x", kind="symlink", target="/tmp"), home="/home/x"),
        "'/home/x' is a symlink",
    ),
    "OPTIND in words": (bundle(env={"OPTIND": "x y"}), "OPTIND: want a number"),
    "an empty OPTIND": (bundle(env={"OPTIND": ""}), "OPTIND: want a number"),
    "an environment of megabytes": (bundle(env={f"v{n}": "x" * 9000 for n in range(20)}), "at most 65536"),
    "a variable of megabytes": (bundle(env={"v": "x" * 900_000}), "at most 16384"),
    "a thousand variables": (bundle(env={f"v{n}": "" for n in range(1000)}), "at most 256"),
    "NUL in a variable": (bundle(env={"v": "a\0b"}), "want no NUL"),
    "NUL in the prompt": (bundle(prompt="a\0b"), "want no NUL"),
    "a prompt of kilobytes": (bundle(prompt="x" * 2000), "at most 1000"),
    "a message of the day of a turn's size": (bundle(motd="x" * 40_000), "at most 16384"),
    "a banner of a turn's size": (bundle(banner="x" * 40_000), "at most 16384"),
    "folders without end": (
        bundle(*(fixture(f"/srv/{n}" + "/x" * 95) for n in range(200))),
        "paths with the folders above them, want at most 8192",
    ),
    "three thousand files": (bundle(*(fixture(f"/srv/{n}") for n in range(3000))), "at most 2048"),
    "more than a mebibyte": (bundle(fixture("/srv/f", content="x" * (1 << 20) * 2)), f"at most {BUNDLE_LIMIT_BYTES}"),
    "ten thousand protected paths": (bundle() | {"protected": ["/srv/x"] * 10_000}, "at most 1024"),
}


@pytest.mark.parametrize(("body", "said"), BAD.values(), ids=BAD.keys())
def test_a_bundle_beyond_a_bound_is_a_bad_bundle(tmp_path: Path, body: dict[str, Any], said: str) -> None:
    """It is refused when it is read, with the field, what was seen and what is wanted."""
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(BundleError) as caught:
        load_scenario(path)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 1000


GOOD = {
    "the last second": File(path="/srv/f", content="", mtime=TIME_S),
    "the first second": File(path="/srv/f", content="", mtime=-TIME_S),
    "the longest name": File(path="/srv/" + "x" * NAME_BYTES, content=""),
    "the longest path": File(path="/srv" + ("/" + "x" * 199) * 19, content=""),
    "the deepest path": File(path="/srv" + "/x" * (DEPTH - 2), content="", owner="root"),
    "the longest target": File(path="/srv/l", kind="symlink", target="x" * PATH_BYTES),
    "a shut home": File(path=HOME, kind="directory", mode="0000"),
    "root's home": File(path=HOME, kind="directory", owner="root", mode="0700"),
    "a link in a system folder's place": File(path="/var/mail", kind="symlink", target="/var/spool"),
    "a folder in a system file's place": File(path="/etc/motd", kind="directory"),
    "a file in a system file's place": File(path="/etc/passwd", content="", mode="0000", owner="root"),
}


@pytest.mark.parametrize("file", GOOD.values(), ids=GOOD.keys())
async def test_what_is_within_the_bounds_lands(file: File) -> None:
    """At every bound there is a sandbox, in which commands run and keep their state."""
    login = Login(user="ana", host="h", home=HOME, env={"v": "x" * (1 << 14), "OPTIND": "7"}, prompt="$v" * 500)
    async with BubblewrapSandbox().open(SandboxSpec("busybox", login, (file,))) as session:
        result = await session.exec("y=on")
        assert result.state_kept
        assert (await session.exec("echo $y ${#v}")).output == "on 16384\n"
        assert file.path in await session.state()
        assert (await session.check("true")).passed
