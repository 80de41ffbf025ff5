"""Login says that there is mail; a letter in it mentions the tool."""

from __future__ import annotations

from sekft.authors.procedural.announcements_shared import Announced, greeting, letter, readings
from sekft.authors.procedural.host import World
from sekft.authors.procedural.wording import moment, other, said

_NOTICE = "[You have mail|You have new mail|There is mail for <user>|1 message|Mailbox of <user>: 1 message|New mail for <user>]"
_SUBJECT = "[[About|On|Concerning|As to|Re:] [{things}|your desk|<host>|the {season}|next week]|{weekday}|News from <place>|For <user>]"


def announce(world: World, tool: str, text: str) -> Announced:
    path = world.skin.choice(
        [f"/var/mail/{world.user}", f"/var/mail/{world.user}", f"{world.home}/mbox", f"{world.home}/Mail/inbox"]
    )
    writer, when = other(world), moment(world)
    sender = f"{writer}@{world.host}"
    head = [f"From: {sender}", f"To: {world.user}@{world.host}", f"Date: {when:%a, %d %b %Y %H:%M:%S} +0000"]
    world.skin.shuffle(head)
    head = [f"From {sender} {when:%a %b %e %H:%M:%S %Y}", *head, f"Subject: {said(world, _SUBJECT)}", ""]
    file = world.file(path, "\n".join(head) + "\n" + letter(world, text, writer))
    named = world.skin.random() < 0.5
    notice = said(world, _NOTICE) + (f" in {path}" if named else "") + world.skin.choice(["", "."])
    look = readings(world, file, text, named)
    if path.startswith("/var"):
        look.append([f"cat {path.replace(world.user, '$USER')}"])
    env = {"MAIL": path} if world.skin.random() < 0.3 else {}
    return Announced(needle=text, motd=greeting(world, notice), env=env, files=(file,), look=look)
