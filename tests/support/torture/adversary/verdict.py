"""What must be true of every attempt, whatever its migration has done.

A. Of one that is told as a success:
   1. its mark is there, with its own run, and its row in the log says so;
   2. all that it did is there, but what it rolled back to a savepoint itself, or after a commit of
      its own;
   3. the first end of its transaction was no rollback;
   4. it is said to have ended its transaction if, and only if, it has committed it.
B. Of one that is told as a failure:
   1. its row says ``failed``, and there is no success mark of its run;
   2. exactly that stays that it has committed itself;
   3. if it is told as rolled back, nothing stays; if not, it has committed or worked outside;
   4. what it raised is what is told, and in the log.
C. Of one that was stopped or killed: its row ends as ``interrupted`` and what it had committed
   itself stays, or the mark is there, and with it all of the work.
D. Of all: one row for each attempt and none for no attempt; at the end one mark, one success, the
   same run in both, and nothing ``running``; one that did nothing but harmless things is applied;
   only what is meant to be raised is raised; the decoys elsewhere are empty.
E. If no attempt has ended its own transaction, there are rows of exactly one attempt in the end.

Only this is not held against it, as nobody can know it (B3):
- whether work was committed past SQLAlchemy in a session that is gone, or, on PostgreSQL, in one
  whose next transaction was given up;
- what was committed past SQLAlchemy, if something was also rolled back past it;
- what a rollback past SQLAlchemy has left in a table without transactions on MariaDB;
- what was done outside of a transaction on SQLite, after an end that went past SQLAlchemy.

And this is too cautious, but allowed: a failure may be told as not rolled back after a COMMIT that
had nothing to commit, or on MariaDB with a temporary table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from delembic.errors import LockLostError, MigrationFailedError
from delembic.events import Event, Failed, Finished, Interrupted, TransactionEnded
from support.torture.adversary.moves import MOVES, Family
from support.torture.adversary.observer import Rows
from support.torture.adversary.reference import Reference

_TEMPORARY = {"temporary", "temporary marks"}
_COMMITS = {name for name, move in MOVES.items() if move.family == Family.COMMIT} | {
    "session commit"
}


@dataclass(frozen=True)
class Evidence:
    """What one attempt has left.

    Attributes:
        number: Of the attempt.
        reference: What the migration did.
        rows: Its rows in the data.
        plain: Its rows in the table without transactions.
        record: Its row in the log.
        mark: The mark of the migration, after the attempt.
        raised: What the run has raised.
        events: What the run has told; `None` if it was another process.
    """

    number: int
    reference: Reference
    rows: Rows
    plain: int
    record: Row[Any]
    mark: Row[Any] | None
    raised: BaseException | None = None
    events: Sequence[Event] | None = field(default=None)

    @property
    def is_marked(self) -> bool:
        mark = self.mark
        return bool(mark and mark.status == "success" and mark.run_id == self.record.run_id)

    def told(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.events or () if isinstance(each, kind)]


def wrongs(evidence: Evidence) -> Iterator[str]:
    """Yield what is wrong with one attempt."""
    match evidence.record.status:
        case "success":
            yield from _wrongs_of_success(evidence)
        case "failed":
            yield from _wrongs_of_failure(evidence)
        case "interrupted":
            yield from _wrongs_of_stop(evidence)
        case other:
            yield f"D: it is {other}"
    if evidence.reference.harmless and evidence.record.status != "success":
        yield f"D: it did nothing but harmless things, and is {evidence.record.status}"


def _wrongs_of_success(evidence: Evidence) -> Iterator[str]:
    done = evidence.reference
    if not evidence.is_marked:
        yield "A1: it counts as a success without its mark"
    if evidence.rows != done.work:
        yield f"A2: there is {evidence.rows} and it did {done.work}"
    if done.ends[:1] == ["rolled back"] and not done.doubtful:
        yield "A3: it was rolled back first"
    if done.left:
        yield f"A: it raised {done.left}"
    if evidence.events is None:
        return
    if evidence.raised or not evidence.told(Finished):
        yield f"A1: the log says success, and the run {evidence.raised!r}"
    if bool(evidence.told(TransactionEnded)) != ("committed" in done.ends[:1]):
        yield f"A4: it is told {evidence.told(TransactionEnded)} and it has {done.ends}"


def _wrongs_of_failure(evidence: Evidence) -> Iterator[str]:
    done = evidence.reference
    if evidence.is_marked:
        yield "B1: it counts as a failure with its mark"
    if evidence.rows != done.committed:
        yield f"B2: there is {evidence.rows} and it had committed {done.committed}"
    if done.left and not _is_told(done.left, evidence.record.exception):
        yield f"B4: it raised {done.left}, and the log says {evidence.record.exception}"
    if evidence.events is None:
        return
    if not isinstance(evidence.raised, MigrationFailedError):
        yield f"B: the run raised {evidence.raised!r}"
    failed = evidence.told(Failed)
    if len(failed) != 1:
        yield f"B: it is told {failed}"
    elif failed[0].rolled_back and not _cannot_be_known(done):
        if evidence.rows or evidence.plain:
            yield f"B3: it is told as rolled back, and left {evidence.rows}, {evidence.plain} plain"
    elif not failed[0].rolled_back and not _may_stay(evidence):
        yield f"B3: it is told as not rolled back, and it has {done.ends}"
    if done.left and not _is_told(done.left, str(evidence.raised)):
        yield f"B4: it raised {done.left}, and is told {evidence.raised}"


def _wrongs_of_stop(evidence: Evidence) -> Iterator[str]:
    done = evidence.reference
    if evidence.is_marked:
        yield "C: it counts as interrupted with its mark"
    if evidence.rows != done.committed:
        yield f"C: there is {evidence.rows} and it had committed {done.committed}"
    if evidence.events is None:
        return
    stopped = isinstance(evidence.raised, KeyboardInterrupt) and "interrupt" in done.moves
    overtaken = isinstance(evidence.raised, LockLostError) and "end others" in done.moves
    if not (stopped or overtaken):
        yield f"C: the run raised {evidence.raised!r}"
    if not evidence.told(Interrupted):
        yield "C: nobody is told"


def _cannot_be_known(done: Reference) -> bool:
    if done.kind == "postgresql" and done.ends[:1] == ["committed"]:
        return False  # the server knows
    if done.gone and (done.unseen or done.plain):
        return True
    if done.unseen and {"committed", "rolled back"} <= set(done.ends):
        return True
    if done.kind == "mysql":
        return done.unseen and "rolled back" in done.ends and bool(done.plain)
    return done.unseen and (done.outside if done.kind == "sqlite" else done.aborted)


def _may_stay(evidence: Evidence) -> bool:
    done = evidence.reference
    # A COMMIT is one even if there is nothing to commit.
    committed = "committed" in done.ends or done.moves & _COMMITS
    # MariaDB counts a temporary table among those without transactions.
    temporary = done.kind == "mysql" and bool(done.moves & _TEMPORARY)
    return bool(committed) or temporary or done.outside or done.doubtful or bool(evidence.plain)


def _is_told(left: str, text: str | None) -> bool:
    name, _, words = left.partition(": ")
    first = words.splitlines()[0] if words else ""
    return name in (text or "") and first[:60] in (text or "")


def wrongs_in_the_end(
    attempts: Sequence[Evidence], records: Sequence[Row[Any]], mark: Row[Any] | None
) -> Iterator[str]:
    """Yield what is wrong after the last attempt, which has to be a good one."""
    if len(records) != len(attempts):
        yield f"D: there are {len(records)} rows for {len(attempts)} attempts"
    winners = [record.run_id for record in records if record.status == "success"]
    if mark is None or winners != [mark.run_id] or mark.status != "success":
        yield f"D: the successes are {winners}, and the mark is {mark}"
    if running := [record.id for record in records if record.status == "running"]:
        yield f"D: there are rows that run for ever: {running}"
    if any(each.reference.ends or each.reference.outside for each in attempts):
        return
    effects = [each.number for each in attempts if each.rows]
    if len(effects) > 1:
        yield f"E: the attempts {effects} have taken effect"
