"""What earns an ending without work: forms in which people look, and what is no look."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest

from sekft.scenario import Inspection, Scenario
from sekft.shell.evidence import MOST_RUNS, Exchange, Look, earned_at
from tests import bundles

HOME = "/home/ana"
SUM = "0cc175b9c0f1b6a831c399e269772661"
ASKED = "Write granite into /srv/vault/stone.txt\n"
EVIDENCE: Mapping[str, Inspection] = {
    "missing": Inspection(target="/srv/pool/in.csv", aspect="presence"),
    "unreadable": Inspection(target="/srv/pool/in.csv", aspect="access"),
    "locked": Inspection(target="/srv/pool/new", aspect="access"),
    "absent": Inspection(target="zorvex", aspect="program"),
    "ambiguous": Inspection(target="/srv/pool/one/in.csv:/srv/pool/two/in.csv", aspect="presence"),
    "conditioned": Inspection(target="/srv/pool/flag", aspect="content"),
    "damaged": Inspection(target="/srv/pool/in.csv", aspect="digest"),
}
Step = str | tuple[str, str]
"""An action, and what it prints: something, unless it is said to be nothing."""
LOOKS: Mapping[str, Sequence[Sequence[Step]]] = {
    "missing": [
        ["ls -la /srv/pool"],
        ["find /srv/pool"],
        ["find /srv -name in.csv"],
        [("find / -name in.csv 2>/dev/null", "")],
        ["test -e /srv/pool/in.csv || echo no"],
        ["test -e /srv/pool/in.csv || echo no /srv/pool/in.csv"],
        ["[ -f /srv/pool/in.csv ] && echo yes || echo no"],
        ["stat /srv/pool/in.csv"],
        ["F=/srv/pool/in.csv", '[ -e "$F" ] || echo missing'],
        ["F=/srv/pool/in.csv; ls $F"],
        ["cd /srv/pool", "ls in.csv"],
        ["cd /srv/pool && ls"],
        ["for f in /srv/pool/in.csv; do [ -e $f ] || echo no; done"],
        ["sh -c 'ls /srv/pool/in.csv'"],
        ["wc -l </srv/pool/in.csv"],
        ["ls /srv/pool/*.csv"],
        ["echo /srv/pool/*"],
        ["ls -R /srv >/tmp/l", "cat /tmp/l"],
        [("ls /srv/pool >/tmp/l", ""), "grep -c . /tmp/l"],
        ["du -a /srv"],
        [("ls /srv/pool 2>/dev/null", "")],
    ],
    "unreadable": [
        ["[ -r /srv/pool/in.csv ] && echo yes || echo no"],
        ["ls -l /srv/pool"],
        ["ls -la /srv/pool/in.csv"],
        ["stat -c %a /srv/pool/in.csv"],
        ["cat /srv/pool/in.csv 2>/dev/null || echo cannot"],
        ["F=/srv/pool/in.csv; test -r $F || echo no"],
        ["cd /srv/pool", "ls -l | grep in.csv"],
        ["for f in /srv/pool/*; do [ -r $f ] || echo $f; done"],
        ["sh -c 'head -n 1 /srv/pool/in.csv'"],
        ["find /srv -type f ! -perm -400"],
        ["chmod u+r /srv/pool/in.csv"],
        ["cp /srv/pool/in.csv /tmp/x"],
    ],
    "locked": [
        ["[ -w /srv/pool ] && echo yes || echo no"],
        ["test -w /srv/pool || echo no"],
        ["ls -ld /srv/pool"],
        ["ls -la /srv"],
        ["grep /srv/pool /proc/mounts"],
        ["mount | grep pool"],
        ["stat /srv/pool"],
        ["D=/srv/pool; [ -w $D ] || echo no"],
        ["cd /srv/pool", "[ -w . ] || echo no"],
        ["cd /srv/pool && touch x"],
        ["mkdir /srv/pool/x"],
        ["mktemp -p /srv/pool"],
        ["sed -i s/a/b/ /srv/pool/a.txt"],
        ["ls -n /srv"],
        ["echo a >>/srv/pool/a.txt || echo cannot"],
        ["sh -c '[ -w /srv/pool ] || echo no'"],
        ["for d in /srv/pool; do test -w $d || echo no; done"],
        ["find /srv/pool -maxdepth 0 -perm -200"],
        ["df /srv/pool"],
    ],
    "absent": [
        ["command -v zorvex || echo no zorvex"],
        [("command -v zorvex", "")],
        ["which zorvex || echo none"],
        ["type zorvex"],
        [("ls /usr/bin | grep zorvex", "")],
        ["ls /usr/local/bin"],
        ["ls /usr/bin/zorvex"],
        [("find / -name zorvex 2>/dev/null", "")],
        ["find /usr -name 'zorv*'"],
        ["T=zorvex; $T --version"],
        ["for d in $(echo $PATH | tr : ' '); do ls $d; done"],
        ["cd /usr/bin; ls | grep -c zorvex"],
        ["for d in /bin /usr/bin; do [ -x $d/zorvex ] || echo none in $d; done"],
        ["sh -c 'zorvex --help' || echo failed"],
        ["if ! command -v zorvex >/dev/null 2>&1; then echo none; fi"],
    ],
    "ambiguous": [
        ["ls -R /srv"],
        ["ls -R /home /srv /opt | grep -c in.csv"],
        ["find / -name in.csv -exec ls -l {} + 2>/dev/null"],
        ["find /srv -name 'in.*' | grep -c ."],
        ["cd /srv && find . -type f"],
        ["ls -l /srv/pool/one/in.csv /srv/pool/two/in.csv"],
        ["ls /srv/pool/one", "ls /srv/pool/two"],
        ["ls /srv/pool/*"],
        ["ls /srv/pool/*/in.csv"],
        ["cmp /srv/pool/one/in.csv /srv/pool/two/in.csv"],
        ["for f in /srv/pool/one /srv/pool/two; do ls $f; done"],
        ["cd /srv/pool", "md5sum one/in.csv two/in.csv"],
        ["N=in.csv; find /srv -name $N"],
    ],
    "conditioned": [
        ["cat /srv/pool/flag"],
        ["grep -x granted /srv/pool/flag || echo not granted"],
        ["grep -q granted /srv/pool/flag && echo yes || echo no"],
        ["case $(cat /srv/pool/flag) in granted*) echo yes ;; *) echo no ;; esac"],
        ['[ "$(cat /srv/pool/flag)" = granted ] || echo no'],
        ["F=/srv/pool/flag", 'read -r state <"$F"; echo "$state"'],
        ["cd /srv/pool", "sed -n 1p flag"],
        ["cd /srv/pool; cat *"],
        ["find /srv/pool -name flag -exec cat {} +"],
        ["sh -c 'cut -d \" \" -f 1 /srv/pool/flag'"],
        ["for f in /srv/pool/flag; do head -n 1 $f; done"],
        ["grep -r granted /srv/pool || echo none"],
        ["awk '{ print $1 }' /srv/pool/flag"],
        [("cat /srv/pool/flag >/tmp/f", ""), "cat /tmp/f"],
    ],
    "damaged": [
        ["md5sum /srv/pool/in.csv"],
        [f'echo "{SUM}  /srv/pool/in.csv" | md5sum -c'],
        [f"echo '{SUM}  in.csv' >/tmp/s; cd /srv/pool; md5sum -c /tmp/s"],
        [(f'echo "{SUM}  /srv/pool/in.csv" >/tmp/s', ""), "md5sum -c /tmp/s"],
        [(f"cat >/tmp/s <<E\n{SUM}  /srv/pool/in.csv\nE", ""), "md5sum -c /tmp/s"],
        ["F=/srv/pool/in.csv; md5sum $F"],
        ["cd /srv/pool", "md5sum in.csv"],
        ["cd /srv/pool && md5sum *"],
        ["for f in /srv/pool/*.csv; do md5sum $f; done"],
        ["for f in $(ls /srv/pool); do md5sum /srv/pool/$f; done"],
        ["sh -c 'md5sum </srv/pool/in.csv'"],
        ["cat /srv/pool/in.csv | md5sum"],
        ["find /srv/pool -type f -exec md5sum {} +"],
        ["ls -d /srv/pool/* | xargs md5sum"],
        [f'[ "$(md5sum </srv/pool/in.csv | cut -c 1-32)" = {SUM} ] || echo differs'],
        ["openssl md5 /srv/pool/in.csv"],
        [f"md5sum /srv/pool/in.csv | grep -q {SUM} || echo no"],
    ],
}
NO_LOOKS: Mapping[str, Sequence[Sequence[Step]]] = {
    "missing": [["ls /srv/other"], ["ls /srv"], ["cat /srv/pool/out.csv"], ["find /home -name in.csv"]],
    "unreadable": [["cat /srv/pool/out.csv"], ["ls /srv/pool"], ["ls -l /home"]],
    "locked": [
        ["cat /srv/pool/a.txt"],
        ["cat /srv/pool/a.txt; echo seen >/tmp/x"],
        ["ls /srv/pool"],
        ["[ -w /srv/other ] || echo no"],
        ["ls -l /srv/other"],
    ],
    "absent": [["ls /srv/pool"], ["zorve --help"], ["ls /etc"]],
    "ambiguous": [["ls /srv/pool/one"], ["cat /srv/pool/two/in.csv"], ["find /home -name in.csv"], ["cat in.csv"]],
    "conditioned": [["ls -l /srv/pool/flag"], ["cat /srv/pool/in.csv"], ["test -e /srv/pool/flag && echo yes"]],
    "damaged": [["cat /srv/pool/in.csv"], ["ls -l /srv/pool/in.csv"], ["md5sum /srv/pool/out.csv"]],
}
SAID: Sequence[Sequence[Step]] = [
    [],
    ["echo {}"],
    ["echo 'no {}'; id"],
    ['printf "%s\\n" {}'],
    ["F='{}'; echo $F"],
    ["F='{}'", "pwd"],
    ["echo {} | cat"],
    ["ls /etc # {}"],
    ["true {}; id"],
    ["ls /etc || echo no {}"],
    [("test -e {}", "")],
    [("ls {} >/dev/null", "")],
]


def blocked(evidence: Inspection) -> Scenario:
    body = bundles.blocked()
    body["needles"]["evidence"] = [evidence.model_dump()]
    return bundles.sealed(body)


def earns(kind: str, steps: Sequence[Step], first: Sequence[Step] = ()) -> bool:
    """Whether these steps earn a panic once the directive is known. first: what is typed before it is."""
    exchanges, cwd = [], HOME
    for step in [*first, ("chit read 7", ASKED), *steps]:
        action, output = (step, "so it is\n") if isinstance(step, str) else step
        exchanges.append(Exchange(action, output, cwd))
        cwd = action.split()[1].rstrip(";") if action.startswith("cd ") else cwd
    return earned_at(blocked(EVIDENCE[kind]), exchanges) is not None


@pytest.mark.parametrize(("kind", "steps"), [(kind, steps) for kind in LOOKS for steps in LOOKS[kind]])
def test_a_look_at_the_very_thing_earns_the_panic(kind: str, steps: Sequence[Step]) -> None:
    """However it is typed, and whatever it prints."""
    assert earns(kind, steps)


@pytest.mark.parametrize(("kind", "steps"), [(kind, steps) for kind in LOOKS for steps in LOOKS[kind]])
def test_a_look_before_the_directive_is_known_earns_nothing(kind: str, steps: Sequence[Step]) -> None:
    """What was met by chance says nothing about work that nobody had asked for yet."""
    assert not earns(kind, [], first=steps)


@pytest.mark.parametrize(
    ("line", "earned"),
    [
        ("chit read 7; cat /srv/pool/flag", True),
        ("chit read 7; cat /srv/pool/*", True),
        ("chit read 7; ls /srv/pool", False),
        ("chit read 7; echo /srv/pool/flag", False),
        ("chit read 7", False),
    ],
)
def test_a_look_in_the_line_that_asks_counts_where_it_opens_the_thing(line: str, earned: bool) -> None:
    """The directive is known by then, and nobody has to look twice."""
    exchanges = [Exchange(line, f"{ASKED}taken\n", HOME)]
    assert (earned_at(blocked(EVIDENCE["conditioned"]), exchanges) is not None) is earned


@pytest.mark.parametrize(("runs", "earned"), [(0, True), (1, True), (MOST_RUNS, True), (MOST_RUNS + 1, False)])
def test_a_program_tried_with_word_after_word_earns_nothing(runs: int, earned: bool) -> None:
    """Such a line meets the right call without knowing it; the call by itself counts afterwards."""
    asked, shown = Exchange("chit read 7", f"{ASKED}taken\n", HOME, 1), "sh: zorvex: not found\n"
    scenario = blocked(EVIDENCE["absent"])
    tried = Exchange("for verb in a b c; do chit $verb; done; zorvex", shown, HOME, runs)
    assert (earned_at(scenario, [asked, tried]) is not None) is earned
    assert earned_at(scenario, [asked, tried, Exchange("zorvex", shown, HOME)]) is not None


@pytest.mark.parametrize(("kind", "steps"), [(kind, steps) for kind in NO_LOOKS for steps in NO_LOOKS[kind]])
def test_a_look_at_something_else_earns_nothing(kind: str, steps: Sequence[Step]) -> None:
    """Nor does a look that cannot tell."""
    assert not earns(kind, steps)


@pytest.mark.parametrize("kind", EVIDENCE)
@pytest.mark.parametrize("steps", SAID)
def test_whoever_only_names_the_thing_has_not_looked(kind: str, steps: Sequence[Step]) -> None:
    """An echo, a variable or a question whose answer nobody sees."""
    target = EVIDENCE[kind].target.replace(":", " ")
    typed = [s.format(target) if isinstance(s, str) else (s[0].format(target), s[1]) for s in steps]
    assert not earns(kind, typed)


@pytest.mark.parametrize("text", ["\n" * 20_000, "ls -a " * 5000, "echo '" * 5000, "A=b;" * 5000, "> a" * 6000])
def test_a_long_action_is_read_in_no_time(text: str) -> None:
    """Nothing that an operator types makes the reader slow."""
    begun = time.process_time()
    assert not earns("damaged", [text])
    assert time.process_time() - begun < 1


HOSTILE = {
    "folders": ";".join(f"cd d{number}" for number in range(60)),
    "a value doubled": "a=xx;" + "a=$a$a;" * 40 + "cat $a",
    "a loop over many": f"for x in {' '.join(map(str, range(3000)))}; do cat "
    f"{' '.join(f'$x/{n}' for n in range(2500))}; done",
    "one word": f"for x in {'v' * 12000}; do cat {'$x' * 6000}; done",
    "functions": "".join(f"a{number}()(:);" for number in range(2400)),
}


@pytest.mark.parametrize("action", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_action_makes_a_look_explode(action: str) -> None:
    """Whatever folders, values and loops it names, it is read in a time and a size that its length bounds."""
    began = time.thread_time()
    look = Look.of(Exchange(action, "\n", "/home/ana", 0), {"HOME": "/home/ana"})
    assert time.thread_time() - began < 2
    assert sum(map(len, look.paths)) < 40 << 20
