"""ALEMBIC: which schema revisions exist, and which are applied."""

from delembic.schema.autogenerate import include_object

__all__ = ["include_object"]
