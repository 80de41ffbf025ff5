"""Apply the change that a diff describes."""

from __future__ import annotations

import difflib
import re

from sekft.authors.procedural import configs
from sekft.authors.procedural.host import CONFIGS, Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path, quoted, within

_ASK = (
    "apply <diff> to <path>.",
    "<who> left a change for <path> in <diff>. Please apply it.",
    "<diff> has a correction for <path>. Please apply it.",
    "please patch <path> with <diff>.",
    "could you apply the patch <diff> to <path>?",
    "<path> is still the old version. Please bring it up to date with <diff>.",
    "please apply the change in <diff> to <path>.",
    "make the change that <diff> describes in <path>.",
)


@TASKS.kind("patch")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    kind = skin.choice(host.world.setting.configs)
    folder = host.place(kind.folders, CONFIGS)
    path = new_path(host, folder, "config", kind.file)
    keys = skin.sample(kind.keys, min(host.some(rng, 4, 6), len(kind.keys)))
    first, second = sorted(rng.sample(range(4), 2))
    head, old = [f"# {kind.of}", ""], [f"{key} = {value}" for key, value, _, _ in keys]
    new = [f"{key} = {fresh if at in (first, second) else value}" for at, (key, value, fresh, _) in enumerate(keys)]
    name = path.rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0]
    diff = f"{folder}/{stem}.{skin.choice(['diff', 'patch'])}"
    titles = skin.choice([(f"a/{name}", f"b/{name}"), (f"{name}.orig", name), (name, name)])
    hunks = difflib.unified_diff(head + old, head + new, *titles, lineterm="")
    before, after = ("".join(f"{line}\n" for line in head + lines) for lines in (old, new))
    one, two = (f"s/^{_pattern(old[at])}$/{_plain(new[at])}/" for at in (first, second))
    edits = f"-e {quoted(one)} -e {quoted(two)}"
    by_tool = f"patch {path} {diff}"
    return job(
        host,
        title=host.phrase("[<of>: a correction|settings of <of>|new values for <of>|<what> is out of date]", of=kind.of, what=name),
        text=ask(
            host, _ASK, configs.WHY, path=path, diff=diff, who=host.person().first
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
            [f"cat {diff}", f"sed -i {quoted(one)} {path}", f"sed -i {quoted(two)} {path}"],
            [f"cat {diff}", f"cp {path} /tmp/old && sed {edits} /tmp/old > {path}"],
            [f"cd {folder}", *(within(folder, command) for command in (f"cat {diff}", by_tool))],
        ],
        right={
            "backup_kept": f"sed -i.orig {edits} {path}",
            "by_tool_inside": [f"cd {folder}", by_tool],
        },
        confirm=[[f"cat {path}"], [f"cat -n {path}"]],
        wrong={
            "half": f"sed -i {quoted(one)} {path}",
            "other_half": f"sed -i {quoted(two)} {path}",
            "added_only": f"echo {quoted(new[first])} >> {path}",
            "diff_copied": f"cp {diff} {path}",
            "other_path": f"sed {edits} {path} > {path}.new",
        },
    )  # fmt: skip


def _pattern(text: str) -> str:
    """The text as a pattern of sed between slashes."""
    return re.sub(r"([/*\[\]\\^$])", r"\\\1", text)


def _plain(text: str) -> str:
    """The text as what sed puts in, between slashes."""
    return re.sub(r"([/&\\])", r"\\\1", text)
