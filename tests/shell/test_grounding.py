"""Grounding: what may be typed given what was shown."""

from __future__ import annotations

import random

import pytest

from sekft.shell.grounding import PROGRAMS, Seen, _typed, ungrounded, vocabulary
from sekft.trajectory import Turn

LOGIN = "Requests for ada are kept by kivo.\nada@slate:/home/ada$ "
HELP = "usage:\n  kivo show <id>   prints it\n  kivo --wipe      clears\nsee /srv/luma/in-tray.txt.\n"


def seen(*texts: str) -> Seen:
    shown = Seen()
    for text in texts:
        shown.add(text)
    return shown


@pytest.mark.parametrize(
    "action",
    [
        "ls -la /etc",
        "cat /etc/motd | head -n 5",
        "kivo --help",
        "kivo -h",
        'for f in *; do echo "$f"; done',
        "panic 'anything at all may stand here, in prose'",
        "cat > /tmp/new <<'EOF'\nkivo\nEOF",
        "find . -name '*.txt' -exec cat {} \\;",
        "while IFS=: read -r x n; do echo $n; done < in-tray.txt",
        "chmod u=rw,go= in-tray.txt",
        "sed 1,3d in-tray.txt | tail -n +2",
        "cp in-tray.txt kivo.luma",
    ],
)
def test_vocabulary_and_announced_names_are_grounded(action: str) -> None:
    """Common commands, their short options, and what the login showed."""
    assert seen(LOGIN, HELP).missing(action) == []


@pytest.mark.parametrize(
    ("action", "atom"),
    [
        ("mavo --help", "mavo"),
        ("kivo list", "list"),
        ("kivo --purge", "--purge"),
        ("kivo -x", "-x"),
        ("cat /srv/luma/out-tray.txt", "out-tray.txt"),
        ("sed -n 12p /srv/luma/in-tray.txt", "12p"),
        ("cp in-tray.txt mavo.luma", "mavo.luma"),
        ("chmod 640 /srv/luma/in-tray.txt", "640"),
        ("exit && mavo", "mavo"),
    ],
)
def test_what_nothing_has_shown_is_named(action: str, atom: str) -> None:
    """A guessed verb, flag, path, number or tool is reported as typed."""
    assert seen(LOGIN, HELP).missing(action) == [atom]


def test_a_path_with_a_full_stop_after_it_is_seen_without_it() -> None:
    """Sentences end in punctuation that is no part of the name."""
    assert seen(HELP).missing("cat /srv/luma/in-tray.txt") == []


def test_only_earlier_turns_count() -> None:
    """An answer cannot ground the action that asked for it."""
    turns = [
        Turn(role="env", content=LOGIN, orientation="exit, panic"),
        Turn(role="action", content="kivo show 12"),
        Turn(role="env", content=HELP + "12 waits\n$ "),
        Turn(role="action", content="kivo show 12"),
    ]
    assert ungrounded(turns) == {1: ["show", "12"]}


def test_the_vocabulary_holds_no_name_twice_and_no_long_option_of_a_rare_tool() -> None:
    """The published list stays what anybody knows: words, and options that start with a hyphen."""
    sections = vocabulary()
    assert {"commands", "keywords", "modes", "options", "slips", "words", *PROGRAMS} == set(sections)
    assert all(option.startswith("-") for option in sections["options"])
    assert not any(word.startswith("-") for word in sections["commands"] | sections["keywords"])


def test_what_is_remembered_of_a_text_changes_nothing() -> None:
    """A text too long to be remembered shows the same atoms, and what one session was shown no other one has seen."""
    shown = "see kivo-4.b and --wipe=now, then /srv/luma/in-tray.txt\n"
    long = shown * 400
    assert seen(shown).atoms == seen(long).atoms == seen(shown).atoms
    assert seen(shown).missing("kivo zorb") == ["zorb"]
    assert seen(shown, "zorb").missing("kivo zorb") == []
    assert seen(shown).missing("kivo zorb") == ["zorb"]


def test_what_is_known_of_a_program_holds_in_its_own_commands_alone() -> None:
    """git's words need no help where git is run, and a statement may come through a pipe; elsewhere they do."""
    shown = seen("directives: /srv/luma.git, /srv/luma.db, moot")
    assert shown.missing("git -C /srv/luma.git log --oneline") == []
    assert shown.missing("echo 'select * from moot' | sqlite3 /srv/luma.db") == []
    assert shown.missing("kivo clone --oneline") == ["kivo", "clone", "--oneline"]
    assert shown.missing("git -C /srv/luma.git log wombat") == ["wombat"]


def test_the_quick_way_to_nothing_missing_names_the_same() -> None:
    """An action whose atoms are all known is not taken apart; whatever it is cut into, what is missing is the same."""
    rng, marks = random.Random(4), [*" ;|&<>'\"`\\#\n", "$(", ")", "<<E\n", "-n", "git ", "panic ", "keru", "7"]
    parts = ["cat", "/srv/list.txt", "keru --help", "echo 'a b'", "git log", "-la", "12d", "note_one", "&& ls", "ada"]
    for _ in range(5000):
        seen = Seen()
        seen.add(" ".join(rng.sample(parts, 5)))
        action = "".join(rng.choice(parts if rng.random() < 0.6 else marks) for _ in range(rng.randint(1, 7)))
        slowly = [atom for program, atom in _typed.__wrapped__(action) if not seen._grounded(program, atom)]
        assert seen.missing(action) == list(dict.fromkeys(slowly)), action
