"""Rename files in bulk: another ending, or something put before the name."""

from __future__ import annotations

from sekft.authors.procedural import folders
from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ENDING = (
    "rename the .<old> files in <folder> to .<new>.",
    "please change the ending of the .<old> files in <folder> to .<new>.",
    "the <of> in <folder> should end in .<new> instead of .<old>. Please rename them.",
    "could you rename everything in <folder> that ends in .<old>, so that it ends in .<new>?",
    "the program that reads <folder> wants .<new>, not .<old>. Please rename the .<old> files, <first> to <example> and so on.",
    "give the .<old> files in <folder> the ending .<new> (<first> becomes <example>).",
)
_PREFIX = (
    "put <new> in front of the names of all .<old> files in <folder>.",
    "rename the .<old> files in <folder> so that each begins with <new>: <first> becomes <example>, and so on.",
    "please put <new> before the name of every .<old> file in <folder>, as in <example>.",
    "the <of> of several people come together, so the .<old> files in <folder> need <new> before their names (<example>, for instance).",
    "could you rename the .<old> files in <folder>? Each gets <new> before the name that it has, like <example>.",
    "in <folder>, <first> should be called <example>, and the other .<old> files get the same <new> in front.",
)


@TASKS.kind("rename")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    by_ending = rng.random() < 0.5
    found = folders.draw(host, host.some(rng, 2, 4), host.some(rng, 1, 2))
    folder, kind, old, files = found.path, found.kind, found.ending, found.files
    new = found.other if by_ending else host.world.stem(host.world.setting.groups) + skin.choice("-_")
    stems = [name.removesuffix(f".{old}") for name in found.mine]
    renamed = {f"{stem}.{old}": f"{stem}.{new}" if by_ending else f"{new}{stem}.{old}" for stem in stems}
    first = f"{stems[0]}.{old}"
    target = f'"${{f%.{old}}}.{new}"' if by_ending else f'"{folder}/{new}$(basename "$f")"'
    short = f'"${{f%.{old}}}.{new}"' if by_ending else f'"{new}$f"'
    whole = f'"$(dirname "$f")/$(basename "$f" .{old}).{new}"' if by_ending else f'"{folder}/{new}${{f##*/}}"'
    one_by_one = " && ".join(f"mv {folder}/{name} {folder}/{now}" for name, now in renamed.items())
    return job(
        host,
        title=host.phrase(
            "[<of> should be .<new>|.<new>, not .<old>|endings of the <of>]"
            if by_ending
            else "[names of the <of>|<of>: names|new names for the <of>]",
            of=kind.of,
            old=old,
            new=new,
        ),
        text=ask(
            host,
            _ENDING if by_ending else _PREFIX,
            folder=folder,
            old=old,
            new=new,
            of=kind.of,
            first=first,
            example=renamed[first],
        ),
        needle=folder,
        files=tuple(files.values()),
        after=tuple(files[name].model_copy(update={"path": f"{folder}/{now}"}) for name, now in renamed.items()),
        gone=tuple(f"{folder}/{name}" for name in renamed),
        folder=folder,
        looks=[f"ls -A {folder}", f"ls -lA {folder}"],
        direct=[
            f'for f in {folder}/*.{old}; do mv "$f" {target}; done',
            f'for f in {folder}/*.{old}; do mv "$f" {whole}; done',
            [f"cd {folder}", f'for f in *.{old}; do mv "$f" {short}; done'],
        ],
        informed=[one_by_one] if by_ending else [],
        right={
            "last_first": [f"mv {folder}/{name} {folder}/{now}" for name, now in reversed(renamed.items())],
            "copied_first": [
                f"cp {folder}/{name} {folder}/{now} && rm {folder}/{name}" for name, now in renamed.items()
            ],
        },
        confirm=[[f"ls -A {folder}"], [f"ls -lA {folder}"], [f"ls -l {folder}"]],
        wrong={
            "copied": f'for f in {folder}/*.{old}; do cp "$f" {target}; done',
            "one_left": [f"mv {folder}/{name} {folder}/{now}" for name, now in list(renamed.items())[1:]],
            "all_renamed": f'for f in {folder}/*; do mv "$f" "$f.{new}"; done',
            "appended": f'for f in {folder}/*.{old}; do mv "$f" "$f.{new}"; done',
        },
    )
