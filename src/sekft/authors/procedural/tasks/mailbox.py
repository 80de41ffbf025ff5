"""Count the messages of a sender in a mailbox, or list what they are about."""

from __future__ import annotations

from datetime import UTC, datetime

from sekft.authors.procedural import tolerance
from sekft.authors.procedural.host import MAIL, Host, Job
from sekft.authors.procedural.tasks import TASKS, Typed, ask, called, job, named, quoted

_COUNT = (
    "how many messages from <sender> are in <path>? Write the number to <target>.",
    "count the messages from <sender> in the mailbox <path> and put the number into <target>.",
    "<role> wants to know how many mails <sender> has sent. They are in <path>; the number goes into <target>.",
    "could you count the mails from <sender> in <path>? The number goes into <target>.",
    "please count the mails in <path> that come from <sender>, and leave the number in <target>.",
    "<target> should hold the number of messages from <sender> in the mbox <path>.",
)
_LIST = (
    "list the subjects of all messages from <sender> in <path>, one per line, and save the list as <target>.",
    "what did <sender> write about? Please put the subjects of the mails from that address in <path> into <target>, one per line.",
    "please write the subjects of the messages from <sender> in the mailbox <path> to <target>, one per line.",
    "<role> wants a list of what <sender> wrote about: the subjects of those mails in <path>, one per line, in <target>.",
    "could you pull the subjects of the mails from <sender> out of <path>? One per line, into <target>.",
    "I need the subjects of the messages from <sender> in <path>, one on each line of <target>.",
)
_WHY = (
    "<who> cleans up the mailbox on <day>.",
    "<who> and <role> disagree about who was told what.",
    "The mailbox moves to another machine on <day>.",
    "We want to answer them before <event>.",
)


@TASKS.kind("mailbox")
def make(host: Host) -> Job:
    rng, skin = host.rng, host.skin
    folder, listed = host.place(MAIL), rng.random() < 0.5
    path = f"{folder}/{called(host, 'inbox office info old-mail')}{skin.choice(['.mbox', '.mbox', ''])}"
    senders = [f"{person.login}@{host.name}" for person in skin.sample(host.cast[1:], 3)]
    whose = senders[0].split("@")[0]
    target = named(host, folder, "result", f"{whose}-subjects" if listed else f"{whose}-count")
    picks = [0, 0, 1, *[2] * (not host.brief), *(rng.randrange(3) for _ in range(host.some(rng, 0, 2)))]
    rng.shuffle(picks)
    letters = _letters(host, len(picks))
    subjects = [subject for subject, _ in letters]
    text = _mbox(host, [(senders[at], *letter) for at, letter in zip(picks, letters, strict=True)], senders[0])
    mine = [subject for at, subject in zip(picks, subjects, strict=True) if at == 0]
    sender, start = senders[0], f"^From: {senders[0]}"
    result = "".join(f"{subject}\n" for subject in mine) if listed else f"{len(mine)}\n"
    shown = f"sed -n '/{start}/,/^$/s/^Subject: //p' {path}" if listed else f"grep -c '{start}' {path}"
    cores = _LIST if listed else _COUNT
    typed = f"printf '%s\\n' {' '.join(map(quoted, mine))}" if listed else f"echo {len(mine)}"
    ways = _listing if listed else _counting
    return job(
        host,
        title=host.phrase(
            "[what <whose> wrote about|subjects, <whose>|<whose> and the mails]"
            if listed
            else "[mails from <whose>|how often <whose> wrote|how many from <whose>]",
            whose=whose,
        ),
        text=ask(host, cores, _WHY, sender=sender, path=path, target=target, role=host.role()),
        sources={path: text},
        target=target,
        result=result,
        alike=tolerance.SUBJECTS if listed else tolerance.FIGURES,
        looks=[f"cat {path}", f"head {path}"],
        direct=ways(path, target, start, shown, typed),
        right={
            "in_two_steps": f"{typed} > /tmp/answer; sort /tmp/answer > {target}",
            "with_words": f"{typed} | sed 's/^/Subject: /' > {target}"
            if listed
            else f"echo {whose}: {len(mine)} > {target}",
        },
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


def _letters(host: Host, count: int) -> list[tuple[str, str]]:
    """So many subjects and what is written about them, all different."""
    order = host.skin.sample(host.world.setting.letters, len(host.world.setting.letters))
    order.sort(key=lambda letter: letter[0] in host.names.taken)  # what another mailbox holds comes last
    host.names.taken.update(subject for subject, _ in order[:count])
    letters = (host.text(f"{subject}\n{body}").split("\n") for subject, body in order[:count])  # of the same day
    return [(subject, body) for subject, body in letters]


def _mbox(host: Host, messages: list[tuple[str, str, str]], mentioned: str) -> str:
    """The messages, one a day. mentioned: an address that stands in the text of some of the others."""
    first, texts = host.mtime // 86400 - len(messages), []
    for at, (sender, subject, body) in enumerate(messages):
        when = datetime.fromtimestamp((first + at) * 86400 + host.skin.randrange(7 * 3600, 18 * 3600), UTC)
        copy = [f"Copy to {mentioned}."] if sender != mentioned and at % 2 else []
        texts += [
            f"From {sender} {when:%a %b %e %H:%M:%S %Y}",
            f"From: {sender}",
            *([] if host.brief else [f"To: {host.user}@{host.name}"]),
            f"Subject: {subject}",
            *([] if host.brief else [f"Date: {when:%a, %d %b %Y %H:%M:%S} +0000"]),
            "",
            f"{body[:1].upper()}{body[1:]}",
            *copy,
            "",
        ]
    return "".join(f"{line}\n" for line in texts)
