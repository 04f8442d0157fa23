"""The commands and their options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import delembic
from delembic.cli.boundary import boundary
from delembic.config import CONFIG_VARIABLE, DEFAULT_SECTION, Config
from delembic.errors import shown


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
        with boundary(debug=ctx.params["debug"]):
            return super().invoke(ctx)


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

    Exit codes: 0 done or nothing to do; 1 a migration failed or is blocked; 2 usage, configuration
    or definition; 4 another runner holds the lock; 130 and 143 interrupted.
    """
    ctx.obj = _Options(config, name)


@main.command()
@click.argument("folder", metavar="[DIR]", default="delembic")
def init(folder: str) -> None:
    """Begin a project here: delembic.ini, and DIR for the migrations (by default delembic)."""
    root = Path.cwd()
    for path in delembic.commands.init(root, folder):
        click.echo(f"Created {shown(path)}")
    click.echo("Set sqlalchemy.url in delembic.ini, then: delembic revision -m 'what it does'")


@main.command()
@click.option("-m", "--message", required=True, help="What the migration does, in a few words.")
@click.option("-d", "--depends-on", multiple=True, metavar="REV", help="Wait for REV; repeatable.")
@click.pass_obj
def revision(options: _Options, message: str, depends_on: tuple[str, ...]) -> None:
    """Write a new migration file."""
    from delembic.cli import rendering

    new = delembic.commands.revision(options.load(), message, depends_on)
    if new.warning:
        click.echo(
            f"{click.style('Warning:', fg='yellow')} Alembic's heads are left out of depends_on,"
            f" as the database could not be asked. {new.warning}",
            err=True,
        )
    click.echo(rendering.new_revision(new, shown(new.path)))


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
    """Run the pending migrations up to TARGET: head (all of them), or a revision."""
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
@click.pass_obj
def current(options: _Options) -> None:
    """Show the applied revisions that no other applied one depends on."""
    from delembic.cli import rendering

    click.echo(rendering.current(delembic.commands.current(options.load())))


@main.command()
@click.pass_obj
def history(options: _Options) -> None:
    """List all revisions in execution order, each with its state."""
    from delembic.cli import rendering

    click.echo(rendering.history(delembic.commands.history(options.load())))
