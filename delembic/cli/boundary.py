"""Where an error becomes text on standard error and an exit code."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from delembic.causes import describe, with_traceback
from delembic.cli.signals import Stopped, stopping_on_signals
from delembic.errors import (
    DelembicError,
    MigrationFailedError,
    MigrationPausedError,
    TimeIsUpError,
)


@contextmanager
def boundary(*, debug: bool) -> Iterator[None]:
    """Run a command. Print any error for people, and exit with the code of that error.

    Args:
        debug: Print the traceback of an error too.

    Raises:
        SystemExit: With the error's exit code, or 130 or 143 after a signal.
    """
    try:
        with stopping_on_signals(), _naming_threads_left():
            yield
    except KeyboardInterrupt as interrupt:  # our own, or raised by code that handles Ctrl-C itself
        stopped = interrupt if isinstance(interrupt, Stopped) else Stopped(signal.SIGINT)
        click.echo(f"Stopped by {stopped}.", err=True)
        sys.exit(stopped.exit_code)
    except DelembicError as error:
        _report_traceback(error, debug=debug)
        is_stop = isinstance(error, MigrationPausedError | TimeIsUpError)
        _report(error.message, error.remedy, *(("Stopped", "yellow") if is_stop else ()))
        if isinstance(error, MigrationFailedError):
            click.echo(f"See the whole error: delembic show {error.revision}", err=True)
        sys.exit(error.exit_code)
    except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
        raise  # click's own, and the end of the program that reads the pipe
    except BaseException as error:  # noqa: BLE001 - users' code may raise anything
        _report_traceback(error, debug=debug)
        _report(
            describe(error),
            "This error was not expected. Run the command with --debug for its traceback.",
        )
        sys.exit(1)


def _report(message: str, remedy: str, label: str = "Error", colour: str = "red") -> None:
    click.echo(f"{click.style(f'{label}:', fg=colour, bold=True)} {message}", err=True)
    if remedy:
        click.echo(remedy, err=True)


def _report_traceback(error: BaseException, *, debug: bool) -> None:
    if debug:
        click.echo(with_traceback(error, error.__traceback__), err=True)


@contextmanager
def _naming_threads_left() -> Iterator[None]:
    """Name the threads that keep the process alive, so that it does not seem to hang."""
    before = set(threading.enumerate())
    try:
        yield
    finally:
        left = [each for each in threading.enumerate() if each not in before and not each.daemon]
        if left:
            names = ", ".join(each.name for each in left)
            warning = click.style("Warning:", fg="yellow")
            click.echo(f"{warning} waiting for threads that still run: {names}", err=True)
