"""Where an error becomes text on standard error and an exit code."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from delembic.causes import describe
from delembic.cli.signals import Stopped, stopping_on_signals
from delembic.errors import DelembicError, MigrationFailedError
from delembic.redaction import redact


@contextmanager
def boundary(*, debug: bool) -> Iterator[None]:
    """Run a command; print what delembic has to say of an error, and exit with its code.

    Args:
        debug: Show errors with their traceback.

    Raises:
        SystemExit: With the error's exit code, or 130 or 143 after a signal.
    """
    try:
        with stopping_on_signals(), _naming_threads_left():
            yield
    except KeyboardInterrupt as interrupt:  # of ours, or of what met Ctrl-C in its own way
        stopped = interrupt if isinstance(interrupt, Stopped) else Stopped(signal.SIGINT)
        click.echo(f"Stopped by {stopped}.", err=True)
        sys.exit(stopped.exit_code)
    except DelembicError as error:
        _report_traceback(debug=debug)
        _report(error.message, error.remedy)
        if isinstance(error, MigrationFailedError):
            click.echo(f"See it whole: delembic show {error.revision}", err=True)
        sys.exit(error.exit_code)
    except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
        raise  # click's own, and the end of what it is piped into
    except BaseException as error:  # noqa: BLE001 - the last word, whatever users' code raises
        _report_traceback(debug=debug)
        _report(describe(error), "Nobody foresaw this. See where it comes from with --debug.")
        sys.exit(1)


def _report(message: str, remedy: str) -> None:
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {message}", err=True)
    if remedy:
        click.echo(remedy, err=True)


def _report_traceback(*, debug: bool) -> None:
    if debug:
        click.echo(redact(traceback.format_exc()), err=True)


@contextmanager
def _naming_threads_left() -> Iterator[None]:
    """Say which threads keep the process from ending, so that it does not seem to hang."""
    before = set(threading.enumerate())
    try:
        yield
    finally:
        left = [each for each in threading.enumerate() if each not in before and not each.daemon]
        if left:
            names = ", ".join(each.name for each in left)
            warning = click.style("Warning:", fg="yellow")
            click.echo(f"{warning} still running, and waited for: {names}", err=True)
