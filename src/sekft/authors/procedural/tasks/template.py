"""Fill a template's placeholders with the values of another file."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path, within

_ASK = (
    "[fill in|complete] the template <form> with all the values in <values> and [write|save] the result to <target>.",
    "<target> [should be|is to be] <form> with every placeholder (such as <shape>) replaced by its value from <values>.",
    "<form> has placeholders such as <shape>; <values> [says|tells] what goes in for each of them. [The filled-in text|The outcome] [goes|belongs] to <target>.",
    "[make|produce] <target> out of <form>: every placeholder (<shape> is one) [gives way to|becomes] what <values> has for it.",
    "the values in <values> are to be put into <form>, [in place of|instead of] all its placeholders, such as <shape>. [Keep|Store] that as <target> [; the template stays|].",
    "what <target> [lacks|is waiting for] is the text of <form> with all its placeholders (like <shape>) filled from <values>.",
    "[from|out of] <form> and <values> [we need|make] <target>, without a single placeholder (<shape> and the like) left in it.",
    "could <form> be filled in with <values>? [A placeholder looks like|Placeholders look like] <shape>; the result is <target>.",
    "a letter is ready but for its blanks: <form>. What goes into the blanks (one is <shape>) is in <values>, and the finished letter is to be <target>.",
    "in <form>, <shape> is one of several placeholders; <values> gives a value for each. The finished text [goes to|is to be] <target>.",
    "substitute the values of <values> for the placeholders in <form> (they look like <shape>), [leaving|and leave] the result in <target>.",
    "every placeholder in <form>, like <shape>, has its value in <values>. [With all of them filled in|Once all are filled in], the text is to be saved as <target>.",
    "<values> and <form> [belong together|go together]: values there, placeholders (<shape>, for one) here. [The filled-in text|The result] should be saved as <target>.",
)
_SHAPES = ("@{}@", "%{}%", "__{}__", "[{}]", "={}=")


@TASKS.kind("template")
def make(host: Host) -> Job:
    names, rng, skin = host.names, host.rng, host.skin
    folder = host.place()
    form, values, target = (new_path(host, folder, sort) for sort in ("text", "config", "result"))
    shape = skin.choice(_SHAPES)
    pairs = {names.word((1, 2)): names.compound() for _ in range(rng.randint(2, 3))}
    keys = list(pairs)
    order = [*range(len(keys)), *(rng.randrange(len(keys)) for _ in range(rng.randint(0, 2)))]
    rng.shuffle(order)
    text = "".join(
        f"{host.say(skin.choice(_LINES), word=names.word(), other=names.word(), blank=shape.format(keys[at]))}\n"
        for at in order
    )
    filled = text
    for key, value in pairs.items():
        filled = filled.replace(shape.format(key), value)
    escaped = shape.replace("[", "\\[").replace("]", "\\]")
    each = " ".join(f"-e 's/{escaped.format(key)}/{value}/g'" for key, value in pairs.items())
    rule = f"s/^\\(.*\\)=\\(.*\\)$/s|{escaped.replace(chr(92), chr(92) * 2).format(chr(92) + '1')}|{chr(92)}2|g/"
    loop = f'while IFS== read -r n v; do sed -i "s/{escaped.format("$n") if "_" not in shape else "__${n}__"}/$v/g" {target}; done < {values}'
    return job(
        host,
        title=host.say("[a template|a form|a text with blanks] for <what>", what=target.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, form=form, values=values, target=target, shape=shape.format(keys[0])),
        sources={form: text, values: "".join(f"{key}={value}\n" for key, value in pairs.items())},
        target=target,
        result=filled,
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


_LINES = (
    "the <word> of <blank> [is|was] <other>",
    "[dear|to] <blank>, about the <word>",
    "<word>: <blank>",
    "[see|ask] <blank> for <word> and <other>",
    "<other> [goes|went] to <blank> by <word>",
)
