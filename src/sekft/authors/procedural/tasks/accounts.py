"""List the accounts of a passwd file that have something in common."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job, new_path

_ASK = (
    "list the accounts in <path> <rule> and save the list as <target>.",
    "which are the accounts <rule> in <path>? Write them to <target>.",
    "I need the login names of all accounts <rule>. They are in <path>, and the list goes to <target>.",
    "<role> asks for a list of the accounts <rule>. Source: <path>. Result: <target>.",
    "please go through <path> and write the accounts <rule> to <target>.",
    "could you extract the accounts <rule> from <path>? Put them into <target>.",
    "<target> should list the accounts <rule>, taken from <path>.",
    "from <path> to <target>: the accounts <rule>.",
    "<path> is a copy of our passwd. Get the accounts <rule> out of it and into <target>.",
    "accounts <rule>: write them down in <target>. You find them all in <path>.",
)
_FORM = (
    "[Login names only, one per line, in the order of the file.|One login name per line, in the order of the file.|"
    "Just the names, one per line, same order.|Login names, nothing more, one to a line, in file order.|First column only, in the order of the file.|"
    "Names only, one on each line, as they come in the file.]"
)
_WHY = (
    "The accounts are reviewed on <day>.",
    "<who> moves them to the new machine.",
    "Some of these people have left <house>.",
    "The auditor wants it on paper.",
    "<role> closes accounts before <event>.",
)
_RULES = {
    "shell": ("[with the shell|whose shell is|that have the shell] <value>", '$7 == "{}"', '[ "$s" = {} ]'),
    "group": ("[with|that have] the group id <value>", "$4 == {}", '[ "$g" -eq {} ]'),
    "from": ("with a user id of <value> or [more|above]", "$3 >= {}", '[ "$u" -ge {} ]'),
    "below": ("with a user id below <value>", "$3 < {}", '[ "$u" -lt {} ]'),
}
_SERVICES = "daemon mail news www-data backup sshd postfix ntp messagebus systemd-timesync man games lp uucp proxy irc"
_SHELLS = ("/bin/bash", "/bin/sh", "/usr/sbin/nologin", "/bin/false", "/bin/zsh", "/bin/dash")


@TASKS.kind("accounts")
def make(host: Host) -> Job:
    rng, skin, world = host.rng, host.skin, host.world
    folder, rule = host.place(), rng.choice(sorted(_RULES))
    path = f"{folder}/{world.stem('passwd passwd accounts users ldap-dump members people')}"
    target = new_path(host, folder, "result", "logins names review found picked")
    services = skin.sample(_SERVICES.split(), host.some(rng, 1, 4))
    people = [host.names.user() for _ in range(host.some(rng, 3, 7))]
    hits = [True, True, False, *(rng.random() < 0.4 for _ in people[3:])]
    shells, groups = skin.sample(_SHELLS, 3), skin.sample([100, 200, 500, 1000, 1001, 1100, 2000], 3)
    limit = skin.choice([1100, 1200, 1500, 2000])
    rows = [f"{name}:x:{at + 1}:{at + 1}:{name}:/var/{name}:{shells[1]}" for at, name in enumerate(services)]
    for at, (name, hit) in enumerate(zip(people, hits, strict=True)):
        group, shell = (groups[0], shells[0]) if hit else (skin.choice(groups[1:]), skin.choice(shells[1:]))
        user = 1000 + at if hit != (rule == "from") else limit + at
        rows.append(f"{name}:x:{user}:{group}:{name}, {skin.choice(host.rooms)}:/home/{name}:{shell}")
    skin.shuffle(rows)
    value = {"shell": shells[0], "group": str(groups[0])}.get(rule, str(limit))
    said, test, compared = (text.replace("{}", value) for text in _RULES[rule])
    found = [row.split(":")[0] for row in rows if _counts(rule, row.split(":"), value)]
    awk, loop = f"awk -F: '{test} {{print $1}}' {path}", "while IFS=: read -r n x u g d p s; do"
    direct: list[Typed] = [
        f"{awk} > {target}",
        f"awk -F: '{{if ({test}) print $1}}' {path} > {target}",
        f"{loop} {compared} && echo $n; done < {path} > {target}",
        f"{loop} if {compared}; then echo $n; fi; done < {path} > {target}",
        f"awk -F: '{test}' {path} | cut -d : -f 1 > {target}",
    ]
    return job(
        host,
        title=host.say("[some accounts|a list of accounts] from <what>", what=path.rsplit("/", 1)[-1]),
        text=ask(
            host,
            [f"{core} {_FORM}" for core in _ASK],
            _WHY,
            path=path,
            target=target,
            rule=host.phrase(said, value=value),
            role=host.role(),
        ),
        sources={path: "".join(f"{row}\n" for row in rows)},
        target=target,
        result="".join(f"{name}\n" for name in found),
        looks=[f"cat {path}", f"head {path}"],
        direct=direct,
        informed=[f"printf '%s\\n' {' '.join(found)} > {target}"],
        right={"filled": f": > {target}; for n in {' '.join(found)}; do echo $n >> {target}; done"},
        confirm=[[f"cat {target}"], [f"cat -n {target}"]],
        wrong={
            "all_accounts": f"cut -d : -f 1 {path} > {target}",
            "whole_lines": f"awk -F: '{test}' {path} > {target}",
            "one_lost": f"{awk} | sed 1d > {target}",
            "one_too_many": f"{awk} > {target}; echo root >> {target}",
            "other_path": f"{awk} > {target}.new",
        },
    )


def _counts(rule: str, fields: list[str], value: str) -> bool:
    if rule == "shell":
        return fields[6] == value
    if rule == "group":
        return fields[3] == value
    return (int(fields[2]) >= int(value)) == (rule == "from")
