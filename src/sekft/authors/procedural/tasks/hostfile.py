"""Correct or add an address in a hosts file."""

from __future__ import annotations

from sekft.authors.procedural import tolerance
from sekft.authors.procedural.host import SYSTEM, Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, called, job

_CHANGE = (
    "<name> has a new address, <ip>. Please correct it in <path>.",
    "change the address of <name> in <path> to <ip>.",
    "<path> has the wrong address for <name>. The right one is <ip>.",
    "could you set <name> to <ip> in <path>?",
    "<who> moved <name> to <ip>. Please update its line in <path>.",
    "please update <path>: <name> is at <ip> now.",
    "<name> no longer answers at the address in <path>. It is <ip> now, so please fix that line.",
)
_ADD = (
    "add <name> with the address <ip> to <path>.",
    "<path> has no line for <name> yet. Its address is <ip>.",
    "please add the host <name>, <ip>, to <path>.",
    "could you add the new machine to <path>? It is called <name>, and its address is <ip>.",
    "<who> set up <name> at <ip>. Please add it to <path>.",
    "we can't reach <name> by name. Add it to <path> with its address, <ip>.",
    "<name>, address <ip>, is missing from <path>. Please put it in.",
)
_WHY = (
    "The network in <room> was rearranged on <day>.",
    "<who> cannot reach it from <room>.",
    "The switch in <room> was replaced on <iso>.",
    "The file is copied to all machines on <day>.",
)


@TASKS.kind("hostfile")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder, added, joint = host.place(SYSTEM), rng.random() < 0.4, skin.choice(["\t", "\t", "  ", " "])
    path = f"{folder}/{called(host, 'hosts.lan hosts.local hosts.inhouse')}"
    names = host.world.several(
        host.some(rng, 3, 6), f"{host.world.setting.hosts} printer-# scanner-# gateway nas-# desk-##"
    )
    net = f"10.{skin.randint(0, 250)}.{skin.randint(0, 9)}"
    fresh, *rest = skin.sample(range(11, 99), len(names) + 1)
    last = [fresh, *sorted(rest)]
    lines = [f"{net}.{at}{joint}{name}" for at, name in zip(last[1:], names, strict=True)]
    at = len(lines) - 1 if added else rng.randrange(len(lines))
    name, address, old = names[at], f"{net}.{fresh}", f"{net}.{last[at + 1]}"
    line = f"{address}{joint}{name}"
    head = [f"127.0.0.1{joint}localhost", skin.choice([f"# {host.name}", "# static addresses"])]
    before = "".join(f"{row}\n" for row in [*head, *(lines[:at] if added else lines)])
    after = "".join(f"{row}\n" for row in [*head, *lines[:at], line, *lines[at + 1 :]])
    return job(
        host,
        title=host.phrase(
            "[<name> is new|address of <name>|<name> for the hosts file]"
            if added
            else "[<name> has moved|<name>, new address|cannot reach <name>]",
            name=name,
        ),
        text=ask(
            host,
            _ADD if added else _CHANGE,
            _WHY,
            name=name,
            ip=address,
            path=path,
            who=host.person().first,
        ),
        needle=path,
        sources={path: before},
        judged={path: tolerance.alike(after, tolerance.words(ordered=not added))},
        folder=folder,
        looks=[f"cat {path}", f"grep . {path}"],
        direct=_adding(path, line) if added else _changing(path, old, address, name),
        right={
            **({"on_top": f"sed -i '1i {line}' {path}"} if added else {}),
            "wide": f"{{ grep -v -w {name} {path}; echo '{address}      {name}'; }} > /tmp/hosts; cat /tmp/hosts > {path}"
            if added
            else f'awk \'$2 == "{name}" {{$1 = "{address}"}} {{print}}\' {path} > /tmp/hosts; cat /tmp/hosts > {path}',
        },
        confirm=[[f"cat {path}"], [f"grep {name} {path}"]],
        wrong={
            "other_file": f"echo '{line}' >> {path}.new",
            "alone": f"echo '{line}' > {path}",
            "other_address": f"sed -i '/{name}/d' {path}; echo '{net}.{fresh + 1} {name}' >> {path}",
            "all_lines": f"sed -i 's/^10[0-9.]*/{address}/' {path}; echo '{line}' >> {path}",
            "other_name": f"sed -i '/{name}/d' {path}; echo '{address} {name}x' >> {path}",
        },
    )


def _adding(path: str, line: str) -> list[Typed]:
    return [
        f"echo '{line}' >> {path}",
        f"printf '%s\\n' '{line}' >> {path}",
        f"cat >> {path} <<'EOF'\n{line}\nEOF",
        f"sed -i '$a {line}' {path}",
    ]


def _changing(path: str, old: str, fresh: str, name: str) -> list[Typed]:
    swap = f"s/^{old}/{fresh}/"
    return [
        f"sed -i '{swap}' {path}",
        f"sed -i '/{name}/s/{old}/{fresh}/' {path}",
        f"sed '{swap}' {path} > /tmp/new && cat /tmp/new > {path}",
        f"cp {path} /tmp/old && sed '{swap}' /tmp/old > {path}",
    ]
