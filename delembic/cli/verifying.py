"""``delembic verify``: a line for each migration, unless the result is a document."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import click

from delembic import commands
from delembic.audit.program import Program
from delembic.cli.progress import showing_progress
from delembic.config import Config
from delembic.errors import DataDriftedError
from delembic.events import Verification


def verify(config: Config, revisions: Collection[str], *, as_json: bool) -> Sequence[Verification]:
    """Verify, and print each result as it is known, unless they become a document.

    Raises:
        DelembicError: As `commands.verify` does.
    """
    program = Program("cli")
    if as_json:
        return commands.verify(config, revisions, program=program)
    with showing_progress() as progress:
        found = commands.verify(config, revisions, on_event=progress.show, program=program)
    if not found:
        click.echo("Nothing to verify: no applied migration has a validate().")
    return found


def refuse_drift(found: Sequence[Verification]) -> None:
    """End with an error if a migration did not pass.

    Raises:
        DataDriftedError: A migration did not pass.
    """
    if drifted := [each.revision for each in found if not each.passed]:
        raise DataDriftedError(drifted, len(found))
