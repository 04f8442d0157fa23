"""The example as a person sees it: `dagster dev`, and a browser in front of it."""
