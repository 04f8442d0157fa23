"""What a migration logs and prints is in the log of its step."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from celery.utils.log import LoggingProxy  # type: ignore[import-untyped]
from dagster import DagsterInstance, instance_for_test

from delembic_dagster.steps.output import MOST_LINES
from support.dagster_location import Location

HEAD = "import logging, subprocess, sys, warnings"


def lines(instance: DagsterInstance, run_id: str) -> list[tuple[int, str]]:
    """The messages of the steps in order, with their levels."""
    return [
        (int(record.level), record.user_message)
        for record in instance.all_logs(run_id)
        if record.dagster_event is None
    ]


def told(location: Location, upgrade: str, **options: Any) -> list[tuple[int, str]]:
    """The lines of the step's log between its first and its last."""
    location.folder.migration("D001", upgrade, head=HEAD, **options)
    ran = location.run()
    return [
        line for line in lines(location.instance, ran.run_id)
        if not line[1].startswith(("Running D001", "D001 was applied"))
    ]  # fmt: skip


def test_log_records_appear_with_their_level(sqlite_location: Location) -> None:
    upgrade = """
    logging.getLogger(__name__).info("loaded %d rows", 3)
    logging.getLogger("loader").warning("a row is odd")
    logging.error("a row is wrong")
    """

    assert told(sqlite_location, upgrade) == [
        (logging.INFO, "loaded 3 rows"),
        (logging.WARNING, "a row is odd"),
        (logging.ERROR, "a row is wrong"),
    ]


def test_a_logged_exception_has_its_traceback(sqlite_location: Location) -> None:
    upgrade = """
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("not to worry")
    """

    ((level, text),) = told(sqlite_location, upgrade)

    assert level == logging.ERROR
    assert text.startswith("not to worry\nTraceback")
    assert text.endswith("ZeroDivisionError: division by zero")


def test_printed_lines_appear_and_are_still_printed(
    sqlite_location: Location, capsys: pytest.CaptureFixture[str]
) -> None:
    upgrade = "print('one', 'line'); print(); print('with', end=' '); print('an end', end='')"

    assert told(sqlite_location, upgrade) == [
        (logging.INFO, "one line"),
        (logging.INFO, "with an end"),
    ]
    assert "one line\n\nwith an end" in capsys.readouterr().out


def test_what_validate_prints_appears_too(sqlite_location: Location) -> None:
    found = told(sqlite_location, "return", validate="print('checked')")

    assert found == [(logging.INFO, "checked")]


def test_what_is_printed_before_a_failure_appears(sqlite_location: Location) -> None:
    found = told(sqlite_location, "print('so far', end=''); logging.info('so good'); 1/0")

    assert found[:2] == [(logging.INFO, "so good"), (logging.INFO, "so far")]


def test_of_very_many_lines_only_the_first_appear_with_a_note(sqlite_location: Location) -> None:
    found = told(sqlite_location, f"for n in range({MOST_LINES * 3}): print(n)")

    assert len(found) == MOST_LINES + 1
    assert found[-2] == (logging.INFO, str(MOST_LINES - 1))
    assert found[-1][1].startswith(f"More than {MOST_LINES} lines of output")


def test_megabytes_without_a_line_break_are_cut(sqlite_location: Location) -> None:
    found = told(sqlite_location, "for n in range(100): print('x' * 100_000, end='')")

    assert sum(len(text) for _, text in found) < MOST_LINES * 4_001


def test_a_long_line_says_truly_where_it_was_cut(sqlite_location: Location) -> None:
    ((_, line),) = told(sqlite_location, "print('x' * 100_000)")

    assert len(line) == 4_000
    assert line.endswith("x … (only the first 4,000 characters are shown here)")


def test_a_progress_line_shows_its_first_versions_and_its_last(sqlite_location: Location) -> None:
    upgrade = """
    for n in range(20_000):
        print(f"\\r{n} rows", end="")
    print()
    print("done")
    """

    found = told(sqlite_location, upgrade)

    assert found[0] == (logging.INFO, "0 rows")
    assert found[-2:] == [(logging.INFO, "19999 rows"), (logging.INFO, "done")]
    assert len(found) < 10


def test_passwords_are_masked(sqlite_location: Location) -> None:
    upgrade = """
    print("from postgresql://ann:open-sesame@db1/vocabulary")
    logging.info("to postgresql://ann:open-sesame@db2/vocabulary")
    """

    found = told(sqlite_location, upgrade)

    assert len(found) == 2
    assert "open-sesame" not in str(found)


def test_loggers_that_dagster_forwards_itself_are_not_forwarded_twice(
    sqlite_location: Location,
) -> None:
    overrides = {"python_logs": {"managed_python_loggers": ["loader"], "python_log_level": "INFO"}}

    with instance_for_test(overrides=overrides) as instance:
        sqlite_location.instance = instance
        found = told(
            sqlite_location,
            "logging.getLogger('loader.csv').warning('once'); logging.warning('from the root')",
        )

    assert sorted(text for _, text in found) == ["from the root", "once"]


@pytest.fixture
def chatty(sqlite_location: Location, monkeypatch: pytest.MonkeyPatch) -> Location:
    """A Dagster instance whose storage logs whenever it is used, as a new one does."""
    storage = sqlite_location.instance.event_log_storage

    def noting(method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **named: Any) -> Any:
            logging.getLogger("storage").warning("at work")
            return method(*arguments, **named)

        return noted

    for name in ("store_event", "get_asset_records"):
        monkeypatch.setattr(storage, name, noting(getattr(storage, name)))
    return sqlite_location


def test_what_dagsters_storage_logs_does_not_come_back_to_it(chatty: Location) -> None:
    found = told(chatty, "print('one'); logging.info('two')", validate="print('three')")

    assert [text for _, text in found] == ["one", "two", "three"]


def test_what_dagsters_storage_logs_does_not_come_back_during_verification(
    chatty: Location,
) -> None:
    chatty.folder.migration("D001", "return", validate="print('checked')")
    chatty.folder.upgrade()

    ran = chatty.run_definitions(chatty.definitions(), job="delembic_verify")

    texts = [text for _, text in lines(chatty.instance, ran.run_id)]
    assert ran.checks("validate_again") == [("D001", True)]
    assert "checked" in texts
    assert "at work" not in texts


def test_a_faulty_log_call_does_not_end_the_migration(
    sqlite_location: Location,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's would raise

    found = told(sqlite_location, "logging.info('%d rows', 'three'); logging.info('go on')")

    assert found == [(logging.INFO, "go on")]
    assert "three" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("level", "shown"),
    [(25, logging.INFO), (35, logging.WARNING), (99, logging.CRITICAL)],
)
def test_a_custom_log_level_becomes_one_that_dagsters_pages_know(
    sqlite_location: Location, level: int, shown: int
) -> None:
    assert told(sqlite_location, f"logging.log({level}, 'odd')") == [(shown, "odd")]


def test_the_standard_output_keeps_all_its_methods(
    sqlite_location: Location, capfd: pytest.CaptureFixture[str]
) -> None:
    upgrade = """
    sys.stdout.buffer.write(b"bytes")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", "print('another process')"], stdout=sys.stdout)
    print(sys.stdout.encoding.lower(), sys.stdout.isatty(), sys.stdout.writable())
    """

    assert told(sqlite_location, upgrade) == [(logging.INFO, "utf-8 False True")]
    out = capfd.readouterr().out
    assert "bytes" in out
    assert "another process" in out


def test_a_standard_output_that_is_not_a_file_is_supported(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Proxy:
        """The standard output of a Celery worker."""

        said = ""

        def write(self, text: str) -> None:
            self.said += text

        def flush(self) -> None: ...

    stdout = Proxy()
    monkeypatch.setattr(sys, "stdout", stdout)

    found = told(sqlite_location, "print('one', flush=True); print(sys.stdout.encoding)")

    assert [text for _, text in found] == ["one", "utf-8"]
    assert stdout.said == "one\nutf-8\n"


def test_output_that_celery_logs_is_not_forwarded_twice(
    sqlite_location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = LoggingProxy(logging.getLogger("celery.redirected"), logging.WARNING)
    monkeypatch.setattr(sys, "stdout", stdout)

    assert told(sqlite_location, "print('one')") == [(logging.INFO, "one")]


def test_a_handler_that_a_migration_leaves_behind_writes_to_no_step(
    sqlite_location: Location,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(logging.getLogger("mine"), "handlers", [])
    upgrade = """
    mine = logging.getLogger("mine")
    mine.addHandler(logging.StreamHandler(sys.stdout))
    mine.propagate = False
    mine.error("in the step")
    """
    sqlite_location.folder.migration("D001", upgrade, head=HEAD)
    ran = sqlite_location.run()

    logging.getLogger("mine").error("after the step")

    texts = [text for _, text in lines(sqlite_location.instance, ran.run_id)]
    assert "in the step" in texts
    assert "after the step" not in texts
    assert "after the step" in capsys.readouterr().out


def test_log_records_of_alembic_are_left_out(sqlite_location: Location) -> None:
    upgrade = "logging.getLogger('alembic.runtime.migration').info('Context impl'); print('mine')"

    assert told(sqlite_location, upgrade) == [(logging.INFO, "mine")]


def test_the_root_logger_is_left_as_it_was(sqlite_location: Location) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))

    told(sqlite_location, "1/0")

    assert (root.level, list(root.handlers)) == before
