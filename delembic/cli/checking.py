"""``delembic check``: everything that is wrong, each on a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

import delembic
from delembic.cli.group import Options, as_json_option
from delembic.cli.result import printing

if TYPE_CHECKING:
    from delembic.commands import Finding

_TEXT, _GITHUB = "text", "github"


@click.command()
@click.option("--offline", is_flag=True, help="Open no database, and look at the files only.")
@click.option("--pending-ok", is_flag=True, help="Find no fault with pending migrations.")
@click.option(
    "--format",
    "form",
    type=click.Choice([_TEXT, _GITHUB]),
    help="Print lines of text (the default), or annotations for a workflow of GitHub.",
)
@as_json_option
@click.pass_context
def check(
    ctx: click.Context, offline: bool, pending_ok: bool, form: str | None, as_json: bool
) -> None:
    """Look for everything that is wrong with the project, for CI.

    Finds files that cannot be read or would be refused, ids that are used twice, cycles, unknown
    dependencies, and Alembic revisions that drop delembic's own tables. In the database, finds
    migrations that are pending, have failed, were changed since they were applied, or have lost
    their file. Runs no migration and writes nothing.

    Exit codes: 0 nothing is wrong; 1 something is; 2 the check could not be done.
    """
    if as_json and form:
        raise click.UsageError("--json and --format exclude each other.")
    options: Options = ctx.obj
    with printing(document=as_json or form == _GITHUB) as show_result:
        found = delembic.commands.check(options.load(), offline=offline, pending_ok=pending_ok)
        for text in _shown(found, form, as_json=as_json):
            show_result(text)
    ctx.exit(1 if found else 0)


def _shown(found: Sequence[Finding], form: str | None, *, as_json: bool) -> list[str]:
    from delembic.presentation import documents, findings

    if as_json:
        return [documents.check(found)]
    if form == _GITHUB:
        return [findings.annotation(each) for each in found]
    return [*(findings.line(each) for each in found), findings.summary(found)]
