"""ALEMBIC: which schema revisions exist, and which are applied."""
