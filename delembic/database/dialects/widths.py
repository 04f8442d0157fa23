"""Columns whose type in the database is narrower than its definition."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer
from sqlalchemy.types import TypeEngine


def is_too_narrow(column: Column[Any], present: TypeEngine[Any]) -> bool:
    """Whether a column for 64-bit numbers holds smaller ones only."""
    return (
        isinstance(column.type, BigInteger)
        and isinstance(present, Integer)
        and not isinstance(present, BigInteger)
    )
