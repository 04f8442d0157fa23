"""INSERT with many rows at once, which every database has in some way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import Connection, column, insert, table
from sqlalchemy.exc import DBAPIError

from delembic.database.dialects.loads.cargo import (
    Cargo,
    Hold,
    Landed,
    MisfitError,
    Tally,
    as_failure,
    is_misfit,
)
from delembic.database.driver_errors import message_of

PAGE_ROWS = 1_000
_SAVEPOINT = "delembic_load"


def insert_pages(conn: Connection, hold: Hold, cargo: Cargo, why: str = "") -> Landed:
    """Insert rows in pages, by SQLAlchemy, with nothing assumed about the database.

    Args:
        conn: In a transaction.
        hold: Where the rows go.
        cargo: The rows.
        why: Why there is no faster way, for the method's name.

    Raises:
        MisfitError: The database refuses a row of a page.
    """
    # Without types: the values are as the driver takes them.
    target = table(hold.name, *map(column, hold.columns), schema=hold.schema)
    statement = insert(target)
    rows, count = iter(Tally(cargo)), 0
    while page := [dict(zip(hold.columns, row, strict=True)) for row in islice(rows, PAGE_ROWS)]:
        try:
            conn.execute(statement, page)
        except DBAPIError as error:
            if error.orig is None or not is_misfit(conn, error.orig):
                raise
            reason = message_of(error.orig)
            raise MisfitError(reason, record=count + 1, last=count + len(page)) from error
        count += len(page)
    return Landed(count, f"executemany ({why})" if why else "executemany")


def insert_all(conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
    """Insert rows by one ``executemany`` of SQLite's driver, which takes them one by one.

    Raises:
        MisfitError: The database refuses a row.
        DBAPIError: The statement fails for another reason.
    """
    driver: Any = conn.connection.driver_connection
    marks = ", ".join("?" * len(hold.columns))
    statement = f"INSERT INTO {hold.table} ({hold.list}) VALUES ({marks})"
    rows = Tally(cargo)
    # The last two say that a value is of a type that the driver does not know.
    of_a_row = (driver.IntegrityError, driver.InterfaceError, driver.ProgrammingError)
    with _whole_or_nothing(driver):
        try:
            driver.executemany(statement, iter(rows))
        except of_a_row as error:
            if not rows.count:  # such as of a connection that is closed
                raise as_failure(conn, statement, error) from error
            raise MisfitError(
                message_of(error), record=rows.count, column=_column_of(error, hold)
            ) from error
        except driver.Error as error:
            raise as_failure(conn, statement, error) from error
    return Landed(rows.count, "executemany")


@contextmanager
def _whole_or_nothing(driver: Any) -> Iterator[None]:
    """Undo what an error has cut off. Otherwise the rows before it would stay."""
    if not driver.in_transaction and driver.isolation_level is not None:
        driver.execute("BEGIN")  # or the end of the savepoint would be a commit
    driver.execute(f"SAVEPOINT {_SAVEPOINT}")
    try:
        yield
    except BaseException:
        if driver.in_transaction:  # some errors end it
            driver.execute(f"ROLLBACK TO {_SAVEPOINT}")
            driver.execute(f"RELEASE {_SAVEPOINT}")
        raise
    driver.execute(f"RELEASE {_SAVEPOINT}")


def _column_of(error: BaseException, hold: Hold) -> str | None:
    """Return the column at the end of a message such as ``NOT NULL constraint failed: t.x``."""
    named = str(error).rpartition(".")[2]
    return named if named in hold.columns else None
