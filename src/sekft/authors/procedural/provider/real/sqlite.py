"""A database behind its own schema: what is open is selected, and closed by the statement that the database names.

The bundle holds it as the text that `.dump` gives. The program makes the database of that at the first call, and writes
the text anew after each, so that the state can be told without sqlite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sekft.authors.procedural.host import Host
from sekft.authors.procedural.provider.contract import Ways
from sekft.authors.procedural.provider.real import REAL, TRAITS, RealProvider
from sekft.authors.procedural.provider.semantics import QueueEntry
from sekft.scenario import File

_STATES = ("open done", "new closed", "open finished", "todo done", "pending done", "open closed")
_FLAGS = ("done", "closed", "finished", "is_done")
_WRAPPER = """\
#!/bin/sh
db={db} text={text} real='/usr/bin/sqlite3 -batch -init /dev/null'
if [ ! -e "$db" ]; then
  $real "$db.$$" <"$text" && ln "$db.$$" "$db" 2>/dev/null
  rm -f "$db.$$"
fi
/usr/bin/sqlite3 "$@"
status=$?
[ -e "$db" ] || exit $status
# Another call may have changed it meanwhile: the last one to look writes what there is.
until seen=$(md5sum <"$db"); $real "$db" .dump >"$text.$$" && {{ cmp -s "$text.$$" "$text" || cat "$text.$$" >"$text"; }}
  rm -f "$text.$$"; [ "$seen" = "$(md5sum <"$db")" ]; do :; done
exit $status
"""


@REAL.kind("sqlite", **TRAITS)
class Sqlite(RealProvider):
    """A SQLite database that explains itself in its schema or in a table, and is acknowledged by a statement."""

    program = "sqlite3"
    theme = "case"
    paths = (
        "/srv/{stem}/{stem}.{end}",
        "/srv/db/{stem}.{end}",
        "/opt/{stem}/data.{end}",
        "/var/lib/{stem}/{stem}.{end}",
    )
    shapes = {"full": ("", "", "full"), "viewed": ("view", "view", "view", "")}
    styles = {
        "end": ("db", "sqlite", "sqlite3", "db3"),
        "table": ("{nouns}", "{nouns}", "all_{nouns}", "{noun}_list"),
        "view": ("open_{nouns}", "open_{nouns}", "todo", "pending", "v_open"),
        "id": ("id", "nr", "ref", "code"),
        "title": ("title", "subject", "summary", "short"),
        "sender": ("sender", "author", "requester", "created_by"),
        "body": ("body", "details", "text", "description"),
        "state": _STATES,
        "flag": _FLAGS,
        "log": ("closings", "done_log", "done", "closed", "closed_{nouns}"),
        "by": ("state", "state", "flag", "insert"),
        "guide": ("comments", "comments", "about", "help", "readme", "info"),
    }
    call = "sqlite3 {path}"
    where = "the SQLite database {path}"

    @classmethod
    def acks(cls, style: Mapping[str, str]) -> tuple[str, ...]:
        return "id", "id", "none"

    def _name(self, part: str) -> str:
        if part == "view" and not self.style["viewed"]:
            return ""
        name = self.style[part].format(noun=self.noun, nouns=self.nouns)
        return name.replace("-", "_")

    @property
    def _text(self) -> str:
        return self.place.path + ".sql"

    @property
    def store(self) -> list[str]:
        return [self.place.path.rpartition("/")[0]]

    @property
    def volatile(self) -> list[str]:
        return [self.place.path, self.place.path + "-journal"]

    def apart(self, answered: object) -> Mapping[str, str]:
        return dict.fromkeys(self.volatile, "")

    def wrapper(self) -> str:
        return _WRAPPER.format(db=self.place.path, text=self._text)

    @property
    def _inserts(self) -> bool:
        return self.style["by"] == "insert"

    @property
    def _states(self) -> tuple[str, str]:
        """How an open and a closed entry are marked."""
        if self.style["by"] == "flag":
            return "0", "1"
        waiting, over = self.style["state"].split()
        return f"'{waiting}'", f"'{over}'"

    @property
    def _mark(self) -> str:
        """The column that says what is open."""
        return self.style["flag"] if self.style["by"] == "flag" else "state"

    @property
    def _is_open(self) -> str:
        if self._inserts:
            return f"{self._name('id')} NOT IN (SELECT {self._name('id')} FROM {self._name('log')})"
        return f"{self._mark} = {self._states[0]}"

    def explain(self) -> list[str]:
        view, ident = self._name("view"), self._name("id")
        lines = [
            self.say(
                "<nouns> for <user> and others",
                "<nouns> of <house>",
                "<nouns> on <host>",
            )
        ]
        if view:
            lines.append(
                self.say("open <nouns>: see <view>", "<view> has the open ones", "open ones are in <view>", view=view)
            )
        elif self._inserts:
            lines.append(
                self.say(
                    "a <noun> is open as long as it is not in <log>",
                    "open: not in <log>",
                    log=self._name("log"),
                )
            )
        else:
            lines.append(
                self.say(
                    "open [ones|<nouns>] have <mark> = <open>",
                    "open: <mark> = <open>",
                    mark=self._mark,
                    open=self._states[0],
                )
            )
        if self.ack == "none":
            lines.append(
                self.say(
                    "no need to update anything",
                    "[we|those who asked] close them",
                    "read only, [the office closes|we close] the <nouns>",
                )
            )
        elif self._inserts:
            lines.append(
                self.say(
                    "when done, insert the <id> into <log>",
                    "done <nouns> get a row in <log> ([the|their] <id>)",
                    log=self._name("log"),
                    id=ident,
                )
            )
        else:
            lines.append(
                self.say(
                    "when done, set <mark> = <done>",
                    "set <mark> to <done> [when|once] it is done",
                    "set <mark> = <done> [when|once] the <noun> is done",
                    mark=self._mark,
                    done=self._states[1],
                )
            )
        return lines

    def _schema(self) -> list[str]:
        """The statements that make the database, as .dump writes them, each with the rows that follow it."""
        id_, title, sender, body = (self._name(part) for part in ("id", "title", "sender", "body"))
        columns = [f"{id_} TEXT PRIMARY KEY", f"{title} TEXT NOT NULL", f"{sender} TEXT", f"{body} TEXT"]
        if not self._inserts:
            waiting, over = self._states
            kind = "INTEGER" if self.style["by"] == "flag" else "TEXT"
            columns.append(
                f"{self._mark} {kind} NOT NULL DEFAULT {waiting} CHECK ({self._mark} IN ({waiting}, {over}))"
            )
        said = [f"  -- {line}" for line in self.guide] if self.style["guide"] == "comments" else []
        inner = [*said, *(f"  {column}{',' if at < len(columns) - 1 else ''}" for at, column in enumerate(columns))]
        return [f"CREATE TABLE {self._name('table')} (", *inner, ");"]

    def store_files(self, host: Host, entries: Iterable[QueueEntry]) -> list[File]:
        rows = list(entries)
        lines = ["PRAGMA foreign_keys=OFF;", "BEGIN TRANSACTION;"]
        if self.style["guide"] != "comments":
            lines += [f"CREATE TABLE {self.style['guide']} (line TEXT);"]
            lines += [f"INSERT INTO {self.style['guide']} VALUES({_quoted(line)});" for line in self.guide]
        lines += self._schema()
        for entry in rows:
            values = [_quoted(text) for text in (entry.id, entry.title, entry.sender, entry.body)]
            values += [] if self._inserts else [self._states[not entry.waiting]]
            lines.append(f"INSERT INTO {self._name('table')} VALUES({','.join(values)});")
        if self._inserts:
            id_, log = self._name("id"), self._name("log")
            lines.append(f"CREATE TABLE {log} ({id_} TEXT PRIMARY KEY REFERENCES {self._name('table')});")
            over = [*(e for e in self.entries if not e.waiting), *(e for e in self.entries if e.waiting)]
            states = {entry.id: entry.waiting for entry in rows}
            lines += [f"INSERT INTO {log} VALUES({_quoted(e.id)});" for e in over if not states.get(e.id, e.waiting)]
        if view := self._name("view"):
            shown = ["id", "title", "sender", *(["body"] if self.style["full"] else [])]
            shown_columns = ", ".join(self._name(part) for part in shown)
            lines.append(
                f"CREATE VIEW {view} AS SELECT {shown_columns} FROM {self._name('table')} WHERE {self._is_open};"
            )
        text = "\n".join([*lines, "COMMIT;"]) + "\n"
        folder = self.store[0]
        return [File(path=self._text, content=text, mtime=host.mtime), host.folder(folder)]

    def _asked(self, *statements: str) -> list[str]:
        path = self.place.path
        (statement,) = statements
        quote = '"' if "'" in statement else "'"
        return [
            f"sqlite3 {path} {quote}{statement}{quote}",
            f"echo {quote}{statement};{quote} | sqlite3 {path}",
            f"sqlite3 -header {path} {quote}{statement}{quote}"
            if statement.startswith("select")
            else f"sqlite3 {path} <<'EOF'\n{statement};\nEOF",
        ]

    @property
    def learn(self) -> Ways:
        path, table = self.place.path, self._name("table")
        if self.style["guide"] == "comments":
            return [
                [f"sqlite3 {path} .schema"],
                [f"sqlite3 {path} .tables", f"sqlite3 {path} '.schema {table}'"],
                [f"echo .schema | sqlite3 {path}"],
            ]
        guide = f"select * from {self.style['guide']}"
        return [
            [f"sqlite3 {path} .schema", f"sqlite3 {path} '{guide}'"],
            [f"sqlite3 {path} .tables", f"sqlite3 {path} '{guide}'", f"sqlite3 {path} .schema"],
            [f"sqlite3 {path} .tables .schema", f"sqlite3 {path} '{guide}'"],
        ]

    @property
    def needle(self) -> str:
        return self._name("table")

    @property
    def asks(self) -> list[str]:
        names = [self._name("table"), *([self._name("view")] if self._name("view") else [])]
        return [*(f"select {name}" for name in names), ".dump", ".backup", ".clone", ".save"]

    def lists(self) -> Ways:
        id_, title, sender, body = (self._name(part) for part in ("id", "title", "sender", "body"))
        table, view = self._name("table"), self._name("view")
        columns = f"{id_}, {title}, {sender}" + (f", {body}" if self._shows_all else "")
        source = f"{table} where {self._is_open.lower() if self._inserts else self._is_open}"
        statements = [f"select * from {view}"] if view else []
        statements.append(f"select {columns} from {source}")
        return [[form] for statement in statements for form in self._asked(statement)]

    @property
    def _shows_all(self) -> bool:
        return bool(self.style["full"] and self._name("view"))

    @property
    def whole(self) -> list[str]:
        return [f"sqlite3 {self.place.path} 'select * from {self._name('table')}'", f"sqlite3 {self.place.path} .dump"]

    def reads(self, entry: QueueEntry) -> list[str]:
        if self._shows_all and entry.waiting:
            return []
        table, id_, body = self._name("table"), self._name("id"), self._name("body")
        forms = self._asked(f"select {body} from {table} where {id_} = '{entry.id}'")
        return [*forms, *self._asked(f"select * from {table} where {id_}='{entry.id}'")[:1]]

    def reread(self, entry: QueueEntry) -> list[str]:
        id_ = self._name("id")
        closed = (
            f"{id_} in (select {id_} from {self._name('log')})"
            if self._inserts
            else f"{self._mark} = {self._states[1]}"
        )
        return self._asked(f"select * from {self._name('table')} where {closed}")[:1]

    def acknowledgement(self, entry: QueueEntry) -> list[str]:
        if self.ack == "none":
            return []
        table, id_, log = self._name("table"), self._name("id"), self._name("log")
        if self._inserts:
            statements = [
                f"insert into {log} values ('{entry.id}')",
                f"insert into {log} ({id_}) values ('{entry.id}')",
            ]
        else:
            statements = [f"update {table} set {self._mark} = {self._states[1]} where {id_} = '{entry.id}'"]
        return [form for statement in statements for form in self._asked(statement)]


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
