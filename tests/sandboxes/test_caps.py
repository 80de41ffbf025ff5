"""Whatever a session piles up has a cap before it reaches the harness, and costs nobody but itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sekft.errors import ResourcesExhausted
from sekft.protocols import Session
from sekft.sandboxes import shell_state
from sekft.sandboxes.shell_state import Function, ShellState, candidates, panic_reason, prologue, read_dump
from sekft.sandboxes.wire import OMITTED_PATHS
from sekft.scenario import File
from tests.sandboxes.conftest import NOBODY_ELSE, Landing, shown

FRESH = ShellState("/", {"IFS": " \t\n", "PATH": "/usr/bin:/bin", "PS4": "+ "}, frozenset({"PATH"}))
CPU_S = 0.05
"""What one reading, and one round of the event loop, may take of a slow processor."""
PROMPT_BYTES = 1000


def dump(
    variables: bytes = b"", aliases: bytes = b"", types: bytes = b"", parameters: int = 0, exported: bytes = b""
) -> bytes:
    """As `end` writes it."""
    head = [b"sekft1", b"0", b"0", b"", b"last", str(parameters).encode(), *[b"p"] * parameters]
    return b"\0".join([*head, b"/\n", b"0022\n", exported, b"", variables, aliases, types])


def functions(count: int, body: str = ":") -> str:
    return "".join(f"f{number}()({body});" for number in range(count))


HOSTILE_DUMPS = {
    "aliases": dump(aliases=b"".join(b"a%d='x'\n" % number for number in range(60_000))),
    "variables": dump(b"".join(b"v%d='x'\n" % number for number in range(60_000))),
    "names without a value": dump(exported=b"".join(b"export v%d\n" % number for number in range(60_000))),
    "apostrophes": dump(b"v=" + b"'a'\"'\"" * 100_000 + b"''\n"),
    "parameters": dump(parameters=300_000),
    "no end": dump(b"v=" + b"'a'" * 200_000),
    "bytes": dump(b"v='" + b"\xff" * 1_040_000 + b"'\n"),
    "marks of panic": dump(b"\nsekft_panic='x'" * 60_000),
    "marks of panic inside values": dump(b"'\nsekft_panic='" * 60_000),
}


@pytest.mark.parametrize("hostile", HOSTILE_DUMPS.values(), ids=HOSTILE_DUMPS.keys())
def test_no_dump_takes_long_to_read(hostile: bytes) -> None:
    """A dump beyond a cap is no dump, which is told at once; one large value is nothing to read."""
    began = time.thread_time()
    assert read_dump(hostile, FRESH, ()) is None or b"\xff" in hostile
    panic_reason(hostile)
    assert time.thread_time() - began < CPU_S


def test_functions_under_many_aliases_are_read_in_linear_time() -> None:
    """Each function has the aliases of its own words, found without a look at all the others."""
    aliases = b"".join(b"a%d='x y z'\n" % number for number in range(400))
    text = "".join(f"f{number}(){{ a{number};}};" for number in range(250))
    types = b"".join(b"f%d is a shell function\n" % number for number in range(250))
    typed = candidates(FRESH, text)
    began = time.thread_time()
    state = read_dump(dump(aliases=aliases, types=types), FRESH, typed)
    again = read_dump(dump(aliases=aliases, types=types), state or FRESH, typed)
    assert time.thread_time() - began < CPU_S
    assert state is not None
    assert again is not None
    assert state.functions[7] == Function("f7", "f7(){ a7;}", (("a7", "x y z"),))


def test_aliases_of_aliases_are_a_functions_own() -> None:
    """A function that was read under an alias is read under what that alias stands for, too."""
    state = read_dump(
        dump(aliases=b"ll='l -l'\nl='ls'\nother='x'\n", types=b"f is a shell function\n"),
        FRESH,
        (Function("f", "f(){ ll; }"),),
    )
    assert state is not None
    assert dict(state.functions[0].aliases) == {"ll": "l -l", "l": "ls"}


def test_functions_times_aliases_have_a_cap() -> None:
    """A large alias in many functions is not written once for each."""
    typed = tuple(Function(f"f{number}", f"f{number}(){{ : zz;}}") for number in range(200))
    types = b"".join(b"f%d is a shell function\n" % number for number in range(200))
    assert read_dump(dump(aliases=b"zz='" + b"x" * 30_000 + b"'\n", types=types), FRESH, typed) is None
    few = read_dump(dump(aliases=b"zz='" + b"x" * 3_000 + b"'\n", types=types), FRESH, typed[:9])
    assert few is not None
    assert len(prologue(few, few.functions)) < 100_000


def test_a_long_message_defines_nothing_that_lasts() -> None:
    """It is not read for functions; of those that it names none is believed to be what it was."""
    before = ShellState("/", FRESH.variables, functions=(Function("f", "f(){ :; }"), Function("g", "g(){ :; }")))
    text = "f() { echo new; }\n" + "# words\n" * 600
    assert [function.name for function in candidates(before, text)] == ["g"]
    began = time.thread_time()
    candidates(before, functions(3000))
    assert time.thread_time() - began < CPU_S


def test_a_panics_reason_is_cut() -> None:
    """A trajectory holds no megabyte of it."""
    assert panic_reason(b"\nsekft_panic='" + b"x" * 100_000 + b"'\n") == "x" * shell_state.REASON_BYTES


@asynccontextmanager
async def unstalled() -> AsyncIterator[None]:
    """Whatever happens inside, each round of the event loop is a short one (of our own time: others may be at work)."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - began)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
    assert longest < CPU_S


@pytest.mark.parametrize(
    "command",
    [
        "PS1=$(printf '$x%.0s' $(seq 1000))\fx=$(head -c 300000 /dev/zero | tr '\\0' y)",
        "PS1=$(head -c 400000 /dev/zero | tr '\\0' p)",
        "x=$(printf 'ü%.0s' $(seq 900)); PS1='$x$x$x'",
    ],
    ids=["expanded", "plain", "letters of two bytes"],
)
async def test_a_prompt_has_a_cap(session: Session, command: str) -> None:
    """However it comes to its length, it shows a kilobyte at most, that is counted, and the session goes on."""
    async with unstalled():
        for part in command.split("\f"):
            result = await session.exec(part)
        assert 900 < len(session.prompt().encode()) <= PROMPT_BYTES
    assert result.state_kept
    assert session.info.capped == {"prompt": 1}
    assert await shown(session, "PS1='> '", "echo on") == "on\n"
    assert session.prompt() == "> "


async def test_a_bundles_prompt_has_the_same_cap(land: Landing) -> None:
    """What login.env makes of login.prompt is cut in the same way."""
    session = await land(login={"prompt": "$x" * 400, "env": {"x": "y" * 10_000}})
    assert len(session.prompt().encode()) == PROMPT_BYTES


async def test_thousands_of_functions_stall_nobody(session: Session) -> None:
    """Message after message of them; the shell runs them, and the loop never waits for their reading."""
    async with unstalled():
        for _ in range(4):
            await session.exec(functions(2400))
    assert session.info.capped["functions"] == 4
    assert await shown(session, "f() { echo f; }", "f") == "f\n"


async def test_a_forged_dump_of_aliases_stalls_nobody(session: Session) -> None:
    """Two hundred thousand aliases in the dump's place are no dump."""
    forge = (
        'trap \'awk "BEGIN { printf \\"sekft1%c0%c0%c%cx%c0%c/%c0022%c%c%c%c\\", 0,0,0,0,0,0,0,0,0,0,0;'
        ' for (i = 0; i < 200000; i++) print \\"a\\" i \\"=x\\"; printf \\"%c\\", 0 }" >|/run/sekft/state\' EXIT'
    )
    async with unstalled():
        result = await session.exec(functions(300) + forge)
    assert not result.state_kept
    assert session.info.capped["state"] == 1
    assert await shown(session, "echo on") == "on\n"


async def test_an_alias_in_many_functions_ends_nobody(session: Session) -> None:
    """300 kB, in each of 1,500 functions: PID 1 and the harness go on, and what was too much is not kept."""
    await session.exec("x=before; alias zz=$(head -c 300000 /dev/zero | tr '\\0' z)")
    for at in range(0, 1500, 150):
        await session.exec("".join(f"f{number}(){{ : zz;}}\n" for number in range(at, at + 150)))
    assert session.info.capped["state"] > 0
    assert await shown(session, "x=after", "echo $x") == "after\n"


@pytest.mark.parametrize(
    "command",
    ["i=0; while [ $i -lt 3000 ]; do i=$((i+1)); eval v$i=x; done", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); "
     "alias a$i=x; done", "set -- $(seq 30000)", "v=$(head -c 3000000 /dev/zero | tr '\\0' v)",
     "v=$(printf \"'%.0s\" $(seq 9000) | sed \"s/'/'a/g\")"],
    ids=["variables", "aliases", "parameters", "a value", "apostrophes"],
)  # fmt: skip
async def test_state_beyond_a_cap_is_not_kept(session: Session, command: str) -> None:
    """The command ran; the state before it holds, the result says so, and it is counted."""
    await shown(session, "kept=yes")
    result = await session.exec(command)
    assert (result.state_kept, session.info.capped) == (False, {"state": 1})
    assert await shown(session, 'echo "$kept $#"; pwd') == "yes 0\n/home/ada\n"


async def test_a_whole_tree_stalls_nobody(land: Landing) -> None:
    """As many files as there are inodes; eight such states at once are read by turns."""
    sessions = [await land() for _ in range(3)]
    for session in sessions:
        await session.exec("mkdir d; cd d; seq 15000 | xargs touch", 30)
    async with unstalled():
        states = await asyncio.gather(*(session.state() for session in sessions))
    assert all(len(state) > 15_000 for state in states)


async def test_a_state_of_long_paths_says_what_it_leaves_out(session: Session) -> None:
    """A path that a state does not tell is counted in it, so that nothing is hidden behind long names."""
    await session.exec(
        f"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do mkdir {'d' * 200}; cd {'d' * 200}; done; "
        "seq 4000 | xargs touch",
        30,
    )
    state = await session.state()
    (omitted,) = (path for path in state if path.startswith(OMITTED_PATHS))
    assert int(omitted.split()[-1]) > 1000
    assert session.info.capped == {"paths": 1}


@pytest.mark.usefixtures("one_processor")
async def test_a_state_is_told_under_the_agents_load(session: Session) -> None:
    """Sixty loops and sparse files: at the second time of asking at the latest, for by then the loops are dead."""
    await session.exec("truncate -s 16M a b c; for i in $(seq 60); do setsid sh -c 'while :; do :; done' & done")
    began = time.monotonic()
    try:
        state = await session.state()
    except ResourcesExhausted:
        state = await session.state()
    assert time.monotonic() - began < 20
    assert (state["/home/ada/a"].digest or "").startswith("oversized:") or state["/home/ada/c"].digest
    assert (await session.check(NOBODY_ELSE)).passed


NAMES = ["'\\377'", "'\\\\xff'", "'\\\\x5cxff'", "'\\\\\\377'", "'\\\\x'", "'a\\\\xe9'", "'a\\351'"]


async def test_no_two_paths_share_a_key(session: Session) -> None:
    """A byte that is no UTF-8 and the characters that stand for it are two names."""
    before = await session.state()
    await shown(session, f'for n in {" ".join(NAMES)}; do : > "$(printf "$n")"; done; [ $(ls | wc -l) = {len(NAMES)} ]')
    added = [path.rpartition("/")[2] for path in (await session.state()).keys() - before.keys()]
    assert len(added) == len(NAMES)
    assert {"\\xff", "\\x5cxff", "\\x5cx5cxff", "a\\xe9", "a\\x5cxe9", "\\x"} < set(added)


@pytest.mark.parametrize("name", ["printf", "pwd", "umask", "alias", "type", "command"])
async def test_unset_holds_for_every_function(session: Session, name: str) -> None:
    """Also for those that the harness needs: what was unset stays unset, what was not stays."""
    await shown(session, f"{name}() {{ /bin/echo mine; }}; type() {{ /bin/echo mine; }}", "true")
    assert await shown(session, name) == "mine\n"
    await shown(session, f"unset -f {name}")
    assert "mine" not in await shown(session, f"{name} 2>&1; :")
    assert await shown(session, "type") == ("" if name == "type" else "mine\n")


async def test_nobody_types_into_a_later_command(session: Session) -> None:
    """A job that looks for the shell's descriptors finds them shut, whichever way it opens them."""
    typing = "echo 'echo TYPED; exit' >> $f; echo 'echo TYPED; exit' > $f; cat $f"
    await shown(
        session,
        f"(while :; do for f in /proc/[0-9]*/fd/10 /proc/[0-9]*/fd/8; do {typing}; done; done) >/dev/null 2>&1 &",
    )
    for _ in range(20):
        result = await session.exec("sleep 0.02\necho on")
        assert (result.output, result.ended) == ("on\n", None)
    assert "Permission denied" in (await session.exec("ls /proc/$$/fd; cat /proc/$$/mem 2>&1")).output


async def test_children_have_three_descriptors(session: Session) -> None:
    """A program that a command starts sees 0, 1 and 2, in whatever way it is started; so does a checker's."""
    listing = "ls /proc/self/fd"  # the fourth is the listing's own
    for form in (
        listing,
        f"({listing})",
        f"{listing} | cat",
        f"sh -c '{listing}'",
        f"f() {{ {listing}; }}; f",
        f"eval '{listing}'",
    ):
        assert (await shown(session, form)).split() == ["0", "1", "2", "3"], form


@pytest.mark.parametrize(
    "target", ["/proc/self/cmdline", "/proc/self/fd/9", "/dev/fd/9", "/proc/self/environ", "/proc"]
)
async def test_an_answer_cannot_be_the_checkers_own_text(session: Session, target: str) -> None:
    """Also where nothing is hidden: a link to the checker's command line, script or descriptors leads nowhere."""
    await session.exec(f"ln -sfn {target} /srv/answer; exit")
    assert (await session.check("grep -rq needle /srv/answer /srv/answer/")).verdict == "fail"
    assert (await session.check("grep -q needle /srv/answer || cat /srv/answer | grep needle")).verdict == "fail"
    assert (await session.check("echo needle | grep -q needle")).passed


async def test_many_fixtures_of_roots_land(land: Landing) -> None:
    """A bundle's whole mebibyte of small files of root's is a sandbox."""
    files = [File(path=f"/srv/d{number % 7}/f{number}", content="x", owner="root") for number in range(1500)]
    session = await land(*files)
    assert await shown(session, "ls /srv/d3 | wc -l") == "214\n"


async def test_what_login_prints_is_one_turn(land: Landing) -> None:
    """Banner, message and profiles together are cut as any output is, and a profile has the caps of any command."""
    profile = "head -c 60000 /dev/zero | tr '\\0' p; x=$(head -c 3000000 /dev/zero | tr '\\0' x)\n"
    files = (File(path="/etc/profile", content=profile), File(path="/home/ada/.profile", content=profile))
    session = await land(*files, login={"motd": "m" * 16_000, "banner": "b" * 16_000})
    assert 32_000 < len(session.greeting.encode()) <= 32 * 1024
    assert session.greeting.startswith("bbb")
    assert "bytes omitted" in session.greeting
    assert await shown(session, "echo ${#x}") == "0\n"
