"""List the accounts of a passwd file that have something in common."""

from __future__ import annotations

from sekft.authors.procedural import tolerance
from sekft.authors.procedural.host import SYSTEM, Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, called, job, named

_ASK = (
    "write the login names of the accounts <rule> in <path> to <target>, one per line.",
    "<path> is a copy of our passwd. Please put the names of the accounts <rule> into <target>, one per line.",
    "I need a list of the accounts <rule>, just their names, in <target>. They are in <path>.",
    "please go through <path> and note the names of the accounts <rule> in <target>, a name per line.",
    "could you pull the names of the accounts <rule> out of <path>? One per line, into <target>.",
    "list the names of all accounts <rule> from <path> in <target>.",
    "make a list of the accounts <rule> for <role>: login names from <path>, one per line, in <target>.",
)
_WHY = (
    "The accounts are reviewed on <day>.",
    "<who> moves them to the new machine on <day>.",
    "Some of these people have left <house>.",
    "We tidy up the accounts before <event>.",
)
_RULES = {
    "shell": ("[with the shell|whose shell is|that have the shell] <value>", '$7 == "{}"', '[ "$s" = {} ]'),
    "group": ("[with|that have] the group id <value>", "$4 == {}", '[ "$g" -eq {} ]'),
    "from": ("with a user id of <value> or above", "$3 >= {}", '[ "$u" -ge {} ]'),
}
_SERVICES = (
    ("daemon", 1, "/usr/sbin"), ("games", 5, "/usr/games"), ("man", 6, "/var/cache/man"), ("mail", 8, "/var/mail"),
    ("news", 9, "/var/spool/news"), ("proxy", 13, "/bin"), ("www-data", 33, "/var/www"), ("backup", 34, "/var/backups"),
)  # fmt: skip
"""Names, ids and homes."""
_NOLOGIN = "/usr/sbin/nologin"
_SHELLS = ("/bin/bash", "/bin/sh", "/bin/zsh", "/bin/dash")


@TASKS.kind("accounts")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder, rule = host.place(SYSTEM), rng.choice(sorted(_RULES))
    path = f"{folder}/{called(host, f'passwd.old passwd.copy passwd-{host.name}')}"
    services = sorted(skin.sample(_SERVICES, host.some(rng, 1, 3)), key=lambda service: service[1])
    people = [host.names.user() for _ in range(host.some(rng, 3, 6))]
    hits = [True, True, False, *(rng.random() < 0.4 for _ in people[3:])]
    shells, groups = [*skin.sample(_SHELLS, 2), _NOLOGIN], skin.sample([100, 200, 500, 1001, 1100, 2000], 3)
    limit = skin.choice([1100, 1200, 1500, 2000])
    rows = [f"{name}:x:{uid}:{uid}:{name}:{home}:{_NOLOGIN}" for name, uid, home in services]
    for at, (name, hit) in enumerate(zip(people, hits, strict=True)):
        group, shell = (groups[0], shells[0]) if hit else (skin.choice(groups[1:]), skin.choice(shells[1:]))
        user = limit + at if hit and rule == "from" else 1000 + at
        full = f"{name[:1].upper()}{name[1:]}, {skin.choice(host.rooms)}"
        rows.append(f"{name}:x:{user}:{group}:{full}:/home/{name}:{shell}")
    rows.sort(key=lambda row: int(row.split(":")[2]))
    value = {"shell": shells[0], "group": str(groups[0])}.get(rule, str(limit))
    said, test, compared = (text.replace("{}", value) for text in _RULES[rule])
    stem = {"shell": f"{shells[0].rsplit('/', 1)[-1]}-users", "group": f"group-{value}"}.get(rule, f"from-{value}")
    target = named(host, folder, "result", stem)
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
        title=host.phrase(
            "[accounts <rule>|who is in <what>|review of the accounts|login names for <role>]",
            rule=host.phrase(said, value=value),
            what=path.rsplit("/", 1)[-1],
            role=host.role(),
        ),
        text=ask(
            host,
            _ASK,
            _WHY,
            path=path,
            target=target,
            rule=host.phrase(said, value=value),
            role=host.role(),
        ),
        sources={path: "".join(f"{row}\n" for row in rows)},
        target=target,
        result="".join(f"{name}\n" for name in found),
        alike=tolerance.NAMES,
        looks=[f"cat {path}", f"head {path}"],
        direct=direct,
        informed=[f"printf '%s\\n' {' '.join(found)} > {target}"],
        right={
            "in_one_line": f"echo {' '.join(reversed(found))} > {target}",
            "filled": f": > {target}; for n in {' '.join(found)}; do echo $n >> {target}; done",
        },
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
    return int(fields[2]) >= int(value)
