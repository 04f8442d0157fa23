"""Values as JSON documents. Their structure is described in ``docs/audit-log.md``.

New names may be added to a document at any time. Removing a name or changing its meaning raises
`SCHEMA_VERSION` by one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from delembic.audit.entries import COLUMNS, LogEntry
from delembic.errors import render_path
from delembic.events import Progress, Verification
from delembic.history.record import RevisionRecord
from delembic.history.standing import Standing
from delembic.inspection.finding import Finding

SCHEMA_VERSION = 1


def history(entries: Sequence[Standing]) -> str:
    """Return the document of ``delembic history``."""
    return _document("history", {"revisions": [asdict(entry) for entry in entries]})


def current(applied: Sequence[Standing]) -> str:
    """Return the document of ``delembic current``."""
    return _document("current", {"revisions": [asdict(entry) for entry in applied]})


def runs(entries: Sequence[LogEntry]) -> str:
    """Return the document of ``delembic runs``."""
    return _document("runs", {"attempts": [_entry(entry) for entry in entries]})


def show(record: RevisionRecord) -> str:
    """Return the document of ``delembic show``."""
    source = record.source
    return _document(
        "show",
        {
            **asdict(record.standing),
            "depends_on": source and source.depends_on,
            "file": source and render_path(source.path),
            "line": source and source.line,
            "checksum": source and source.checksum,
            "applied_checksum": record.applied_checksum,
            "changed": record.changed,
            "attempts": [_entry(entry) for entry in record.attempts],
            "verifications": [_entry(entry) for entry in record.verifications],
            "acceptances": [_entry(entry) for entry in record.acceptances],
        },
    )


def progress(found: Sequence[Progress]) -> str:
    """Return the document of ``delembic progress``."""
    return _document(
        "progress",
        {
            "revisions": [
                {
                    **asdict(each),
                    "fraction": each.fraction,
                    "seconds_left": each.seconds_left,
                }
                for each in found
            ]
        },
    )


def verify(found: Sequence[Verification]) -> str:
    """Return the document of ``delembic verify``."""
    return _document(
        "verify",
        {
            "passed": all(each.passed for each in found),
            "verifications": [asdict(each) for each in found],
        },
    )


def check(found: Sequence[Finding]) -> str:
    """Return the document of ``delembic check``."""
    return _document("check", {"passed": not found, "findings": [_finding(f) for f in found]})


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "file": render_path(finding.path),
        "line": finding.line,
        "revision": finding.revision,
        "text": finding.text,
        "remedy": finding.remedy or None,
    }


def _entry(entry: LogEntry) -> dict[str, Any]:
    """Return an entry as a dictionary, keyed by the names of its columns."""
    columns = {column: getattr(entry, name) for name, column in COLUMNS.items()}
    return {**columns, "reason": entry.reason or None}


def _document(kind: str, content: dict[str, Any]) -> str:
    document = {"schema_version": SCHEMA_VERSION, "kind": kind, **content}
    return json.dumps(document, indent=2, default=_moment)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a JSON document")
