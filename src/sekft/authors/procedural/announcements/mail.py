"""Login says that there is mail; a letter in it mentions the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announcement, greeting, letter, readings
from sekft.authors.procedural.host import Host
from sekft.authors.procedural.wording import moment, other, said

_NOTICE = "[You have mail|You have new mail|There is mail for <user>|1 message|Mailbox of <user>: 1 message|New mail for <user>]"
_SUBJECT = "[[About|On|Concerning|As to|Re:] [{things}|your desk|<host>|the {season}|next week]|{weekday}|News from <place>|For <user>]"


def announce(host: Host, tool: str, text: str) -> Announcement:
    path = host.skin.choice(
        [f"/var/mail/{host.user}", f"/var/mail/{host.user}", f"{host.home}/mbox", f"{host.home}/Mail/inbox"]
    )
    writer, when = other(host), moment(host)
    sender = f"{writer}@{host.name}"
    head = [f"From: {sender}", f"To: {host.user}@{host.name}", f"Date: {when:%a, %d %b %Y %H:%M:%S} +0000"]
    host.skin.shuffle(head)
    head = [f"From {sender} {when:%a %b %e %H:%M:%S %Y}", *head, f"Subject: {said(host, _SUBJECT)}", ""]
    file = host.file(path, "\n".join(head) + "\n" + letter(host, text, writer))
    named = host.skin.random() < 0.5
    notice = said(host, _NOTICE) + (f" in {path}" if named else "") + host.skin.choice(["", "."])
    look = readings(host, file, text, named)
    if path.startswith("/var"):
        look.append([f"cat {path.replace(host.user, '$USER')}"])
    env = {"MAIL": path} if host.skin.random() < 0.3 else {}
    return Announcement(needle=text, motd=greeting(host, notice), env=env, files=(file,), look=look)
