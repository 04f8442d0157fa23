"""The folder of migration files: read, put in order, planned. No database in here."""
