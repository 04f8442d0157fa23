"""Runs whose steps are executed by workers: processes separate from the run itself."""
