"""Runners are killed, at each step by name and at random; then somebody upgrades again."""

from __future__ import annotations

from signal import SIGKILL

import pytest
from sqlalchemy import NullPool, create_engine, text

from support.shell import wait_until
from support.torture.arena import MANY, Arena, Project
from support.torture.effects import FAULT
from support.torture.runners import StartLine, barrier, start
from support.torture.sizes import IS_QUICK, KILLS, RACERS, ROUNDS, chance
from support.torture.steps import (
    ALL_STEPS,
    FAILING_STEPS,
    SETTLING,
    STEPS,
    Ambush,
    ambushes,
    at,
    boundaries,
    kill,
)

FAILING = f"if os.path.exists({FAULT!r}): raise ValueError('bad row')"
SLOW_COMMIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END
$$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.revision = 'D2') EXECUTE FUNCTION wait()
"""


def test_the_steps_are_what_their_table_says() -> None:
    """A function that was renamed has to be renamed there, or it would be tortured no more."""
    assert [step.name for step in ALL_STEPS if not callable(step.function)] == []


def test_killed_at_each_step(arena: Arena) -> None:
    """One after the other on the same database, so each finds what the one before has left."""
    for _ in range(ROUNDS):
        moments = boundaries(STEPS, kill) if IS_QUICK else ambushes(STEPS, kill)
        project = arena.project(*("",) * len(moments))
        pids = {moment.name: _killed(project, moment) for moment in moments}

        project.recover()

        project.judge()
        assert {name: project.fate(pid) for name, pid in pids.items()} == {
            moment.name: moment.fate for moment in moments
        }


def test_killed_at_each_step_of_a_failure(arena: Arena) -> None:
    moments = ambushes(FAILING_STEPS, kill)
    project = arena.project(FAILING)
    project.fault.touch()
    pids = {moment.name: _killed(project, moment) for moment in moments}
    project.fault.unlink()

    project.recover()

    project.judge()
    assert {name: project.fate(pid) for name, pid in pids.items()} == {
        moment.name: moment.fate for moment in moments
    }


@pytest.mark.parametrize("left", ["after write running", "after commit"])
def test_killed_while_settling_what_the_dead_left(arena: Arena, left: str) -> None:
    project = arena.project()
    dead = at(left, kill)
    pid = _killed(project, dead)
    for moment in ambushes((SETTLING,), kill):
        _killed(project, moment)

    project.recover()

    project.judge()
    assert project.fate(pid) == dead.fate


@pytest.mark.parametrize("meanwhile", ["nobody", "another runner"])
def test_killed_while_the_server_is_at_the_commit(arena: Arena, meanwhile: str) -> None:
    """The commit goes on without its runner, and ends when others have found it dead already."""
    if arena.backend.name != "postgresql":
        pytest.skip("only PostgreSQL can be made to commit slowly")
    project = arena.project()
    project.execute(SLOW_COMMIT)
    with create_engine(project.url, poolclass=NullPool).connect() as gate:
        gate.execute(text("SELECT pg_advisory_lock(1)"))
        first = start(project.root)
        wait_until(lambda: _is_held_up_at(project, "COMMIT"))
        project.kill(first)
        if meanwhile == "nobody":
            assert start(project.root, "upgrade", "D1").wait() == 0
            gate.execute(text("SELECT pg_advisory_unlock(1)"))
        else:
            second = start(project.root)
            wait_until(lambda: _is_held_up_at(project, "INSERT INTO public.delembic_version"))
            gate.execute(text("SELECT pg_advisory_unlock(1)"))
            assert second.wait() == 0, second.said
    wait_until(lambda: "D2" in project.marks())

    project.recover()

    project.judge()
    assert project.fate(first.pid) == "recovered"


@pytest.mark.timeout(0)
def test_killed_at_random(arena: Arena) -> None:
    dice = chance(f"kills {arena.backend.name}")
    seconds = arena.seconds_of_a_run()
    while arena.figures.counts.get("random", 0) < KILLS:
        project = arena.project(*MANY)
        while _is_killed_within(project, dice.uniform(0, seconds)):
            arena.figures.add(random=1)

        project.recover()

        project.judge()


@pytest.mark.timeout(0)
def test_killed_amid_others(arena: Arena) -> None:
    """Every second runner of a crowd is killed; the others do the work, and none of them fails."""
    dice = chance(f"crowd {arena.backend.name}")
    seconds = arena.seconds_of_a_run()
    for _ in range(ROUNDS):
        project = arena.project(*MANY)
        line = StartLine()
        runners = [start(project.root, at=line) for _ in range(RACERS)]
        line.let_go(RACERS)
        for runner in runners[::2]:
            if not runner.ended_within(dice.uniform(0, seconds)):
                project.kill(runner)
                arena.figures.add(random=1)
        for runner in runners[1::2]:
            assert runner.wait() == 0, runner.said

        project.recover()

        project.judge()
        arena.figures.add(racers=RACERS, rounds=1)


def _killed(project: Project, ambush: Ambush) -> int:
    runner = project.ambushed(ambush)
    assert runner.wait() == -SIGKILL, runner.said
    project.figures.add(kills=1)
    return runner.pid


def _is_killed_within(project: Project, seconds: float) -> bool:
    line = barrier(2)
    runner = start(project.root, at=line)
    line.wait()
    if runner.ended_within(seconds):
        assert runner.wait() == 0, runner.said
        return False
    return project.kill(runner)


def _is_held_up_at(project: Project, statement: str) -> bool:
    query = f"""
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND query LIKE '{statement}%'
    """
    return bool(project.value(query))
