"""Events as lines, plain and on a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from delembic import events
from delembic.cli.progress import showing_progress
from support.projects import ProjectFolder
from support.shell import run_on_a_terminal

THEN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


class TestLines:
    @pytest.mark.parametrize(
        ("event", "out", "err"),
        [
            (events.Planned(("D001",)), "", ""),
            (
                events.Waiting("D001", "ann@db1, pid 7 (cli)"),
                "Waiting for D001, whose lock is held by ann@db1, pid 7 (cli).\n",
                "",
            ),
            (
                events.Settled("D001", 1, "success"),
                "An earlier attempt at D001 died (log entry 1); its work was committed, and the"
                " entry is now complete.\n",
                "",
            ),
            (
                events.Settled("D001", 1, "interrupted"),
                "An earlier attempt at D001 died (log entry 1); its work was not committed, so it"
                " counts as interrupted.\n",
                "",
            ),
            (events.Started("D001", "load", 1, 1, "run"), "Running D001: load\n", ""),
            (events.Started("D001", "", 1, 1, "run"), "Running D001\n", ""),
            (
                events.TransactionEnded("D001"),
                "  D001 ended its transaction itself, so delembic could not have rolled back all"
                " of its work.\n",
                "",
            ),
            (
                events.SlowInserts("D001", 20_000),
                "  D001 has sent 20,000 rows by INSERT so far; delembic.bulk_load would send them"
                " several times as fast.\n",
                "",
            ),
            (events.Finished("D001", 1, 1, THEN, 1.2376, 9), "  OK (1.24s)\n", ""),
            (
                events.Skipped("D001", THEN, "ann@db1", 1),
                "Skipped D001: it was applied in the meantime by ann@db1\n",
                "",
            ),
            (
                events.Skipped("D001", None, None, None),
                "Skipped D001: it was applied in the meantime\n",
                "",
            ),
            (
                events.Failed("D001", 1, 1, "upgrade", "ValueError", 0.004, rolled_back=True),
                "  FAILED (0.00s)\n",
                "",
            ),
            (events.Blocked("D002", 1, ("D001",)), "", ""),
            (events.Interrupted("D001", 1), "  INTERRUPTED, rolled back\n", ""),
            (
                events.RecordDelayed("D001", 1, "disk full"),
                "",
                "Warning: The end of D001 could not be recorded (disk full); the next run will"
                " record it.\n",
            ),
            (events.Verifying("D001", "load"), "", ""),
            (events.Verification("D001", True, None, THEN, 1.2376, 9), "D001  OK (1.24s)\n", ""),
            (
                events.Verification("D001", False, "ValueError: bad\nrow", THEN, 0.004, 9, True),
                "D001  FAILED (0.00s)  ValueError: bad"
                "  (its file has changed since it was applied)\n",
                "",
            ),
            (
                events.LockLost("D001"),
                "",
                "Warning: The lock of D001 was lost with its connection while it ran; the mark"
                " still lets it take effect only once.\n",
            ),
            (
                events.FilesGone(("D001", "D002")),
                "",
                "Warning: 2 applied revisions have no file: D001, D002.\n",
            ),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, events.Event) else "",
    )
    def test_each_event_has_its_line_or_none(
        self, event: events.Event, out: str, err: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with showing_progress() as progress:
            progress.show(event)

        assert capsys.readouterr() == (out, err)


class TestTerminal:
    @pytest.fixture
    def project(self, sqlite_url: str, tmp_path: Path) -> ProjectFolder:
        return ProjectFolder(tmp_path / "project", sqlite_url)

    def test_there_are_colours_and_a_live_line_that_goes_away(self, project: ProjectFolder) -> None:
        project.migration("D001")

        ran = run_on_a_terminal("upgrade", cwd=project.root)

        assert ran.exit_code == 0
        assert "\x1b[1mRunning D001: the work of D001\x1b[0m" in ran.out
        assert "D001 is running" in ran.out
        assert re.search(r"\x1b\[32mOK \(\d+\.\d\ds\)\x1b\[0m", ran.out)
        lines = _on_the_screen(ran.out)
        assert [re.sub(r"\d\.\d\d", "1.24", line) for line in lines] == [
            "Running D001: the work of D001",
            "  OK (1.24s)",
        ]

    def test_after_a_failure_the_live_line_is_gone_too(self, project: ProjectFolder) -> None:
        project.migration("D001", "raise ValueError('bad row')")

        ran = run_on_a_terminal("upgrade", cwd=project.root)

        assert ran.exit_code == 1
        assert re.search(r"\x1b\[31mFAILED \(\d+\.\d\ds\)\x1b\[0m", ran.out)
        assert "\x1b[31m\x1b[1mError:\x1b[0m D001 failed in upgrade: ValueError: bad row" in ran.out
        assert not any("is running" in line for line in _on_the_screen(ran.out))

    def test_what_a_migration_prints_is_kept(self, project: ProjectFolder) -> None:
        project.migration("D001", "print('42 rows [so far]')")

        ran = run_on_a_terminal("upgrade", cwd=project.root)

        assert "42 rows [so far]" in _on_the_screen(ran.out)

    def test_what_a_migration_logs_stays_above_the_live_line(self, project: ProjectFolder) -> None:
        project.migration("D001", "import logging\nlogging.getLogger('a').info('[42] terms')")

        ran = run_on_a_terminal("upgrade", "-v", cwd=project.root)

        assert _on_the_screen(ran.out)[1] == "  INFO [42] terms"

    def test_states_have_colours(self, project: ProjectFolder) -> None:
        project.migration("D001")
        project.migration("D002", "raise ValueError")
        run_on_a_terminal("upgrade", cwd=project.root)

        ran = run_on_a_terminal("history", cwd=project.root)

        assert "\x1b[32mapplied \x1b[0m  D001" in ran.out
        assert "\x1b[31mfailed  \x1b[0m  D002" in ran.out

    @pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")], ids=" is ".join)
    @pytest.mark.parametrize("command", ["upgrade", "history", "runs"])
    def test_who_wants_or_has_no_colours_gets_none(
        self, project: ProjectFolder, command: str, variable: tuple[str, str]
    ) -> None:
        project.migration("D001", "raise ValueError")
        run_on_a_terminal("upgrade", cwd=project.root)

        ran = run_on_a_terminal(command, cwd=project.root, **dict([variable]))

        assert "D001" in ran.out
        assert "\x1b[3" not in ran.out

    def test_a_terminal_that_knows_only_text_gets_only_text(self, project: ProjectFolder) -> None:
        project.migration("D001", "raise ValueError")

        ran = run_on_a_terminal("upgrade", cwd=project.root, TERM="dumb")

        assert "\x1b" not in ran.out
        assert "is running" not in ran.out


def _on_the_screen(output: str) -> list[str]:
    """The lines that are left when every code that moves or erases has been obeyed."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[[\d;?]*[A-Za-z]|\r|\n)", output):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[2K":
            lines[row] = ""
        elif re.fullmatch(r"\x1b\[(\d*)A", part):
            row -= int(part[2:-1] or 1)
        elif part != "\r" and not part.startswith("\x1b"):
            lines[row] += part
    return [line.rstrip() for line in lines if line.strip()]
