"""Log entries as text: each on one line, or with its whole error."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from textwrap import indent

import click

from delembic.audit.entries import LogEntry
from delembic.cli.columns import Cell, aligned, cut
from delembic.presentation.figures import duration, moment, rows
from delembic.status import Operation, Status

_COLOURS: dict[str, str] = {
    Status.SUCCESS: "green",
    Status.FAILED: "red",
    Status.INTERRUPTED: "yellow",
    Status.BLOCKED: "yellow",
    Status.RUNNING: "cyan",
}
_NAMES: dict[str, tuple[str, str]] = {
    Operation.VERIFY: ("verification", "of"),
    Operation.ACCEPT: ("acceptance", "of"),
}
"""What an entry of each operation is called, and the word between that and the revision."""
_UUID = re.compile(r"\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_GAP = "  "
_LEAST_OF_AN_ERROR = 16
_LEAST_OF_A_TEXT = 4
"""With less room than that, a text is left out."""
_RECOVERED = "recovered: its run died after the commit"


def log(attempts: Sequence[LogEntry], width: int | None) -> str:
    """Return the lines of ``delembic runs``.

    Args:
        attempts: The entries, in the order of the lines.
        width: The width of the terminal. Lines are cut to fit it, and the ids of runs are
            shortened. ``None`` keeps everything.
    """
    cells = [_cells(attempt, attempt.revision, _what(attempt)) for attempt in attempts]
    if width is None:
        lines = aligned(
            [[*row, Cell(_who(each))] for row, each in zip(cells, attempts, strict=True)]
        )
        return "\n".join(
            _GAP.join(filter(None, (line.rstrip(), _note(each))))
            for line, each in zip(lines, attempts, strict=True)
        )
    return "\n".join(
        _in_the_room(line, attempt, width)
        for line, attempt in zip(aligned(cells, width), attempts, strict=True)
    )


def nothing(revisions: Sequence[str], *, failed: bool, operation: str | None = None) -> str:
    """Return what ``delembic runs`` prints when there is no entry."""
    what, of = _NAMES.get(operation or "", ("attempt", "at"))
    where = f" {of} {' or '.join(revisions)}" if revisions else ""
    return f"No {'failed ' if failed else ''}{what}{where} on record."


def in_full(attempts: Sequence[LogEntry]) -> str:
    """Return a line for each entry of one revision, with its whole error below it.

    Args:
        attempts: The entries, in the order of the lines.
    """
    cells = [[*_cells(attempt), Cell(_everything_about_its_run(attempt))] for attempt in attempts]
    blocks = [
        _with_error(line, attempt) for line, attempt in zip(aligned(cells), attempts, strict=True)
    ]
    # A blank line shows where an error ends.
    return "".join(f"{block}\n\n" if "\n" in block else f"{block}\n" for block in blocks).rstrip()


def acceptance(entry: LogEntry) -> str:
    """Return the line for a file that was accepted, with its checksum."""
    what = f"{entry.id}  {moment(entry.started_at)}  {_everything_about_its_run(entry)}"
    return f"{what}\n    {entry.checksum}"


def _cells(attempt: LogEntry, *after_status: str) -> list[Cell]:
    return [
        Cell(str(attempt.id), right=True),
        Cell(moment(attempt.started_at)),
        Cell(attempt.status, _COLOURS.get(attempt.status)),
        *map(Cell, after_status),
        Cell(duration(attempt.duration_seconds), right=True),
        Cell(_rows(attempt), right=True),
    ]


def _rows(attempt: LogEntry) -> str:
    """Return the rows; an empty string unless the attempt itself has recorded its success."""
    recorded = attempt.status == Status.SUCCESS and attempt.recovered is False
    return rows(attempt.rows_affected) if recorded and attempt.attempt else ""


def _what(attempt: LogEntry) -> str:
    """Return the operation; an empty string for an attempt, as most entries are attempts."""
    return "" if attempt.operation == Operation.UPGRADE else attempt.operation


def _briefly(who: str) -> str:
    return _UUID.sub(r"\1", who)  # as Dagster's own pages abbreviate a run id


def _who(attempt: LogEntry) -> str:
    """Return who ran it, where, and by which program: ``ann@db1 (cli)``."""
    program = _program(attempt)
    return " ".join(filter(None, (_person(attempt), program and f"({program})")))


def _everything_about_its_run(attempt: LogEntry) -> str:
    """Return the process and the version too: ``ann@db1, pid 12 (cli), delembic 2.0.0``."""
    pid = f"pid {attempt.pid}" if attempt.pid else ""
    program = _program(attempt)
    process = " ".join(filter(None, (pid, program and f"({program})")))
    version = f"delembic {attempt.tool_version}" if attempt.tool_version else ""
    return ", ".join(filter(None, (_person(attempt), process, version)))


def _person(attempt: LogEntry) -> str:
    return "@".join(filter(None, (attempt.username, attempt.hostname)))


def _program(attempt: LogEntry) -> str:
    run = f"run {attempt.executor_run_id}" if attempt.executor_run_id else ""
    return " ".join(filter(None, (attempt.executor, run)))


def _note(attempt: LogEntry) -> str:
    return click.unstyle(attempt.reason) or (_RECOVERED if attempt.recovered else "")


def _in_the_room(line: str, attempt: LogEntry, width: int) -> str:
    """Return a line with who ran it and the error, cut to the width of the terminal.

    Neither has a column of its own: one long name would leave no room for the errors of others.
    What is cut first is the name, until the error has as much room as it needs at least.
    """
    used = len(click.unstyle(line))
    note, who = _note(attempt), _briefly(_who(attempt))
    reserved = min(len(note), _LEAST_OF_AN_ERROR) + len(_GAP) if note else 0
    parts = [line]
    for text, kept in ((who, reserved), (note, 0)):
        room = width - used - len(_GAP) - kept
        if text and room >= _LEAST_OF_A_TEXT:
            parts.append(cut(text, room))
            used += len(_GAP) + len(parts[-1])
    return _GAP.join(parts).rstrip()


def _with_error(line: str, attempt: LogEntry) -> str:
    lines = [line.rstrip()]
    if attempt.recovered:
        lines.append(indent(_RECOVERED, " " * 4))
    for name, value in (attempt.metadata or {}).items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(indent(f"{name}: {text}", " " * 4))
    if attempt.exception:
        lines.append(indent(attempt.exception.rstrip(), " " * 4))
    return "\n".join(lines)
