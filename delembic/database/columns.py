"""Types of columns that hold the same on every database."""

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
        """Take the kind's own type; only PostgreSQL's has a zone.

        Any other database gets a column without one: what is stored there is a bare time, and a
        column with a zone would take it for a time in the session's own zone.
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
        """Take the kind's own type, as a plain TEXT of MySQL holds 64 kilobytes."""
        return dialect.type_descriptor(kind_of(dialect.name).long_text_type())
