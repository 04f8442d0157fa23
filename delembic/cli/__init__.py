"""The command line: options, output, and the one place where an error becomes an exit code."""

from delembic.cli.app import main

__all__ = ["main"]
