"""ALEMBIC'S SIDE: which schema revisions there are, and which the database has."""
