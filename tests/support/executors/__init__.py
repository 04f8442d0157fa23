"""Runs whose steps are executed by workers: processes that live apart from the run itself."""
