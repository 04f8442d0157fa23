"""Ctrl-C and SIGTERM: rolled back, on record at once, told by the exit code; a second one ends."""

from __future__ import annotations

import signal
from dataclasses import replace
from functools import partial
from itertools import cycle
from signal import SIGINT, SIGTERM, Signals
from textwrap import dedent, indent

import pytest

from support.shell import wait_until
from support.torture.arena import MANY, Arena, Project
from support.torture.effects import FAULT
from support.torture.runners import Runner, barrier, start
from support.torture.sizes import ROUNDS, STOPS, chance
from support.torture.steps import STEPS, Ambush, ambushes, at, kill

pytestmark = pytest.mark.long

EXIT_CODES = {SIGINT: 130, SIGTERM: 143}
SLEEP = "import time; time.sleep(300)"
COUNTING = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000000)"
BUSY = {
    "sqlite": f"conn.exec_driver_sql('{COUNTING} SELECT count(*) FROM c')",
    "postgresql": "conn.exec_driver_sql('SELECT pg_sleep(300)')",
    "mariadb": "conn.exec_driver_sql('SELECT SLEEP(300)')",
}
DEAF = """
    import hashlib, operator
    from functools import partial
    begins = partial(os.mkdir, 'deaf')
    takes_a_quarter_of_an_hour = partial(hashlib.pbkdf2_hmac, 'sha256', b'', b'', 2**31 - 1)
    any(map(operator.call, [begins, takes_a_quarter_of_an_hour]))
"""
"""One call in C that says when it begins, and then looks out for nothing."""


@pytest.mark.timeout(0)
def test_stopped_at_each_step(arena: Arena) -> None:
    """Whoever looks finds the truth at once, and the next upgrade does the rest."""
    for turn in range(ROUNDS):
        numbers = cycle(EXIT_CODES if turn % 2 else reversed(EXIT_CODES))
        moments = ambushes(STEPS, kill)
        project = arena.project(*("",) * len(moments))
        for moment, number in zip(moments, numbers, strict=False):
            runner = project.ambushed(replace(moment, act=partial(signal.raise_signal, number)))
            arena.figures.add(signals=1)
            assert runner.wait() == EXIT_CODES[number], runner.said
            assert f"Stopped by {number.name}." in runner.said
            assert project.fate(runner.pid) in _fates_of_a_stopped(moment), moment.name

        project.recover()

        project.judge()


@pytest.mark.parametrize("number", EXIT_CODES, ids=lambda number: number.name)
def test_stopped_at_its_statement(arena: Arena, number: Signals) -> None:
    """The signal comes from outside, while the database is at work."""
    project = arena.project("", _if_asked(BUSY[arena.backend.name]), "")
    runner = _busy(project)

    project.send(runner, number)

    assert runner.wait() == EXIT_CODES[number], runner.said
    assert project.fate(runner.pid) == "interrupted"
    assert project.value("SELECT count(*) FROM effect") == 1
    project.fault.unlink()
    project.recover()
    project.judge()


@pytest.mark.parametrize("number", EXIT_CODES, ids=lambda number: number.name)
def test_a_second_signal_ends_a_runner_that_will_not_end(arena: Arena, number: Signals) -> None:
    body = f"""
        try:
            open('trying', 'x').close()
            {BUSY[arena.backend.name]}
        finally:
            open('cleaning', 'x').close()
            {SLEEP}
    """
    project = arena.project("", _if_asked(body), "")
    runner = _busy(project)
    wait_until(project.root.joinpath("trying").exists)

    project.send(runner, number)
    wait_until(project.root.joinpath("cleaning").exists)
    project.send(runner, number)

    assert runner.wait() == -number, runner.said
    project.fault.unlink()
    project.recover()
    project.judge()
    assert project.fate(runner.pid) == "interrupted"


@pytest.mark.parametrize("number", EXIT_CODES, ids=lambda number: number.name)
def test_a_second_signal_ends_a_runner_that_cannot_hear_the_first(
    arena: Arena, number: Signals
) -> None:
    project = arena.project("", _if_asked(DEAF), "")
    runner = _busy(project)
    wait_until(project.root.joinpath("deaf").exists)

    project.send(runner, number)
    wait_until(partial(runner.has_said, f"{number.name} waits for a call to return"))
    project.send(runner, number)

    assert runner.wait() == EXIT_CODES[number], runner.said
    project.fault.unlink()
    project.recover()
    project.judge()
    assert project.fate(runner.pid) == "interrupted"


@pytest.mark.timeout(0)
def test_stopped_at_random(arena: Arena) -> None:
    dice = chance(f"signals {arena.backend.name}")
    seconds = arena.seconds_of_a_run()
    while arena.figures.counts.get("random", 0) < STOPS:
        project = arena.project(*MANY)
        while _is_stopped_within(project, dice.uniform(0, seconds), dice.choice([SIGINT, SIGTERM])):
            arena.figures.add(random=1)

        project.recover()

        project.judge()


def _is_stopped_within(project: Project, seconds: float, number: Signals) -> bool:
    line = barrier(2)
    # Not before its first step: a process that is still starting has nothing to roll back.
    runner = start(project.root, ambush=at("before make the marks' table", line.wait))
    line.wait()
    if not runner.ended_within(seconds):
        project.send(runner, number)
    code = runner.wait()
    assert code == EXIT_CODES[number] or _is_through(project), runner.said
    return code == EXIT_CODES[number]


def _is_through(project: Project) -> bool:
    return project.states() == dict.fromkeys(project.revisions, "applied")


def _fates_of_a_stopped(ambush: Ambush) -> tuple[str, ...]:
    """As of a killed one, except that it may still be able to say what became of it."""
    return ("recovered", "success") if ambush.fate == "recovered" else (ambush.fate,)


def _if_asked(body: str) -> str:
    lines = f"open('inside', 'x').close()\n{dedent(body)}"
    return f"if os.path.exists({FAULT!r}):\n{indent(lines, '    ')}"


def _busy(project: Project) -> Runner:
    project.fault.touch()
    runner = start(project.root)
    wait_until(project.root.joinpath("inside").exists)
    return runner
