"""``delembic runs``: the entries of the audit log, each on a line."""

from __future__ import annotations

from typing import TypedDict, Unpack

import click

import delembic
from delembic.cli import terminal
from delembic.cli.group import Options, as_json_option
from delembic.cli.result import printing
from delembic.status import Operation


class Filters(TypedDict):
    """The options that choose among the entries."""

    failed: bool
    operation: str | None
    limit: int


@click.command()
@click.argument("revisions", nargs=-1, metavar="[REV]...")
@click.option("--revision", "named", multiple=True, metavar="REV", help="The same as REV.")
@click.option("--failed", is_flag=True, help="Show only entries that failed.")
@click.option(
    "--operation",
    type=click.Choice([each.value for each in Operation]),
    help="Show only entries of one kind; an attempt to apply a migration is an upgrade.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    default=20,
    show_default=True,
    help="Show at most N entries.",
)
@as_json_option
@click.pass_obj
def runs(
    options: Options,
    revisions: tuple[str, ...],
    named: tuple[str, ...],
    as_json: bool,
    **filters: Unpack[Filters],
) -> None:
    """List the attempts and all else that is on record, newest first.

    Shows the entries of each REV, or of all revisions. Each line shows the number, the start, the
    status, the revision, the operation if it is no attempt (verify, accept, pause, resume or
    restart), the duration, the number of rows changed, who ran it, where and with which program,
    and the error.
    """
    from delembic.cli import entries
    from delembic.presentation import documents

    wanted = (*revisions, *named)
    with printing(document=as_json) as show_result:
        found = delembic.commands.runs(options.load(), *wanted, **filters)
        if as_json:
            show_result(documents.runs(found))
        elif found:
            show_result(entries.log(found, terminal.width()))
        else:
            failed, operation = filters["failed"], filters["operation"]
            show_result(entries.nothing(wanted, failed=failed, operation=operation))
