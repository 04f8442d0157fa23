"""What all commands share: the options in front of them, and the boundary around them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from delembic.cli import terminal
from delembic.cli.boundary import boundary
from delembic.config import Config
from delembic.errors import did_you_mean

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON document instead."
)


@dataclass(frozen=True, slots=True)
class Options:
    """The options in front of the command's name."""

    config: Path | None
    section: str

    def load(self) -> Config:
        """Read the ini file, and warn about settings that delembic does not know."""
        config = (
            Config.load(self.config, self.section)
            if self.config
            else Config.find(section=self.section)
        )
        for warning in config.warnings:
            click.echo(f"{click.style('Warning:', fg='yellow')} {warning}", err=True)
        return config


class Group(click.Group):
    """Runs each command inside the boundary."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and end the process with its exit code."""
        if terminal.is_without_colours():  # click looks at neither variable
            ctx.color = False
        with boundary(debug=ctx.params["debug"]):
            try:
                return super().invoke(ctx)
            except click.NoSuchOption as error:
                raise self._naming_its_place(error) from None

    def _naming_its_place(self, error: click.NoSuchOption) -> click.UsageError:
        """Return the error. If the option belongs before the command, the error says so."""
        name, ctx = error.option_name, error.ctx
        if ctx is None or ctx.parent is None or not any(name in each.opts for each in self.params):
            return error
        place = f"{ctx.parent.command_path} {name} … {ctx.info_name}"
        return click.UsageError(f"The option {name} goes before the command: {place}", ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or suggest the one that was meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            guess = did_you_mean(args[0], self.list_commands(ctx))
            if guess and "Did you mean" not in error.format_message():  # click 8.4 adds it itself
                raise click.UsageError(error.message + guess, ctx) from None
            raise
