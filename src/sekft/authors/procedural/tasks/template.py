"""Fill a template's placeholders with the values of another file."""

from __future__ import annotations

from collections.abc import Mapping

from sekft.authors.procedural.host import FORMS, Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, called, job, within
from sekft.authors.procedural.world import filled

_ASK = (
    "fill in the template <form> with the values from <values>, and save the result as <target>.",
    "<form> is a template with placeholders like <shape>. Please replace them with the values in <values>; the result goes to <target>.",
    "please make <target> from the template <form>, with the values from <values>.",
    "the <what> is ready but for its placeholders, such as <shape>. Fill <form> in from <values> and save it as <target>.",
    "could you fill in the <what>? The template is <form>, the values are in <values>, and the result should be <target>.",
    "we need <target>: the text of <form> with all its placeholders (<shape> is one) replaced from <values>.",
    "put the values from <values> into the template <form> and write the finished <what> to <target>.",
)
_KINDS = "letter certificate notice invitation reminder receipt"
_SHAPES = ("@{}@", "@{}@", "%{}%", "{{{{{}}}}}", "{{{{{}}}}}")
_BLANKS: Mapping[str, tuple[str, str]] = {
    "name": ("To: {}", "This copy is for {}."),
    "item": ("Subject: {}", "Please bring this when you come about {}."),
    "day": ("Valid until: {}", "After {} please ask for a new one."),
    "number": ("Number: {}", "Quote {} when you write to us."),
    "count": ("Number of <rows>: {}", "All {} <rows> are on our list."),
    "contact": ("Questions to: {}", "Signed: {}, <room>"),
}
"""Keys of placeholders, and the two lines of a form that hold one: a field, and a sentence below."""


@TASKS.kind("template")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder, stem = host.place(FORMS), called(host, _KINDS)
    what = stem if stem in _KINDS.split() else skin.choice(_KINDS.split())
    form, target = f"{folder}/{stem}{skin.choice(['.tmpl', '.tpl', '.template'])}", f"{folder}/{stem}.txt"
    values = f"{folder}/{stem}.{skin.choice(['values', 'env', 'conf'])}"
    shape, upper = skin.choice(_SHAPES), skin.random() < 0.5
    drawn = _drawn(host, rng.randint(2, 3))
    names = {key: key.upper() if upper else key for key in drawn}
    again = rng.sample(sorted(drawn), rng.randint(0, 2))
    text = _text(host, what, {key: shape.format(name) for key, name in names.items()}, again)
    pairs = {names[key]: value for key, value in drawn.items()}
    done = text
    for name, value in pairs.items():
        done = done.replace(shape.format(name), value)
    keys = list(pairs)
    escaped = shape.replace("[", "\\[").replace("]", "\\]")
    each = " ".join(f"-e 's/{escaped.format(key)}/{value}/g'" for key, value in pairs.items())
    rule = f"s/^\\(.*\\)=\\(.*\\)$/s|{escaped.replace(chr(92), chr(92) * 2).format(chr(92) + '1')}|{chr(92)}2|g/"
    loop = f'while IFS== read -r n v; do sed -i "s/{escaped.format("$n") if "_" not in shape else "__${n}__"}/$v/g" {target}; done < {values}'
    return job(
        host,
        title=host.phrase(
            "[the <what> to fill in|<what> from <near>|the <what>|finish the <what>]",
            what=what,
            near=folder.rsplit("/", 1)[-1],
        ),
        text=ask(host, _ASK, (), form=form, values=values, target=target, shape=shape.format(keys[0]), what=what),
        sources={form: text, values: "".join(f"{key}={value}\n" for key, value in pairs.items())},
        target=target,
        result=done,
        whole=[
            [f"cat {form} {values}", f"sed {each} {form} > {target}"],
            [f"cat {values}", f"sed {each} {form} > {target}"],
            [f"cat {values}", f"sed '{rule}' {values} > /tmp/x", f"sed -f /tmp/x {form} > {target}"],
            [f"head {values}", f"cp {form} {target}", f"sed -i {each} {target}"],
            [f"cd {folder}", within(folder, f"cat {form} {values}"), f"sed {each} {form} > {target}"],
        ],
        right={
            "by_loop": [f"cp {form} {target}", loop],
            "backup_kept": [f"cp {form} {target}", f"sed -i.bak {each} {target}", f"rm {target}.bak"],
        },
        confirm=[[f"cat {target}"], [f"diff {form} {target}"], [f"cat -n {target}"]],
        wrong={
            "not_filled": f"cp {form} {target}",
            "one_filled": f"sed 's/{escaped.format(keys[0])}/{pairs[keys[0]]}/g' {form} > {target}",
            "template_filled": [f"sed -i {each} {form}", f"cp {form} {target}"],
            "swapped": f"sed -e 's/{escaped.format(keys[0])}/{pairs[keys[1]]}/g' -e 's/{escaped.format(keys[1])}/{pairs[keys[0]]}/g' {form} > {target}",
            "other_path": f"sed {each} {form} > {target}.new",
        },
    )


def _drawn(host: Host, count: int) -> dict[str, str]:
    """Keys of blanks in the order of a letter, and the values that go in."""
    listing = host.world.listing(1)
    values = {
        "name": host.person().first,
        "item": listing.items[0],
        "day": host.text("<soon>"),
        "number": filled(host.skin, host.skin.choice(["26-####", "@-####", "###/####".replace("/", "-")])),
        "count": str(host.names.number(11, 480)),
        "contact": host.person().first,
    }
    chosen = host.skin.sample(sorted(values), count)
    return {key: value for key, value in values.items() if key in chosen}


def _text(host: Host, what: str, blanks: Mapping[str, str], again: list[str]) -> str:
    """The form. blanks: placeholders by key. again: keys whose placeholder stands in a sentence, too."""
    rows = host.world.rng.choice(host.world.setting.tables).rows
    fields = [(_BLANKS[key][0], blanks[key]) for key in blanks]
    below = [(_BLANKS[key][1], blanks[key]) for key in _BLANKS if key in again]
    lines = [host.text(line.replace("<rows>", rows)).replace("{}", blank) for line, blank in [*fields, *below]]
    title = f"{what.capitalize()} of {host.world.setting.place}"
    return "".join(f"{line}\n" for line in [title, "", *lines])
