"""LOADS: how many rows get into a table at once, on each kind of database."""
