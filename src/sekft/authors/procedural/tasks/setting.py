"""Change the value of one key in a configuration file of one of several formats."""

from __future__ import annotations

from sekft.authors.procedural import configs
from sekft.authors.procedural.host import CONFIGS, Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job

_ASK = (
    "[set|change] <key> to <new> in <path>.",
    "please set <key> (<about>) to <new> in <path>.",
    "change <key> in <path> from <old> to <new>.",
    "in <path>, <key> is still <old>. It should be <new>.",
    "the settings of <of> are in <path>. Please set <key> to <new> there.",
    "could you set <key> to <new>? It is in <path> and says <old> now.",
    "<key> in <path> should be <new>, not <old>.",
    "we agreed on <new> for <key> (<about>). Please enter that in <path>.",
)
_REMARKS = (
    "settings of <of>",
    "<of>, last change <iso>",
    "",
    "",
)


@TASKS.kind("setting")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    form, settings = configs.draw(skin), host.world.settings(host.some(rng, 3, 6))
    kind = settings.kind
    folder = host.place(kind.folders, CONFIGS)
    path = f"{folder}/{settings.stem}{skin.choice(form.endings.split())}"
    pairs = [(key, value) for key, value, _, _ in settings.entries]
    (name, old, new, about), other = settings.entries[0], settings.entries[1][0]
    skin.shuffle(pairs)
    key, section = form.spelled(name), "Service" if form.name == "unit" else settings.stem
    remark = host.text(skin.choice(_REMARKS).replace("<of>", kind.of))
    before = form.text(section, kind.of, pairs, remark)
    after = form.text(section, kind.of, [(one, new if one == name else value) for one, value in pairs], remark)
    sed, exact = form.change(name, new), form.exact(name, old, new)
    added = form.line(name, new)

    def rest(value: str) -> str:
        """What stands behind the key."""
        return form.line(name, value).removesuffix(",").split(key, 1)[1]

    return job(
        host,
        title=host.phrase("[<about>|<about>|<key> for <of>|<of>: <key>]", about=about, key=key, of=kind.of),
        text=ask(host, _ASK, configs.WHY, path=path, key=key, new=new, old=old, about=about, of=kind.of),
        sources={path: before},
        target=path,
        result=after,
        looks=[f"cat {path}", f"grep -n {key} {path}", f"head {path}"],
        direct=[f"sed -i '{sed}' {path}"],
        informed=[
            f"sed -i '{exact}' {path}",
            [f"sed '{sed}' {path} > /tmp/new", f"cat /tmp/new > {path}"],
            f"sed '{sed}' {path} > /tmp/new && cp /tmp/new {path}",
            f"sed -i '/{key}/s|{rest(old)}|{rest(new)}|' {path}",
        ],
        right={
            "backup_kept": f"sed -i.bak '{sed}' {path}",
            "filtered_copy": [f"cp {path} /tmp/old", f"sed '{sed}' /tmp/old | tee {path}"],
        },
        confirm=[[f"cat {path}"], [f"grep {key} {path}"], [f"grep -n {new} {path}"]],
        wrong={
            "other_key": f"sed -i '{form.change(other, new)}' {path}",
            "added_instead": f"echo '{added}' >> {path}",
            "only_that_key": f"echo '{added}' > {path}",
            "a_digit_too_many": f"sed -i '{form.change(name, new + '0')}' {path}",
            "other_path": f"sed '{sed}' {path} > {path}.new",
        },
    )
