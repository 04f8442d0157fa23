"""REVISIONS: reads, orders and plans the migration files. No database is used here."""
