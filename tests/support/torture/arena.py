"""Projects whose every effect can be counted, and the judgement of what became of them."""

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
"""Migrations enough for a run to be hit in the midst of."""

_HEAD = "from support.torture import effects"


@dataclass
class Figures:
    """What was done and seen in one test. Plain values, since they travel between processes.

    Attributes:
        counts: How many of each thing.
        steps: The named moments at which something was done.
    """

    database: str
    counts: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def add(self, **counts: int) -> None:
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


@dataclass
class Arena:
    """Gives one project after the other, each on an empty database.

    Attributes:
        backend: The database, which is emptied for each project.
        folder: Where the projects' folders are made.
        figures: What was seen in all of them.
    """

    backend: Backend
    folder: Path
    figures: Figures
    _made: int = 0

    def project(
        self, *bodies: str, first: str = "", validate: str = "", **settings: str
    ) -> Project:
        """A project with migrations that depend on each other in a row: D1, D2, …

        Args:
            bodies: What each of them does after its effect; by default there are three, which do
                nothing more.
            first: What they do before it.
            validate: What they check besides.
            settings: Of the ini.
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
        """How long a whole run takes, from its first step to its end."""
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
        revisions: Of its migrations.
        killed: The processes that were killed or told to stop.
    """

    figures: Figures = field(default_factory=lambda: Figures("?"))
    revisions: list[str] = field(default_factory=list)
    killed: set[int] = field(default_factory=set)

    def add(self, first: str, body: str, validate: str) -> None:
        """Write one more migration, which depends on the one before."""
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
        """Upgrade, and see something happen to the runner, which ends by it."""
        runner = start(self.root, ambush=ambush)
        assert runner.wait() != 0, f"{ambush.name} was never reached: {runner.said}"
        self.killed.add(runner.pid)
        self.figures.steps.append(ambush.name)
        return runner

    def recover(self) -> Runner:
        """Do what anybody does after a crash: upgrade again."""
        runner = start(self.root)
        assert runner.wait() == 0, runner.said
        return runner

    @property
    def fault(self) -> Path:
        """While this file is there, migrations that can fail do so."""
        return self.root / effects.FAULT

    def kill(self, runner: Runner) -> bool:
        """Kill a runner, and tell whether it was still alive."""
        self.killed.add(runner.pid)
        was_alive = runner.kill() == -SIGKILL
        self.figures.add(kills=int(was_alive))
        return was_alive

    def send(self, runner: Runner, number: Signals) -> None:
        """Send a signal to a runner, if it is alive."""
        self.killed.add(runner.pid)
        with suppress(ProcessLookupError):
            os.kill(runner.pid, number)
        self.figures.add(signals=1)

    def fate(self, pid: int) -> str:
        """What became of a process's last attempt, in the words of `torture.steps.Fate`."""
        with self.connection() as conn:
            if not inspect(conn).has_table("delembic_run_history"):
                return "no row"
        rows = [row for row in self.attempts() if row.pid == pid]
        if not rows:
            return "no row"
        return "recovered" if rows[-1].recovered else str(rows[-1].status)

    def judge(self) -> None:
        """Hold the database against the promise."""
        wrongs = _Judgement(self).wrongs()
        assert not wrongs, "\n".join([*wrongs, *map(str, self.attempts())])


class _Judgement:
    """What is wrong, in sentences; counted as well."""

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
