"""Where the names in a statement lead to, and how to come back from elsewhere.

A migration may work in another schema: through a search path, ``USE``, or SQLAlchemy's
``schema_translate_map``. All of that stays with the connection. The statements that delembic adds
to the transaction would then meet other tables of the same names: the mark of a success would be
another project's, and its own missing.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_OPTIONS = ("schema_translate_map", "stream_results", "yield_per")
"""What `Connection.execution_options` changes for all that is executed later."""

_QUESTIONS = {
    "postgresql": "SELECT current_setting('search_path')",
    "mysql": "SELECT DATABASE()",
    "mariadb": "SELECT DATABASE()",
}


class Whereabouts:
    """Remembers where a connection was.

    Args:
        conn: As it is before any code of the user has had it.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        options = conn.get_execution_options()
        self._options = {name: options.get(name) for name in _OPTIONS}
        question = _QUESTIONS.get(conn.dialect.name)
        self._place = conn.exec_driver_sql(question).scalar_one() if question else None

    def come_back(self) -> None:
        """Let the names lead to where they led, until the transaction ends."""
        self._conn.execution_options(**self._options)
        if self._place is None:
            return
        if self._conn.dialect.name == "postgresql":
            back = text("SELECT set_config('search_path', :place, true)")
            self._conn.execute(back, {"place": self._place})
        else:
            place = self._conn.dialect.identifier_preparer.quote_identifier(self._place)
            self._conn.execute(text("USE " + place.replace(":", "\\:")))
