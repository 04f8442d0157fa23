"""LOAD DATA LOCAL: the way of MySQL and MariaDB for many rows, by PyMySQL.

With LOCAL, the server asks the client for a file while a statement runs. A client that answers
any such request would give a hostile server whatever file that names. So only the ability is told
to the server at the beginning (see `LOCAL_FILES`). PyMySQL itself goes on to refuse all requests;
the one that is expected is answered here, with the rows and not with the file that it names.

The server cannot stop a client, so it skips the rows that do not fit, and counts them as warnings.
Here any warning is an error, and a savepoint takes the other rows back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from delembic.causes import brief
from delembic.database.dialects.loads.cargo import (
    Cargo,
    Form,
    Hold,
    Landed,
    MisfitError,
    as_failure,
    is_misfit,
)
from delembic.database.dialects.loads.escaping import escaper
from delembic.database.dialects.loads.inserting import insert_pages
from delembic.database.driver_errors import message_of

LOCAL_FILES = 128
"""CLIENT_LOCAL_FILES: the client can be asked for a file."""
_QUERY = 3
"""COM_QUERY."""
_PACKET_BYTES = 128 * 1024
_SAVEPOINT = "delembic_load"
_ROW = re.compile(r"\b[Rr]ow (\d+)")
_COLUMN = re.compile(r"column (?:`[^`]*`\.`[^`]*`\.)?[`']([^`']+)[`']")


def load_local(conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
    """Load rows by LOAD DATA LOCAL, or by INSERT where that cannot be.

    Raises:
        MisfitError: The database refuses a row.
        DBAPIError: The statement fails for another reason.
    """
    if why := _obstacle(conn, cargo):
        with _whole_or_nothing(conn):
            return insert_pages(conn, hold, cargo, why)
    form = cargo.form
    assert form is not None  # noqa: S101 - or it were an obstacle
    statement = _statement(hold, form)
    blocks = map(escaper(form, single=len(hold.columns) == 1), cargo.blocks())
    with _whole_or_nothing(conn), _without_notes(conn):
        try:
            loaded, warnings = _send(conn, statement, blocks)
        except conn.dialect.loaded_dbapi.Error as error:
            if is_misfit(conn, error):
                raise MisfitError(message_of(error)) from error
            raise as_failure(conn, statement, error) from error
        if warnings:
            raise _misfit(conn)
    return Landed(loaded, "LOAD DATA LOCAL")


def _obstacle(conn: Connection, cargo: Cargo) -> str:
    """Return why there can be no LOAD DATA LOCAL; nothing if there can."""
    driver: Any = conn.connection.driver_connection
    if cargo.form is None:
        return "these rows are no text"
    if conn.dialect.driver != "pymysql":
        return f"{conn.dialect.driver} would read files that the server names"
    if not driver.client_flag & LOCAL_FILES:
        return "local_infile is off in this connection"
    if not conn.exec_driver_sql("SELECT @@local_infile").scalar_one():
        return "local_infile is off in the server"
    return ""


def _statement(hold: Hold, form: Form) -> str:
    delimiter = form.delimiter.replace("\\", "\\\\").replace("'", "\\'")
    return (
        f"LOAD DATA LOCAL INFILE 'delembic' INTO TABLE {hold.table} CHARACTER SET utf8mb4"
        f" FIELDS TERMINATED BY '{delimiter}' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'"
        f" ({hold.list})"
    )


def _send(conn: Connection, statement: str, blocks: Iterator[bytes]) -> tuple[int, int]:
    """Send the statement and then the rows, and return how many were loaded with what warnings."""
    from pymysql.protocol import OKPacketWrapper

    driver: Any = conn.connection.driver_connection
    driver._execute_command(_QUERY, statement)
    packet = driver._read_packet()
    if not packet.is_load_local_packet():
        raise driver.InternalError(0, "the server did not ask for the rows")
    try:
        for block in blocks:
            for start in range(0, len(block), _PACKET_BYTES):
                driver.write_packet(block[start : start + _PACKET_BYTES])
    finally:
        # The end of the rows, also of those that an error has cut off: the session stays usable.
        driver.write_packet(b"")
        packet = driver._read_packet()
    answer: Any = OKPacketWrapper(packet)
    return answer.affected_rows, answer.warning_count


def _misfit(conn: Connection) -> MisfitError:
    """Return the first warning as an error."""
    warning = conn.exec_driver_sql("SHOW WARNINGS LIMIT 1").one_or_none()
    message = str(warning[2]) if warning else ""
    row, column = _ROW.search(message), _COLUMN.search(message)
    return MisfitError(
        brief(message) or "the server skipped rows, and does not say why",
        record=int(row[1]) if row else None,
        column=column[1] if column else None,
    )


@contextmanager
def _without_notes(conn: Connection) -> Iterator[None]:
    """Let only rows that do not fit be warnings: a number that is rounded is none."""
    before = conn.exec_driver_sql("SELECT @@SESSION.sql_notes").scalar_one()
    conn.exec_driver_sql("SET SESSION sql_notes = 0")
    try:
        yield
    finally:
        if not conn.invalidated:
            conn.exec_driver_sql(f"SET SESSION sql_notes = {before:d}")


@contextmanager
def _whole_or_nothing(conn: Connection) -> Iterator[None]:
    """Undo what an error has cut off. Otherwise the rows that do fit would stay."""
    conn.exec_driver_sql(f"SAVEPOINT {_SAVEPOINT}")
    try:
        yield
    except BaseException:
        if not conn.invalidated:
            conn.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        raise
    conn.exec_driver_sql(f"RELEASE SAVEPOINT {_SAVEPOINT}")
