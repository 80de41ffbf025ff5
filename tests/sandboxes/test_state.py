"""What one command leaves for the next, and what it does not."""

from __future__ import annotations

import pytest

from sekft.protocols import Session
from sekft.scenario import File
from tests.sandboxes.conftest import Landing, shown


async def test_cwd_and_oldpwd_survive(session: Session) -> None:
    """cd holds, and `cd -` goes back and says where."""
    assert await shown(session, "cd /srv", "cd /tmp", "pwd") == "/tmp\n"
    assert await shown(session, "cd -", "pwd") == "/srv\n"
    assert session.cwd() == "/srv"


async def test_a_logical_cwd_stays_logical(session: Session) -> None:
    """A folder entered through a symbolic link keeps the name that was typed."""
    assert await shown(session, "mkdir d; ln -s d l; cd l", "pwd") == "/home/ada/l\n"


async def test_a_strange_cwd_survives(session: Session) -> None:
    """Quotes, spaces, newlines and a leading dash in a folder's name do no harm."""
    await shown(session, 'cd; d="-it\'s \\$x \n *"; mkdir -- "$d"; cd -- "$d"')
    assert session.cwd() == "/home/ada/-it's \\$x \n *".replace("\\", "")
    assert await shown(session, "pwd") == "/home/ada/-it's $x \n *\n"


async def test_a_removed_cwd_falls_back_to_root(session: Session) -> None:
    """A shell cannot start in a folder that is gone; the next one starts in /."""
    assert await shown(session, "mkdir d; cd d; rmdir ../d", "pwd") == "/\n"


async def test_status_survives(session: Session) -> None:
    """`$?` is the last command's, also that of a subshell or an empty line."""
    assert await shown(session, "(exit 3)", "echo $?") == "3\n"
    assert await shown(session, "(exit 4)", "", "   ", "# nothing", "echo $?") == "4\n"


async def test_the_last_argument_survives(session: Session) -> None:
    """`$_` is the last word of the previous message's last command, as at a prompt."""
    assert await shown(session, "mkdir -p 'a b'", 'cd "$_"; echo $_', "pwd; echo $_") == "/home/ada/a b\npwd\n"


async def test_plain_and_exported_variables_survive_apart(session: Session) -> None:
    """A plain variable stays out of the environment; an exported one stays in it."""
    assert await shown(session, "a=1; export b=2", "echo $a$b; env | grep -E '^[ab]='") == "12\nb=2\n"


async def test_unset_stays_unset(session: Session) -> None:
    """Even a variable that a fresh shell would set again."""
    await shown(session, "x=1", "unset x PATH IFS PS4 TERM")
    assert await shown(session, "echo ${x-no} ${PATH-no} ${IFS-no} ${PS4-no} ${TERM-no}") == "no no no no no\n"


@pytest.mark.parametrize("value", ["it's", 'a"b', "a\nb\n", "$x `y` \\", " ", "é\t*", "''", "='"])
async def test_any_value_survives(session: Session, value: str) -> None:
    """Values are carried as they are, whatever they hold."""
    quoted = "'" + value.replace("'", "'\\''") + "'"
    assert await shown(session, f"v={quoted}", "true", 'printf %s "$v"') == value


async def test_invalid_bytes_in_values_survive(session: Session) -> None:
    """A value that is not UTF-8 keeps its bytes."""
    assert await shown(session, "v=$(printf '\\377\\376x')", "printf %s \"$v\" | od -An -tx1 | tr -d ' '") == "fffe78\n"


async def test_a_large_value_survives(session: Session) -> None:
    """Half a mebibyte in a variable is not too much."""
    await shown(session, "v=$(head -c 500000 /dev/zero | tr '\\0' x)")
    assert await shown(session, "echo ${#v}", "echo ${#v}") == "500000\n"


async def test_readonly_survives(session: Session) -> None:
    """A read-only variable keeps its value and cannot be set by a later command."""
    result = await session.exec("readonly r=1")
    assert result.state_kept
    assert await shown(session, "r=2") == "sh: 1: r: is read only\n"
    assert await shown(session, "echo $r") == "1\n"


async def test_positional_parameters_survive(session: Session) -> None:
    """`set --` holds, empty and spaced parameters included."""
    assert await shown(session, "set -- 'a b' '' \"c'd\"", 'echo "$#:$1:$2:$3"') == "3:a b::c'd\n"


async def test_umask_survives(session: Session) -> None:
    """umask holds for the next command."""
    assert await shown(session, "umask 027", "umask; touch f; ls -l f | cut -c1-10") == "0027\n-rw-r-----\n"


async def test_aliases_survive(session: Session) -> None:
    """An alias works from the next command on, and unalias removes it."""
    assert await shown(session, "alias hi='echo hello \"you\"'", "hi") == "hello you\n"
    assert await shown(session, "unalias hi", "hi") == "sh: 1: hi: not found\n"


@pytest.mark.parametrize(
    "alias", ["cd=true", "set=true", "trap=true", "unset=true", ".=true", "type=true", "printf=true", "export=true",
              "return=true", "echo=true", "exec=true", "umask=true", "alias=true", "readonly=true", "pwd=true"],
)  # fmt: skip
async def test_no_alias_breaks_the_carrying(session: Session, alias: str) -> None:
    """Aliases of the shell's own words change nothing for what is carried between commands."""
    result = await session.exec(f"x=before; f() {{ :; }}; alias {alias}")
    assert result.state_kept
    assert await shown(session, "x=after", '/usr/bin/printf "%s\\n" "$x"') == "after\n"
    assert session.cwd() == "/home/ada"


@pytest.mark.parametrize("name", ["cd", "command", "echo", "printf", "pwd", "umask", "alias", "type", "test", "kill"])
async def test_no_function_breaks_the_carrying(session: Session, name: str) -> None:
    """Functions named like builtins shadow them for the agent, and nothing else."""
    assert await shown(session, f"{name}() {{ /bin/echo mine; }}; x=1", "x=2", f"{name}") == "mine\n"
    assert await shown(session, "/usr/bin/env echo $x") == "2\n"


async def test_functions_survive_without_rerunning_their_command(session: Session) -> None:
    """Only the definition is carried: what stood beside it ran once."""
    await shown(session, "echo once >> log; f() { echo f:$1; }; echo twice >> log")
    assert await shown(session, "f a", "f b") == "f:b\n"
    assert await shown(session, "cat log") == "once\ntwice\n"


FUNCTIONS = {
    "braces": "f() { echo it; }",
    "spread": "f ( )\n{\n  echo it\n}\n",
    "subshell body": "f() ( echo it )",
    "if body": "f() if true; then echo it; fi",
    "case body": "f() { case $1 in (a|b) echo no;; *) echo it;; esac; }",
    "quotes": "f() { echo 'i'\"t\"; : '}' \"}\" \\}; }",
    "here-document": "f() { cat <<E\nit\nE\n}\n",
    "comment": "f() { # a } comment\n echo it; }",
    "substitution": "f() { echo $(echo it; : '}'); }",
    "loop": "f() { for i in it; do echo $i; done; while false; do :; done; }",
    "defined in a branch": "if true; then f() { echo it; }; fi",
    "defined by a function": "g() { f() { echo it; }; }; g",
    "redirected": "f() { echo it; } 2>/dev/null",
    "later wins": "f() { echo no; }; f() { echo it; }",
    "backquotes": "f() { echo `echo it`; }",
    "arithmetic": "f() { echo it$(( 1 << 2 )) | tr -d 4; }",
}


@pytest.mark.parametrize("text", FUNCTIONS.values(), ids=FUNCTIONS.keys())
async def test_every_form_of_function_survives(session: Session, text: str) -> None:
    """However a function is written, later commands know it."""
    assert await shown(session, text, "true", "f x") == "it\n"


async def test_a_quoted_definition_is_none(session: Session) -> None:
    """A function that was only printed is not defined."""
    assert await shown(session, "echo 'f() { echo it; }'", "f") == "sh: 1: f: not found\n"


async def test_unset_functions_stay_unset(session: Session) -> None:
    """unset -f holds."""
    assert await shown(session, "f() { echo it; }", "unset -f f", "f") == "sh: 1: f: not found\n"


async def test_functions_keep_the_aliases_they_were_read_with(session: Session) -> None:
    """A function uses the alias of its time; a later alias does not creep into it."""
    await shown(
        session, "alias say='echo old'", "f() { say; }; g() { echo plain; }", "alias say='echo new' echo='echo no'"
    )
    assert await shown(session, "f; g") == "old\nplain\n"


@pytest.mark.parametrize(("option", "probe", "wanted"), [
    ("-u", "echo $nothing; echo on", "sh: 1: nothing: parameter not set\n"),
    ("-f", "echo *", "*\n"),
    ("-C", "echo a > f; echo b > f; cat f", "sh: 1: cannot create f: File exists\na\n"),
    ("-x", "echo a", "+ echo a\na\n"),
    ("-v", "echo a", "echo a\na\n"),
    ("-a", "b=1; env | grep ^b=", "b=1\n"),
])  # fmt: skip
async def test_options_survive(session: Session, option: str, probe: str, wanted: str) -> None:
    """Shell options hold for the next commands, and neither tracing nor echoing shows any of ours."""
    await shown(session, f"set {option}", "true")
    assert await shown(session, probe) == wanted


async def test_errexit_is_carried(session: Session) -> None:
    """set -e holds: the first failing command of a later message ends the session."""
    await shown(session, "set -e", "true")
    result = await session.exec("false; echo not here")
    assert result.ended
    assert (result.ended.kind, result.ended.reason, result.output) == ("none", "shell_ended", "")


async def test_odd_ifs_survives(session: Session) -> None:
    """A strange field separator changes nothing for what is carried."""
    await shown(session, "IFS=/xe; set -- a b; y='p q'", "true")
    assert await shown(session, 'echo "$*:$y:$#"; v=1x2; echo $v') == "a/b:p q:2\n1 2\n"


async def test_ps1_becomes_the_prompt(session: Session) -> None:
    """Setting PS1 changes the prompt that is displayed, with variables expanded and nothing run."""
    await shown(session, "PS1='[$USER $PWD `id`] '", "cd /srv")
    assert session.prompt() == "[ada /srv `id`] "


async def test_the_prompt_expands_variables_only(land: Landing) -> None:
    """$VAR and ${VAR} follow the state; everything else stays as the bundle wrote it."""
    session = await land(login={"prompt": "${USER}@$HOSTNAME:$PWD \\w $(id)$ "})
    assert session.prompt() == "ada@vault:/home/ada \\w $(id)$ "
    await shown(session, "cd /; USER=bob")
    assert session.prompt() == "bob@vault:/ \\w $(id)$ "


async def test_nothing_of_ours_shows(session: Session) -> None:
    """Neither set nor env nor alias nor trap nor the open descriptors tell of the harness."""
    everything = await shown(session, "true", "set; env; alias; trap; export -p; readonly -p; echo $- $# $0")
    assert "sekft" not in everything
    assert "ENV" not in everything
    assert everything.endswith("\ni 0 sh\n")
    assert "fd/" not in everything
    assert await shown(session, "ls /proc/self/fd") == "0\n1\n2\n3\n"  # the last is the folder being listed


@pytest.mark.parametrize("text", ["trap 'echo x' INT", "sleep 60 &", "exec 3</etc/passwd; exec 3<&-"])
async def test_what_is_documented_as_lost_is_lost(session: Session, text: str) -> None:
    """Traps, jobs and descriptors belong to one command's shell."""
    await shown(session, text)
    assert await shown(session, "trap; jobs; ls /dev/fd/ | grep -c 9; :") == "0\n"


async def test_background_jobs_live_on(session: Session) -> None:
    """A job in the background goes on after its command, and the command does not wait for it."""
    result = await session.exec("(sleep 0.3; echo done > flag) & echo started")
    assert result.output == "started\n"
    assert await shown(session, "sleep 0.6; cat flag") == "done\n"


async def test_a_chatty_background_job_is_never_blocked(session: Session) -> None:
    """What a job writes after its command returned is thrown away, and the job ends."""
    await shown(session, "(sleep 0.2; head -c 1000000 /dev/zero; echo done > flag) &")
    assert await shown(session, "sleep 0.8; cat flag") == "done\n"


async def test_the_environment_at_login(land: Landing) -> None:
    """login.env is exported over the base environment, which holds nothing else."""
    session = await land(login={"env": {"EDITOR": "ed", "TZ": "UTC"}})
    names = sorted(line.split("=")[0] for line in (await shown(session, "env")).splitlines())
    assert names == ["EDITOR", "HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "TZ", "USER"]
    assert await shown(session, "echo $EDITOR $HOME $0 $#") == "ed /home/ada sh 0\n"


async def test_profiles_really_run(land: Landing) -> None:
    """/etc/profile, then ~/.profile: what they print is in the greeting, what they set is in the session."""
    session = await land(
        File(path="/etc/profile", content='A=1\necho "hello $USER"\n', owner="root"),
        File(path="/home/ada/.profile", content="export B=${A}2\necho there\nf() { echo it; }\n"),
        login={"motd": "motd", "banner": "banner\n"},
    )
    assert session.greeting == "banner\nmotd\nhello ada\nthere\n"
    assert await shown(session, "echo $A $B $?") == "1 12 0\n"
    assert await shown(session, "cat /etc/motd /etc/issue") == "motd\nbanner\n"


async def test_a_readonly_and_a_failing_dump_keep_the_last_state(session: Session) -> None:
    """When a command leaves no state, the one before holds and the result says so."""
    await shown(session, "x=1; cd /srv")
    result = await session.exec("x=2; trap - EXIT")
    assert not result.state_kept
    assert await shown(session, "echo $x $PWD") == "1 /srv\n"


async def test_a_forged_dump_is_no_dump(session: Session) -> None:
    """A state file that the agent left in ours' place is parsed as untrusted and dropped."""
    await shown(session, "x=1")
    for forged in ("echo nonsense > /run/sekft/state", "ln -s /etc/passwd /run/sekft/state", "mkfifo /run/sekft/state"):
        result = await session.exec(f"trap - EXIT; rm -f /run/sekft/state; {forged}")
        assert not result.state_kept
        assert await shown(session, "rm -f /run/sekft/state; echo $x") == "1\n"


async def test_sourced_variables_survive(session: Session) -> None:
    """A sourced file changes the session's own shell."""
    assert await shown(session, "echo 'x=1; cd /srv' > f; . ./f", "echo $x $PWD") == "1 /srv\n"
