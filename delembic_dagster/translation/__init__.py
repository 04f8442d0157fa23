"""Migrations in Dagster's words: which are meant, and the asset, check and op settings of each."""
