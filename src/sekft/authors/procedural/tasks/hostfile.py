"""Correct or add an address in a hosts file."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job, spaced

_CHANGE = (
    "<name> has a new address, <ip>. Correct it in <path>.",
    "change the address of <name> in <path> to <ip>.",
    "in <path>, <name> should be <ip>.",
    "<path> has the wrong address for <name>. The right one is <ip>.",
    "could you set <name> to <ip> in <path>? The other entries are fine.",
    "<who> moved <name> to <ip>. Please update its line in <path>.",
    "please update <path>: <name> is at <ip> now.",
    "new address of <name>: <ip>. It goes into <path>, in place of the old one.",
    "<name> no longer answers at the address in <path>. It is <ip> now, so fix that line.",
    "update <name> in <path>. Address: <ip>",
)
_ADD = (
    "add <name> with the address <ip> at the end of <path>.",
    "<path> has no line for <name> yet. Its address is <ip>; add it at the end.",
    "please append the host <name>, <ip>, to <path>.",
    "could you add the new machine to <path>? It is called <name>, its address is <ip>, and it goes last.",
    "new host: <name> at <ip>. One more line at the end of <path>, please.",
    "<who> set up <name> at <ip>. Add it to <path>, below the others.",
    "in <path>, add a last line for <name>, which has the address <ip>.",
    "we can't reach <name> by name. Add it to the end of <path> with its address, <ip>.",
    "<name>, address <ip>, is missing from <path>. Put it last.",
    "one more entry for the end of <path>. Host <name>, address <ip>",
)
_WHY = (
    "The network in <room> was rearranged on <day>.",
    "<role> cannot reach it from <room>.",
    "The old switch was replaced on <iso>.",
    "The file is copied to all machines on <day>.",
    "The name server does not know our machines.",
)


@TASKS.kind("hostfile")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder, added, joint = host.place(), rng.random() < 0.4, skin.choice(["\t", "\t", "  ", " "])
    path = f"{folder}/{host.world.stem('hosts hosts addresses.lan machines lan-table static.net inhouse')}"
    names = host.world.several(
        host.some(rng, 3, 7), f"{host.world.setting.hosts} printer-# scanner-# gateway nas-# desk-##"
    )
    net = f"10.{skin.randint(0, 250)}.{skin.randint(0, 9)}"
    last = skin.sample(range(11, 99), len(names) + 1)
    lines = [f"{net}.{at}{joint}{name}" for at, name in zip(last[1:], names, strict=True)]
    at = len(lines) - 1 if added else rng.randrange(len(lines))
    name, fresh, old = names[at], f"{net}.{last[0]}", f"{net}.{last[at + 1]}"
    line = f"{fresh}{joint}{name}"
    head = [f"127.0.0.1{joint}localhost", skin.choice([f"# {host.name}", "# static addresses", "# the house"])]
    before = "".join(f"{row}\n" for row in [*head, *(lines[:at] if added else lines)])
    after = "".join(f"{row}\n" for row in [*head, *lines[:at], line, *lines[at + 1 :]])
    return job(
        host,
        title=host.say("[an address|a new address|an entry] for <name>", name=name),
        text=ask(
            host,
            _ADD if added else _CHANGE,
            _WHY,
            name=name,
            ip=fresh,
            path=path,
            who=host.person().name,
        ),
        needle=path,
        sources={path: before},
        judged={path: spaced(after)},
        folder=folder,
        looks=[f"cat {path}", f"grep . {path}"],
        direct=_adding(path, line) if added else _changing(path, old, fresh, name),
        right={
            "wide": f"{{ grep -v -w {name} {path}; echo '{fresh}      {name}'; }} > /tmp/hosts; cat /tmp/hosts > {path}"
            if added
            else f'awk \'$2 == "{name}" {{$1 = "{fresh}"}} {{print}}\' {path} > /tmp/hosts; cat /tmp/hosts > {path}'
        },
        confirm=[[f"cat {path}"], [f"grep {name} {path}"]],
        wrong={
            "other_file": f"echo '{line}' >> {path}.new",
            "alone": f"echo '{line}' > {path}",
            "other_address": f"sed -i '/{name}/d' {path}; echo '{net}.{last[0] + 1} {name}' >> {path}",
            "all_lines": f"sed -i 's/^10[0-9.]*/{fresh}/' {path}; echo '{line}' >> {path}",
            "on_top": f"sed -i '/{name}/d' {path}; sed -i '1i {line}' {path}",
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
