"""Migrations in batches are killed, raced, paused and cut off; each row is done exactly once.

The work is not idempotent: a batch adds one to each of its rows, so a batch that is done twice or
never is seen.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from signal import SIGKILL

import pytest
from sqlalchemy import NullPool, create_engine, text

from support.torture.arena import Arena, Project
from support.torture.runners import Runner, StartLine, start
from support.torture.sizes import KILLS, RACERS, ROUNDS, chance
from support.torture.steps import BATCH_STEPS, Ambush, kill

pytestmark = pytest.mark.long

_ROWS = 400
_MOST_CALLS = 6
"""A run is killed in one of its first batches, so that a project takes several kills."""

_MIGRATION = """
from delembic import BatchedMigration, KeyRanges
from sqlalchemy import text
from support.torture import effects

class Count(BatchedMigration):
    revision = "D1"
    depends_on = []
    batches = KeyRanges("counted")
    batch_size = 10
    batch_seconds = None

    def prepare(self, conn):
        effects.insert(conn, self.revision)

    def upgrade_batch(self, conn, batch):
        update = f"UPDATE counted SET n = n + 1 WHERE {batch.where}"
        conn.execute(text(update), batch.parameters)
        effects.check_batch()

    def validate(self, conn):
        effects.check(conn, self.revision)
"""

_END_SESSIONS = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist"
    " WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}


def _project(arena: Arena, **settings: str) -> Project:
    project = arena.project(first="raise AssertionError", **settings)
    for file in project.versions.glob("D*.py"):
        file.unlink()
    project.revisions[:] = ["D1"]
    (project.versions / "D1.py").write_text(_MIGRATION)
    keys = ", ".join(f"({3 * number}, 0)" for number in range(1, _ROWS + 1))
    project.execute(
        "DROP TABLE IF EXISTS counted",
        "DROP TABLE IF EXISTS delembic_checkpoint",
        "CREATE TABLE counted (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
        f"INSERT INTO counted VALUES {keys}",
    )
    return project


def _judge(project: Project) -> None:
    """Each row was done once, ``prepare`` too, and one attempt counts as the success."""
    counts = Counter(row.n for row in project.rows("SELECT n FROM counted"))
    doubled = sum(number for n, number in counts.items() if n > 1)
    project.figures.add(rows_done=_ROWS, doubled=doubled, lost=counts[0])
    attempts = [row for row in project.attempts() if row.operation in (None, "upgrade")]
    statuses = Counter(row.status for row in attempts)
    assert counts == {1: _ROWS}, (counts, statuses)
    assert project.value("SELECT count(*) FROM effect") == 1
    assert statuses["success"] == 1
    assert statuses["running"] == 0
    (mark,) = project.marks().values()
    successes = [row.run_id for row in attempts if row.status == "success"]
    assert successes == [mark.run_id]


def _ambush(random: Random) -> Ambush:
    step = random.choice(BATCH_STEPS)
    return Ambush(
        step.at_call(random.randint(1, _MOST_CALLS)), random.choice(["before", "after"]), kill
    )


def test_killed_in_and_between_batches_no_row_is_done_twice_or_never(arena: Arena) -> None:
    random, killed = chance("kills of batches"), 0
    while killed < KILLS:
        project, ambush = _project(arena), _ambush(random)
        while (code := start(project.root, ambush=ambush).wait()) != 0:
            assert code == -SIGKILL
            project.figures.steps.append(ambush.name)
            killed, ambush = killed + 1, _ambush(random)
        _judge(project)
    arena.figures.add(batch_kills=killed)


@pytest.mark.parametrize("lock", ["", "none"])
def test_runs_that_race_do_no_batch_twice(arena: Arena, lock: str) -> None:
    for _ in range(ROUNDS):
        project = _project(arena, **({"lock": lock} if lock else {}))
        line = StartLine()
        runners = [start(project.root, at=line) for _ in range(RACERS)]
        line.let_go(RACERS)
        for runner in runners:
            assert runner.wait() in (0, 1, 4), runner.said

        project.recover()

        project.figures.add(racers=RACERS, rounds=1)
        _judge(project)


def test_paused_and_resumed_at_any_moment_no_row_is_done_twice_or_never(arena: Arena) -> None:
    random = chance("pauses")
    for _ in range(max(KILLS // 10, 2)):
        project = _project(arena)
        while (runner := _paused_on_its_way(project, random)).wait() != 0:
            assert runner.process.exitcode in (1, 3), runner.said
            start(project.root, "resume", "D1").wait()
        start(project.root, "resume", "D1").wait()
        project.recover()
        _judge(project)


def _paused_on_its_way(project: Project, random: Random) -> Runner:
    runner = start(project.root)
    runner.ended_within(random.uniform(0, 0.3))
    start(project.root, "pause", "D1").wait()
    return runner


def test_sessions_that_the_server_ends_cost_no_row(arena: Arena) -> None:
    if arena.backend.name == "sqlite":
        pytest.skip("it has no sessions")
    random = chance("sessions")
    for _ in range(max(KILLS // 10, 2)):
        project = _project(arena)
        runner, faults = start(project.root), 0
        while not runner.ended_within(random.uniform(0, 0.2)) and faults < 5:
            _end_sessions(arena)
            faults += 1
        assert runner.wait() in (0, 1, 2, 4), runner.said  # 2: while it connected

        project.recover()

        project.figures.add(faults=faults)
        _judge(project)


def _end_sessions(arena: Arena) -> None:
    engine = create_engine(arena.backend.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        found = conn.execute(text(_END_SESSIONS[arena.backend.dialect])).scalars().all()
        for statement in found if arena.backend.dialect == "mysql" else []:
            try:
                conn.exec_driver_sql(statement)
            except Exception as error:  # noqa: BLE001 - of any driver
                assert "Unknown thread" in str(error)  # it has ended by itself
