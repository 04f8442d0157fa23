"""Log entries as text: each on one line, or with its whole error."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from textwrap import indent

import click

from delembic.audit.entries import LogEntry
from delembic.cli.columns import Cell, aligned
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
_LEAST_OF_AN_ERROR = 20
_RECOVERED = "recovered: its run died after the commit"


def log(attempts: Sequence[LogEntry], width: int | None) -> str:
    """Return the lines of ``delembic runs``.

    Args:
        attempts: The entries, in the order of the lines.
        width: The width of the terminal. Errors are cut to fit it, and the ids of runs are
            shortened. ``None`` keeps everything.
    """
    cells = [
        [
            *_cells(attempt, attempt.revision, _what(attempt)),
            Cell(_who(attempt, brief=width is not None)),
        ]
        for attempt in attempts
    ]
    return "\n".join(
        _with_note(line, attempt, width)
        for line, attempt in zip(aligned(cells), attempts, strict=True)
    )


def nothing(revision: str | None, *, failed: bool, operation: str | None = None) -> str:
    """Return what ``delembic runs`` prints when there is no entry."""
    what, of = _NAMES.get(operation or "", ("attempt", "at"))
    where = f" {of} {revision}" if revision else ""
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


def _who(attempt: LogEntry, *, brief: bool) -> str:
    """Return who ran it, where, and by which program: ``ann@db1 (cli)``."""
    program = _program(attempt)
    if brief:
        program = _UUID.sub(r"\1", program)  # as Dagster's own pages abbreviate a run id
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


def _with_note(line: str, attempt: LogEntry, width: int | None) -> str:
    # The note has no column of its own: one long run id would leave no room for other errors.
    line = line.rstrip()
    note = click.unstyle(attempt.reason) or (_RECOVERED if attempt.recovered else "")
    if width is not None:
        note = _cut(note, max(width - len(click.unstyle(line)) - 2, _LEAST_OF_AN_ERROR))
    return f"{line}  {note}".rstrip()


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


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
