"""AUDIT: the tables that delembic keeps in a database, with the marks and the audit log."""
