"""Events as lines: plain when piped, with a live line for what is running on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import singledispatchmethod
from typing import TYPE_CHECKING

import click

from delembic import events

if TYPE_CHECKING:
    from rich.progress import Progress as Display


class Progress:
    """Prints each event of a run as it happens. Use it through `showing_progress`."""

    def __init__(self) -> None:
        self._live: Display | None = None
        self._width = 0

    @singledispatchmethod
    def show(self, event: events.Event) -> None:
        """Print what there is to say of an event; most have nothing."""

    @show.register
    def _(self, event: events.Planned) -> None:
        self._width = max(map(len, event.revisions), default=0)

    @show.register
    def _(self, event: events.Waiting) -> None:
        click.echo(str(event))

    @show.register
    def _(self, event: events.Settled) -> None:
        click.echo(str(event))

    @show.register
    def _(self, event: events.Started) -> None:
        title = f"Running {event.revision}" + (
            f": {event.description}" if event.description else ""
        )
        click.echo(click.style(title, bold=True))
        self._start_live(event.revision)

    @show.register
    def _(self, event: events.TransactionEnded) -> None:
        self._line("yellow", str(event))

    @show.register
    def _(self, event: events.Finished) -> None:
        self._line("green", f"OK ({event.duration_seconds:.2f}s)")

    @show.register
    def _(self, event: events.Skipped) -> None:
        by = f" by {event.applied_by}" if event.applied_by else ""
        click.echo(f"Skipped {event.revision}: applied meanwhile{by}")

    @show.register
    def _(self, event: events.Failed) -> None:
        self._line("red", f"FAILED ({event.duration_seconds:.2f}s)")

    @show.register
    def _(self, event: events.Interrupted) -> None:
        self._line("yellow", "INTERRUPTED, rolled back")

    @show.register
    def _(self, event: events.RecordDelayed) -> None:
        self._warn(str(event))

    @show.register
    def _(self, event: events.LockLost) -> None:
        self._warn(str(event))

    @show.register
    def _(self, event: events.Verifying) -> None:
        self._start_live(event.revision, "is being verified")

    @show.register
    def _(self, event: events.Verification) -> None:
        self.stop_live()
        colour, word = ("green", "OK") if event.passed else ("red", "FAILED")
        verdict = click.style(f"{word} ({event.duration_seconds:.2f}s)", fg=colour)
        # The whole of it is in the audit log; here each has one line.
        notes = [event.reason.splitlines()[0]] if event.reason else []
        notes += ["(its file has changed since it was applied)"] if event.changed else []
        click.echo("  ".join([f"{event.revision:<{self._width}}", verdict, *notes]))

    def stop_live(self) -> None:
        """Take the live line away."""
        if self._live:
            self._live.stop()
            self._live = None

    def _start_live(self, revision: str, what: str = "is running") -> None:
        if not sys.stdout.isatty():
            return
        # Imported when there is a terminal: it is the dearest import of all.
        from rich.progress import Progress as Display
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._live = Display(*columns, transient=True)
        self._live.add_task(f"{revision} {what}", total=None)
        self._live.start()

    def _line(self, colour: str, text: str) -> None:
        self.stop_live()
        click.echo(f"  {click.style(text, fg=colour)}")

    def _warn(self, text: str) -> None:
        self.stop_live()
        click.echo(f"{click.style('Warning:', fg='yellow')} {text}", err=True)


@contextmanager
def showing_progress() -> Iterator[Progress]:
    """Give a `Progress` whose live line is gone at the end, however the block ends."""
    progress = Progress()
    try:
        yield progress
    finally:
        progress.stop_live()
