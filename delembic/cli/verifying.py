"""``delembic verify``: a line for each migration, or one JSON document."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from contextlib import redirect_stdout

import click

from delembic import commands
from delembic.audit.program import Program
from delembic.cli.progress import showing_progress
from delembic.config import Config
from delembic.errors import DataDriftedError
from delembic.events import Verification
from delembic.presentation import documents


def verify(config: Config, revisions: Collection[str], *, as_json: bool) -> None:
    """Verify, and print the results.

    Raises:
        DataDriftedError: A migration did not pass.
        DelembicError: As `commands.verify` does.
    """
    found = _as_document(config, revisions) if as_json else _as_lines(config, revisions)
    if drifted := [each.revision for each in found if not each.passed]:
        raise DataDriftedError(drifted, len(found))


def _as_lines(config: Config, revisions: Collection[str]) -> Sequence[Verification]:
    with showing_progress() as progress:
        found = commands.verify(config, revisions, on_event=progress.show, program=Program("cli"))
    if not found:
        click.echo("Nothing to verify: no applied migration has a validate().")
    return found


def _as_document(config: Config, revisions: Collection[str]) -> Sequence[Verification]:
    # Anything that a validate() prints must stay out of the document.
    with redirect_stdout(sys.stderr):
        found = commands.verify(config, revisions, program=Program("cli"))
    click.echo(documents.verify(found))
    return found
