"""The arena, and the lines of figures at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.servers.backend import Backend
from support.torture.arena import Arena, Figures

_PROPERTY = "torture"
_OTHERS = {
    "tests/bad_input/": "bad inputs tried, each with a clear error",
    "tests/execution/test_broken_connections.py": "connections broken, each settled",
}


@pytest.fixture
def arena(backend: Backend, tmp_path: Path, request: pytest.FixtureRequest) -> Arena:
    """Where projects are tortured, once for each kind of database."""
    figures = Figures(backend.name)
    # The very dictionaries that the test fills: the report takes them when the test has ended.
    seen = {"database": figures.database, "counts": figures.counts, "steps": figures.steps}
    request.node.user_properties.append((_PROPERTY, seen))
    return Arena(backend, tmp_path, figures)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was done to each database, and what was seen in it."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    steps: dict[str, set[str]] = defaultdict(set)
    for seen in _seen(terminalreporter):
        counts[seen["database"]].update(seen["counts"])
        steps[seen["database"]].update(seen["steps"])
    if counts:
        terminalreporter.section("torture")
    for database, count in counts.items():
        terminalreporter.write_line(_line(database, count, len(steps[database])))
    if counts and (line := _others(terminalreporter)):
        terminalreporter.write_line(line)


def _seen(reporter: pytest.TerminalReporter) -> Iterator[dict[str, Any]]:
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                properties: dict[str, Any] = dict(report.user_properties)
                if _PROPERTY in properties:
                    yield properties[_PROPERTY]


def _others(reporter: pytest.TerminalReporter) -> str:
    """What was tried beside the torture, one test for each case."""
    passed = Counter(
        next((kind for kind in _OTHERS if report.nodeid.startswith(kind)), "")
        for report in reporter.stats.get("passed", [])
    )
    return ", ".join(f"{passed[kind]} {name}" for kind, name in _OTHERS.items() if passed[kind])


def _line(database: str, count: Counter[str], steps: int) -> str:
    return (
        f"{database}: {count['kills']} kills and {count['signals']} signals at {steps} steps and"
        f" {count['random']} random moments, {count['racers']} racers in {count['rounds']} rounds,"
        f" {count['faults']} faults, {count['batch_kills']} kills in batches of"
        f" {count['rows_done']} rows, {count['scenes']} scenes of an adversary,"
        f" {count['attempts']} attempts: {count['doubled']} effects"
        f" doubled, {count['lost']} lost, {count['unrecorded']} attempts without a row"
    )
