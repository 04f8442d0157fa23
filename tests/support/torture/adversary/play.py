"""Plays a script inside of a migration, and keeps a journal in a file, outside of the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from support.torture.adversary.moves import MOVES
from support.torture.adversary.observer import Observer

Acts = dict[str, list[tuple[str, bool]]]
"""What an attempt does in ``upgrade`` and in ``validate``: moves, and whether errors are caught."""

SCRIPT = "script.json"
CLEAN: Acts = {"upgrade": [("insert", False)], "validate": []}
"""What a migration does after its script is at its end."""


@dataclass(frozen=True)
class Line:
    """What one move has come to.

    Attributes:
        move: Its name.
        token: The row that it was about.
        error: The type and text of what it raised; empty if it succeeded.
        caught: Whether the migration caught that.
        before: The state of the transaction, as the driver tells it: ``open``, ``aborted``,
            ``idle``, ``autocommit`` or ``gone``.
        after: The same, afterwards.
        seen: The attempt's rows that are committed by now; `None` if the process died in the move.
    """

    move: str
    token: int
    before: str
    error: str = ""
    caught: bool = True
    after: str = "gone"
    seen: list[tuple[int, int]] | None = None
    plain: int = 0


@dataclass
class Stage:
    """Where moves are made: what a migration has in its hands.

    Attributes:
        conn: The connection that it was given.
        attempt: The number of the attempt.
        observer: Another connection.
        journal: The file of its lines.
        nested: Its savepoints.
        kept: Cursors that it keeps half read.
        gone: Connections of the driver whose session is over.
        token: The last row that it has inserted.
    """

    conn: Connection
    attempt: int
    observer: Observer
    journal: Path
    nested: list[Any] = field(default_factory=list)
    kept: list[Any] = field(default_factory=list)
    gone: list[Any] = field(default_factory=list)
    token: int = 0

    @property
    def driver(self) -> Any:
        return self.conn.connection.driver_connection

    @property
    def home(self) -> str:
        return self.observer.home

    def driver_error(self, text: str) -> Exception:
        """An error of the driver's own."""
        dbapi: Any = self.conn.dialect.dbapi
        number = (2013,) if self.observer.kind == "mysql" else ()
        error: Exception = dbapi.OperationalError(*number, text)
        return error

    def fresh(self) -> int:
        self.token += 1
        return self.token

    def fill(self, statement: str) -> str:
        """Fill the names in."""
        number = self.fresh() if "{fresh}" in statement else self.token
        return statement.format(
            home=self.home,
            elsewhere=self.observer.elsewhere,
            attempt=self.attempt,
            fresh=number,
            last=self.token,
        )

    def let_go(self) -> None:
        """Close the cursors that are kept."""
        while self.kept:
            with suppress(Exception):
                self.kept.pop().close()

    def note_end(self) -> None:
        """Note that the session of this moment is over."""
        if not (self.conn.closed or self.conn.invalidated):
            self.gone.append(self.driver)

    def state(self) -> str:
        """The state of the transaction, as the driver tells it without asking the server."""
        if self.conn.closed or self.conn.invalidated:
            return "gone"
        driver = self.driver
        if any(driver is each for each in self.gone):
            return "gone"
        return _STATES[self.observer.kind](driver)

    def make(self, name: str, caught: bool) -> None:
        """Make a move, and write down what it has come to."""
        before, error = self.state(), ""
        self._write(Line(name, self.token, before))
        try:
            MOVES[name].act(self)
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}"
            caught = caught and isinstance(raised, Exception)
            if not caught:
                raise
        finally:
            self._write(self._line(name, before, error, caught))

    def _line(self, name: str, before: str, error: str, caught: bool) -> Line:
        seen = list(self.observer.rows(self.attempt).items())
        plain = self.observer.plain(self.attempt)
        return Line(name, self.token, before, error, caught, self.state(), seen, plain)

    def _write(self, line: Line) -> None:
        with self.journal.open("a") as file:
            file.write(json.dumps(asdict(line)) + "\n")


def play(conn: Connection, root: Path, method: str) -> None:
    """Do what the script says for this attempt and this method."""
    stage = _enter(conn, root) if method == "upgrade" else _stages[root]
    scripts: list[Acts] = json.loads(root.joinpath(SCRIPT).read_text())
    script = scripts[stage.attempt - 1] if stage.attempt <= len(scripts) else CLEAN
    for name, caught in script[method]:
        stage.make(name, caught)


def leave(root: Path) -> None:
    """Let go of what the last migration has kept, as the end of its process does."""
    if stage := _stages.pop(root, None):
        stage.let_go()


def journals(root: Path) -> dict[int, list[Line]]:
    """The journal of each attempt, by its number."""
    return {
        int(path.stem.removeprefix("attempt-")): list(_read(path))
        for path in root.glob("attempt-*.journal")
    }


_stages: dict[Path, Stage] = {}
observer_of = cache(Observer)


def _enter(conn: Connection, root: Path) -> Stage:
    for attempt in range(1, 100):
        journal = root / f"attempt-{attempt}.journal"
        try:
            journal.touch(exist_ok=False)
        except FileExistsError:
            continue
        url = root.joinpath("url").read_text()
        _stages[root] = Stage(conn, attempt, observer_of(url), journal)
        return _stages[root]
    raise AssertionError("no end of attempts")


def _read(path: Path) -> Iterator[Line]:
    """Each move is written twice: the second line is missing if the process died in it."""
    lines = [Line(**json.loads(line)) for line in path.read_text().splitlines()]
    yield from lines[1::2]
    if len(lines) % 2:
        yield lines[-1]


def _state_of_sqlite(driver: Any) -> str:
    return "open" if driver.in_transaction else "idle"


def _state_of_postgresql(driver: Any) -> str:
    idle = "autocommit" if driver.autocommit else "idle"
    names = {"IDLE": idle, "INTRANS": "open", "ACTIVE": "open", "INERROR": "aborted"}
    return names.get(driver.info.transaction_status.name, "gone")


def _state_of_mysql(driver: Any) -> str:
    if not driver.open:
        return "gone"
    # Otherwise there is always a transaction, though the server may not have begun to count it.
    is_counted = driver.server_status & 1  # SERVER_STATUS_IN_TRANS
    return "open" if is_counted or not driver.get_autocommit() else "autocommit"


_STATES = {
    "sqlite": _state_of_sqlite,
    "postgresql": _state_of_postgresql,
    "mysql": _state_of_mysql,
}
