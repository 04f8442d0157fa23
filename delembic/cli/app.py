"""The commands and their options."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import delembic
from delembic.cli.boundary import boundary
from delembic.config import CONFIG_VARIABLE, DEFAULT_SECTION, Config
from delembic.errors import did_you_mean, render_path
from delembic.status import Operation


@dataclass(frozen=True, slots=True)
class _Options:
    """What is said before the command's name."""

    config: Path | None
    section: str

    def load(self) -> Config:
        config = (
            Config.load(self.config, self.section)
            if self.config
            else Config.find(section=self.section)
        )
        for warning in config.warnings:
            click.echo(f"{click.style('Warning:', fg='yellow')} {warning}", err=True)
        return config


class _Group(click.Group):
    """Runs each command inside the boundary."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):  # see no-color.org; click does not look at it
            ctx.color = False
        with boundary(debug=ctx.params["debug"]):
            try:
                return super().invoke(ctx)
            except click.NoSuchOption as error:
                raise self._with_its_place(error) from None

    def _with_its_place(self, error: click.NoSuchOption) -> click.UsageError:
        """Say where an option goes that there is, but not behind the command."""
        name, ctx = error.option_name, error.ctx
        if ctx is None or ctx.parent is None or not any(name in each.opts for each in self.params):
            return error
        place = f"{ctx.parent.command_path} {name} … {ctx.info_name}"
        return click.UsageError(f"The option {name} goes before the command: {place}", ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            guess = did_you_mean(args[0], self.list_commands(ctx))
            if guess and "Did you mean" not in error.format_message():  # click does it since 8.4
                raise click.UsageError(error.message + guess, ctx) from None
            raise


_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    envvar=CONFIG_VARIABLE,
    show_envvar=True,
    help="The ini file; by default the nearest delembic.ini above the working folder.",
)
@click.option(
    "-n", "--name", default=DEFAULT_SECTION, show_default=True, help="The section of the ini."
)
@click.option("--debug", is_flag=True, help="Show errors with their traceback.")
@click.version_option(package_name="delembic")
@click.pass_context
def main(ctx: click.Context, config: Path | None, name: str, debug: bool) -> None:
    """Version data changes the way Alembic versions schema changes.

    Exit codes: 0 done or nothing to do; 1 a migration failed, is blocked, or does not pass any
    more; 2 usage, configuration or definition; 4 another runner holds the lock; 130 and 143
    interrupted.
    """
    ctx.obj = _Options(config, name)


@main.command()
@click.argument("folder", metavar="[DIR]", default="delembic")
def init(folder: str) -> None:
    """Begin a project in this folder.

    Writes delembic.ini, and DIR for the migrations (by default delembic).
    """
    root = Path.cwd()
    for path in delembic.commands.init(root, folder):
        click.echo(f"Created {render_path(path)}")
    click.echo("Set sqlalchemy.url in delembic.ini, then: delembic revision -m 'what it does'")


@main.command()
@click.option("-m", "--message", required=True, help="What the migration does, in a few words.")
@click.option("-d", "--depends-on", multiple=True, metavar="REV", help="Wait for REV; repeatable.")
@click.pass_obj
def revision(options: _Options, message: str, depends_on: tuple[str, ...]) -> None:
    """Write a new migration file."""
    from delembic.cli import standings

    new = delembic.commands.revision(options.load(), message, depends_on)
    if new.warning:
        click.echo(
            f"{click.style('Warning:', fg='yellow')} Alembic's heads are left out of depends_on,"
            f" as the database could not be asked. {new.warning}",
            err=True,
        )
    click.echo(standings.new_revision(new, render_path(new.path)))


@main.command()
@click.argument("target", default="head")
@click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for another runner; 0 gives up at once. By default the ini's, or 60.",
)
@click.pass_obj
def upgrade(options: _Options, target: str, lock_timeout: float | None) -> None:
    """Run the migrations that are pending.

    All of them, which TARGET calls head, or a revision and what it depends on.
    """
    from delembic.cli.progress import showing_progress

    config = options.load()
    if not delembic.commands.read_graph(config):
        click.echo("No migrations found.")
        return
    with showing_progress() as progress:
        outcomes = delembic.commands.upgrade(
            config,
            target,
            on_event=progress.show,
            lock_timeout_seconds=lock_timeout,
            program=delembic.Program("cli"),
        )
    if not outcomes:
        click.echo("Already up to date.")


@main.command()
@click.argument("revisions", nargs=-1, metavar="[REV]...")
@_as_json
@click.pass_obj
def verify(options: _Options, revisions: tuple[str, ...], as_json: bool) -> None:
    """Check that data is still what applied migrations expect of it.

    Runs the validate() of each REV again, or of all applied migrations that have one, on the data
    as it is now. Nothing is changed: what a validate() writes is rolled back, and migrations stay
    applied whatever is found. Each check has a line, and a row in the audit log.

    Exit codes: 0 all passed; 1 one did not; 2 it could not be found out.
    """
    from delembic.cli import verifying

    verifying.verify(options.load(), revisions, as_json=as_json)


@main.command()
@_as_json
@click.pass_obj
def current(options: _Options, as_json: bool) -> None:
    """Show the applied revisions that no other applied one depends on."""
    from delembic.cli import standings
    from delembic.presentation import documents

    applied = delembic.commands.current(options.load())
    click.echo(documents.current(applied) if as_json else standings.current(applied))


@main.command()
@_as_json
@click.pass_obj
def history(options: _Options, as_json: bool) -> None:
    """List all revisions in execution order, each with its state."""
    from delembic.cli import standings
    from delembic.presentation import documents

    entries = delembic.commands.history(options.load())
    click.echo(documents.history(entries) if as_json else standings.history(entries))


@main.command()
@click.option("--revision", metavar="REV", help="Only the attempts at REV.")
@click.option("--failed", is_flag=True, help="Only the attempts that failed.")
@click.option(
    "--operation",
    type=click.Choice([each.value for each in Operation]),
    help="Only attempts to apply a migration, or only verifications.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    default=20,
    show_default=True,
    help="How many attempts at most.",
)
@_as_json
@click.pass_obj
def runs(
    options: _Options,
    revision: str | None,
    failed: bool,
    operation: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the attempts and verifications, newest first.

    Each has a line: its number, when it began, how it ended, the revision, 'verify' if it was only
    verified, how long it took, how many rows it changed, who ran it where and by what, and the
    error.
    """
    from delembic.cli import entries
    from delembic.presentation import documents

    found = delembic.commands.runs(
        options.load(), revision, failed=failed, operation=operation, limit=limit
    )
    if as_json:
        click.echo(documents.runs(found))
    elif found:
        click.echo(entries.log(found, _terminal_width()))
    else:
        click.echo(entries.nothing(revision, failed=failed, operation=operation))


@main.command()
@click.argument("revision")
@_as_json
@click.pass_obj
def show(options: _Options, revision: str, as_json: bool) -> None:
    """Show all about one revision.

    Its state, its file, every attempt with the whole error, and the last ten verifications.
    """
    from delembic.cli import record
    from delembic.presentation import documents

    found = delembic.commands.show(options.load(), revision)
    click.echo(documents.show(found) if as_json else record.whole(found))


def _terminal_width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
