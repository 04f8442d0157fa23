"""Column types that hold the same values on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

from delembic.database.dialects import kind_of


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC, on databases with and without time zones."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the type of the database kind; only PostgreSQL's has a zone.

        Any other database gets a column without a zone. It stores bare times, which a column with
        a zone would interpret in the zone of the session.
        """
        return dialect.type_descriptor(kind_of(dialect.name).moment_type())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; where the column has no zone, the bare UTC time."""
        if value is None or kind_of(dialect.name).keeps_zones:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time; a stored one without a zone is in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class LongText(TypeDecorator[str]):
    """A text of several megabytes."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the type of the database kind, as a plain TEXT of MySQL holds only 64 kilobytes."""
        return dialect.type_descriptor(kind_of(dialect.name).long_text_type())
