"""What is hidden is reached through the provider alone, which answers as if nothing stood between."""

from __future__ import annotations

import pytest

from sekft.protocols import Sandbox, Session
from sekft.scenario import File
from sekft.trajectory import State
from tests.sandboxes.conftest import Landing, shown

PROGRAM, STORE, HELPER = "/usr/local/bin/errand", "/opt/errand/store", "/usr/local/bin/errand-show"
SOURCE = r"""#!/bin/sh
# sourceword
case ${1-} in
    list) cat /opt/errand/store/* ;;
    show) exec /usr/local/bin/errand-show "$2" ;;
    put) printf '%s\n' "$2" > /opt/errand/store/new ;;
    close) sed -i 's/^state: .*/state: closed/' "/opt/errand/store/$2" ;;
    read) cat ;;
    name) echo "${0##*/}" ;;
    where) pwd; umask; printf '%s\n' "$PATH" ;;
    env) env | sort ;;
    words) shift; printf '[%s]' "$@"; echo ;;
    status) exit "$2" ;;
    signal) kill -"$2" $$; sleep 1 ;;
    wait) sleep 50.7 ;;
    flood) yes storeword ;;
    behind) sleep 51.3 > /dev/null 2>&1 & ;;
    *) echo "usage: errand list"; echo try help >&2; exit 2 ;;
esac
"""
FILES = (
    File(path=PROGRAM, content=SOURCE, mode="0755", owner="root", mtime=1600000000),
    File(path=HELPER, content='#!/bin/sh\ncat "/opt/errand/store/$1"\n', mode="0755", owner="root"),
    File(path=f"{STORE}/1", content="storeword one\nstate: open\n", mtime=1600000000),
    File(path="/home/ada/errand", kind="symlink", target=PROGRAM),
    File(path="/usr/local/bin/errand-name", kind="symlink", target="errand", owner="root"),
)
HIDDEN = (PROGRAM, HELPER, STORE)


async def landed(land: Landing, *more: File, hidden: tuple[str, ...] = HIDDEN, **spec: object) -> Session:
    return await land(*FILES, *more, hidden=hidden, **spec)


CALLS = {
    "errand list": "storeword one\nstate: open\n",
    "errand": "usage: errand list\ntry help\n",
    "errand 2>/dev/null": "usage: errand list\n",
    "errand show 1": "storeword one\nstate: open\n",
    "errand-show 1 | head -n1": "storeword one\n",
    "./errand list": "storeword one\nstate: open\n",
    "ln -s errand j; ./j list": "storeword one\nstate: open\n",
    "$(command -v errand) list": "storeword one\nstate: open\n",
    "sh -c 'errand list'": "storeword one\nstate: open\n",
    "J=errand; $J list": "storeword one\nstate: open\n",
    "cd /usr/local/bin; ./errand list": "storeword one\nstate: open\n",
    "find /usr/local/bin -name errand -exec {} list ';'": "storeword one\nstate: open\n",
    "errand list > /tmp/l; cat /tmp/l": "storeword one\nstate: open\n",
    "x=$(errand list | wc -l); echo $x": "2\n",
    "errand-name name": "errand-name\n",
    "errand list | grep one | sed s/one/1/": "storeword 1\n",
    "echo in | errand read": "in\n",
    "printf 'a\nb\n' | errand read | tail -n1": "b\n",
    "errand read < /etc/hostname": "vault\n",
    "errand read; echo $?": "0\n",
    "echo a | { errand read; cat; }; echo b": "a\nb\n",
    "errand words 'a b' '' '*' \"$(printf 'c\\nd')\"": "[a b][][*][c\nd]\n",
    "umask 027; cd /srv; errand where": "/srv\n0027\n/usr/bin:/bin:/usr/local/bin\n",
    "mkdir g; cd g; rmdir ../g; errand where | head -n1": "/\n",
    "errand put x; errand list | tail -n1": "x\n",
    "errand close 1; errand list | tail -n1": "state: closed\n",
    "errand list & wait; echo done": "storeword one\nstate: open\ndone\n",
    "for i in 1 2 3; do errand list; done | wc -l": "6\n",
    "errand behind; echo back": "back\n",
    "! errand status 3 && echo no": "no\n",
    "export A=b; errand env | grep ^A=": "A=b\n",
}


@pytest.mark.parametrize(("command", "output"), CALLS.items())
async def test_a_call_is_as_if_there_were_no_door(land: Landing, command: str, output: str) -> None:
    """Words, streams, status, folder and environment go through; the same is shown where nothing is hidden."""
    assert await shown(await landed(land), command) == output
    if "where" not in command:
        assert await shown(await landed(land, hidden=()), command) == output


async def test_every_status_comes_back(land: Landing) -> None:
    """0 to 255, and a signal as the shell tells it."""
    session = await landed(land)
    numbers = " ".join(map(str, range(256)))
    told = await shown(session, f"for i in {numbers}; do errand status $i; [ $? = $i ] || echo $i; done")
    assert told == ""
    for name, status in (("TERM", 143), ("KILL", 137), ("PIPE", 141), ("SEGV", 139), ("HUP", 129)):
        assert (await session.exec(f"errand signal {name}")).status == status


def kept(state: State) -> State:
    """Of the whole state, what is hidden."""
    return {path: entry for path, entry in state.items() if path.startswith(HIDDEN)}


SECRETS = ("storeword", "sourceword")
REACHES = [
    f"cat {PROGRAM} {HELPER} {STORE}/1", f"grep -rn word {STORE} /usr/local /opt /home /etc", f"sh {PROGRAM} list",
    "find / -path /proc -prune -o -path /dev -prune -o -type f -exec grep -l storeword {} + 2>/dev/null",
    "find / -path /proc -prune -o -path /dev -prune -o -type f -exec grep -l sourceword {} + 2>/dev/null",
    f"cp {PROGRAM} /tmp/p; cp -r {STORE} /tmp/s; cat /tmp/p /tmp/s/*", f"mv {PROGRAM} /tmp/p; cat /tmp/p",
    "mv /opt/errand /opt/x; mv /opt/x/store /tmp/s; cat /opt/x/store/1 /tmp/s/1", f"ln {PROGRAM} /tmp/p; cat /tmp/p",
    f"ln -s {STORE} /tmp/s; cat /tmp/s/1", f"chmod -R 777 {PROGRAM} {STORE} /opt/errand; cat {PROGRAM} {STORE}/1",
    f"rm -rf {PROGRAM} {STORE} /opt/errand; cat {STORE}/1", f"cd {STORE} && cat 1", f"tar cf - {STORE} {PROGRAM} | cat",
    f"strings {PROGRAM}; od -c {PROGRAM}; dd if={PROGRAM}", f". {PROGRAM}", f"exec 3<{PROGRAM}; cat <&3",
    f"errand wait & sleep 0.3; for p in /proc/[0-9]*; do for f in $p/root{STORE}/1 $p/cwd/1 $p/environ $p/mem $p/fd/* "
    f"$p/maps $p/auxv $p/stack; do cat $f < /dev/null & done; ls -l $p/fd $p/exe; cat $p/root{PROGRAM}; sleep 0.1; "
    "kill $(jobs -p); done 2>&1 | head -c 20000",
    f"cat /proc/1/root{STORE}/1 /proc/1/cwd{STORE}/1; nsenter -t 1 -m cat {STORE}/1; unshare -m cat {STORE}/1",
    f"/usr/lib/sekft/runner door /usr/bin/dash -c 'cat {STORE}/1'", f"/usr/lib/sekft/runner door {STORE}/1",
    f"/usr/lib/sekft/runner enter; umount {STORE} {PROGRAM}", f"errand read < {STORE}/1", f"errand read < {PROGRAM}",
    "printf '#!/bin/sh\ncat /opt/errand/store/1\n' > cat; chmod +x cat; PATH=$HOME:$PATH; export PATH; errand where",
    "echo 'cat /opt/errand/store/1' > e; ENV=~/e BASH_ENV=~/e PS4='$(cat /opt/errand/store/1)' errand where",
]  # fmt: skip


@pytest.mark.parametrize("reach", REACHES)
async def test_source_and_store_are_out_of_reach(land: Landing, reach: str) -> None:
    """Nothing that is typed shows a word of either or changes it, and the provider goes on answering."""
    session = await landed(land)
    before = await session.state()
    result = await session.exec(reach)
    assert not any(word in result.output for word in SECRETS)
    assert kept(await session.state()) == kept(before)
    assert await shown(session, "cd; errand list") == "storeword one\nstate: open\n"


@pytest.mark.parametrize("edit", [
    f"echo x > {STORE}/1", f"sed -i s/open/closed/ {STORE}/1", f"echo x >> {PROGRAM}", f"truncate -s 0 {PROGRAM}",
    f"touch {STORE} {STORE}/2", f"rm {PROGRAM}", f"rmdir {STORE}", f"mv {STORE} /opt/s", "mv /opt/errand /opt/j",
    f"ln -sf /bin/true {PROGRAM}", f"cp /bin/true {PROGRAM}", f"mkdir {STORE}/d", f"chmod 755 {STORE}",
])  # fmt: skip
async def test_source_and_store_cannot_be_edited(land: Landing, edit: str) -> None:
    """Each try is refused, and changes nothing."""
    session = await landed(land)
    before = await session.state()
    assert (await session.exec(edit)).status != 0
    assert kept(await session.state()) == kept(before)


async def test_a_program_in_the_agents_own_folder_cannot_be_exchanged(land: Landing) -> None:
    """Whoever could put another program at a hidden path would have it run in the provider's view."""
    own = File(path="/home/ada/lib/deep/tool", content="#!/bin/sh\necho true\n", mode="0755")
    session = await landed(land, own, hidden=(*HIDDEN, own.path))
    for attack in ("mv lib l2", "mv lib/deep lib/d2", "mv lib/deep/tool x", "rm -rf lib", "mv /home/ada /home/b"):
        assert (await session.exec(attack)).status != 0
    planted = f"mkdir -p lib/deep; echo 'cat {STORE}/1' > lib/deep/tool; chmod +x lib/deep/tool; lib/deep/tool"
    assert (await session.exec(planted)).output.endswith("true\n")


async def test_a_listing_shows_size_time_and_names(land: Landing) -> None:
    """The stub is as long and as old as the program; the folder of the store shows, and is shut."""
    session = await landed(land)
    assert await shown(session, f"stat -c '%a %s %Y' {PROGRAM}") == f"111 {len(SOURCE)} 1600000000\n"
    assert await shown(session, f"stat -c '%a %F' {STORE}; [ -x {PROGRAM} ] && echo x") == "0 directory\nx\n"
    assert (await session.exec(f"ls {STORE}")).status != 0


async def test_no_process_holds_a_right_but_the_provider_one(land: Landing) -> None:
    """The agent's processes have no capability; the provider's have one that allows nothing and shuts them."""
    session = await landed(land)
    await session.exec("errand wait &")
    rights = await shown(session, "sleep 1; grep -H CapPrm /proc/[0-9]*/status; grep CapEff /proc/self/status")
    held = {int(line.split()[-1], 16) for line in rights.splitlines() if "/proc/1/" not in line}
    assert held == {0, 1 << 35}
    assert "0000000000000000" in rights.splitlines()[-1]
    own = await shown(session, "cat /proc/1/status | grep -e CapPrm -e CapBnd -e CapAmb")
    assert [int(line.split()[1], 16) for line in own.splitlines()] == [1 << 2 | 1 << 18 | 1 << 21 | 1 << 35, 0, 0]


async def test_without_anything_hidden_there_is_no_door(session: Session) -> None:
    """PID 1 holds what it takes to read and to enter the checker's view, and nobody listens."""
    own = await shown(session, "grep CapPrm /proc/1/status; grep -c sekft /proc/net/unix")
    assert own == f"CapPrm:\t{1 << 2 | 1 << 18 | 1 << 21:016x}\n0\n"


@pytest.mark.parametrize("interpreter", ["#!/usr/bin/awk -f\nBEGIN { print ARGV[1] }\n", 'echo "$1"\n'])
async def test_any_program_runs(land: Landing, interpreter: str) -> None:
    """An interpreter with an argument, and a script without any."""
    tool = File(path="/opt/x/tool", content=interpreter, mode="0755")
    session = await landed(land, tool, hidden=(tool.path,))
    assert await shown(session, "/opt/x/tool word") == "word\n"


async def test_a_program_that_cannot_run_says_so(land: Landing) -> None:
    """A missing interpreter, and more words than a request may have."""
    tool = File(path="/opt/x/tool", content="#!/nonexistent\n", mode="0755")
    session = await landed(land, tool, hidden=(*HIDDEN, tool.path))
    assert (await session.exec("/opt/x/tool")).status == 127
    many = await session.exec("errand words $(seq 60000)")
    assert (many.status, "Argument list too long" in many.output) == (126, True)
    assert await shown(session, "errand words $(seq 20000) | wc -c") == "128895\n"


async def test_a_program_goes_by_the_name_it_is_called_by(land: Landing) -> None:
    """Links to one program are several tools; a link of the agent's own names it, too, and leads nowhere else."""
    tool = File(path="/usr/local/bin/tool", content='#!/bin/sh\necho "${0##*/} $#"\n', mode="0755", owner="root")
    link = File(path="/usr/local/bin/tool-list", kind="symlink", target="tool", owner="root")
    for hidden in ((tool.path,), ()):
        session = await land(tool, link, hidden=hidden)
        assert await shown(session, "tool; tool-list 1; ln -s ../../usr/local/bin/tool-list x; ./x 1 2; tool-list") == (
            "tool 0\ntool-list 1\nx 2\ntool-list 0\n"
        )
    swap = "echo 'echo mine' > y; chmod +x y; (while :; do ln -sfn y z; ln -sfn /usr/local/bin/tool z; done) & "
    result = await session.exec(swap + "for i in $(seq 20); do /usr/lib/sekft/runner door ./z; done; kill $!")
    assert "mine" not in result.output


async def test_calls_are_counted_in_the_command_in_which_they_begin(land: Landing) -> None:
    """Every way to call counts; what only looks like a call does not."""
    session = await landed(land)
    counts = {
        "errand list; ./errand; sh -c 'errand list' | cat; errand-show 1": 4,
        "cat $(command -v errand); echo errand list; type errand": 0,
        "errand wait & sleep 1": 1,
        "sleep 0.1": 0,
        "while read x; do errand list; done < /etc/shells; nosuch": 1,
        "(for i in $(seq 50); do errand list & done; wait) | wc -l": 50,
    }
    assert {command: (await session.exec(command)).calls for command in counts} == counts


async def test_a_provider_that_hangs_or_floods_is_killed(land: Landing) -> None:
    """A time-out and a flood end the program too, and the door stays open."""
    session = await landed(land, limits={"command_s": 3.0, "flood_bytes": 1 << 20})
    assert (await session.exec("errand wait")).timed_out
    flood = await session.exec("errand flood")
    assert flood.status == 137
    assert flood.truncated
    assert await shown(session, "ps | grep -c -e 50[.]7 -e 'yes [s]'; errand list | tail -n1") == "0\nstate: open\n"


async def test_a_killed_call_ends_its_program(land: Landing) -> None:
    """Whoever kills the call, or what reads from it, ends the program behind it."""
    session = await landed(land)
    ended = "sleep 1; ps | grep -c -e 50[.]7 -e 'yes [s]'"
    assert (await shown(session, f"errand wait & p=$!; sleep 1; kill $p; {ended}")).endswith("0\n")
    assert (await shown(session, f"timeout 1 dash -c 'exec errand wait'; {ended}")).endswith("0\n")
    assert await shown(session, f"errand flood | head -n1; {ended}") == "storeword\n0\n"


async def test_many_calls_at_once_are_all_answered(land: Landing) -> None:
    """More than are served at once: the rest waits."""
    session = await landed(land)
    many = "i=0; while [ $i -lt 50 ]; do { errand list >> out; } & i=$((i+1)); done; wait; wc -l < out"
    assert await shown(session, many) == "100\n"


async def test_state_check_and_snapshot_see_the_whole_tree(land: Landing) -> None:
    """What the provider stores shows in the state and to the checker, and a fork and a rewind have it."""
    session = await landed(land)
    at = await session.snapshot()
    before = await session.state()
    await session.exec("errand put kept; errand close 1; echo x > /tmp/x")
    after = await session.state()
    assert sorted(path for path in after if after[path] != before.get(path)) == [f"{STORE}/1", f"{STORE}/new", "/tmp/x"]
    assert (await session.check(f"grep -qx kept {STORE}/new && grep -q sourceword {PROGRAM}")).passed
    for _ in range(2):
        await session.rewind(at)
        assert await session.state() == before
        assert await shown(session, "errand list") == "storeword one\nstate: open\n"
        assert "word" not in (await session.exec(f"cat {PROGRAM} {STORE}/1; grep -r word /opt; errand close 1")).output


async def test_a_fork_has_a_door(land: Landing, sandbox: Sandbox) -> None:
    """A fork shows what its session's provider had stored, and hides it again."""
    session = await landed(land)
    await session.exec("errand put kept")
    at = await session.snapshot()
    async with sandbox.fork(at) as fork:
        assert await shown(fork, "errand list | tail -n1") == "kept\n"
        assert "kept" not in (await fork.exec(f"cat {STORE}/new; grep -r kept /opt")).output


NEEDLE = "tell-tale"
LINKS = ["/proc/self/cmdline", "/proc/self/fd/9", "/proc/self/environ", "/dev/stdin", "/proc", "/dev/fd", "/dev/fd/9"]


@pytest.mark.parametrize("target", LINKS)
async def test_an_answer_cannot_be_the_checkers_own_text(land: Landing, target: str) -> None:
    """A link to the checker's command line, descriptors or script leads nowhere."""
    session = await landed(land)
    await session.exec(f"ln -sfn {target} /srv/answer; exit")
    assert (await session.check(f"grep -rq {NEEDLE} /srv/answer /srv/answer/")).verdict == "fail"
    assert (await session.check(f"grep -q {NEEDLE} /srv/answer || cat /srv/answer | grep {NEEDLE}")).verdict == "fail"


async def test_no_call_outlives_into_the_check(land: Landing) -> None:
    """Requests that wait at the door when the session ends come to nothing."""
    session = await landed(land)
    await session.exec("for i in $(seq 60); do (sleep 0.0$i; errand put late) & done; exit")
    assert (await session.check(f"rm -f {STORE}/new; sleep 0.3; [ ! -e {STORE}/new ]")).passed


async def test_what_is_no_request_is_dropped(land: Landing) -> None:
    """Whoever speaks to the door without a program's name gets nothing, and PID 1 goes on."""
    session = await landed(land)
    await session.exec(
        "/usr/lib/sekft/runner door /nonexistent; /usr/lib/sekft/runner door; /usr/lib/sekft/runner door ''"
    )
    assert (await session.exec("/usr/lib/sekft/runner door /bin/ls /")).status == 126
    assert await shown(session, "errand list | head -n1") == "storeword one\n"


async def test_what_is_not_there_needs_no_hiding(land: Landing) -> None:
    """A hidden path without a fixture is left out."""
    session = await landed(land, hidden=(*HIDDEN, "/opt/nothing/here"))
    assert await shown(session, "errand list | head -n1; ls /opt") == "storeword one\nerrand\n"
