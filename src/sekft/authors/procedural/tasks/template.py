"""Fill a template's placeholders with the values of another file."""

from __future__ import annotations

from collections.abc import Mapping

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, within
from sekft.authors.procedural.world import filled

_ASK = (
    "fill in <form> with the values from <values> and save the result as <target>.",
    "<form> is a template with placeholders like <shape>. Replace them all with the values in <values>; the result goes to <target>.",
    "please make <target> from the template <form>: every placeholder (<shape>, for instance) gives way to its value in <values>.",
    "the <what> is ready but for its blanks, such as <shape>. Template: <form>, values: <values>. Save the finished text as <target>.",
    "take <form>, put in the values from <values> for all placeholders, and write that to <target>. [The template itself stays as it is.|Placeholders look like <shape>.]",
    "could you fill in the <what>? The template is <form>, the values are in <values>, and the result should be <target>.",
    "we need <target>: the text of <form> with all its placeholders (they look like <shape>) replaced from <values>.",
    "replace all placeholders like <shape> in <form> by its value from <values>. Do not touch <form>; write the result to <target>.",
    "[fill in|complete] all of the <what> template <form>. Its values are in <values>, a line for each placeholder. Output: <target>",
    "<values> has a value for each placeholder in <form> (<shape> is one of them). Put them in and save the <what> as <target>.",
)
_KINDS = "letter certificate notice invitation reminder receipt"
_SHAPES = ("@{}@", "%{}%", "__{}__", "[{}]", "{{{{{}}}}}", "{{{{{}}}}}")
_BLANKS: Mapping[str, tuple[str, ...]] = {
    "name": ("Dear {},", "To: {}", "For {} only.", "Copy for {}: in <room>."),
    "item": ("Subject: {}", "This is about {}, as agreed with <who>.", "More on {} from <who>."),
    "day": ("Please answer by {}.", "Valid until {}.", "We expect you before {}."),
    "number": ("Our reference: {}", "No. {}", "Please quote {} when you call."),
    "count": ("Number of <rows>: {}", "We have {} <rows> on our list.", "<rows>: {}"),
    "contact": ("Questions to {}, <room>.", "Signed: {}", "{} can tell you more."),
}
"""Keys of placeholders, and lines of a letter that hold one."""
_HEADS = ("Written on <iso>, <room>", "From <house>, <iso>", "<iso>", "<house>, <room>")
_MIDDLES = (
    "We look forward to <event>.",
    "<event> is on <day>.",
    "Office hours: <day>, 9:00 to 1<k>:00",
    "Thank you for your patience.",
)
_ENDS = ("Yours, <who>", "With regards from <house>", "Best regards, <who>, <role>")


@TASKS.kind("template")
def make(host: Host) -> Job:
    rng, skin, world = host.rng, host.skin, host.world
    folder, what = host.place(), skin.choice(_KINDS.split())
    form = f"{folder}/{world.stem(what)}{skin.choice(['.tmpl', '.template', '.txt.in', '.tpl'])}"
    values = f"{folder}/{world.stem('values fields details')}{skin.choice(['.txt', '.conf', '.env'])}"
    target = f"{folder}/{world.stem('final to-send finished complete')}{skin.choice(['.txt', '.txt', '.md', '.out'])}"
    shape, upper = skin.choice(_SHAPES), skin.random() < 0.5
    drawn = _drawn(host, rng.randint(2, 3))
    names = {key: world.one(key) for key in drawn}
    names = {key: name.upper() for key, name in names.items()} if upper else names
    order = [*drawn, *(list(drawn)[rng.randrange(len(drawn))] for _ in range(rng.randint(0, 2)))]
    text = _text(host, {key: shape.format(name) for key, name in names.items()}, order)
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
        title=host.say(
            "[a <what> to fill in|fill in the <what>|the <what> in <near>|a template and its values]",
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
    table, listing = host.world.table(0, 1), host.world.listing(1)
    values = {
        "name": table.groups[0],
        "item": listing.items[0],
        "day": host.text("<iso>"),
        "number": filled(host.skin, host.skin.choice(["26-####", "@-####", "###/####".replace("/", "-")])),
        "count": str(host.names.number(11, 480)),
        "contact": host.person().name,
    }
    chosen = host.skin.sample(sorted(values), count)
    return {key: value for key, value in values.items() if key in chosen}


def _text(host: Host, blanks: Mapping[str, str], order: list[str]) -> str:
    """The letter. blanks: placeholders by key. order: the key of each line that holds one."""
    rows = host.world.rng.choice(host.world.setting.tables).rows
    unused = {key: host.skin.sample(lines, len(lines)) for key, lines in _BLANKS.items()}
    lines = [
        (host.text(unused[key].pop().replace("<rows>", rows)), blanks[key])
        for key in sorted(order, key=list(_BLANKS).index)
    ]
    head, middle, end = ((host.text(host.skin.choice(kind)), "") for kind in (_HEADS, _MIDDLES, _ENDS))
    whole = [head, *lines, middle, end]
    return "".join(f"{line[:1].upper()}{line[1:]}\n".replace("{}", blank) for line, blank in whole)
