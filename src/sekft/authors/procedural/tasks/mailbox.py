"""Count the messages of a sender in a mailbox, or list what they are about."""

from __future__ import annotations

from datetime import UTC, datetime

from sekft.authors.procedural.host import Host, Job, lines
from sekft.authors.procedural.tasks import TASKS, Typed, ask, job, new_path, quoted

_COUNT = (
    "how many messages from <sender> are in <path>? Write the number to <target>.",
    "count the messages from <sender> in the mailbox <path> and put the number into <target>.",
    "number of mails from <sender> in <path>: to <target>, please.",
    "<role> wants to know how many mails <sender> has sent. They are in <path>; the number goes into <target>.",
    "could you count what <sender> sent? The mailbox is <path>, and the number, nothing else, belongs in <target>.",
    "please count the mails in <path> that come from <sender>. A bare number in <target> is enough.",
    "<target> should hold the number of messages from <sender> in the mbox <path>.",
    "go through the mailbox <path>. How many messages are from <sender>? Leave the number in <target>.",
    "<path> has mail from several people. Count the messages from <sender> and save the count as <target>.",
)
_LIST = (
    "list the subjects of all messages from <sender> in <path>, one per line, and save the list as <target>.",
    "what did <sender> write about? Put the subjects of the mails from that address in <path> into <target>, one per line.",
    "please write the subjects of the messages from <sender> in the mailbox <path> to <target>, one per line.",
    "<role> wants a list of what <sender> sent: one subject per line in <target>, taken from <path>.",
    "could you pull the subjects of the mails from <sender> out of <path>? One per line, into <target>.",
    "subjects of the messages from <sender> in <path>, one per line: to <target>.",
    "<target> should have a line for each message from <sender> in the mbox <path>, with its subject.",
    "go through <path> and note the subject of every message from <sender> in <target>, one on each line.",
    "<path> has mail from several people. I need the subjects of those from <sender>, one per line, in <target>.",
)
_FORM = "[The text of the subject only, in the order of the mailbox.|In the order of the mailbox, without the word Subject.|Mailbox order, and just the subject itself.]"
_WHY = (
    "<who> cleans up the mailbox on <day>.",
    "There is a dispute about who was told what.",
    "<role> answers all of it in one go.",
    "The mailbox moves to another machine on <day>.",
    "We want to know before <event>.",
)
_SUBJECTS = (
    "<event>", "Re: <event>", "keys to <room>", "<room> on <day>", "change of shift on <day>", "list for <day>",
    "<n> copies by <day>", "question about <room>", "visit on <iso>", "Re: your note of <iso>", "parcel in <room>",
    "no time on <day>", "meeting at <clock>", "order no. <n>", "<work>, <n> of them",
)  # fmt: skip


@TASKS.kind("mailbox")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder, listed = host.place(), rng.random() < 0.5
    stem = host.world.stem("inbox office incoming mail-2025 requests info old-mail")
    path = f"{folder}/{stem}{skin.choice(['.mbox', '.mbox', ''])}"
    target = new_path(host, folder, "result", "subjects overview topics" if listed else "count number messages")
    senders = [f"{person.login}@{host.name}" for person in skin.sample(host.cast[1:], 3)]
    picks = [0, 0, 1, *[2] * (not host.brief), *(rng.randrange(3) for _ in range(host.some(rng, 0, 4)))]
    rng.shuffle(picks)
    subjects = _subjects(host, len(picks))
    text = _mbox(host, [(senders[at], subject) for at, subject in zip(picks, subjects, strict=True)], senders[0])
    mine = [subject for at, subject in zip(picks, subjects, strict=True) if at == 0]
    sender, start = senders[0], f"^From: {senders[0]}"
    result = "".join(f"{subject}\n" for subject in mine) if listed else f"{len(mine)}\n"
    shown = f"sed -n '/{start}/,/^$/s/^Subject: //p' {path}" if listed else f"grep -c '{start}' {path}"
    cores = [f"{core} {_FORM}" for core in _LIST] if listed else list(_COUNT)
    title = "[subjects|what was written] in <what>" if listed else "[a count|a number] from <what>"
    typed = f"printf '%s\\n' {' '.join(map(quoted, mine))}" if listed else f"echo {len(mine)}"
    ways = _listing if listed else _counting
    return job(
        host,
        title=host.say(title, what=path.rsplit("/", 1)[-1]),
        text=ask(host, cores, _WHY, sender=sender, path=path, target=target, role=host.role()),
        sources={path: text},
        target=target,
        result=result,
        looks=[f"cat {path}", f"head {path}"],
        direct=ways(path, target, start, shown, typed),
        right={"in_two_steps": f"{typed} > /tmp/answer; cat /tmp/answer > {target}"},
        confirm=[[f"cat {target}"], [f"cat -n {target}"]],
        wrong={
            "all_messages": f"{'sed -n s/^Subject:.//p' if listed else 'grep -c ^From:'} {path} > {target}",
            "whole_lines": f"grep -A 3 '{start}' {path} > {target}",
            "one_lost": f"{shown} | sed 1d > {target}" if listed else f"echo {len(mine) - 1} > {target}",
            "every_mention": f"grep {'' if listed else '-c '}{sender} {path} > {target}",
            "other_path": f"{shown} > {target}.new",
        },
    )


def _counting(path: str, target: str, start: str, shown: str, typed: str) -> list[Typed]:
    return [
        f"{shown} > {target}",
        f"grep '{start}' {path} | wc -l > {target}",
        f"awk '/{start}/ {{n++}} END {{print n}}' {path} > {target}",
        [shown, f"{typed} > {target}"],
        f"sed -n '/{start}/p' {path} | wc -l > {target}",
    ]


def _listing(path: str, target: str, start: str, shown: str, typed: str) -> list[Typed]:
    return [
        f"{shown} > {target}",
        f"awk '/^From: / {{n = 0}} /{start}/ {{n = 1}} n && sub(/^Subject: /, \"\")' {path} > {target}",
        f"grep -A 2 '{start}' {path} | grep '^Subject' | sed 's/^Subject: //' > {target}",
        [shown, f"{typed} > {target}"],
    ]


def _subjects(host: Host, count: int) -> list[str]:
    """So many, all different."""
    found: list[str] = []
    while len(found) < count:
        text = host.text(host.skin.choice(_SUBJECTS))
        if text not in found:
            found.append(text)
    return found


def _mbox(host: Host, messages: list[tuple[str, str]], mentioned: str) -> str:
    """The messages, hours apart. mentioned: an address that stands in the text of some of the others."""
    second, texts = host.mtime - len(messages) * 90000, []
    for at, (sender, subject) in enumerate(messages):
        second += host.skin.randint(3000, 90000)
        when = datetime.fromtimestamp(second, UTC)
        body = lines(host, "remark", host.some(host.rng, 1, 2))
        if sender != mentioned and at % 2:
            body.append(
                host.skin.choice([f"Copy to {mentioned}.", f"{mentioned} knows about it.", f"Please ask {mentioned}."])
            )
        texts += [
            f"From {sender} {when:%a %b %e %H:%M:%S %Y}",
            f"From: {sender}",
            f"To: {host.user}@{host.name}",
            f"Subject: {subject}",
            f"Date: {when:%a, %d %b %Y %H:%M:%S} +0000",
            "",
            *body,
            "",
        ]
    return "".join(f"{line}\n" for line in texts)
