"""Change the value of one key in a configuration file of one of several formats."""

from __future__ import annotations

from sekft.authors.procedural.host import Host, Job
from sekft.authors.procedural.tasks import TASKS, ask, job, new_path

_ASK = (
    "[set|change] <key> to <new> in <path> [; the other keys stay as they are|].",
    "in <path>, <key> [is wrong|is out of date]: [it should be|the right value is] <new>.",
    "the value of <key> in <path> [should be|is to be] <new> [, with all else unchanged|].",
    "<path> [has|gives|carries] the wrong <key>; <new> [is right|would be right|is what it should say].",
    "[from now on|as of today|from today], <key> should be <new>. [The file is|It stands in] <path>.",
    "[give|assign] <key> the value <new>. [It is kept|It is set] in <path>.",
    "<new> [is to replace|should take the place of] what <path> [now has|holds] for <key>.",
    "[what reads|the program behind] <path> needs <key> at <new> [, not at what stands there now|].",
    "one key [needs a change|has to change] in <path>: <key>, to <new>.",
    "could <key> in <path> be <new> [instead|from here on]?",
    "<key> was [mistyped|set too early|never adjusted] in <path>. [The proper value|What it should be] is <new>.",
    "the file <path>, the key <key>: it [should|is to] have <new> as its value [, the rest is fine|].",
    "<key> [moves|is to go] to <new>. This concerns <path> [and no other file|].",
    "[correct|mend|put right] <path>, where <key> has to be <new>.",
)
# How a pair is written, what finds the value in it, and what stands before and after all pairs.
_FORMATS = {
    "equals": ("{key}={value}", "s/^{key}=.*/{key}={value}/", "", ""),
    "spaced": ("{key} = {value}", "s/^{key} = .*/{key} = {value}/", "# settings\n", ""),
    "colon": ("{key}: {value}", "s/^{key}: .*/{key}: {value}/", "---\n", ""),
    "blank": ("{key} {value}", "s/^{key} .*/{key} {value}/", "", "# end\n"),
    "exported": ("export {key}={value}", "s/^export {key}=.*/export {key}={value}/", "", ""),
    "json": ('  "{key}": {value},', 's/"{key}": [^,]*/"{key}": {value}/', "{\n", '  "kept": true\n}\n'),
    "indented": ("    {key}: {value}", "s/^    {key}: .*/    {key}: {value}/", "defaults:\n", ""),
}


@TASKS.kind("setting")
def make(host: Host) -> Job:
    names, rng = host.names, host.rng
    folder = host.place()
    path = new_path(host, folder, "config")
    pair, change, head, foot = _FORMATS[host.skin.choice(sorted(_FORMATS))]
    values = {names.compound().replace("-", "_"): names.number(10, 9999) for _ in range(rng.randint(4, 8))}
    key, other = (list(values)[at] for at in rng.sample(range(len(values)), 2))
    new = names.number(10, 9999)

    def content(*lines: str) -> str:
        return head + "".join(line + "\n" for line in lines) + foot

    sed, wrong = change.format(key=key, value=new), change.format(key=other, value=new)
    exact = f"s/{pair.format(key=key, value=values[key]).strip()}/{pair.format(key=key, value=new).strip()}/"
    before = content(*(pair.format(key=name, value=value) for name, value in values.items()))
    after = content(*(pair.format(key=name, value=new if name == key else value) for name, value in values.items()))
    return job(
        host,
        title=host.say("[a value|one key|a setting|a correction] in <what>", what=path.rsplit("/", 1)[-1]),
        text=ask(host, _ASK, path=path, key=key, new=new),
        sources={path: before},
        target=path,
        result=after,
        looks=[f"cat {path}", f"grep -n {key} {path}", f"head {path}"],
        direct=[f"sed -i '{sed}' {path}"],
        informed=[
            f"sed -i '{exact}' {path}",
            [f"sed '{sed}' {path} > /tmp/new", f"cat /tmp/new > {path}"],
            f"sed '{sed}' {path} > /tmp/new && cp /tmp/new {path}",
            f"sed -i '/{key}/s/{values[key]}/{new}/' {path}",
        ],
        right={
            "backup_kept": f"sed -i.bak '{sed}' {path}",
            "filtered_copy": [f"cp {path} /tmp/old", f"sed '{sed}' /tmp/old | tee {path}"],
        },
        confirm=[[f"cat {path}"], [f"grep {key} {path}"], [f"grep -n {new} {path}"]],
        wrong={
            "other_key": f"sed -i '{wrong}' {path}",
            "added_instead": f"echo '{pair.format(key=key, value=new)}' >> {path}",
            "only_that_key": f"echo '{pair.format(key=key, value=new)}' > {path}",
            "off_by_one": f"sed -i '{change.format(key=key, value=new + 1)}' {path}",
            "other_path": f"sed '{sed}' {path} > {path}.new",
        },
    )
