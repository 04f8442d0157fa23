"""Migrations in Dagster's terms: which are selected, and the asset, check and op of each."""
