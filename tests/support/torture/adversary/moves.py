"""All that a migration may do to its connection, one thing at a time."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import event, text
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from support.torture.adversary.play import Stage

EVERYWHERE = ("sqlite", "postgresql", "mysql")
SERVERS = ("postgresql", "mysql")
ROLE = "delembic_test_adversary"


class Family(StrEnum):
    """What a move does to the transaction, if it succeeds."""

    NOTHING = "nothing"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    PLAIN = "plain"
    """A row in a table without transactions."""
    SAVEPOINT = "savepoint"
    RELEASE = "release"
    BACK = "back"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    TURN = "turn"
    """Where the session goes, so that statements lead elsewhere."""
    END = "end"
    """The session is over, or the connection."""
    LEAVE = "leave"
    """The method does not return."""


@dataclass(frozen=True)
class Move:
    """One thing that a migration may do.

    Attributes:
        name: In scripts and in the journal.
        family: What it does to the transaction.
        act: Does it.
        kinds: The databases that know it, by SQLAlchemy's names.
        harmless: Whether a migration that does only such things must be applied.
        where: It may be made ``anywhere``, only by a process of its own (``alone``), or only in
            the process of the test (``here``).
    """

    name: str
    family: Family
    act: Callable[[Stage], object]
    kinds: tuple[str, ...] = EVERYWHERE
    harmless: bool = False
    where: Literal["anywhere", "alone", "here"] = "anywhere"


class GoneMadError(Exception):
    """A migration raised it."""


def _send(stage: Stage, statement: str) -> None:
    stage.conn.exec_driver_sql(stage.fill(statement))


def _send_by_driver(stage: Stage, statement: str) -> None:
    cursor = stage.driver.cursor()
    try:
        cursor.execute(stage.fill(statement))
    finally:
        cursor.close()


def _statement(
    name: str,
    family: Family,
    statement: str,
    kinds: tuple[str, ...] = EVERYWHERE,
    *,
    harmless: bool = False,
    by_driver: bool = False,
) -> Move:
    send = _send_by_driver if by_driver else _send
    return Move(name, family, partial(send, statement=statement), kinds, harmless)


INSERT = "INSERT INTO {home}effect VALUES ({attempt}, {fresh}, 0)"
UPDATE = "UPDATE {home}effect SET n = n + 1 WHERE attempt = {attempt} AND token = {last}"
DELETE = "DELETE FROM {home}effect WHERE attempt = {attempt} AND token = {last}"
AGAIN = "INSERT INTO {home}effect SELECT * FROM {home}effect WHERE attempt = 0"
FAILING = "INSERT INTO nowhere VALUES (1)"


def _insert_by_text(stage: Stage) -> None:
    query = text(f"INSERT INTO {stage.home}effect VALUES (:attempt, :token, 0)")
    stage.conn.execute(query, [{"attempt": stage.attempt, "token": stage.fresh()}])


def _begin_nested(stage: Stage) -> None:
    stage.nested.append(stage.conn.begin_nested())


def _end_nested(stage: Stage, ending: str) -> None:
    if stage.nested:
        getattr(stage.nested.pop(), ending)()


def _fail_in_savepoint(stage: Stage) -> None:
    with suppress(Exception), stage.conn.begin_nested():
        stage.conn.exec_driver_sql(FAILING)


def _session(stage: Stage, ending: str) -> None:
    with Session(bind=stage.conn) as session:
        session.connection()
        getattr(session, ending)()


def _half_read(stage: Stage) -> None:
    result = stage.conn.exec_driver_sql(f"SELECT * FROM {stage.home}stock")
    result.fetchone()
    stage.kept.append(result)


def _half_read_by_driver(stage: Stage) -> None:
    cursor = stage.driver.cursor()
    cursor.execute(f"SELECT * FROM {stage.home}stock")
    cursor.fetchone()
    stage.kept.append(cursor)


def _half_read_stream(stage: Stage) -> None:
    query = text(f"SELECT * FROM {stage.home}stock")
    streamed = stage.conn.execution_options(stream_results=True, yield_per=1).execute(query)
    streamed.fetchone()
    stage.kept.append(streamed)


def _autocommit_by_driver(stage: Stage, value: bool) -> None:
    driver = stage.driver
    if callable(driver.autocommit):
        driver.autocommit(value)
    else:
        driver.autocommit = value


def _fork(stage: Stage) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _raise(stage: Stage) -> None:
    raise GoneMadError("gone mad")


def _raise_from_driver(stage: Stage) -> None:
    raise stage.driver_error("gone mad")


def _interrupt(stage: Stage) -> None:
    raise KeyboardInterrupt


def _deadlock(stage: Stage) -> None:
    stage.observer.deadlock(stage.conn)


def _kill(stage: Stage) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _end_session(stage: Stage) -> None:
    stage.observer.end_session(stage.conn)
    stage.note_end()


def _cut(stage: Stage) -> None:
    if stage.observer.kind == "sqlite":
        stage.let_go()  # nobody can close a cursor whose file the driver has closed
    stage.observer.cut_driver(stage.driver)
    stage.note_end()


def _end_at_commit(stage: Stage) -> None:
    observer = stage.observer

    def end(conn: Any) -> None:
        stage.note_end()
        observer.end_session(conn)

    event.listen(stage.conn, "commit", end, once=True)


def _lose_reply(stage: Stage) -> None:
    """The next commit comes through, and nobody hears of it."""
    driver, observer, error = stage.driver, stage.observer, stage.driver_error
    commit = driver.commit

    def cut_off() -> None:
        commit()
        stage.gone.append(driver)
        if stage.observer.kind == "postgresql":
            driver.close()
        else:
            observer.cut_driver(driver)
        raise error("connection lost")

    driver.commit = cut_off


_WORK = (
    _statement("insert", Family.INSERT, INSERT, harmless=True),
    _statement("driver insert", Family.INSERT, INSERT, by_driver=True, harmless=True),
    Move("text insert", Family.INSERT, _insert_by_text, harmless=True),
    _statement("update", Family.UPDATE, UPDATE, harmless=True),
    _statement("delete", Family.DELETE, DELETE, harmless=True),
    _statement(
        "plain insert", Family.PLAIN, "INSERT INTO {home}plain VALUES ({attempt})", ("mysql",)
    ),
    _statement("read", Family.NOTHING, "SELECT * FROM {home}stock", harmless=True),
    Move("half read", Family.NOTHING, _half_read, harmless=True),
    # Not on SQLite: one that outlives its migration holds a lock, and delembic cannot know it.
    Move("driver half read", Family.NOTHING, _half_read_by_driver, SERVERS, harmless=True),
    Move("streamed half read", Family.NOTHING, _half_read_stream, harmless=True),
    _statement("temporary", Family.NOTHING, "CREATE TEMPORARY TABLE t{fresh} (x INTEGER)"),
    _statement(
        "temporary marks",
        Family.NOTHING,
        "CREATE TEMPORARY TABLE delembic_version AS SELECT * FROM {home}delembic_version",
    ),
    _statement("ddl", Family.NOTHING, "CREATE TABLE IF NOT EXISTS {home}made (x INTEGER)"),
    _statement("drop", Family.NOTHING, "DROP TABLE IF EXISTS {home}made"),
    _statement("alter", Family.NOTHING, "ALTER TABLE {home}spare ADD COLUMN c{fresh} INTEGER"),
)
_FAILURES = (
    _statement("duplicate", Family.NOTHING, AGAIN),
    _statement("nowhere", Family.NOTHING, FAILING),
    _statement("nonsense", Family.NOTHING, "INSRT"),
    _statement("driver nowhere", Family.NOTHING, FAILING, by_driver=True),
    _statement(
        "or rollback",
        Family.NOTHING,
        "INSERT OR ROLLBACK INTO {home}effect SELECT * FROM {home}effect WHERE attempt = 0",
        ("sqlite",),
    ),
    Move("failing nested", Family.NOTHING, _fail_in_savepoint, harmless=True),
    Move("deadlock", Family.NOTHING, _deadlock, ("mysql",)),
)
_SAVEPOINTS = (
    Move("nested", Family.SAVEPOINT, _begin_nested, harmless=True),
    Move("nested commit", Family.RELEASE, partial(_end_nested, ending="commit"), harmless=True),
    Move("nested rollback", Family.BACK, partial(_end_nested, ending="rollback"), harmless=True),
)
_ENDS = (
    Move("commit", Family.COMMIT, lambda stage: stage.conn.commit()),
    Move("rollback", Family.ROLLBACK, lambda stage: stage.conn.rollback()),
    Move("driver commit", Family.COMMIT, lambda stage: stage.driver.commit()),
    Move("driver rollback", Family.ROLLBACK, lambda stage: stage.driver.rollback()),
    Move("session commit", Family.NOTHING, partial(_session, ending="commit")),
    Move("session rollback", Family.ROLLBACK, partial(_session, ending="rollback")),
    _statement("COMMIT", Family.COMMIT, "COMMIT"),
    _statement("ROLLBACK", Family.ROLLBACK, "ROLLBACK"),
    _statement("driver COMMIT", Family.COMMIT, "COMMIT", by_driver=True),
    _statement("driver ROLLBACK", Family.ROLLBACK, "ROLLBACK", by_driver=True),
    _statement("END", Family.COMMIT, "END", ("sqlite", "postgresql")),
    _statement("ABORT", Family.ROLLBACK, "ABORT", ("postgresql",)),
    _statement("COMMIT AND CHAIN", Family.COMMIT, "COMMIT AND CHAIN", SERVERS),
    _statement("ROLLBACK AND CHAIN", Family.ROLLBACK, "ROLLBACK AND CHAIN", SERVERS),
    _statement("BEGIN", Family.NOTHING, "BEGIN", ("sqlite", "postgresql")),
    _statement("START TRANSACTION", Family.COMMIT, "START TRANSACTION", ("mysql",)),
    _statement("SET autocommit", Family.NOTHING, "SET autocommit = 1", ("mysql",)),
    _statement("lock tables", Family.COMMIT, "LOCK TABLES {home}spare WRITE", ("mysql",)),
    _statement("unlock tables", Family.NOTHING, "UNLOCK TABLES", ("mysql",)),
    Move("autocommit", Family.NOTHING, partial(_autocommit_by_driver, value=True), SERVERS),
    Move("no autocommit", Family.NOTHING, partial(_autocommit_by_driver, value=False), SERVERS),
    Move(
        "autocommit option",
        Family.NOTHING,
        lambda stage: stage.conn.execution_options(isolation_level="AUTOCOMMIT"),
    ),
)
_TURNS = (
    _statement(
        "search path", Family.TURN, "SET search_path TO elsewhere", ("postgresql",), harmless=True
    ),
    _statement(
        "local path",
        Family.TURN,
        "SET LOCAL search_path TO elsewhere",
        ("postgresql",),
        harmless=True,
    ),
    _statement("role", Family.TURN, f"SET ROLE {ROLE}", ("postgresql",)),
    _statement("local role", Family.TURN, f"SET LOCAL ROLE {ROLE}", ("postgresql",)),
    _statement("authorization", Family.TURN, f"SET SESSION AUTHORIZATION {ROLE}", ("postgresql",)),
    _statement("read only", Family.TURN, "SET TRANSACTION READ ONLY", ("postgresql",)),
    _statement("use", Family.TURN, "USE {elsewhere}", ("mysql",), harmless=True),
    Move(
        "translate",
        Family.TURN,
        lambda stage: stage.conn.execution_options(
            schema_translate_map={None: stage.observer.elsewhere}
        ),
        SERVERS,
        harmless=True,
    ),
)
_FAULTS = (
    Move("end session", Family.END, _end_session, SERVERS),
    Move("cut", Family.END, _cut),
    Move("close", Family.END, lambda stage: stage.conn.close()),
    Move("invalidate", Family.END, lambda stage: stage.conn.invalidate()),
    Move("end at commit", Family.NOTHING, _end_at_commit, SERVERS),
    Move("lose reply", Family.NOTHING, _lose_reply, SERVERS),
    Move(
        "end others",
        Family.NOTHING,
        lambda stage: stage.observer.end_others(stage.conn),
        SERVERS,
        where="here",
    ),
    Move("fork", Family.NOTHING, _fork, harmless=True),
)
_LEAVES = (
    Move("raise", Family.LEAVE, _raise),
    Move("raise driver's", Family.LEAVE, _raise_from_driver),
    Move("exit", Family.LEAVE, lambda stage: sys.exit(3)),
    Move("exit well", Family.LEAVE, lambda stage: sys.exit()),
    Move("interrupt", Family.LEAVE, _interrupt),
    Move("kill", Family.LEAVE, _kill, where="alone"),
)
MOVES = {
    move.name: move
    for moves in (_WORK, _FAILURES, _SAVEPOINTS, _ENDS, _TURNS, _FAULTS, _LEAVES)
    for move in moves
}
GROUPS = (_WORK, _FAILURES, _SAVEPOINTS, _ENDS, _TURNS, _FAULTS, _LEAVES)
