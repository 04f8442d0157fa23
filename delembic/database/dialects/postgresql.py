"""PostgreSQL: advisory locks, transaction ids, a search path, and a traceable COMMIT."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
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
from sqlalchemy.types import TypeEngine
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from delembic.config import Config
from delembic.database.connections import autocommitting_apart, connect, execute_reconnecting
from delembic.database.dialects.interfaces import Name, SessionLocks, Trouble, Witness
from delembic.database.dialects.keys import digest
from delembic.database.dialects.loads.cargo import Cargo, Hold, Landed, Merge
from delembic.database.dialects.loads.copying import copy_in
from delembic.database.dialects.loads.merging import Way, load_merged, merge_distinct
from delembic.database.dialects.other import Other
from delembic.database.dialects.transaction_ids import TransactionIdWitness, transaction_status
from delembic.database.dialects.widths import is_too_narrow
from delembic.database.driver_errors import sqlstate
from delembic.database.repertoire import Repertoire
from delembic.database.sessions import ending_session
from delembic.errors import ConfigurationError, UnreadableSignalError

_SETTLING_SECONDS = 30.0
_INSUFFICIENT_PRIVILEGE = "42501"
_NO_SCHEMA = "3F000"
"""What PostgreSQL says to CREATE if no schema of the search path exists or may be used."""
_CONFLICTS = ("40001", "40P01", "55P03")
"""serialization_failure, deadlock_detected, lock_not_available."""
_QUERY_CANCELED = "57014"
_TEMPORARY = Way(
    "CREATE TEMP TABLE {name} ON COMMIT DROP AS {source} WITH NO DATA", schema="pg_temp."
)
_LIBPQ = ("psycopg", "psycopg2")


class PostgreSQL(Other):
    """See `DatabaseKind`."""

    names: ClassVar[tuple[str, ...]] = ("postgresql",)
    locks: ClassVar[tuple[str, ...]] = ("advisory", "lease", "none")
    keeps_zones = True
    row_values = True

    def engine_options(self, url: URL, config: Config) -> dict[str, Any]:
        """See `DatabaseKind`."""
        options = super().engine_options(url, config)
        seconds = config.connect_timeout_seconds
        if seconds and url.get_driver_name() in _LIBPQ and "connect_timeout" not in url.query:
            # libpq takes whole seconds, and counts the time for each address of the server.
            options["connect_args"] = {"connect_timeout": math.ceil(seconds)}
        if url.drivername == "postgresql+psycopg" and config.lock == "lease":
            # Behind a pooler, the next statement may run in a session that lacks what this one
            # has prepared.
            options.setdefault("connect_args", {})["prepare_threshold"] = None
        return options

    def session_locks(self, conn: Connection, scope: str) -> SessionLocks:
        """See `DatabaseKind`."""
        if _is_lent_out(conn):
            raise ConfigurationError(
                "The server is behind a pooler that may change sessions after each transaction, as"
                " PgBouncer does in transaction mode. A session lock has no effect there.",
                "Set lock = lease.",
            )
        return AdvisoryLock(conn, scope)

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

    def repairs(self, conn: Connection, table: Name, key: str) -> list[str]:
        """See `DatabaseKind`. A crash empties an unlogged table, and CITEXT ignores case."""
        row = conn.execute(_FITNESS, {"table": table.quoted, "key": key}).one_or_none()
        if row is None:
            return []
        unlogged, key_fits = row
        statements = [f"ALTER TABLE {table.quoted} SET LOGGED"] if unlogged else []
        if not key_fits:
            statements.append(
                f'ALTER TABLE {table.quoted} ALTER COLUMN {key} TYPE VARCHAR(255) COLLATE "C"'
            )
        return statements

    def grants(self, tables: Sequence[Name], role: str, *, writes: bool) -> list[str]:
        """See `DatabaseKind`. The sequence of the audit log's numbers has a right of its own."""
        schema = tables[0].schema
        names = ", ".join(table.quoted for table in tables)
        rights = "SELECT, INSERT, UPDATE" if writes else "SELECT"
        found = [f"GRANT USAGE ON SCHEMA {schema} TO {role}"] if schema else []
        found.append(f"GRANT {rights} ON {names} TO {role}")
        if writes:
            numbers = [table.quoted for table in tables if table.numbered]
            found += [f"GRANT USAGE ON SEQUENCE {name}_id_seq TO {role}" for name in numbers]
        return found

    def lacks_right(self, error: BaseException) -> bool:
        """See `DatabaseKind`."""
        return sqlstate(error) in (_INSUFFICIENT_PRIVILEGE, _NO_SCHEMA)

    def hides_rows(self, conn: Connection, table: Name) -> bool:
        """See `DatabaseKind`. Row-level security does."""
        return bool(conn.execute(_HIDES_ROWS, {"table": table.quoted}).scalar_one())

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

    def load(self, conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
        """See `DatabaseKind`."""
        return copy_in(conn, hold, cargo)

    def load_merged(
        self, conn: Connection, hold: Hold, cargo: Cargo, merge: Merge
    ) -> Landed | None:
        """See `DatabaseKind`."""
        merging = partial(merge_distinct, conn, hold=hold, merge=merge)
        return load_merged(conn, hold, cargo, copy_in, merging, _TEMPORARY)

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return TransactionIdWitness(conn)

    def trouble(self, error: BaseException) -> Trouble | None:
        """See `DatabaseKind`."""
        state = sqlstate(error)
        if state in _CONFLICTS:
            return Trouble.CONFLICT
        return Trouble.TOO_LONG if state == _QUERY_CANCELED else None

    def estimated_rows(self, conn: Connection, table: Name) -> int | None:
        """See `DatabaseKind`. The planner's statistics know, once the table was analyzed."""
        rows = conn.execute(_ESTIMATE, {"table": table.quoted}).scalar_one_or_none()
        return int(rows) if rows is not None and rows >= 0 else None

    def replication_lag_seconds(self, conn: Connection) -> float | None:
        """See `DatabaseKind`."""
        replicas, readable, lag = conn.execute(_LAG).one()
        if readable < replicas:
            raise UnreadableSignalError(
                "this role may not read pg_stat_replication", "Grant it pg_monitor."
            )
        return float(lag or 0) if replicas else None

    def blocked_sessions(self, conn: Connection) -> int:
        """See `DatabaseKind`."""
        blocked, readable = conn.execute(_BLOCKED).one()
        if not readable:
            raise UnreadableSignalError(
                "this role may not read pg_stat_activity", "Grant it pg_monitor."
            )
        return int(blocked)

    def upsert(self, table: Table, over: ColumnElement[bool]) -> Executable | None:
        """See `DatabaseKind`."""
        from sqlalchemy.dialects.postgresql import insert

        add = insert(table)
        values = {column.name: add.excluded[column.name] for column in table.columns}
        return add.on_conflict_do_update(index_elements=table.primary_key, set_=values, where=over)

    def home(self, conn: Connection) -> str | None:
        """See `DatabaseKind`."""
        schema: str | None = conn.execute(_HOME).scalar_one_or_none()
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

    Such locks belong to a database, so the key consists of the project's scope and the revision.
    """

    def __init__(self, conn: Connection, scope: str) -> None:
        self._conn = conn
        self._scope = scope

    def try_acquire(self, revision: str) -> bool:
        """See `SessionLocks`."""
        return self._call("pg_try_advisory_lock", revision)

    def release(self, revision: str) -> bool:
        """See `SessionLocks`."""
        return self._call("pg_advisory_unlock", revision)

    def _call(self, function: str, revision: str) -> bool:
        key = int.from_bytes(digest(self._scope, revision)[:8], "big", signed=True)
        query = text(f"SELECT {function}(:key)").bindparams(key=key)
        return bool(execute_reconnecting(self._conn, query).scalar_one())


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
_HOME = text("SELECT current_schema()")
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
_ESTIMATE = text(
    "SELECT CASE WHEN c.relkind = 'p' THEN (SELECT sum(greatest(p.reltuples, 0)) FROM pg_class AS p"
    " JOIN pg_inherits AS i ON i.inhrelid = p.oid WHERE i.inhparent = c.oid)"
    " ELSE c.reltuples END FROM pg_class AS c WHERE c.oid = to_regclass(:table)"
)
_LAG = text(
    "SELECT count(*), count(state), max(extract(epoch FROM replay_lag)) FROM pg_stat_replication"
)
"""A role without the right to it sees the rows, with NULL for what they say."""
_BLOCKED = text(
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'),"
    " bool_and(pid = pg_backend_pid() OR query <> '<insufficient privilege>')"
    " FROM pg_stat_activity WHERE datname = current_database()"
)
