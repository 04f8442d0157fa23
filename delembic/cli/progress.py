"""Events as lines of output. A terminal also gets a live line for what is running."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, assert_never

import click

from delembic.cli import terminal
from delembic.cli.batches import BatchProgress
from delembic.events import (
    BatchDone,
    BatchRetried,
    Blocked,
    Event,
    Failed,
    FilesGone,
    Finished,
    Interrupted,
    LockLost,
    Outcome,
    OutsideTransaction,
    Paused,
    Planned,
    Reapplying,
    RecordDelayed,
    Resuming,
    RowSkipped,
    Settled,
    Skipped,
    SlowInserts,
    Started,
    Throttled,
    TransactionEnded,
    Verification,
    Verifying,
    Waiting,
)
from delembic.presentation.narration import closing, headline, narrate, skipped_meanwhile, verdict
from delembic.presentation.phrases import FILE_CHANGED

if TYPE_CHECKING:
    from rich.progress import Progress as Display


class Progress:
    """Prints each event of a run as it happens. Use it through `showing_progress`."""

    def __init__(self) -> None:
        self._live: Display | None = None
        self._batches = BatchProgress()
        self._width = 0
        self._planned = self._begun = 0
        self._began_at = monotonic()

    def show(self, event: Event) -> None:
        """Print an event."""
        match event:
            case Planned():
                self._width = max(map(len, event.revisions), default=0)
                self._planned = len(event.revisions)
            case Blocked():
                pass  # the error that follows reports it
            case Started() | Verifying():
                self._begin(event)
            case Finished() | Failed() | Interrupted() | Paused() | Verification():
                self._end(event)
            case Resuming() | BatchDone() | BatchRetried() | RowSkipped() | Throttled():
                self._show_batches(event)
            case Skipped():
                self._skip(event)
            case Waiting() | Settled():
                click.echo(narrate(event))
            case TransactionEnded() | OutsideTransaction() | SlowInserts() | Reapplying():
                self._line("yellow", narrate(event))
            case RecordDelayed() | LockLost() | FilesGone():
                self.stop_live()
                click.echo(f"{click.style('Warning:', fg='yellow')} {narrate(event)}", err=True)
            case _:
                assert_never(event)

    def sum_up(self, outcomes: Sequence[Outcome]) -> None:
        """Print the sum of several migrations; what can be told of a single one was printed."""
        if len(outcomes) > 1:
            click.echo(closing(outcomes, monotonic() - self._began_at))

    def stop_live(self) -> None:
        """Remove the live line and the bar."""
        self._stop_spinner()
        self._batches.stop()

    def _stop_spinner(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _skip(self, event: Skipped) -> None:
        self._begun += 1
        click.echo(skipped_meanwhile(event))

    def _show_batches(
        self, event: BatchDone | BatchRetried | Resuming | RowSkipped | Throttled
    ) -> None:
        self._stop_spinner()
        self._batches.show(event)

    def _begin(self, event: Started | Verifying) -> None:
        if isinstance(event, Started):
            self._begun += 1
            click.echo(click.style(headline(event, self._begun, self._planned), bold=True))
            self._start_live(f"{event.revision} is running")
        else:
            self._start_live(f"{event.revision} is being verified")

    def _end(self, event: Finished | Failed | Interrupted | Paused | Verification) -> None:
        match event:
            case Finished():
                self._line("green", verdict(event))
            case Failed():
                self._line("red", verdict(event))
            case Interrupted() | Paused():
                self._line("yellow", verdict(event))
            case Verification():
                self.stop_live()
                click.echo(self._finding(event))
            case _:
                assert_never(event)

    def _finding(self, event: Verification) -> str:
        word = click.style(verdict(event), fg="green" if event.passed else "red")
        # The audit log has the whole reason; this line has room for its beginning.
        notes = [event.reason.splitlines()[0]] if event.reason else []
        notes += [f"({FILE_CHANGED})"] if event.changed else []
        return "  ".join([f"{event.revision:<{self._width}}", word, *notes])

    def _start_live(self, text: str) -> None:
        if not terminal.can_redraw():
            return
        # Imported only for a terminal, because this import takes the longest of all.
        from rich.progress import Progress as Display
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._live = Display(*columns, transient=True)
        self._live.add_task(text, total=None)
        self._live.start()

    def _line(self, colour: str, text: str) -> None:
        self.stop_live()
        click.echo(f"  {click.style(text, fg=colour)}")


@contextmanager
def showing_progress() -> Iterator[Progress]:
    """Yield a `Progress`, and remove its live line at the end of the block."""
    progress = Progress()
    try:
        yield progress
    finally:
        progress.stop_live()
