"""Where a migration fights: attempt after attempt on one database, until it is applied."""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import Any

from sqlalchemy import Row

from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.torture.adversary.moves import ROLE
from support.torture.adversary.observer import Observer
from support.torture.adversary.play import SCRIPT, Acts, Line, journals, leave, observer_of
from support.torture.adversary.reference import Reference
from support.torture.adversary.verdict import Evidence, wrongs, wrongs_in_the_end
from support.torture.arena import Figures
from support.torture.runners import Body, StartLine, start, upgrade

_OWN = ("delembic_version", "delembic_run_history")
_MOST_ATTEMPTS = 8


@dataclass
class Ring:
    """A project whose one migration does what a script says.

    Attributes:
        backend: The database.
        folder: Where the project is.
        figures: Counts the attempts.
    """

    backend: Backend
    folder: Path
    figures: Figures
    project: ProjectFolder = field(init=False)
    observer: Observer = field(init=False)

    _is_remade: bool = True
    """Whether a script has changed the tables."""

    def __post_init__(self) -> None:
        url = self.backend.url
        if self.backend.dialect == "mysql":
            url += "&ssl_disabled=1"  # which takes longer than the whole rest of a connection
        self.project = ProjectFolder(self.folder / "ring", url)
        self.project.configure(lock_timeout="5")
        self.project.write("url", url)
        root = str(self.project.root)
        self.project.migration(
            "D1",
            f"play(conn, Path({root!r}), 'upgrade')",
            validate=f"play(conn, Path({root!r}), 'validate')",
            head="from pathlib import Path\nfrom support.torture.adversary.play import play",
        )
        self.observer = observer_of(url)
        self._make_tables()

    def close(self) -> None:
        """Leave the server as it was."""
        if self.observer.kind == "mysql":
            self.observer.execute(f"DROP DATABASE IF EXISTS {self.observer.elsewhere}")
        self.observer.close()
        gc.collect()  # what is left half read complains about its end in this test
        observer_of.cache_clear()

    def fight(self, scripts: Sequence[Acts]) -> None:
        """Let the migration be tried by its scripts, and once more without, and judge all of it."""
        self._prepare(scripts)
        found: list[str] = []
        for _ in range(_MOST_ATTEMPTS):
            found += self._run_here()
            if self._is_applied():
                break
        self._judge([*found, *self._wrongs_in_the_end(self._all_evidence())])

    def fight_alone(self, scripts: Sequence[Acts], runners: Sequence[Body]) -> None:
        """Do the same with a process for each run, which may be killed.

        Args:
            scripts: What each attempt does.
            runners: What runs side by side.
        """
        self._prepare(scripts)
        for _ in range(_MOST_ATTEMPTS):
            self._run_alone(runners)
            if self._is_applied():
                break
        self._run_alone([upgrade])  # who comes next settles what the dead have left
        attempts = self._all_evidence()
        self.figures.add(attempts=len(attempts))
        found = [f"attempt {each.number}: {wrong}" for each in attempts for wrong in wrongs(each)]
        self._judge([*found, *self._wrongs_in_the_end(attempts)])

    def _prepare(self, scripts: Sequence[Acts]) -> None:
        self._clean()
        self.project.root.joinpath(SCRIPT).write_text(json.dumps(scripts))
        moves = {move for script in scripts for acts in script.values() for move, _ in acts}
        self._is_remade |= bool(moves & {"ddl", "drop", "alter"})

    def _judge(self, found: list[str]) -> None:
        assert not found, "\n".join([*found, *self._story()])

    def _run_here(self) -> list[str]:
        before = set(journals(self.project.root))
        raised: BaseException | None = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.project.upgrade()
            except BaseException as error:  # noqa: BLE001 - whatever a migration raises
                raised = error
            leave(self.project.root)
        played = {
            number: lines
            for number, lines in journals(self.project.root).items()
            if number not in before
        }
        if not played and raised:
            return [f"nothing was played, and {raised!r} was raised"]
        self.figures.add(attempts=len(played))
        return [
            f"attempt {number}: {wrong}"
            for number, lines in played.items()
            for wrong in wrongs(self._evidence(number, lines, raised, told=True))
        ]

    def _run_alone(self, runners: Sequence[Body]) -> None:
        line = StartLine()  # who has more to import is not always the last
        running = [start(self.project.root, at=line, body=body) for body in runners]
        line.let_go(len(running))
        for runner in running:
            code = runner.wait()
            self.figures.add(kills=int(code == -SIGKILL))
            assert code in (0, 1, 4, 130, -SIGKILL), f"{code}: {runner.said}"
            assert "Nobody foresaw" not in runner.said, runner.said

    def _all_evidence(self) -> list[Evidence]:
        played = sorted(journals(self.project.root).items())
        return [self._evidence(number, lines, None, told=False) for number, lines in played]

    def _wrongs_in_the_end(self, attempts: Sequence[Evidence]) -> list[str]:
        mark = self.observer.mark()
        found = list(wrongs_in_the_end(attempts, self.observer.records(), mark))
        strays = self._strays()
        return [*found, f"D: there are {strays} marks elsewhere"] if strays else found

    def _evidence(
        self, number: int, lines: list[Line], raised: BaseException | None, *, told: bool
    ) -> Evidence:
        return Evidence(
            number,
            Reference(self.observer.kind).follow(lines),
            self.observer.rows(number),
            self.observer.plain(number),
            self._record(number),
            self.observer.mark(),
            raised,
            tuple(self.project.events) if told else None,
        )

    def _record(self, number: int) -> Row[Any]:
        """The row of an attempt: they are made in the same order, as one lock is held."""
        return self.observer.records()[number - 1]

    def _is_applied(self) -> bool:
        mark = self.observer.mark()
        return bool(mark and mark.status == "success")

    def _strays(self) -> int:
        if self.observer.kind == "sqlite":
            return 0
        return int(self.observer.value(f"SELECT count(*) FROM {self.observer.elsewhere}.{_OWN[0]}"))

    def _story(self) -> list[str]:
        lines = [
            f"  attempt {number}: {line.move!r} {line.before} -> {line.after}, committed"
            f" {line.seen} {line.error}"
            for number, journal in sorted(journals(self.project.root).items())
            for line in journal
        ]
        rows = [
            f"{row.id} {row.status} {row.run_id} {row.exception}" for row in self.observer.records()
        ]
        return [
            "journal:",
            *lines,
            "log:",
            *rows,
            "marks:",
            str(self.observer.mark()),
        ]

    def _make_tables(self) -> None:
        at = self.observer
        at.execute(
            f"CREATE TABLE {at.home}effect"
            " (attempt INTEGER, token INTEGER, n INTEGER, PRIMARY KEY (attempt, token))",
            f"CREATE TABLE {at.home}stock (id INTEGER PRIMARY KEY, n INTEGER)",
            f"CREATE TABLE {at.home}rival (id INTEGER PRIMARY KEY, n INTEGER)",
            *(f"INSERT INTO {at.home}stock VALUES ({id}, 0)" for id in range(1, 100)),
            *(f"INSERT INTO {at.home}rival VALUES ({id}, 0)" for id in range(1, 20)),
        )
        if at.kind == "mysql":
            at.execute("CREATE TABLE plain (attempt INTEGER) ENGINE = MyISAM")
        self.project.root.joinpath(SCRIPT).write_text("[]")
        self.project.upgrade()  # delembic's tables
        if at.kind == "postgresql":
            at.execute(
                "CREATE SCHEMA elsewhere",
                f"CREATE TABLE elsewhere.{_OWN[0]} (LIKE {_OWN[0]} INCLUDING ALL)",
                f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}')"
                f" THEN CREATE ROLE {ROLE}; END IF; END $$",
                f"GRANT ALL ON effect, stock TO {ROLE}",
            )
        elif at.kind == "mysql":
            at.execute(
                f"CREATE DATABASE {at.elsewhere}",
                f"CREATE TABLE {at.elsewhere}.{_OWN[0]} LIKE {_OWN[0]}",
            )

    def _clean(self) -> None:
        at = self.observer
        for path in self.project.root.glob("attempt-*"):
            path.unlink()
        at.execute(
            *(f"DELETE FROM {at.home}{name}" for name in ("effect", *_OWN)),
            f"INSERT INTO {at.home}effect VALUES (0, 1, 0)",
            *([f"DELETE FROM {at.home}plain"] if at.kind == "mysql" else []),
        )
        if self._is_remade:
            at.execute(
                f"DROP TABLE IF EXISTS {at.home}spare",
                f"DROP TABLE IF EXISTS {at.home}made",
                f"CREATE TABLE {at.home}spare (id INTEGER)",
            )
            self._is_remade = False
