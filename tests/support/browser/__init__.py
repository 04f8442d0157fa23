"""The example as a user sees it: `dagster dev` in a browser."""
