"""How far a migration in batches has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import click

from delembic.cli import terminal
from delembic.events import BatchDone, BatchRetried, Progress, Resuming, RowSkipped, Throttled
from delembic.presentation.batching import narrate_batches, whole
from delembic.presentation.milestones import Milestones

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

_STEPS = 1_000
"""The number of steps of a whole bar."""


class BatchProgress:
    """Prints the events of batches as they happen."""

    def __init__(self) -> None:
        self._bar: Display | None = None
        self._task: TaskID | None = None
        self._milestones = Milestones()

    def show(self, event: BatchDone | BatchRetried | Resuming | RowSkipped | Throttled) -> None:
        """Print an event, if it is worth a line."""
        match event:
            case Resuming():
                self._milestones.begin(event.progress)
                self._line(narrate_batches(event), "cyan")
            case BatchDone():
                self._move(event.progress)
            case BatchRetried() | RowSkipped():
                self._line(narrate_batches(event), "yellow")
            case Throttled():
                self._line(narrate_batches(event), "cyan")
            case _:
                assert_never(event)

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar:
            self._bar.stop()
        self._bar = None
        self._milestones.begin()

    def _move(self, progress: Progress) -> None:
        if terminal.can_redraw():
            self._move_bar(progress)
        elif self._milestones.is_reached(progress):
            click.echo(f"  {whole(progress)}")

    def _move_bar(self, progress: Progress) -> None:
        bar = self._bar or self._start_bar()
        fraction = progress.fraction
        total = None if fraction is None else _STEPS
        done = (fraction or 0.0) * _STEPS
        if self._task is not None:
            bar.update(self._task, description=whole(progress), total=total, completed=done)

    def _start_bar(self) -> Display:
        # Imported only for a terminal, because this import takes the longest of all.
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Display

        columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._bar = Display(*columns, transient=True)
        self._task = self._bar.add_task("", total=None)
        self._bar.start()
        return self._bar

    def _line(self, text: str, colour: str) -> None:
        # Above the bar, which stays where it is.
        if self._bar:
            self._bar.console.print(f"  {text}", style=colour, highlight=False, markup=False)
        else:
            click.echo(f"  {click.style(text, fg=colour)}")
