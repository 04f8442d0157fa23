"""The commands and their options."""

from __future__ import annotations

from pathlib import Path

import click

import delembic
from delembic.cli import holding
from delembic.cli.checking import check
from delembic.cli.durations import Duration
from delembic.cli.group import Group, Options, as_json_option
from delembic.cli.listing import runs
from delembic.cli.result import printing
from delembic.config import CONFIG_VARIABLE, DEFAULT_SECTION
from delembic.errors import render_path

_verbose = click.option("-v", "--verbose", is_flag=True, help="Show what migrations log.")

_NOTHING = "none"


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    envvar=CONFIG_VARIABLE,
    show_envvar=True,
    help="The ini file. Default: the nearest delembic.ini in or above the working folder.",
)
@click.option(
    "-n", "--name", default=DEFAULT_SECTION, show_default=True, help="The section to read."
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="delembic")
@click.pass_context
def main(ctx: click.Context, config: Path | None, name: str, debug: bool) -> None:
    """Version data changes the way Alembic versions schema changes.

    Exit codes: 0 done or nothing to do; 1 a migration failed, is blocked or no longer passes its
    verification, or a check found something; 2 an error in usage, configuration or definition;
    3 stopped or paused, with more to do; 4 another run holds the lock; 130 and 143 interrupted.
    """
    ctx.obj = Options(config, name)


@main.command()
@click.argument("folder", metavar="[DIR]", default="delembic")
def init(folder: str) -> None:
    """Start a project in this folder.

    Creates delembic.ini, and the folder DIR for the migrations (default: delembic).
    """
    root = Path.cwd()
    for path in delembic.commands.init(root, folder):
        click.echo(f"Created {render_path(path)}")
    click.echo(delembic.commands.AFTER_INIT)


@main.command()
@click.option("-m", "--message", required=True, help="What the migration does, in a few words.")
@click.option(
    "-d",
    "--depends-on",
    multiple=True,
    metavar="REV",
    help="Depend on REV; repeatable. 'head' stands for the heads, and 'none' for nothing.",
)
@click.pass_obj
def revision(options: Options, message: str, depends_on: tuple[str, ...]) -> None:
    """Create a new migration file."""
    from delembic.cli import standings

    named = [name for name in depends_on if name != _NOTHING] if depends_on else None
    new = delembic.commands.revision(options.load(), message, named)
    if new.warning:
        click.echo(
            f"{click.style('Warning:', fg='yellow')} depends_on lacks Alembic's heads, because"
            f" the database could not be read. {new.warning}",
            err=True,
        )
    click.echo(standings.new_revision(new, render_path(new.path)))


@main.command()
@click.argument("target", default="head")
@click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for another run; 0 gives up at once. Default: the ini's setting, or 60.",
)
@click.option(
    "--stop-after",
    type=Duration(),
    help="Stop after this time, such as 2h, 30m or 45s, between two migrations or two batches.",
)
@_verbose
@click.pass_obj
def upgrade(
    options: Options,
    target: str,
    lock_timeout: float | None,
    stop_after: float | None,
    verbose: bool,
) -> None:
    """Run the pending migrations.

    TARGET is head, which stands for all of them, or a revision, which brings its dependencies too.
    A migration in batches goes on where it was stopped.
    """
    from delembic.cli.logs import showing_logs
    from delembic.cli.progress import showing_progress

    config = options.load()
    graph = delembic.commands.read_graph(config)
    with showing_progress() as progress, showing_logs(wanted=verbose):
        outcomes = delembic.commands.upgrade(
            config,
            target,
            on_event=progress.show,
            lock_timeout_seconds=lock_timeout,
            stop_after_seconds=stop_after,
            program=delembic.Program("cli"),
        )
    progress.sum_up(outcomes)
    if not outcomes:
        click.echo("Already up to date." if graph else "No migrations found.")


@main.command()
@click.argument("revisions", nargs=-1, metavar="[REV]...")
@as_json_option
@_verbose
@click.pass_obj
def verify(options: Options, revisions: tuple[str, ...], as_json: bool, verbose: bool) -> None:
    """Check that the data is still what applied migrations expect.

    Runs the validate() of each REV again, or of all applied migrations that have one, on the
    current data. Nothing is changed: whatever a validate() writes is rolled back, and the
    migrations stay applied even if they do not pass. Each check prints a line and adds an entry to
    the audit log.

    Exit codes: 0 all passed; 1 at least one did not; 2 the check could not be done.
    """
    from delembic.cli import verifying
    from delembic.cli.logs import showing_logs
    from delembic.presentation import documents

    with printing(document=as_json) as show_result, showing_logs(wanted=verbose):
        found = verifying.verify(options.load(), revisions, as_json=as_json)
        if as_json:
            show_result(documents.verify(found))
    verifying.refuse_drift(found)


@main.command()
@click.option("--sql", is_flag=True, help="Print the statements that make them.")
@click.option("--runner", metavar="ROLE", help="Grant ROLE what running migrations needs.")
@click.option("--reader", metavar="ROLE", help="Grant ROLE what reading the history needs.")
@click.pass_obj
def tables(options: Options, sql: bool, runner: str | None, reader: str | None) -> None:
    """List delembic's own tables, or print the statements that make them.

    With --sql, prints what a database administrator can execute if the role that runs migrations
    may not create tables. Nothing is connected to and nothing is changed.
    """
    config = options.load()
    if sql:
        names = {"runner": runner, "reader": reader}
        given = {name: role for name, role in names.items() if role}
        click.echo(delembic.commands.tables_sql(config, **given))
        return
    for table in delembic.commands.tables(config):
        click.echo(f"{'exists' if table.exists else 'missing':<8}  {table.name}")


@main.command()
@click.argument("revisions", nargs=-1, required=True, metavar="REV...")
@click.option(
    "--accept",
    is_flag=True,
    required=True,
    help="Take each file as it is now for the one that was applied.",
)
@click.pass_obj
def stamp(options: Options, revisions: tuple[str, ...], accept: bool) -> None:
    """Correct what is on record about applied migrations, and run nothing.

    With --accept, the file of each REV counts as the one that was applied, for example after it was
    reformatted. The migrations stay applied, and an entry in the audit log says who accepted what.
    """
    from delembic.cli import stamping

    accepted = delembic.commands.accept(options.load(), revisions, program=delembic.Program("cli"))
    click.echo(stamping.accepted(accepted))


@main.command()
@as_json_option
@click.pass_obj
def current(options: Options, as_json: bool) -> None:
    """Show the applied revisions that no other applied revision depends on."""
    from delembic.cli import standings
    from delembic.presentation import documents

    with printing(document=as_json) as show_result:
        applied = delembic.commands.current(options.load())
        show_result(documents.current(applied) if as_json else standings.current(applied))


@main.command()
@as_json_option
@click.pass_obj
def history(options: Options, as_json: bool) -> None:
    """List all revisions in execution order, each with its state."""
    from delembic.cli import standings
    from delembic.presentation import documents

    with printing(document=as_json) as show_result:
        entries = delembic.commands.history(options.load())
        show_result(documents.history(entries) if as_json else standings.history(entries))
    if not as_json and (gone := standings.files_gone(entries)):
        click.echo(f"{click.style('Warning:', fg='yellow')} {gone}", err=True)


@main.command()
@click.argument("revision")
@as_json_option
@click.pass_obj
def show(options: Options, revision: str, as_json: bool) -> None:
    """Show everything about one revision.

    Prints its state, its file, every attempt with the whole error, the last ten verifications, and
    when its file was accepted.
    """
    from delembic.cli import record
    from delembic.presentation import documents

    with printing(document=as_json) as show_result:
        found = delembic.commands.show(options.load(), revision)
        show_result(documents.show(found) if as_json else record.whole(found))


for _command in (
    check,
    runs,
    holding.progress,
    holding.pause,
    holding.resume,
    holding.restart,
):
    main.add_command(_command)
