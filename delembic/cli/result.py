"""The result of a command, kept apart from what users' code prints meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

import click


@contextmanager
def printing(*, document: bool) -> Iterator[Callable[[str], None]]:
    """Yield the function that takes the result of a command, which is printed after the block.

    A document is for programs, so nothing else may be on the standard output. ``env.py``, an engine
    with ``echo=True``, a migration and whatever they start print in the block, and all of it then
    goes to the standard error.

    Args:
        document: Whether the result is a document.
    """
    results: list[str] = []
    if document:
        with _descriptor_redirected(sys.stdout, sys.stderr), redirect_stdout(sys.stderr):
            yield results.append
    else:
        yield results.append
    for result in results:
        click.echo(result)


@contextmanager
def _descriptor_redirected(stdout: TextIO, stderr: TextIO) -> Iterator[None]:
    """Lead the descriptor of one stream to the other, for programs that the block starts."""
    try:
        of_stdout, of_stderr = stdout.fileno(), stderr.fileno()
    except OSError:  # a stream in memory, which no other program can write to
        yield
        return
    stdout.flush()
    kept = os.dup(of_stdout)
    os.dup2(of_stderr, of_stdout)
    try:
        yield
    finally:
        os.dup2(kept, of_stdout)
        os.close(kept)
