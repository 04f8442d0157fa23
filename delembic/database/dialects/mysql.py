"""MySQL and MariaDB: named locks of the server, and DDL that commits implicitly."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from sqlalchemy import URL, Column, ColumnElement, Connection, Engine, event, func, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from delembic.config import Config
from delembic.database.connections import execute_reconnecting
from delembic.database.dialects.interfaces import Name, SessionLocks, Trouble, Witness
from delembic.database.dialects.keys import digest
from delembic.database.dialects.loads.cargo import Cargo, Hold, Landed, Merge
from delembic.database.dialects.loads.local_data import LOCAL_FILES, load_local
from delembic.database.dialects.loads.merging import Way, load_merged, merge_on_duplicate_key
from delembic.database.dialects.other import SAVEPOINT, Other, SavepointWitness
from delembic.database.dialects.widths import is_too_narrow
from delembic.database.driver_errors import error_number
from delembic.database.repertoire import Repertoire
from delembic.database.sessions import ending_session
from delembic.errors import UnreadableSignalError
from delembic.status import TransactionState

_ROLL_BACK = {1020, 1213}
"""ER_CHECKREAD (under ``innodb_snapshot_isolation``) and ER_LOCK_DEADLOCK."""
_CONFLICTS = _ROLL_BACK | {1205}
"""And ER_LOCK_WAIT_TIMEOUT."""
_TOO_LONG = {1969, 3024}
"""ER_STATEMENT_TIMEOUT of MariaDB, ER_QUERY_TIMEOUT of MySQL."""
_DENIED = {1044, 1142, 1143, 1227}
"""ER_DBACCESS_DENIED, ER_TABLEACCESS_DENIED, ER_COLUMNACCESS_DENIED, ER_SPECIFIC_ACCESS_DENIED."""
_THREE_BYTES = ("utf8", "utf8mb3")
_WINDOWS_LATIN = "cp1252"
"""What MySQL calls latin1."""
_TEMPORARY = Way(
    "CREATE TEMPORARY TABLE {name} ENGINE = InnoDB AS {source} WHERE false",
    drop="DROP TEMPORARY TABLE",  # a DROP TABLE would be a commit, too
)
_NOT_ROLLED_BACK = 1196
"""ER_WARNING_NOT_COMPLETE_ROLLBACK: tables without transactions were changed."""


_CONNECT_TIMEOUT = {
    "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout",
    "mariadbconnector": "connect_timeout",
    "mysqlconnector": "connection_timeout",
}
"""What drivers call the limit for a connection, in whole seconds."""

_ESTIMATE = text(
    "SELECT table_rows FROM information_schema.tables"
    " WHERE table_schema = coalesce(:schema, DATABASE()) AND table_name = :table"
)
_BLOCKED = text("SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
_FITNESS = text(
    "SELECT (SELECT count(*) FROM information_schema.tables AS t"
    " JOIN information_schema.engines AS e ON e.engine = t.engine AND e.transactions = 'YES'"
    " WHERE t.table_schema = coalesce(:schema, DATABASE()) AND t.table_name = :table),"
    " (SELECT count(*) = 0 FROM information_schema.columns"
    " WHERE table_schema = coalesce(:schema, DATABASE()) AND table_name = :table"
    " AND collation_name NOT LIKE 'utf8mb4%bin')"
)


class MySQL(Other):
    """See `DatabaseKind`."""

    names: ClassVar[tuple[str, ...]] = ("mysql", "mariadb")
    locks: ClassVar[tuple[str, ...]] = ("advisory", "lease", "none")
    tells_keys_apart = False
    # Revisions are case- and accent-sensitive, whatever the server's collation is.
    table_options: ClassVar[dict[str, str]] = {
        "engine": "InnoDB",
        "charset": "utf8mb4",
        "collate": "utf8mb4_bin",
    }

    def engine_options(self, url: URL, config: Config) -> dict[str, Any]:
        """See `DatabaseKind`."""
        options = super().engine_options(url, config)
        name = _CONNECT_TIMEOUT.get(url.get_driver_name())
        if (seconds := config.connect_timeout_seconds) and name and name not in url.query:
            options["connect_args"] = {name: math.ceil(seconds)}
            if _reads_without_limit(url):
                options["connect_args"]["read_timeout"] = math.ceil(seconds)
        return options

    def prepare(self, engine: Engine) -> None:
        """See `DatabaseKind`. PyMySQL has no limit for the server's greeting but that of reads."""
        if engine.dialect.driver == "pymysql":
            event.listen(engine, "do_connect", _offer_files)
        if _reads_without_limit(engine.url):
            event.listen(engine, "connect", _read_without_limit)

    def session_locks(self, conn: Connection, scope: str) -> SessionLocks:
        """See `DatabaseKind`."""
        return NamedLock(conn, scope)

    def clock(self) -> ColumnElement[datetime]:
        """See `DatabaseKind`."""
        return func.utc_timestamp(6)

    def moment_type(self) -> TypeEngine[Any]:
        """Keep microseconds, which a plain DATETIME cuts off."""
        from sqlalchemy.dialects.mysql import DATETIME

        return DATETIME(fsp=6)

    def long_text_type(self) -> TypeEngine[Any]:
        """Hold 16 megabytes; a plain TEXT holds 65,535 bytes."""
        from sqlalchemy.dialects.mysql import MEDIUMTEXT

        return MEDIUMTEXT()

    def home(self, conn: Connection) -> str | None:
        """See `DatabaseKind`. MySQL calls a schema a database."""
        return _database(conn)

    def conversion(self, column: Column[Any], table: str, present: TypeEngine[Any]) -> str | None:
        """Give a column of large numbers 64 bits."""
        if is_too_narrow(column, present):
            return f"ALTER TABLE {table} MODIFY COLUMN {column.name} BIGINT"
        return None

    def is_shadowed(self, conn: Connection, table: Name) -> bool:
        """See `DatabaseKind`."""
        created = conn.exec_driver_sql(f"SHOW CREATE TABLE {table.quoted}").one()
        return str(created[1]).startswith("CREATE TEMPORARY")

    def repertoire(self, conn: Connection) -> Repertoire:
        """See `DatabaseKind`. The columns of delembic hold whatever the connection carries."""
        (name,) = conn.exec_driver_sql("SELECT @@character_set_client").one()
        encoding = _WINDOWS_LATIN if name == "latin1" else name
        return Repertoire.of([encoding], four_bytes=name not in _THREE_BYTES)

    def repairs(self, conn: Connection, table: Name, key: str) -> list[str]:
        """See `DatabaseKind`. Convert the engine and the collation of all texts, in one step."""
        engine_fits, texts_fit = conn.execute(
            _FITNESS, {"table": table.table, "schema": table.schema}
        ).one()
        if engine_fits and texts_fit:
            return []
        wanted = [] if engine_fits else ["ENGINE = InnoDB"]
        wanted.append("ROW_FORMAT = DYNAMIC")  # an older format has no room for the key
        if not texts_fit:
            wanted.append("CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        return [f"ALTER TABLE {table.quoted} {', '.join(wanted)}"]

    def grants(self, tables: Sequence[Name], role: str, *, writes: bool) -> list[str]:
        """See `DatabaseKind`."""
        rights = "SELECT, INSERT, UPDATE" if writes else "SELECT"
        return [f"GRANT {rights} ON {table.quoted} TO {role}" for table in tables]

    def lacks_right(self, error: BaseException) -> bool:
        """See `DatabaseKind`."""
        return error_number(error) in _DENIED

    def trouble(self, error: BaseException) -> Trouble | None:
        """See `DatabaseKind`."""
        number = error_number(error)
        if number in _CONFLICTS:
            return Trouble.CONFLICT
        return Trouble.TOO_LONG if number in _TOO_LONG else None

    def estimated_rows(self, conn: Connection, table: Name) -> int | None:
        """See `DatabaseKind`. InnoDB's own estimate."""
        place = {"table": table.table, "schema": table.schema}
        rows = conn.execute(_ESTIMATE, place).scalar_one_or_none()
        return None if rows is None else int(rows)

    def blocked_sessions(self, conn: Connection) -> int:
        """See `DatabaseKind`."""
        try:
            return int(conn.execute(_BLOCKED).scalar_one())
        except DBAPIError as error:
            if not self.lacks_right(error):
                raise
            raise UnreadableSignalError(
                "this user may not read information_schema.innodb_trx", "Grant it PROCESS."
            ) from error

    @contextmanager
    def snapshot(self, conn: Connection) -> Iterator[None]:
        """See `DatabaseKind`."""
        conn.execution_options(isolation_level="REPEATABLE READ")
        with ending_session(conn):
            yield

    def load(self, conn: Connection, hold: Hold, cargo: Cargo) -> Landed:
        """See `DatabaseKind`."""
        return load_local(conn, hold, cargo)

    def load_merged(
        self, conn: Connection, hold: Hold, cargo: Cargo, merge: Merge
    ) -> Landed | None:
        """See `DatabaseKind`."""
        merging = partial(merge_on_duplicate_key, conn, hold=hold, merge=merge)
        return load_merged(conn, hold, cargo, load_local, merging, _TEMPORARY)

    def witness(self, conn: Connection) -> Witness:
        """See `DatabaseKind`."""
        return NamedSavepointWitness(conn)


def _reads_without_limit(url: URL) -> bool:
    return url.get_driver_name() == "pymysql" and "read_timeout" not in url.query


def _offer_files(dialect: object, record: object, args: object, settings: dict[str, Any]) -> None:
    """Tell the server that it may ask for rows; see `loads.local_data` for what is answered."""
    settings["client_flag"] = settings.get("client_flag", 0) | LOCAL_FILES


def _read_without_limit(driver: Any, record: object) -> None:
    """Let a statement take its time, now that the server has greeted."""
    driver._read_timeout = None


class NamedLock:
    """The locks of ``GET_LOCK``.

    Such locks belong to the server, so the project's scope is part of the lock's name.
    """

    def __init__(self, conn: Connection, scope: str) -> None:
        self._conn = conn
        self._scope = scope

    def try_acquire(self, revision: str) -> bool:
        """See `SessionLocks`."""
        return self._call("GET_LOCK(:name, 0)", revision)

    def release(self, revision: str) -> bool:
        """See `SessionLocks`."""
        return self._call("RELEASE_LOCK(:name)", revision)

    def _call(self, function: str, revision: str) -> bool:
        name = f"delembic:{digest(self._scope, revision).hex()[:48]}"
        query = text(f"SELECT {function}").bindparams(name=name)
        return bool(execute_reconnecting(self._conn, query).scalar_one())


class NamedSavepointWitness(SavepointWitness):
    """Tells a commit from a rollback by the server's count of rollbacks in the session.

    Some errors, such as a deadlock, roll the transaction back without being counted.
    """

    # To go back to the savepoint would count temporary tables among those without transactions.
    _question = f"RELEASE SAVEPOINT {SAVEPOINT}"

    def __init__(self, conn: Connection) -> None:
        self._database = _database(conn)
        self._rollbacks = 0
        super().__init__(conn)

    def watch(self) -> None:
        """See `Witness`."""
        self._rollbacks = self._count_rollbacks()
        super().watch()

    def come_back(self, errors: Collection[int]) -> TransactionState:
        """See `Witness`."""
        if self._database is not None:
            name = self._conn.dialect.identifier_preparer.quote_identifier(self._database)
            self._conn.execute(text("USE " + name.replace(":", r"\:")))
        state = super().come_back(errors)
        if state != TransactionState.OPEN:
            # Locks of tables, which end a transaction, would keep delembic from its own.
            self._conn.exec_driver_sql("UNLOCK TABLES")
        return state

    def _ended(self, errors: Collection[int]) -> TransactionState:
        if not _ROLL_BACK.isdisjoint(errors) or self._count_rollbacks() > self._rollbacks:
            return TransactionState.ROLLED_BACK
        return TransactionState.COMMITTED

    def kept_rows(self) -> bool:
        """See `Witness`."""
        warnings = self._conn.exec_driver_sql("SHOW WARNINGS").all()
        return any(number == _NOT_ROLLED_BACK for _, number, _ in warnings)

    def _count_rollbacks(self) -> int:
        row = self._conn.exec_driver_sql("SHOW SESSION STATUS LIKE 'Com_rollback'").one()
        return int(row[1])


def _database(conn: Connection) -> str | None:
    name: str | None = conn.exec_driver_sql("SELECT DATABASE()").scalar_one_or_none()
    return name
