"""A service on a local socket whose index says what it serves; curl asks it.

Nothing stays running: a sandbox's processes end with a time-out or a check. So the program that is typed listens, runs
Debian's curl, answers it, and ends with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files as resources

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.provider.contract import Ways
from sekft.authors.procedural.provider.real import REAL, TRAITS, RealProvider
from sekft.authors.procedural.provider.semantics import QueueEntry
from sekft.scenario import File


@REAL.kind("webapi", **TRAITS)
class WebApi(RealProvider):
    """An HTTP service on a local socket, asked with curl; its index lists the paths, and a request to one closes an entry."""

    program = "curl"
    theme = "case"
    ids = ("number", "word", "prefixed", "hex", "serial")
    paths = ("/srv/{stem}/{socket}", "/var/lib/{stem}/{socket}", "/opt/{stem}/{socket}", "/srv/sockets/{stem}/{socket}")
    styles = {
        "socket": ("api.sock", "http.sock", "socket", "service.sock", "listen"),
        "root": ("", "", "/v1", "/api", "/api/v1"),
        "done": ("done", "close", "finish", "complete"),
        "method": ("POST", "POST", "DELETE", "PUT", "PATCH"),
        "state": ("done", "closed", "finished", "resolved"),
        "past": ("archive", "closed", "history"),
        "index": ("endpoints", "paths", "links", "routes"),
        "title": ("title", "subject", "summary", "name"),
        "sender": ("from", "sender", "author", "by"),
        "body": ("text", "body", "details", "description"),
        "indent": ("1", "2", "", ""),
    }
    call = "curl --unix-socket {path} http://localhost/"
    where = "a local service, curl --unix-socket {path} http://localhost/"
    shuts = True

    @classmethod
    def acks(cls, style: Mapping[str, str]) -> tuple[str, ...]:
        return "id", "id", "none"

    @property
    def store(self) -> list[str]:
        return [self.place.path.rpartition("/")[0]]

    @property
    def _data(self) -> str:
        return f"{self.store[0]}/{self.nouns}.json"

    @property
    def volatile(self) -> list[str]:
        return [self.place.path]

    def apart(self, answered: object) -> Mapping[str, str]:
        return {self.place.path: ""}

    def wrapper(self) -> str:
        style, names = self.style, ("root", "done", "method", "state", "past", "title", "sender", "body")
        facts: dict[str, object] = {name: style[name] for name in names}
        facts |= {"socket": self.place.path, "data": self._data, "nouns": self.nouns, "empty": self.empty}
        facts |= {
            "index": {
                "service": self.guide[0],
                style["index"]: self._calls(),
                **({"notes": list(self.guide[1:])} if self.guide[1:] else {}),
            }
        }
        facts |= {"indent": int(style["indent"]) if style["indent"] else None, "sealed": (self.sealed or "").strip()}
        facts |= {"ack": self.ack}
        text = resources(__package__).joinpath("service.py.txt").read_text(encoding="utf-8")
        return text.replace("@FACTS@", repr(json.dumps(facts, ensure_ascii=False)))

    def _calls(self) -> dict[str, str]:
        root, nouns, holder = self.style["root"], self.nouns, "{id}"
        calls = {
            f"GET {root}/{nouns}": self.say(
                "open <nouns>",
                "list open <nouns>",
                "list of open <nouns>",
                "open <nouns>, id and title",
            ),
            f"GET {root}/{nouns}/{holder}": self.say(
                "one <noun>",
                "a <noun> with its text",
                "details of a <noun>",
                "get one <noun>",
            ),
            f"GET {root}/{self.style['past']}": self.say(
                "closed <nouns>", "list closed <nouns>", "list of closed <nouns>"
            ),
        }
        if self.ack == "id":
            calls[self._closing(holder)] = self.say(
                "close a <noun> that is done",
                "when [it|the <noun>|the work] is done",
                "mark a <noun> as done",
                "close a <noun> [when|once] it is done",
            )
        return calls

    def _closing(self, id_: str) -> str:
        style, at = self.style, f"{self.style['root']}/{self.nouns}/{id_}"
        forms = {"POST": f"POST {at}/{style['done']}", "DELETE": f"DELETE {at}"}
        return forms.get(style["method"], f"{style['method']} {at} state={style['state']}")

    def explain(self) -> list[str]:
        head = self.say(
            "<nouns> of <house>",
            "<nouns> for <user> and others",
            "<noun> desk of <house>",
            "<noun> service on <host>",
        )
        more = (
            []
            if self.ack == "id"
            else [self.say("read only", "GET only, no need to report back", "[we|those who asked] close them")]
        )
        return [head, *more]

    def store_files(self, host: Host, entries: Iterable[QueueEntry]) -> list[File]:
        rows = [{"id": e.id, "title": e.title, "from": e.sender, "text": e.body, "open": e.waiting} for e in entries]
        text = json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
        return [File(path=self._data, content=text, mtime=host.mtime), host.folder(self.store[0])]

    def _url(self, path: str) -> str:
        return f"http://localhost{self.style['root']}/{path}"

    def _get(self, path: str) -> list[str]:
        options, url = f"--unix-socket {self.place.path}", self._url(path)
        return [f"curl -s {options} {url}", f"curl -sS {options} {url}", f"curl -s {options} {url} | jq ."]

    @property
    def learn(self) -> Ways:
        socket = f"--unix-socket {self.place.path}"
        return [
            [f"curl {flags} {socket} http://localhost/{more}"]
            for flags, more in (("-s", ""), ("-sS", ""), ("-s", " | jq ."))
        ]

    @property
    def needle(self) -> str:
        return f"{self.style['root']}/{self.nouns}/{{id}}"

    @property
    def asks(self) -> list[str]:
        return [f"{self.nouns}"]

    def lists(self) -> Ways:
        return [[form] for form in self._get(self.nouns)]

    def reads(self, entry: QueueEntry) -> list[str]:
        plain, errors, filtered = self._get(f"{self.nouns}/{entry.id}")
        return [plain, errors, filtered, f"{plain} | jq -r .{self.style['body']}"]

    def reread(self, entry: QueueEntry) -> list[str]:
        return [self._get(self.style["past"])[0], self.reads(entry)[0]]

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        if self.ack == "none":
            return []
        style, socket = self.style, f"--unix-socket {self.place.path}"
        url, method = self._url(f"{self.nouns}/{entry.id}"), f"-X {style['method']}"
        if style["method"] == "POST":
            url += f"/{style['done']}"
        data = "" if style["method"] in ("POST", "DELETE") else f" -d state={style['state']}"
        return [
            f"curl -s {method} {socket}{data} {url}",
            f"curl -sS {method} {socket} {url}{data}",
            f"curl -s {socket} {method} {url}{data}",
        ]
