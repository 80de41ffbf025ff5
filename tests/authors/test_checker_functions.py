"""The functions that a teacher's checker is made of: what they accept and refuse, and a bundle that uses them."""

from __future__ import annotations

import pytest

from sekft import sandboxes
from sekft.authors.teacher import functions
from sekft.gate import admit
from sekft.protocols import SandboxSpec
from sekft.rejection import Admitted
from tests import bundles

ACCEPTED = {
    "same": ("printf 'a b\\n' > x", "same ~/x 'a b'"),
    "same, last line not ended": ("printf 'a b' > x", "same ~/x 'a b'"),
    "same, empty": (": > x", "same ~/x ''"),
    "words": ("printf '\\ta \\t b \\nc' > x", "words ~/x 'a b\nc'"),
    "result of another mode": ("echo a > x; chmod 600 x", "result same ~/x a; [ -z \"$(tree ~ | grep /x)\" ]"),
    "backup": ("echo a > x; cp x x.orig; cp x x.bak; cp x x~; echo b > x", "result same ~/x b a; ! tree ~ | grep /x"),
    "folder of another mode": ("mkdir -m 700 y", "folder ~/y; ! tree ~ | grep /y"),
    "tree": ("ln -s /srv x; mkdir y", "[ \"$(tree ~ | grep -cx -e 'link .*/x to /srv' -e 'dir 755 .*/y')\" = 2 ]"),
    "name with blanks": ("echo a > 'x y'", "result same ~/'x y' a; ! tree ~ | grep 'x y'"),
}  # fmt: skip

REFUSED = {
    "other text": ("echo b > x", "same ~/x a"),
    "a part of it": ("echo a > x", "same ~/x 'a\nb'"),
    "two newlines": ("printf 'a\\n\\n' > x", "same ~/x a"),
    "NUL": ("printf 'a\\0' > x", "same ~/x a"),
    "NUL between words": ("printf 'a\\0 b' > x", "words ~/x 'a b'"),
    "other words": ("echo a c > x", "words ~/x 'a b'"),
    "words over lines": ("printf 'a\\nb\\n' > x", "words ~/x 'a b'"),
    "garbage far away": ("{ echo a; yes '' | head -n 70000; echo b; } > x", "same ~/x a || words ~/x a"),
    "link": ("echo a > /tmp/x; ln -s /tmp/x x", "same ~/x a || words ~/x a"),
    "link to the checker": ("ln -s /proc/self/cmdline x", "same ~/x a || words ~/x a"),
    "no file": ("mkdir x", "same ~/x '' || words ~/x ''"),
    "pipe": ("mkfifo x", "same ~/x '' || words ~/x ''"),
    "backup of something else": ("echo a > x; echo c > x.bak", "result same ~/x a b; ! tree ~ | grep x.bak"),
    "backup of nothing": ("echo a > x; : > x.orig", "result same ~/x a; ! tree ~ | grep x.orig"),
    "linked folder": ("ln -s /srv y", "folder ~/y"),
    "NUL in the tree": ("printf 'a\\0' > x", "tree ~ | grep -q '^a$'"),
}  # fmt: skip


async def passes(before: str, script: str) -> bool:
    async with sandboxes.pick("auto").open(SandboxSpec.of(bundles.sealed(bundles.work()))) as session:
        await session.exec(before)
        check = await session.check(f"HOME=/home/ana\n{functions()}{script}")
    assert check.verdict in ("pass", "fail"), check
    return check.passed


@pytest.mark.parametrize("kind", ACCEPTED)
async def test_what_is_right_passes(kind: str) -> None:
    """A last newline, modes, a backup of what was there and, where it is said so, blanks are free."""
    assert await passes(*ACCEPTED[kind])


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_is_wrong_fails(kind: str) -> None:
    """Every byte counts, of plain files alone, and nothing waits for a pipe."""
    assert not await passes(*REFUSED[kind])


async def test_a_checker_of_these_functions_is_admitted() -> None:
    """As the prompt shows it: results first, then the rest of the tree."""
    body = bundles.work()
    chit = "Write granite into /home/ana/stone.txt"
    want = (
        "dir 755 /home/ana\nfile 644 /home/ana/plan.txt\nwater the fig\ndir 755 /srv/chit\n"
        "dir 755 /srv/chit/closed\ndir 755 /srv/chit/open\n."
    )
    body["checker"] = (
        f"{functions()}result same /home/ana/stone.txt granite\nresult same /srv/chit/closed/7 '{chit}'\n"
        f"want='{want}'\n[ \"$(tree /home /srv /opt; echo .)\" = \"$want\" ] || fail 'something else has changed'\n"
    )
    result = await admit(bundles.sealed(body), sandboxes.pick("auto"))
    assert isinstance(result, Admitted), result
