"""Follows a journal, and knows what is committed for sure and what is lost for sure.

It knows nothing of delembic. It knows what each move does to a transaction, the state that the
driver tells, and what another connection sees; where these do not agree, it is itself wrong and
says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from support.torture.adversary.moves import MOVES, Family
from support.torture.adversary.observer import Rows
from support.torture.adversary.play import Line

_ALIVE = ("open", "aborted")
_SEEN = ("commit", "rollback", "session commit", "session rollback", "close", "invalidate")
_DEADLOCK = "1213"


@dataclass
class Reference:
    """What has become of an attempt's work, by the moves that it made.

    Attributes:
        committed: The rows that nobody can take back any more.
        work: The rows that the migration itself would see.
        ends: How it ended transactions, in order: ``committed`` or ``rolled back``.
        doubtful: Whether an end of its session leaves more than one answer.
        outside: Whether it was in the driver's autocommit mode at some time.
        gone: Whether it has lost its session at some time.
        unseen: Whether an end of its transaction went past SQLAlchemy.
        aborted: Whether the server has given a transaction up at some time.
        plain: Its rows in the table without transactions.
        harmless: Whether it did nothing but harmless things.
        left: What it has raised and not caught.
        moves: All that it did.
    """

    kind: str
    committed: Rows = field(default_factory=dict)
    work: Rows = field(default_factory=dict)
    savepoints: list[Rows] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    doubtful: bool = False
    outside: bool = False
    gone: bool = False
    unseen: bool = False
    aborted: bool = False
    harmless: bool = True
    plain: int = 0
    left: str = ""
    moves: set[str] = field(default_factory=set)

    def follow(self, lines: Iterable[Line]) -> Reference:
        """Follow a journal to its end."""
        for line in lines:
            self._follow(line)
        return self

    def _follow(self, line: Line) -> None:
        move = MOVES[line.move]
        family = self._family(line)
        self.moves.add(line.move)
        is_well = not line.error or move.family == Family.RELEASE
        # Where the connection streams all that it sends, PostgreSQL refuses what is no query.
        self.harmless &= move.harmless and is_well and line.after != "aborted"
        self.outside |= "autocommit" in (line.before, line.after) or self._is_outside(line)
        self.aborted |= "aborted" in (line.before, line.after)
        if line.seen is None:
            return  # the process died
        self.plain = line.plain
        if line.error and not line.caught:
            self.left = line.error
        if not line.error:
            self._do(family, line)
        ends = len(self.ends)
        self._end(family, line)
        self.unseen |= len(self.ends) > ends and line.move not in _SEEN
        self._compare(line)

    def _is_outside(self, line: Line) -> bool:
        return self.kind == "sqlite" and "idle" in (line.before, line.after)

    def _family(self, line: Line) -> Family:
        """MariaDB commits before a statement of DDL is even tried."""
        is_ddl = self.kind == "mysql" and line.move in ("ddl", "drop", "alter")
        return Family.COMMIT if is_ddl else MOVES[line.move].family

    def _do(self, family: Family, line: Line) -> None:
        match family:
            case Family.INSERT:
                self.work[line.token] = 0
            case Family.UPDATE if line.token in self.work:
                self.work[line.token] += 1
            case Family.DELETE:
                self.work.pop(line.token, None)
            case Family.SAVEPOINT if line.after == "open":
                self.savepoints.append(self.work.copy())
            case Family.RELEASE if self.savepoints:
                self.savepoints.pop()
            case Family.BACK if self.savepoints:
                self.work = self.savepoints.pop()

    def _end(self, family: Family, line: Line) -> None:
        was_alive, is_alive = line.before in _ALIVE, line.after in _ALIVE
        if line.after == "gone":
            self._lose(line)
        elif _DEADLOCK in line.error:
            self._roll_back()
        elif family == Family.COMMIT and was_alive and not self._is_refused(line):
            self._roll_back() if line.before == "aborted" else self._commit()
        elif family == Family.ROLLBACK and not line.error and was_alive:
            if line.move != "session rollback" or not is_alive:
                self._roll_back()
        elif was_alive and not is_alive:
            self._roll_back() if line.error or line.before == "aborted" else self._commit()
        elif not is_alive and self.work != self.committed:
            self._commit()

    def _is_refused(self, line: Line) -> bool:
        """Whether a commit has failed; a failing statement of DDL has committed all the same."""
        is_ddl = MOVES[line.move].family != Family.COMMIT
        return bool(line.error) and not (is_ddl and dict(line.seen or ()) == self.work)

    def _lose(self, line: Line) -> None:
        """The session is gone: what another connection sees is all that there is."""
        if line.before == "gone":
            self.work = self.committed.copy()
            return
        self.gone = True
        if dict(line.seen or ()) == self.committed:
            self.doubtful |= self.work == self.committed
            self._roll_back()
        else:
            self._commit()

    def _commit(self) -> None:
        self.ends.append("committed")
        self.committed = self.work.copy()
        self.savepoints.clear()

    def _roll_back(self) -> None:
        self.ends.append("rolled back")
        self.work = self.committed.copy()
        self.savepoints.clear()

    def _compare(self, line: Line) -> None:
        seen = dict(line.seen or ())
        assert seen == self.committed, (
            f"the reference itself is wrong at {line}: it expects {self.committed}"
        )
