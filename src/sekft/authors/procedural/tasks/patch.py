"""Apply the change that a diff describes."""

from __future__ import annotations

import difflib
import re

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, named, new_path, quoted, within

_ASK = (
    "apply <diff> to <path>.",
    "<who> left a diff for <path>: it is <diff>. Please apply it.",
    "<diff> has a correction for <path>. Apply it and keep the diff.",
    "please patch <path> with <diff>.",
    "could you apply the patch <diff> to <path>?",
    "<path> is still the old version. Please bring it up to date with the diff <diff>.",
    "the change in <diff> was agreed on, but nobody has made it in <path> yet. Please do.",
    "<role> has reviewed <diff>. It can go into <path> now.",
    "patch for <path>: see <diff>, and apply it as it is.",
    "make the change in <diff> to <path>, and no other.",
    "<path> needs the edit that <who> sent as <diff>.",
)


@TASKS.kind("patch")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder, config = host.place(), skin.random() < 0.5
    count, (changed, dropped) = host.some(rng, 4, 8), rng.sample(range(4), 2)
    path, head, old, fresh, why = (_config if config else _document)(host, folder, count, changed)
    new = [fresh if at == changed else line for at, line in enumerate(old) if at != dropped]
    name, stem = path.rsplit("/", 1)[-1], host.world.stem("change correction fix update edit revision")
    diff = f"{folder}/{stem}.{skin.choice(['diff', 'patch'])}"
    titles = skin.choice([(f"a/{name}", f"b/{name}"), (f"{name}.orig", name), (name, name)])
    hunks = difflib.unified_diff(head + old, head + new, *titles, lineterm="")
    before, after = ("".join(f"{line}\n" for line in head + lines) for lines in (old, new))
    swap, drop = f"s/^{_pattern(old[changed])}$/{_plain(fresh)}/", f"/^{_pattern(old[dropped])}$/d"
    edits = f"-e {quoted(swap)} -e {quoted(drop)}"
    by_tool = f"patch {path} {diff}"
    return job(
        host,
        title=host.say("[a change|a diff|a patch] for <what>", what=name),
        text=ask(
            host, _ASK, why, path=path, diff=diff, who=host.person().name, role=host.role()
        ),
        needle=diff,
        sources={path: before, diff: "".join(f"{line}\n" for line in hunks)},
        target=path,
        result=after,
        whole=[
            [f"cat {diff}", by_tool],
            [f"cat {path}", f"cat {diff}", by_tool],
            [f"cat {diff}", f"patch {path} < {diff}"],
            [f"cat {diff}", f"sed -i {edits} {path}"],
            [f"cat {path} {diff}", f"sed -i {edits} {path}"],
            [f"cat {diff}", f"sed -i {quoted(swap)} {path}", f"sed -i {quoted(drop)} {path}"],
            [
                f"cat {diff}",
                f"sed {quoted(swap)} {path} | grep -vxF {quoted(old[dropped])} > /tmp/new && cat /tmp/new > {path}",
            ],
            [f"cat {diff}", f"cp {path} /tmp/old && sed {edits} /tmp/old > {path}"],
            [f"cd {folder}", *(within(folder, command) for command in (f"cat {diff}", by_tool))],
        ],
        right={
            "backup_kept": f"sed -i.orig {edits} {path}",
            "by_tool_inside": [f"cd {folder}", by_tool],
        },
        confirm=[[f"cat {path}"], [f"cat -n {path}"]],
        wrong={
            "half": f"sed -i {quoted(swap)} {path}",
            "other_half": f"sed -i {quoted(drop)} {path}",
            "added_only": f"echo {quoted(fresh)} >> {path}",
            "diff_copied": f"cp {diff} {path}",
            "other_path": f"sed {edits} {path} > {path}.new",
        },
    )  # fmt: skip


_Text = tuple[str, list[str], list[str], str, list[str]]
"""A path, the lines above, those that may change, what one of them becomes, and reasons to change it."""


def _document(host: Host, folder: str, count: int, changed: int) -> _Text:
    document = host.world.document(count)
    path = named(host, folder, "text", document.stem)
    lines = [host.text(line) for line in document.lines]
    return path, [document.kind.title, ""], lines, host.text(document.added[0]), document.kind.why


def _config(host: Host, folder: str, count: int, changed: int) -> _Text:
    kind = host.skin.choice(host.world.setting.configs)
    path = new_path(host, folder, "config", kind.file)
    keys = host.skin.sample(kind.keys, min(count, len(kind.keys)))
    name, _, fresh, _ = keys[changed]
    lines = [f"{key} = {value}" for key, value, _, _ in keys]
    return path, [f"# {kind.of}", ""], lines, f"{name} = {fresh}", kind.why


def _pattern(text: str) -> str:
    """The text as a pattern of sed between slashes."""
    return re.sub(r"([/*\[\]\\^$])", r"\\\1", text)


def _plain(text: str) -> str:
    """The text as what sed puts in, between slashes."""
    return re.sub(r"([/&\\])", r"\\\1", text)
