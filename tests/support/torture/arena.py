"""Projects in which every effect can be counted, and the verdict on their final state."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any

from sqlalchemy import Row, inspect

from support.projects import ProjectFolder
from support.servers.backend import Backend
from support.torture import effects
from support.torture.runners import Runner, barrier, start
from support.torture.steps import Ambush

MANY = ("",) * 5
"""Enough migrations for a run to be hit in the middle."""

_HEAD = "from support.torture import effects"


@dataclass
class Figures:
    """The figures of one test, in plain values because they are sent between processes.

    Attributes:
        counts: The number of each kind of event.
        steps: The named moments at which something happened to a run.
    """

    database: str
    counts: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def add(self, **counts: int) -> None:
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


@dataclass
class Arena:
    """Provides one project after another, each on an empty database.

    Attributes:
        backend: The database, which is emptied for each project.
        folder: The folder in which the projects are created.
        figures: The figures of all projects.
    """

    backend: Backend
    folder: Path
    figures: Figures
    _made: int = 0

    def project(
        self, *bodies: str, first: str = "", validate: str = "", **settings: str
    ) -> Project:
        """Return a project with a chain of migrations: D1, D2, …

        Args:
            bodies: The code that each runs after its effect; by default there are three
                migrations without such code.
            first: The code that each runs before its effect.
            validate: Additional code for their ``validate``.
            settings: Settings for the ini file.
        """
        self._made += 1
        url = self.backend.url
        if self.backend.name == "sqlite":
            url = f"sqlite:///{self.folder / f'{self._made}.sqlite'}"
        project = Project(self.folder / str(self._made), url, figures=self.figures)
        project.configure(**settings)
        project.execute(
            *(f"DROP TABLE IF EXISTS {name}" for name in _TABLES),
            effects.TABLE,
        )
        for body in bodies or ("", "", ""):
            project.add(first, body, validate)
        return project

    def seconds_of_a_run(self) -> float:
        """The duration of a whole run, from its first step to its end."""
        project = self.project(*MANY)
        line = barrier(2)
        runner = start(project.root, at=line)
        line.wait()
        begun = time.monotonic()
        assert runner.wait() == 0, runner.said
        return time.monotonic() - begun


_TABLES = ("effect", "delembic_version", "delembic_run_history")


@dataclass
class Project(ProjectFolder):
    """A project under torture.

    Attributes:
        revisions: The revisions of its migrations.
        killed: The processes that were killed or told to stop.
    """

    figures: Figures = field(default_factory=lambda: Figures("?"))
    revisions: list[str] = field(default_factory=list)
    killed: set[int] = field(default_factory=set)

    def add(self, first: str, body: str, validate: str) -> None:
        """Write one more migration, which depends on the previous one."""
        revision = f"D{len(self.revisions) + 1}"
        self.migration(
            revision,
            f"{first}\neffects.take(conn, self.revision)\n{body}",
            depends_on=tuple(self.revisions[-1:]),
            validate=f"effects.check(conn, self.revision)\n{validate}",
            head=_HEAD,
        )
        self.revisions.append(revision)

    def ambushed(self, ambush: Ambush) -> Runner:
        """Upgrade, let something happen to the process, and wait until that has ended it."""
        runner = start(self.root, ambush=ambush)
        assert runner.wait() != 0, f"{ambush.name} was never reached: {runner.said}"
        self.killed.add(runner.pid)
        self.figures.steps.append(ambush.name)
        return runner

    def recover(self) -> Runner:
        """Upgrade again, as a user would after a crash."""
        runner = start(self.root)
        assert runner.wait() == 0, runner.said
        return runner

    @property
    def fault(self) -> Path:
        """The file that makes certain migrations fail while it exists."""
        return self.root / effects.FAULT

    def kill(self, runner: Runner) -> bool:
        """Kill a run's process, and return whether it was still alive."""
        self.killed.add(runner.pid)
        was_alive = runner.kill() == -SIGKILL
        self.figures.add(kills=int(was_alive))
        return was_alive

    def send(self, runner: Runner, number: Signals) -> None:
        """Send a signal to a run's process, if it is alive."""
        self.killed.add(runner.pid)
        with suppress(ProcessLookupError):
            os.kill(runner.pid, number)
        self.figures.add(signals=1)

    def fate(self, pid: int) -> str:
        """The fate of a process's last attempt, as a `torture.steps.Fate`."""
        with self.connection() as conn:
            if not inspect(conn).has_table("delembic_run_history"):
                return "no row"
        rows = [row for row in self.attempts() if row.pid == pid]
        if not rows:
            return "no row"
        return "recovered" if rows[-1].recovered else str(rows[-1].status)

    def judge(self) -> None:
        """Check the database against the guarantees."""
        wrongs = _Judgement(self).wrongs()
        assert not wrongs, "\n".join([*wrongs, *map(str, self.attempts())])


class _Judgement:
    """Finds violations of the guarantees, and counts them."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._rows = project.attempts()
        self._marks = project.marks()
        self._revisions = project.revisions

    def wrongs(self) -> list[str]:
        return [
            *self._effects(),
            *self._records(),
            *self._agreement(),
            *self._ends(),
        ]

    def _effects(self) -> list[str]:
        rows = self._project.rows("SELECT revision FROM effect")
        seen = Counter(row.revision for row in rows)
        doubled = {name: seen[name] for name in seen if seen[name] > 1}
        lost = [name for name in self._revisions if not seen[name]]
        self._project.figures.add(doubled=sum(doubled.values()) - len(doubled), lost=len(lost))
        return [f"{name} took effect {number} times" for name, number in doubled.items()] + [
            f"{name} took no effect" for name in lost
        ]

    def _records(self) -> list[str]:
        began = Counter(effects.journal(self._project.root))
        recorded = Counter((row.revision, row.pid) for row in self._rows)
        missing = list((began - recorded).elements())
        self._project.figures.add(attempts=began.total(), unrecorded=len(missing))
        return [f"no row tells that {name} was attempted by {pid}" for name, pid in missing]

    def _agreement(self) -> list[str]:
        return [
            f"the mark of {name} and its rows do not agree"
            for name in self._revisions
            if self._run_of_mark(name) != self._runs_of_success(name)
        ]

    def _run_of_mark(self, revision: str) -> list[str]:
        mark = self._marks.get(revision)
        return [mark.run_id] if mark and mark.status == "success" else []

    def _runs_of_success(self, revision: str) -> list[str]:
        rows = [row for row in self._rows if row.revision == revision]
        return [row.run_id for row in rows if row.status == "success"]

    def _ends(self) -> list[str]:
        killed = self._project.killed
        return [
            f"{row.revision} of {row.pid} is {row.status}"
            f"{' and recovered' * bool(row.recovered)}, {'' if row.pid in killed else 'not '}killed"
            for row in self._rows
            if not _is_an_end(row, row.pid in killed)
        ]


def _is_an_end(row: Row[Any], killed: bool) -> bool:
    if row.status == "interrupted":
        return killed or row.exception == "Another run applied it in the meantime."
    if row.status == "success":
        return killed or not row.recovered
    return bool(row.status == "failed" and row.exception)
