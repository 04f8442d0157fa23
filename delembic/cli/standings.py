"""Standings and new revisions as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

import click

from delembic.commands import NewRevision
from delembic.history.standing import Standing
from delembic.presentation import phrases
from delembic.presentation.batching import share
from delembic.presentation.figures import moment
from delembic.presentation.phrases import FILE_CHANGED, FILE_GONE
from delembic.status import State

COLOURS = {
    State.APPLIED: "green",
    State.FAILED: "red",
    State.INTERRUPTED: "yellow",
    State.PAUSED: "yellow",
    State.RUNNING: "cyan",
    State.BLOCKED: "yellow",
    State.PENDING: None,
}
_STATE_WIDTH = len("applied ")


def current(applied: Sequence[Standing]) -> str:
    """Return the lines of ``delembic current``."""
    if not applied:
        return "No migrations applied yet."
    return "\n".join(f"{s.revision}  (applied {moment(s.applied_at)})" for s in applied)


def history(entries: Sequence[Standing]) -> str:
    """Return the lines of ``delembic history``."""
    if not entries:
        return "No migrations found."
    states = max(_STATE_WIDTH, *(len(entry.state) for entry in entries))
    revisions = max(len(entry.revision) for entry in entries)
    return "\n".join(_history_line(entry, states, revisions) for entry in entries)


def _history_line(entry: Standing, states: int, revisions: int) -> str:
    state = click.style(f"{entry.state:<{states}}", fg=COLOURS[entry.state])
    notes = [f"(waits for {', '.join(entry.waits_for)})"] if entry.waits_for else []
    notes += [f"({share(entry.progress)})"] if entry.progress and share(entry.progress) else []
    notes += [] if entry.has_file else [f"({FILE_GONE})"]
    notes += [f"({FILE_CHANGED})"] if entry.changed else []
    texts = [entry.description, *notes] if entry.description else notes
    return "  ".join([state, f"{entry.revision:<{revisions}}", *texts]).rstrip()


def files_gone(entries: Sequence[Standing]) -> str | None:
    """Return that some applied revisions have no file; ``None`` if all have one."""
    gone = [entry.revision for entry in entries if not entry.has_file]
    return phrases.files_gone(gone) if gone else None


def new_revision(new: NewRevision, path: str) -> str:
    """Return what ``delembic revision`` prints."""
    lines = [f"Created {path}"]
    if new.schema_heads:
        heads = ", ".join(new.schema_heads)
        lines.append(f"  depends on the database's Alembic heads: {heads}")
    if new.heads:
        heads = ", ".join(new.heads)
        lines.append(f"  depends on no other migration; with -d head, it would depend on {heads}")
    return "\n".join(lines)
