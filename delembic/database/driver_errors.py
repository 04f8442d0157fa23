"""The errors of database drivers: identifies them, and removes the values of rows from them.

SQLAlchemy hides the parameters of a statement. PostgreSQL itself repeats values next to its
message, such as a duplicate key or the whole line of a COPY. Those parts are removed; the message
itself stays as the server wrote it, and so does the place of a COPY: table, line and column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Dialect, Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from delembic.causes import brief
from delembic.redaction import remember_secrets

_PLACE_OF_COPY = re.compile(r"COPY \S.*?(?=\s*[:\uff1a]|$)", re.MULTILINE)
"""The table, the line and the column of a COPY, in the server's language. The value follows a
colon."""
_IN_FAILED_TRANSACTION = "25P02"
"""PostgreSQL's in_failed_sql_transaction."""


def keep_quiet(engine: Engine, *, hide_values: bool) -> None:
    """Keep values out of an engine's errors, and remember its secrets.

    Args:
        engine: Any engine; a second call does no harm.
        hide_values: Whether to hide statement parameters and the row values in server messages.
    """
    engine.hide_parameters = hide_values
    url = engine.url
    remember_secrets({"password": url.password, **url.query}, _public(url))
    event.listen(engine, "do_connect", _remember)
    if hide_values:
        event.listen(engine, "handle_error", _quieten)


@contextmanager
def values_withheld(engine: Engine) -> Iterator[None]:
    """Hide values also in errors of the driver's own connection, which bypass SQLAlchemy."""
    try:
        yield
    except Exception as error:
        if engine.hide_parameters:
            for each in chain_of(error):
                _withhold(each)
        raise


def is_consequence(error: BaseException) -> bool:
    """Whether an error says only that an earlier one has made the transaction unusable."""
    return sqlstate(error) == _IN_FAILED_TRANSACTION


def sqlstate(error: BaseException) -> str | None:
    """Return PostgreSQL's code of an error, which psycopg2 calls differently."""
    state: str | None = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state


def error_number(error: BaseException) -> int | None:
    """Return the error number of MySQL or MariaDB from the error of any driver.

    Most drivers put it first among the arguments; MariaDB's own driver has it only as ``errno``.
    """
    candidates = (getattr(error, "errno", None), *error.args[:1])
    return next((each for each in candidates if isinstance(each, int)), None)


def message_of(error: BaseException) -> str:
    """Return what a server says of an error, without what it repeats of a row beside its message.

    Example:
        >>> message_of(ValueError(1048, "Column 'x' cannot be null"))
        "Column 'x' cannot be null"
    """
    report = getattr(error, "diag", None)  # psycopg's and psycopg2's
    primary: str | None = getattr(report, "message_primary", None)
    match error.args:
        case (int(), str(text), *_):  # drivers of MySQL
            return brief(text)
    return brief(primary or str(error)) or type(error).__name__


def place_of_copy(error: BaseException, table: str) -> tuple[int | None, str | None]:
    """Return the line and the column that PostgreSQL names in the error of a COPY, if it does."""
    context = getattr(getattr(error, "diag", None), "context", None) or ""
    found = re.match(
        rf"COPY {re.escape(table)}, \D*(\d+)(?:, \w+ ([^:\uff1a\n]+?))?\s*(?:[:\uff1a]|$)",
        context,
        re.MULTILINE,
    )
    column: str | None = getattr(getattr(error, "diag", None), "column_name", None)
    if found is None:
        return None, column
    return int(found[1]), found[2] or column


def _public(url: URL) -> tuple[str | None, ...]:
    return url.username, url.host, url.database


def _remember(
    dialect: Dialect, record: ConnectionPoolEntry, args: object, settings: dict[str, object]
) -> None:
    """Remember secrets that ``connect_args`` and other listeners have added for the driver."""
    remember_secrets(settings, [settings.get(name) for name in ("user", "host", "database")])


def _quieten(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if _withhold(context.original_exception) and isinstance(error, DBAPIError):
        cause = type(error.orig)
        error.args = (f"({cause.__module__}.{cause.__name__}) {error.orig}",)


def _withhold(error: BaseException) -> bool:
    """Keep only what is no value, if the error has its parts as separate fields."""
    report = getattr(error, "diag", None)  # psycopg's and psycopg2's
    message = getattr(report, "message_primary", None)
    if message is None:
        return False
    place = _PLACE_OF_COPY.match(getattr(report, "context", None) or "")
    hint = getattr(report, "message_hint", None)
    parts = [message]
    parts += [f"CONTEXT:  {place[0]}"] if place else []
    parts += [f"HINT:  {hint}"] if hint else []
    error.args = ("\n".join(parts), *error.args[1:])
    return True


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause of that, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
