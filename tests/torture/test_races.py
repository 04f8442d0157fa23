"""Many runners at once: each effect once, nobody fails, and who waits says so once."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from support.shell import wait_until
from support.torture import effects
from support.torture.arena import MANY, Arena, Project
from support.torture.runners import Body, Runner, barrier, dagster_job, start, upgrade
from support.torture.sizes import RACERS, ROUNDS
from support.torture.steps import at

pytestmark = pytest.mark.long

UNTIL_TOLD = "effects.wait_for_file('go')"
ALL_AT_ONCE = f"effects.wait_for_others(self.revision, {RACERS})"


@pytest.mark.timeout(0)
def test_all_begin_at_once_on_an_empty_database(arena: Arena) -> None:
    for _ in range(ROUNDS):
        project = arena.project(*MANY)

        runners = _race(project)

        _everybody_succeeds(project, runners)
        assert project.statuses() == ["success"] * len(MANY)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("table", ["the marks' table", "the audit log"])
def test_all_make_a_table_at_the_same_moment(arena: Arena, table: str) -> None:
    for _ in range(ROUNDS):
        project = arena.project()
        meeting = at(f"before make {table}", barrier(RACERS).wait)
        runners = [start(project.root, ambush=meeting) for _ in range(RACERS)]

        _everybody_succeeds(project, runners)
        assert project.statuses() == ["success"] * len(project.revisions)
        arena.figures.add(racers=RACERS, rounds=1)


def test_who_waits_says_once_for_whom(arena: Arena) -> None:
    project = arena.project("", UNTIL_TOLD, "")
    first = start(project.root)
    wait_until(lambda: ("D2", first.pid) in effects.journal(project.root))
    others = [start(project.root) for _ in range(RACERS - 1)]
    impatient = start(project.root, "upgrade", "--lock-timeout", "0.2")

    assert impatient.wait() == 4, impatient.said
    for other in (*others, impatient):
        wait_until(partial(other.has_said, "Waiting for D2"))
        assert f", pid {first.pid} (cli)" in other.said
    project.root.joinpath("go").touch()

    _everybody_succeeds(project, [first, *others])
    assert project.statuses() == ["success"] * 3
    arena.figures.add(racers=RACERS + 1, rounds=1)


@pytest.mark.timeout(0)
def test_without_a_lock_the_mark_alone_keeps_each_effect_single(arena: Arena) -> None:
    """On a server all runners are at each migration at once; none commits before all are there."""
    on_a_server = arena.backend.name != "sqlite"
    for _ in range(ROUNDS):
        project = arena.project(*(ALL_AT_ONCE if on_a_server else "",) * 3, lock="none")

        runners = _race(project)

        _everybody_succeeds(project, runners)
        statuses = Counter(project.statuses())
        assert statuses["success"] == 3
        assert statuses.keys() <= {"success", "interrupted"}
        if on_a_server:
            assert statuses["interrupted"] == 3 * (RACERS - 1)


@pytest.mark.timeout(0)
def test_the_command_line_runs_beside_dagster(arena: Arena) -> None:
    for _ in range(ROUNDS):
        project = arena.project(*MANY)

        runners = _race(project, dagster_job)

        _everybody_succeeds(project, runners)
        assert project.statuses() == ["success"] * len(MANY)


@pytest.mark.parametrize("winner", ["who had lost the lock", "who has it now"])
def test_a_lock_that_was_lost_to_another_runner_doubles_nothing(arena: Arena, winner: str) -> None:
    if arena.backend.name == "sqlite":
        pytest.skip("SQLite's lock belongs to the process, so it is not lost while that lives")
    body = "effects.wait_for_file(f'go {os.getpid()}')"
    project = arena.project(body)
    first = start(project.root)
    wait_until(lambda: ("D1", first.pid) in effects.journal(project.root))
    _end_oldest_session(project)
    second = start(project.root)
    wait_until(lambda: ("D1", second.pid) in effects.journal(project.root))
    project.killed.update({first.pid, second.pid})

    order = [first, second] if winner == "who had lost the lock" else [second, first]
    for runner in order:
        project.root.joinpath(f"go {runner.pid}").touch()
        assert runner.wait() == 0, runner.said

    project.judge()
    arena.figures.add(racers=2, rounds=1)


def _end_oldest_session(project: Project) -> None:
    """End the session that a runner opened first, which holds its lock."""
    if project.url.startswith("postgresql"):
        project.value("""
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend' ORDER BY backend_start LIMIT 1
        """)
    else:
        sessions = "FROM information_schema.processlist WHERE db = DATABASE()"
        project.execute(f"KILL {project.value(f'SELECT min(id) {sessions}')}")


def _race(project: Project, *bodies: Body) -> list[Runner]:
    """Start the racers, and runners with other bodies beside them; all go when all are there."""
    everybody = (*bodies, *(upgrade,) * RACERS)
    line = barrier(len(everybody) + 1)
    runners = [start(project.root, at=line, body=body) for body in everybody]
    line.wait()
    project.figures.add(racers=len(everybody), rounds=1)
    return runners


def _everybody_succeeds(project: Project, runners: list[Runner]) -> None:
    for runner in runners:
        assert runner.wait() == 0, runner.said
        for revision in project.revisions:
            assert runner.said.count(f"Waiting for {revision}") <= 1, runner.said
    project.judge()
