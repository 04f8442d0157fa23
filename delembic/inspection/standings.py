"""What is wrong with where the migrations stand in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from delembic.history.standing import Standing
from delembic.inspection.files import Files
from delembic.inspection.finding import Finding, Rule
from delembic.status import State

_APPLY = "Apply it: delembic upgrade"


def wrong_standings(
    files: Files, standings: Sequence[Standing], ini: Path, *, pending_ok: bool
) -> Iterator[Finding]:
    """Yield a finding for each migration that failed, was changed, lost its file, or is pending.

    Args:
        files: The migrations.
        standings: Where they stand.
        ini: The file that is named for a migration without one.
        pending_ok: Whether migrations may be pending. That includes those that wait, run or were
            stopped: whatever an upgrade applies without any change of a file.
    """
    for standing in standings:
        if not standing.has_file:
            # A file that cannot be read may be the one that seems to be gone.
            if files.complete and standing.revision not in files.ids:
                yield _gone(standing, ini)
        elif standing.changed:
            yield _at(files, standing, Rule.CHANGED, *_changed(standing))
        elif standing.state == State.FAILED:
            yield _at(files, standing, Rule.FAILED, *_failed(standing))
        elif standing.state != State.APPLIED and not pending_ok:
            yield _at(files, standing, Rule.PENDING, _not_applied(standing), _APPLY)


def _at(files: Files, standing: Standing, rule: Rule, text: str, remedy: str) -> Finding:
    source = files.graph[standing.revision]
    return Finding(rule, source.path, source.line, text, remedy, standing.revision)


def _gone(standing: Standing, ini: Path) -> Finding:
    id_ = standing.revision
    text = f"{id_} is applied, and its file is gone."
    return Finding(Rule.FILE_GONE, ini, None, text, "Bring its file back.", id_)


def _changed(standing: Standing) -> tuple[str, str]:
    return (
        f"{standing.revision} has changed since it was applied.",
        "Restore its file, and put the change into a new migration. If it makes no difference to"
        f" the data, accept it: delembic stamp --accept {standing.revision}",
    )


def _failed(standing: Standing) -> tuple[str, str]:
    return (
        f"{standing.revision} failed at its last attempt.",
        f"See the whole error: delembic show {standing.revision}",
    )


def _not_applied(standing: Standing) -> str:
    waits = f", and waits for {', '.join(standing.waits_for)}" if standing.waits_for else ""
    return f"{standing.revision} is {standing.state}{waits}."
