"""PostgreSQL: advisory locks, transaction ids, a search path, and a traceable COMMIT."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Executable,
    Inspector,
    Table,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from delembic.config import Config
from delembic.database.connections import autocommitting_apart, connect, execute_reconnecting
from delembic.database.dialects.keys import digest
from delembic.database.dialects.kind import SessionLocks, Witness
from delembic.database.dialects.other import Other, SavepointWitness
from delembic.database.dialects.widths import is_too_narrow
from delembic.database.repertoire import Repertoire
from delembic.database.sessions import ending_session
from delembic.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    PreparedTransactionError,
)
from delembic.status import TransactionState

_SETTLING_SECONDS = 30.0


class PostgreSQL(Other):
    """See `DatabaseKind`."""

    names: ClassVar[tuple[str, ...]] = ("postgresql",)
    locks: ClassVar[tuple[str, ...]] = ("advisory", "lease", "none")
    keeps_zones = True

    def engine_options(self, url: URL, config: Config) -> dict[str, Any]:
        """See `DatabaseKind`."""
        options = super().engine_options(url, config)
        if url.drivername == "postgresql+psycopg" and config.lock == "lease":
            # Behind a pooler, the next statement may run in a session that lacks what this one
            # has prepared.
            options["connect_args"] = {"prepare_threshold": None}
        return options

    def session_locks(self, conn: Connection) -> SessionLocks:
        """See `DatabaseKind`."""
        if _is_lent_out(conn):
            raise ConfigurationError(
                "The server is behind a pooler that may change sessions after each transaction, as"
                " PgBouncer does in transaction mode. A session lock has no effect there.",
                "Set lock = lease.",
            )
        return AdvisoryLock(conn)

    def repertoire(self, conn: Connection) -> Repertoire:
        """See `DatabaseKind`. A server with SQL_ASCII keeps whatever bytes it gets."""
        client, server = conn.exec_driver_sql(_ENCODINGS).one()
        return Repertoire.of([client] if server == "SQL_ASCII" else [client, server])

    def conversion(self, column: Column[Any], table: str, present: TypeEngine[Any]) -> str | None:
        """Give a column of times a time zone, and a column of large numbers 64 bits.

        The stored times are in UTC. Without a zone, later times would depend on the zone of the
        session.
        """
        if is_too_narrow(column, present):
            return f"ALTER TABLE {table} ALTER COLUMN {column.name} TYPE BIGINT"
        if not isinstance(present, DateTime) or present.timezone:
            return None
        return (
            f"ALTER TABLE {table} ALTER COLUMN {column.name} TYPE TIMESTAMP WITH TIME ZONE"
            f" USING {column.name} AT TIME ZONE 'UTC'"
        )

    def repairs(self, conn: Connection, table: str, key: str) -> list[str]:
        """See `DatabaseKind`. A crash empties an unlogged table, and CITEXT ignores case."""
        row = conn.execute(_FITNESS, {"table": table, "key": key}).one_or_none()
        if row is None:
            return []
        unlogged, key_fits = row
        statements = [f"ALTER TABLE {table} SET LOGGED"] if unlogged else []
        if not key_fits:
            statements.append(
                f'ALTER TABLE {table} ALTER COLUMN {key} TYPE VARCHAR(255) COLLATE "C"'
            )
        return statements

    def hides_rows(self, conn: Connection, table: str) -> bool:
        """See `DatabaseKind`. Row-level security does."""
        return bool(conn.execute(_HIDES_ROWS, {"table": table}).scalar_one())

    def schemas(self, inspector: Inspector) -> list[str | None]:
        """See `DatabaseKind`."""
        own = {inspector.default_schema_name, "information_schema"}
        return [None, *(name for name in inspector.get_schema_names() if name not in own)]

    @contextmanager
    def snapshot(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`."""
        conn.execution_options(isolation_level="REPEATABLE READ")
        with ending_session(conn):
            yield

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return TransactionIdWitness(conn)

    def upsert(self, table: Table, over: ColumnElement[bool]) -> Executable | None:
        """See `DatabaseKind`."""
        from sqlalchemy.dialects.postgresql import insert

        add = insert(table)
        values = {column.name: add.excluded[column.name] for column in table.columns}
        return add.on_conflict_do_update(index_elements=table.primary_key, set_=values, where=over)

    def schema_of(self, conn: Connection, table: str) -> str | None:
        """See `DatabaseKind`."""
        schema: str | None = conn.execute(_SCHEMA, {"table": table}).scalar_one_or_none()
        return schema

    def await_end(self, engine: Engine, transaction_id: int | None) -> bool:
        """See `DatabaseKind`. Gives up after half a minute."""
        if transaction_id is None:
            return True

        def is_over() -> bool:
            with connect(engine) as conn:
                return transaction_status(conn, transaction_id) != "in progress"

        over: bool = Retrying(
            retry=retry_if_result(lambda over: not over),
            stop=stop_after_delay(_SETTLING_SECONDS),
            wait=wait_exponential(multiplier=0.05, max=1),
            retry_error_callback=lambda state: False,
        )(is_over)
        return over


class AdvisoryLock:
    """Session-level advisory locks.

    Such locks belong to a database, so the key consists of the schema and the revision.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._schema = conn.execute(text("SELECT current_schema()")).scalar_one_or_none() or ""

    def try_acquire(self, revision: str) -> bool:
        """See `SessionLocks`."""
        return self._call("pg_try_advisory_lock", revision)

    def release(self, revision: str) -> bool:
        """See `SessionLocks`."""
        return self._call("pg_advisory_unlock", revision)

    def _call(self, function: str, revision: str) -> bool:
        key = int.from_bytes(digest(self._schema, revision)[:8], "big", signed=True)
        query = text(f"SELECT {function}(:key)").bindparams(key=key)
        return bool(execute_reconnecting(self._conn, query).scalar_one())


class TransactionIdWitness(SavepointWitness):
    """Knows the transaction by its id, and its fate by ``txid_status``.

    The session comes back in the statement that asks for the id.
    """

    def __init__(self, conn: Connection) -> None:
        self._place: dict[str, Any] = {}
        super().__init__(conn)

    def watch(self) -> None:
        """See `Witness`."""
        row = self._conn.exec_driver_sql(_WATCH).one()
        self.transaction_id = int(row[0])
        if not self._place:
            self._place = {"user": row[1], "role": row[2], "search_path": row[3]}
        super().watch()

    def look(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        return self._state(self._conn.exec_driver_sql("SELECT txid_current()").scalar_one())

    def come_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        return self._state(self._conn.execute(_COME_BACK, self._place).one()[0])

    def roll_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`; a transaction that was given up answers no question before its end."""
        is_open = self._is_commit_refused() or self._is_done(self._question)
        self._conn.rollback()
        return TransactionState.OPEN if is_open else self._ended(errors)

    def has_committed(self) -> bool:
        """See `Witness`. Another session asks, which may fail with the server."""
        with (
            suppress(DatabaseUnavailableError, DBAPIError),
            connect(self._conn.engine) as other,
        ):
            return self._end_seen_by(other) == TransactionState.COMMITTED
        return False

    def _state(self, current: Any) -> TransactionState:
        """Return what has become of the transaction, given the id of the current one."""
        if int(current) == self.transaction_id:
            return TransactionState.OPEN
        state = self._end_seen_by(self._conn)
        if state == TransactionState.OPEN:
            raise PreparedTransactionError
        return state

    def _ended(self, errors: Collection[int]) -> TransactionState:
        return self._end_seen_by(self._conn)

    def _end_seen_by(self, conn: Connection) -> TransactionState:
        """Return how the transaction ended; `OPEN` if it was prepared, and is rolled back now."""
        match transaction_status(conn, self.transaction_id):
            case "committed":
                return TransactionState.COMMITTED
            case "in progress":
                self._roll_back_prepared()
                return TransactionState.OPEN
            case _:
                return TransactionState.ROLLED_BACK

    def _roll_back_prepared(self) -> None:
        with autocommitting_apart(self._conn.engine) as other:
            for name in other.execute(_PREPARED, {"id": self.transaction_id}).scalars().all():
                quoted = name.replace("'", "''")
                other.exec_driver_sql(f"ROLLBACK PREPARED '{quoted}'")


def transaction_status(conn: Connection, transaction_id: int | None) -> str | None:
    """Return the server's status of a transaction: in progress, committed or aborted."""
    status: str | None = conn.execute(_STATUS, {"id": transaction_id}).scalar_one()
    return status


def _is_lent_out(conn: Connection) -> bool:
    """Whether a pooler was found to give one session to two connections.

    A pooler announces its own process number to the driver. A pooler that reserves a session for
    the lifetime of a connection gives a second connection another server process.
    """
    announced = getattr(
        getattr(conn.connection.dbapi_connection, "info", None), "backend_pid", None
    )
    ours = conn.execute(_PROCESS).scalar_one()
    if announced in (None, ours):
        return False
    with autocommitting_apart(conn.engine) as other:
        return bool(other.execute(_PROCESS).scalar_one() == ours)


_PROCESS = text("SELECT pg_backend_pid()")
_SCHEMA = text(
    "SELECT nspname FROM pg_namespace JOIN pg_class ON pg_class.relnamespace = pg_namespace.oid"
    " WHERE pg_class.oid = to_regclass(:table)"
)
_PREPARED = text(
    "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
    " AND transaction = CAST(CAST(:id % 4294967296 AS text) AS xid)"
)
_STATUS = text("SELECT txid_status(:id)")
_FITNESS = text(
    "SELECT c.relpersistence = 'u',"
    " a.atttypid <> ALL (ARRAY(SELECT oid FROM pg_type WHERE typname = 'citext'))"
    " AND coalesce((SELECT collisdeterministic FROM pg_collation AS l"
    " WHERE l.oid = a.attcollation), true)"
    " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = :key"
    " WHERE c.oid = to_regclass(:table)"
)
_HIDES_ROWS = text("SELECT coalesce(row_security_active(to_regclass(:table)), false)")
_ENCODINGS = "SELECT current_setting('client_encoding'), current_setting('server_encoding')"
_WATCH = (
    "SELECT txid_current(), session_user, current_setting('role'), current_setting('search_path')"
)
_COME_BACK = text(
    "SELECT txid_current(), CASE WHEN session_user <> :user"
    " THEN set_config('session_authorization', :user, true) END,"
    " set_config('role', :role, true), set_config('search_path', :search_path, true)"
)
