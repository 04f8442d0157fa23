"""The commands about migrations in batches: progress, pause, resume and restart."""

from __future__ import annotations

import click

import delembic
from delembic.cli.group import Options, as_json_option
from delembic.cli.result import printing

_revision = click.argument("revision", metavar="REV")


@click.command()
@click.argument("revision", metavar="[REV]", required=False)
@as_json_option
@click.pass_obj
def progress(options: Options, revision: str | None, as_json: bool) -> None:
    """Show how far migrations in batches have come.

    Shows REV, or all that have begun and are not applied. It can be called while they run, from any
    machine, and never counts rows.
    """
    from delembic.presentation import batching, documents

    with printing(document=as_json) as show_result:
        found = delembic.commands.progress(options.load(), revision)
        show_result(documents.progress(found) if as_json else batching.overview(found))


@click.command()
@_revision
@click.pass_obj
def pause(options: Options, revision: str) -> None:
    """Stop a migration in batches after the batch that runs.

    Its run ends with exit code 3, and no other one goes on before 'delembic resume'.
    """
    found = delembic.commands.pause(options.load(), revision, program=delembic.Program("cli"))
    _tell(f"{revision} is paused", found)


@click.command()
@_revision
@click.pass_obj
def resume(options: Options, revision: str) -> None:
    """Let the next upgrade go on with a migration that was paused. Nothing is run."""
    found = delembic.commands.resume(options.load(), revision, program=delembic.Program("cli"))
    _tell(f"{revision} goes on with the next upgrade", found)


@click.command()
@_revision
@click.confirmation_option(
    "--yes",
    prompt="The batches that are done stay done, and the next upgrade does them again. Restart?",
    help="Do not ask.",
)
@click.pass_obj
def restart(options: Options, revision: str) -> None:
    """Forget how far a migration in batches has come.

    What its batches have done stays in the data, and the next upgrade does it again from the
    beginning.
    """
    found = delembic.commands.restart(options.load(), revision, program=delembic.Program("cli"))
    _tell(f"{revision} begins anew with the next upgrade", found, before=True)


def _tell(outcome: str, found: delembic.Progress, *, before: bool = False) -> None:
    from delembic.presentation.batching import done

    click.echo(f"{outcome}; before, {done(found)}." if before else f"{outcome}: {done(found)}.")
