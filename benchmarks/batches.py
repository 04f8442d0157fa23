"""Compare work in batches with one statement for all of it, on PostgreSQL: ``make benchmark``.

Both change a million rows of the same table, in turns, on a private server. The results are ratios
of time, the best of several rounds, because machines differ and are noisy. Each line ends with the
highest value allowed, and the program fails if one is above it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from delembic import Config, commands
from delembic.events import BatchDone, Event, Listener, ignore

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.servers.availability import ServerUnavailableError
from support.servers.postgresql import private_postgresql

_ROUNDS = 3
_CHECKPOINTS = 1_000
_MOST_MILLISECONDS = 0.5
_MOST_MILLISECONDS_IN_ALL = 5
_RATIOS = {10_000: 1.15, 100_000: 1.03}
"""The highest ratio allowed for a number of rows in a batch."""

_UPDATE = "UPDATE measurement SET unit = lower(unit)"
_MIGRATION = """
from delembic import BatchedMigration, KeyRanges
from sqlalchemy import text

class Batched(BatchedMigration):
    revision = "D001"
    batches = KeyRanges("{table}")
    batch_size = {size}
    batch_seconds = None

    def upgrade_batch(self, conn, batch):
        {body}
"""
_WHOLE = f"""
from delembic import DataMigration
from sqlalchemy import text

class Whole(DataMigration):
    revision = "D001"

    def upgrade(self, conn):
        conn.execute(text({_UPDATE!r}))
"""
_BATCHED = f'conn.execute(text(f"{_UPDATE} WHERE {{batch.where}}"), batch.parameters)'


def compare(engine: Engine, rows: int) -> bool:
    """Change all rows at once and in batches, print the ratios, and tell if they are low enough."""
    migrations = {0: _WHOLE} | {size: _batched(size, _BATCHED) for size in _RATIOS}
    seconds: dict[int, list[float]] = {size: [] for size in migrations}
    for _ in range(_ROUNDS):
        for size, migration in migrations.items():
            _fill(engine, rows)
            seconds[size].append(_timed(partial(_apply, engine.url, migration)))
    whole = min(seconds[0])
    fine = True
    for size, most in _RATIOS.items():
        ratio = min(seconds[size]) / whole
        print(
            f"{size:,} rows a batch: {ratio:.2f} ({min(seconds[size]):.2f} s / {whole:.2f} s),"
            f" at most {most:g}"
        )
        fine &= ratio <= most
    return fine


def checkpoints(engine: Engine) -> bool:
    """Do batches of one row each, and print what their bookkeeping costs.

    All of it is what a loop does without that finds the rows and commits in the same way. The
    checkpoint is a part: the two statements that read and write it, in the driver.
    """
    _fill(engine, _CHECKPOINTS)
    taken: list[float] = []

    def note(happened: Event) -> None:
        if isinstance(happened, BatchDone):
            taken.append(happened.seconds)

    with _timing("delembic_checkpoint") as statements:
        _apply(engine.url, _batched(1, _BATCHED), note)
    checkpoint = 2_000 * statistics.median(statements)
    theirs = 1_000 * statistics.median(_bare_batches(engine))
    whole = 1_000 * statistics.median(taken) - theirs
    print(f"checkpoint: {checkpoint:.2f} ms a batch, at most {_MOST_MILLISECONDS:g}")
    print(f"all bookkeeping: {whole:.2f} ms a batch, at most {_MOST_MILLISECONDS_IN_ALL:g}")
    return checkpoint <= _MOST_MILLISECONDS and whole <= _MOST_MILLISECONDS_IN_ALL


@contextmanager
def _timing(table: str) -> Iterator[list[float]]:
    """Yield a list that gets how long each statement takes that names a table."""
    taken: list[float] = []
    begun = 0.0

    def begin(*_: Any) -> None:
        nonlocal begun
        begun = time.perf_counter()

    def end(conn: Connection, cursor: Any, statement: str, *_: Any) -> None:
        if table in statement:
            taken.append(time.perf_counter() - begun)

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    try:
        yield taken
    finally:
        event.remove(Engine, "before_cursor_execute", begin)
        event.remove(Engine, "after_cursor_execute", end)


def _bare_batches(engine: Engine) -> list[float]:
    """Return how long batches take that somebody might write by hand, without any record."""
    taken, last = [], 0
    next_key = text(
        "SELECT measurement_id FROM measurement WHERE measurement_id > :last"
        " ORDER BY measurement_id LIMIT 1"
    )
    update = text(f"{_UPDATE} WHERE measurement_id > :last AND measurement_id <= :key")
    with engine.connect() as conn:
        while True:
            begun = time.perf_counter()
            with conn.begin():
                found = conn.execute(next_key, {"last": last}).scalar()
                conn.execute(update, {"last": last, "key": found})
            taken.append(time.perf_counter() - begun)
            if found is None:
                return taken
            last = found


def _batched(size: int, body: str) -> str:
    return _MIGRATION.format(table="measurement", size=size, body=body)


def _apply(url: URL, migration: str, on_event: Listener = ignore) -> None:
    """Run a migration in a new project, whose marks and checkpoints are new ones too."""
    with tempfile.TemporaryDirectory() as folder:
        versions = Path(folder, "delembic", "versions")
        versions.mkdir(parents=True)
        (versions / "D001.py").write_text(migration)
        ini = Path(folder, "delembic.ini")
        address = url.render_as_string(hide_password=False)
        ini.write_text(f"[delembic]\nscript_location = delembic\nsqlalchemy.url = {address}\n")
        commands.upgrade(Config.load(ini), on_event=on_event)


def _fill(engine: Engine, rows: int) -> None:
    """Make the table anew, as a table looks that autovacuum has just seen."""
    own = ("measurement", "delembic_version", "delembic_run_history", "delembic_checkpoint")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for table in own:
            conn.execute(text(f"DROP TABLE IF EXISTS {table}"))
        conn.execute(
            text(
                "CREATE TABLE measurement (measurement_id BIGINT PRIMARY KEY, unit TEXT, note TEXT)"
            )
        )
        conn.execute(
            text(
                "INSERT INTO measurement SELECT n, 'MMOL/L', md5(n\\:\\:text)"
                " FROM generate_series(1, :rows) AS n"
            ),
            {"rows": rows},
        )
        conn.execute(text("VACUUM ANALYZE measurement"))
        conn.execute(text("CHECKPOINT"))


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    try:
        with private_postgresql() as server, server.databases.fresh() as url:
            engine = create_engine(url, poolclass=NullPool)
            results = [checkpoints(engine), compare(engine, options.rows)]
            engine.dispose()
    except ServerUnavailableError as reason:
        sys.exit(str(reason))
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
