"""Values as JSON documents, whose shapes are described in ``docs/audit-log.md``.

A shape only ever grows: a name that is taken away, or gets another meaning, makes `SCHEMA_VERSION`
one higher.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from delembic.audit.attempts import Attempt
from delembic.audit.record import RevisionRecord
from delembic.audit.standing import Standing
from delembic.errors import shown
from delembic.events import Verification

SCHEMA_VERSION = 1


def history(entries: Sequence[Standing]) -> str:
    """Return the document of ``delembic history``."""
    return _document("history", {"revisions": [asdict(entry) for entry in entries]})


def current(applied: Sequence[Standing]) -> str:
    """Return the document of ``delembic current``."""
    return _document("current", {"revisions": [asdict(entry) for entry in applied]})


def runs(attempts: Sequence[Attempt]) -> str:
    """Return the document of ``delembic runs``."""
    return _document("runs", {"attempts": [_attempt(attempt) for attempt in attempts]})


def show(record: RevisionRecord) -> str:
    """Return the document of ``delembic show``."""
    source = record.source
    return _document(
        "show",
        {
            **asdict(record.standing),
            "depends_on": source and source.depends_on,
            "file": source and shown(source.path),
            "line": source and source.line,
            "checksum": source and source.checksum,
            "applied_checksum": record.applied_checksum,
            "changed": record.changed,
            "attempts": [_attempt(attempt) for attempt in record.attempts],
            "verifications": [_attempt(attempt) for attempt in record.verifications],
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


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {**asdict(attempt), "reason": attempt.reason or None}


def _document(kind: str, content: dict[str, Any]) -> str:
    document = {"schema_version": SCHEMA_VERSION, "kind": kind, **content}
    return json.dumps(document, indent=2, default=_moment)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a JSON document")
