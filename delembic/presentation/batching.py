"""The events of migrations in batches as sentences, and how far they have come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from delembic.events import (
    BatchDone,
    BatchRetried,
    Paused,
    Progress,
    Resuming,
    RowSkipped,
    Throttled,
)
from delembic.presentation.figures import rows, span

BatchEvent = BatchDone | BatchRetried | Paused | Resuming | RowSkipped | Throttled
"""Events of migrations in batches."""


def narrate_batches(event: BatchEvent) -> str:
    """Return what happened, as a sentence that can stand alone."""
    match event:
        case Resuming():
            changed = ", and its file has been edited since" if event.changed else ""
            return (
                f"{event.revision} goes on where it was stopped: {done(event.progress)}{changed}."
            )
        case BatchDone():
            return f"{event.revision}: {whole(event.progress)}."
        case BatchRetried():
            wait = f" in {span(event.wait_seconds)}" if event.wait_seconds else ""
            return (
                f"A batch of {event.revision} was rolled back, and is tried again{wait} with up to"
                f" {rows(event.size)}: {event.reason}"
            )
        case RowSkipped():
            return f"{event.revision} left out {event.place}: {event.reason}"
        case Throttled():
            return f"{event.revision} {f'waits: {event.reason}' if event.reason else 'goes on'}."
        case Paused():
            until = f" until 'delembic resume {event.revision}'" if event.held else ""
            return f"{event.revision} is paused{until}: {done(event.progress)}."
        case _:
            assert_never(event)


def share(progress: Progress) -> str:
    """Return how much is done, in percent; empty if nobody knows.

    Example:
        >>> share(Progress("D012", rows=430, total=1_000)), share(Progress("D012", rows=430))
        ('43 %', '')
    """
    fraction = progress.fraction
    return "" if fraction is None else f"{int(fraction * 100)} %"


def done(progress: Progress) -> str:
    """Return how many rows are done.

    Example:
        >>> done(Progress("D012", rows=430_000, batches=43, total=1_000_000, skipped=2))
        '430,000 rows are done (43 %), 2 of them left out'
    """
    percent = f" ({share(progress)})" if share(progress) else ""
    skipped = f", {progress.skipped:,} of them left out" if progress.skipped else ""
    return f"{rows(progress.rows)} {'is' if progress.rows == 1 else 'are'} done{percent}{skipped}"


def whole(progress: Progress) -> str:
    """Return how far the work has come, how fast it is, and how long the rest takes.

    Example:
        >>> whole(Progress("D012", 430_000, 43, total=1_000_000, rows_per_second=19_000.0))
        '430,000 rows are done (43 %), 19,000 rows a second, about 30.0 s left'
    """
    rate, left = progress.rows_per_second, progress.seconds_left
    parts = [done(progress)]
    parts += [f"{rows(round(rate))} a second"] if rate else []
    parts += [f"about {span(left)} left"] if left else []
    return ", ".join(parts)


def overview(found: Sequence[Progress]) -> str:
    """Return the lines of ``delembic progress``.

    Example:
        >>> print(overview([Progress("D012", 430_000, 43, total=1_000_000, held=True)]))
        D012  430,000 rows are done (43 %), paused
    """
    if not found:
        return "No migration in batches has begun."
    width = max(len(each.revision) for each in found)
    return "\n".join(
        f"{each.revision:<{width}}  {whole(each)}{', paused' if each.held else ''}"
        for each in found
    )
