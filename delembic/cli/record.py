"""One revision with all its attempts and its last verifications, as text."""

from __future__ import annotations

from collections.abc import Iterator

import click

from delembic.cli import entries
from delembic.cli.standings import COLOURS
from delembic.errors import render_path
from delembic.history.record import RevisionRecord
from delembic.history.standing import Standing
from delembic.presentation import batching
from delembic.presentation.figures import moment
from delembic.presentation.phrases import CHANGED
from delembic.status import State

_LABEL_WIDTH = len("depends on")


def whole(record: RevisionRecord) -> str:
    """Return what ``delembic show`` prints."""
    title = f"{record.standing.revision}  {record.standing.description}".rstrip()
    facts = [f"{label:<{_LABEL_WIDTH}}  {text}".rstrip() for label, text in _facts(record)]
    tried = entries.in_full(record.attempts) if record.attempts else "No attempt on record."
    return "\n".join([click.style(title, bold=True), "", *facts, "", tried, *_afterwards(record)])


def _afterwards(record: RevisionRecord) -> Iterator[str]:
    if record.verifications:
        yield from ("", "Its last verifications:", "", entries.in_full(record.verifications))
    if record.acceptances:
        yield from ("", "Its file was accepted as it was:", "", _accepted(record))


def _accepted(record: RevisionRecord) -> str:
    return "\n".join(entries.acceptance(entry) for entry in record.acceptances)


def _facts(record: RevisionRecord) -> Iterator[tuple[str, str]]:
    yield "state", _state(record.standing)
    if record.standing.progress:
        yield "progress", batching.whole(record.standing.progress)
    yield "file", _file(record)
    if record.source and record.source.depends_on:
        yield "depends on", ", ".join(record.source.depends_on)
    yield from _checksums(record)


def _state(standing: Standing) -> str:
    state = click.style(standing.state, fg=COLOURS[standing.state])
    if standing.state == State.APPLIED:
        return f"{state} {moment(standing.applied_at)}"
    return state + (f", waits for {', '.join(standing.waits_for)}" if standing.waits_for else "")


def _file(record: RevisionRecord) -> str:
    if record.source is None:
        return "gone"
    place = f"{render_path(record.source.path)}:{record.source.line}"
    match record.changed:
        case True:
            return f"{place}  {click.style(CHANGED, fg='yellow')}"
        case False:
            return f"{place}  un{CHANGED}"
        case None:
            return place


def _checksums(record: RevisionRecord) -> Iterator[tuple[str, str]]:
    now = record.source and record.source.checksum
    if now:
        yield "checksum", f"{now}  now" if record.changed else now
    if record.applied_checksum and record.applied_checksum != now:
        yield "" if now else "checksum", f"{record.applied_checksum}  {_since_when(record)}"


def _since_when(record: RevisionRecord) -> str:
    accepted = [entry.checksum for entry in record.acceptances][-1:]
    return f"when it was {'accepted' if record.applied_checksum in accepted else 'applied'}"
