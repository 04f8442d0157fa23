"""Column types that hold the same values on every database."""

from __future__ import annotations

import json
from collections.abc import Mapping
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


class JsonText(TypeDecorator[Mapping[str, Any]]):
    """A JSON object in plain ASCII, which every encoding holds."""

    impl = LongText
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, Any] | None, dialect: Dialect) -> str | None:
        """Write the object as JSON."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any] | None:
        """Read the object."""
        found: dict[str, Any] | None = json.loads(value) if value else None
        return found
