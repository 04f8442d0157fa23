"""What `commands.runs` and `commands.show` read of the audit log, on every kind of database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect

from delembic import LogEntry, Standing, State, commands
from delembic.audit.marks import Mark
from delembic.errors import DefinitionError, UnknownRevisionError
from support.audit_rows import (
    CORRECTED,
    DRIFTED,
    FAILED,
    LOADED,
    LOG,
    MARKS,
    RUNNING,
    THEN,
    VERIFIED,
    record,
    record_as_1,
)
from support.projects import ProjectFolder
from support.servers.backend import Backend


@pytest.fixture
def project(backend: Backend, tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", backend.url)


@pytest.fixture
def local(sqlite_url: str, tmp_path: Path) -> ProjectFolder:
    """Where the kind of database makes no difference."""
    return ProjectFolder(tmp_path / "project", sqlite_url)


def _tables(project: ProjectFolder) -> list[str]:
    with project.connection() as conn:
        return inspect(conn).get_table_names()


@contextmanager
def _queries_of_the_log() -> Iterator[list[str]]:
    """The statements that read rows of the audit log, as they are sent."""
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        if re.search(r"FROM \S*delembic_run_history\b", arguments[2]):
            sent.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class TestRuns:
    def test_the_newest_attempt_comes_first_with_all_that_is_on_record(
        self, project: ProjectFolder
    ) -> None:
        record(project, *LOG)

        assert commands.runs(project.config) == [RUNNING, CORRECTED, FAILED, LOADED]

    def test_what_was_really_run_is_in_it(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.upgrade()

        (attempt,) = commands.runs(project.config)

        assert (attempt.revision, attempt.status, attempt.executor) == ("D001", "success", "python")

    def test_it_can_be_narrowed_to_a_revision_and_to_failures(self, project: ProjectFolder) -> None:
        record(project, *LOG, replace(FAILED, id=5, revision="D004", attempt_id="a-5"))

        def ids(*arguments: Any, **options: Any) -> list[int]:
            return [attempt.id for attempt in commands.runs(project.config, *arguments, **options)]

        assert ids("D002") == [3, 2]
        assert ids(failed=True) == [5, 2]
        assert ids("D002", failed=True) == [2]

    def test_an_interruption_is_no_failure(self, local: ProjectFolder) -> None:
        record(local, replace(FAILED, status="interrupted"), replace(RUNNING, status="blocked"))

        assert commands.runs(local.config, failed=True) == []

    def test_it_can_be_narrowed_to_attempts_or_to_verifications(
        self, project: ProjectFolder
    ) -> None:
        record(project, *LOG, VERIFIED, DRIFTED)

        def ids(**options: Any) -> list[int]:
            return [run.id for run in commands.runs(project.config, "D002", **options)]

        assert ids() == [6, 5, 3, 2]
        assert ids(operation="upgrade") == [3, 2]
        assert ids(operation="verify", failed=True) == [6]
        with pytest.raises(ValueError, match="downgrade"):
            ids(operation="downgrade")

    def test_there_are_20_unless_another_number_is_named(self, local: ProjectFolder) -> None:
        record(local, *(replace(LOADED, id=n, attempt_id=f"r-{n}") for n in range(1, 24)))

        def ids(**options: Any) -> list[int]:
            return [attempt.id for attempt in commands.runs(local.config, **options)]

        assert ids() == list(range(23, 3, -1))
        assert ids(limit=2) == [23, 22]
        assert ids(limit=None) == list(range(23, 0, -1))

    def test_a_long_log_is_asked_once_and_for_no_more_than_is_wanted(
        self, project: ProjectFolder
    ) -> None:
        record(project)
        digits = "(SELECT 0 AS n" + "".join(f" UNION ALL SELECT {n}" for n in range(1, 10)) + ")"
        zone = "+00:00" if "postgresql" in project.url else ""
        project.execute(
            "INSERT INTO delembic_run_history (id, revision, started_at, status)"
            " SELECT 1 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n,"
            f" 'D001', '2024-01-15 10:30:00.000000{zone}', 'success'"
            f" FROM {digits} a, {digits} b, {digits} c, {digits} d, {digits} e"
        )

        with _queries_of_the_log() as queries:
            attempts = commands.runs(project.config, limit=3)

        assert [attempt.id for attempt in attempts] == [100_000, 99_999, 99_998]
        (query,) = queries
        assert "LIMIT" in query

    def test_a_database_that_delembic_never_touched_stays_untouched(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")

        assert commands.runs(project.config) == []
        assert commands.runs(project.config, "D001") == []
        assert _tables(project) == []

    def test_a_log_of_delembic_1_is_read_as_far_as_it_goes(self, project: ProjectFolder) -> None:
        record_as_1(project, FAILED)

        assert commands.runs(project.config, operation="verify") == []
        (attempt,) = commands.runs(project.config, failed=True, operation="upgrade")

        assert attempt == LogEntry(
            2, "D002", "failed", FAILED.started_at,
            ended_at=FAILED.ended_at,
            duration_seconds=185.2,
            exception=FAILED.exception,
            username="ann",
            hostname="db1",
        )  # fmt: skip
        with project.connection() as conn:
            assert len(inspect(conn).get_columns("delembic_run_history")) == 9

    def test_files_that_cannot_be_read_are_no_obstacle(self, local: ProjectFolder) -> None:
        record(local, *LOG)
        local.write("delembic/versions/D002.py", "def upgrade(:\n")

        assert len(commands.runs(local.config, "D002")) == 2

    def test_an_audit_log_in_another_database_is_found_there(
        self, local: ProjectFolder, tmp_path: Path
    ) -> None:
        local.migration("D001")
        local.configure(metadata_url=f"sqlite:///{tmp_path / 'log.sqlite'}")
        local.upgrade()

        assert [attempt.revision for attempt in commands.runs(local.config)] == ["D001"]
        assert len(commands.show(local.config, "D001").attempts) == 1
        assert _tables(local) == ["delembic_database", "delembic_version"]

    @pytest.mark.parametrize("command", [commands.runs, commands.show])
    def test_an_unknown_revision_comes_with_the_nearest_name(
        self, local: ProjectFolder, command: Any
    ) -> None:
        local.migration("D001")

        with pytest.raises(UnknownRevisionError) as caught:
            command(local.config, "D01")

        assert caught.value.exit_code == 2
        assert str(caught.value) == (
            "There is no revision 'D01'. Did you mean 'D001'?\n"
            "'delembic history' lists the revisions."
        )

    @pytest.mark.parametrize("command", [commands.runs, commands.show])
    def test_one_that_is_only_on_record_can_be_the_nearest(
        self, local: ProjectFolder, command: Any
    ) -> None:
        record(local, *LOG, *MARKS)

        with pytest.raises(UnknownRevisionError, match="Did you mean 'D002'"):
            command(local.config, "D02")

    @pytest.mark.parametrize(
        "fact", [LOADED, replace(LOADED, status="interrupted"), MARKS[0]], ids=lambda f: f.status
    )
    def test_a_revision_on_record_is_known_even_if_it_never_failed(
        self, local: ProjectFolder, fact: LogEntry | Mark
    ) -> None:
        record(local, fact)

        assert commands.runs(local.config, "D001", failed=True) == []


class TestShow:
    def test_the_attempts_come_in_the_order_in_which_they_were_made(
        self, project: ProjectFolder
    ) -> None:
        path = project.migration("D002", depends_on=("D001",))
        project.migration("D001")
        record(project, *LOG, *MARKS)

        shown = commands.show(project.config, "D002")

        assert shown.attempts == (FAILED, CORRECTED)
        assert shown.standing == Standing(
            "D002", "the work of D002", State.APPLIED, CORRECTED.ended_at, changed=True
        )
        assert shown.source is not None
        assert (shown.source.path, shown.source.depends_on) == (path, ("D001",))

    def test_all_attempts_are_there_however_many(self, local: ProjectFolder) -> None:
        record(local, *(replace(LOADED, id=n, attempt_id=f"r-{n}") for n in range(1, 51)))

        assert len(commands.show(local.config, "D001").attempts) == 50

    def test_the_last_verifications_are_apart_and_oldest_first(
        self, project: ProjectFolder
    ) -> None:
        again = [replace(VERIFIED, id=n, attempt_id=f"r-{n}") for n in range(5, 25)]
        record(project, *LOG, *MARKS, *again)

        shown = commands.show(project.config, "D002")

        assert shown.attempts == (FAILED, CORRECTED)
        assert [each.id for each in shown.verifications] == list(range(15, 25))

    def test_a_file_that_was_edited_since_it_was_applied_is_noticed(
        self, project: ProjectFolder
    ) -> None:
        path = project.migration("D001")
        project.upgrade()
        before = commands.show(project.config, "D001")
        path.write_text(f"{path.read_text()}# an afterthought\n")

        after = commands.show(project.config, "D001")

        assert (before.changed, after.changed) == (False, True)
        assert before.source is not None
        assert after.applied_checksum == before.applied_checksum == before.source.checksum

    @pytest.mark.parametrize("before", ["\n", "\r\n"], ids=["unix", "windows"])
    def test_a_file_that_was_checked_out_with_other_line_ends_has_not_changed(
        self, project: ProjectFolder, before: str
    ) -> None:
        path = project.migration("D001")
        text = path.read_text()
        path.write_text(text, newline=before)
        project.upgrade()
        after = {"\n": "\r\n", "\r\n": "\n"}[before]
        path.write_text(text, newline=after, encoding="utf-8-sig")

        shown = commands.show(project.config, "D001")

        assert shown.source
        assert shown.changed is False
        assert shown.applied_checksum == shown.source.checksum
        assert [each.changed for each in commands.history(project.config)] == [False]

    @pytest.mark.parametrize("recorded", ["\n", "\r\n"], ids=["unix", "windows"])
    @pytest.mark.parametrize("now", ["\n", "\r\n"], ids=["unix now", "windows now"])
    def test_what_an_earlier_version_recorded_of_the_bytes_stays_right(
        self, local: ProjectFolder, recorded: str, now: str
    ) -> None:
        path = local.migration("D001")
        text = path.read_text()
        of_bytes = hashlib.sha256(text.replace("\n", recorded).encode()).hexdigest()
        record(local, LOADED, Mark("D001", THEN, "success", 1.0, "a-1", of_bytes))
        path.write_text(text, newline=now)

        shown = commands.show(local.config, "D001")

        assert shown.source
        assert (shown.changed, shown.applied_checksum) == (False, shown.source.checksum)

    @pytest.mark.parametrize("status", ["failed", "interrupted"])
    def test_a_file_that_never_took_effect_has_not_changed_since(
        self, local: ProjectFolder, status: str
    ) -> None:
        local.migration("D002")
        mark = Mark("D002", THEN, "failed", 1.0, "a-2", "2" * 64)
        record(local, replace(FAILED, status=status), mark)

        shown = commands.show(local.config, "D002")

        assert (shown.standing.state, shown.applied_checksum, shown.changed) == (status, None, None)

    def test_one_that_waits_says_for_what(self, local: ProjectFolder) -> None:
        local.migration("D002")
        local.migration("D003", depends_on=("D002",))
        record(local, FAILED)

        shown = commands.show(local.config, "D003")

        assert (shown.standing.state, shown.standing.waits_for) == ("blocked", ("D002",))
        assert shown.attempts == ()

    def test_a_database_that_delembic_never_touched_stays_untouched(
        self, project: ProjectFolder
    ) -> None:
        project.migration("D001")

        shown = commands.show(project.config, "D001")

        assert shown.standing == Standing("D001", "the work of D001", State.PENDING)
        assert _tables(project) == []

    def test_of_delembic_1_there_is_no_checksum(self, project: ProjectFolder) -> None:
        project.migration("D001")
        record_as_1(project, LOADED, MARKS[0])

        shown = commands.show(project.config, "D001")

        assert shown.standing.applied_at == LOADED.ended_at
        assert (shown.applied_checksum, shown.changed) == (None, None)
        assert [attempt.duration_seconds for attempt in shown.attempts] == [1.237]

    @pytest.mark.parametrize(
        ("facts", "state"),
        [
            ((LOADED, MARKS[0]), "applied"),
            ((MARKS[0],), "applied"),
            ((replace(LOADED, status="failed"),), "failed"),
            ((Mark("D001", THEN, "failed", 1.0, None, None),), "failed"),
            ((replace(LOADED, status="interrupted"),), "interrupted"),
            ((replace(LOADED, status="running"),), "running"),
        ],
    )
    def test_one_whose_file_is_gone_is_shown_as_long_as_it_is_on_record(
        self, local: ProjectFolder, facts: tuple[LogEntry | Mark, ...], state: str
    ) -> None:
        record(local, *facts)

        shown = commands.show(local.config, "D001")

        has_attempt = isinstance(facts[0], LogEntry)
        assert (shown.standing.state, shown.standing.has_file) == (state, False)
        assert shown.standing.description == ("load terms" if has_attempt else "")
        assert (shown.source, shown.changed) == (None, None)
        assert len(shown.attempts) == has_attempt

    def test_files_that_cannot_be_read_are_told(self, local: ProjectFolder) -> None:
        local.write("delembic/versions/D002.py", "def upgrade(:\n")

        with pytest.raises(DefinitionError, match="does not parse"):
            commands.show(local.config, "D002")
