"""Compare `bulk_load` with the native client of each database: ``make benchmark``.

Both load the same file, in turns, into private servers on this machine. The results are ratios of
rows in a second, the best of several rounds, because machines differ and are noisy. Each line ends
with the lowest ratio allowed, and the program fails if one is below it. So it does if a large file
takes more memory than a small one may.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from delembic import Config, bulk_load, commands
from delembic.database.dialects import kind_of
from delembic.events import Finished

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from support.servers.availability import ServerUnavailableError
from support.servers.mariadb import private_mariadb
from support.servers.postgresql import private_postgresql

_ROUNDS = 3
_MOST_MEGABYTES = 100
_TABLE = (
    "CREATE TABLE concept (concept_id INTEGER, concept_name VARCHAR(255),"
    " vocabulary_id VARCHAR(20), valid_start_date DATE, value NUMERIC(10, 2))"
)
_IN_CHUNKS = """
from delembic import BatchedMigration, FileChunks, bulk_load

class Load(BatchedMigration):
    revision = "D001"
    depends_on = []
    batches = FileChunks({file!r}, mebibytes=16)

    def upgrade_batch(self, conn, batch):
        bulk_load(conn, "concept", batch.file)
"""
_HEADER = "concept_id,concept_name,vocabulary_id,valid_start_date,value\n"


@dataclass(frozen=True)
class Rival:
    """A database, and what its native client is told to load a file.

    Attributes:
        name: What the client is called.
        url: An empty database.
        command: Returns the command that loads a file.
        environment: What the command finds in its environment.
        least: The lowest ratio allowed.
    """

    name: str
    url: URL
    command: Callable[[Path], list[str]]
    environment: dict[str, str]
    least: float


def compare(rival: Rival, file: Path, rows: int) -> bool:
    """Load a file in both ways, print the result, and tell whether it is good enough."""
    engine = create_engine(rival.url, poolclass=NullPool)
    kind_of(engine.dialect.name).prepare(engine)
    theirs, ours, in_chunks = [], [], []
    for number in range(_ROUNDS):
        theirs.append(_timed(engine, lambda: _run(rival, file)))
        ours.append(_timed(engine, lambda: _load(engine, file)))
        _timed(engine, lambda: None)
        in_chunks.append(_load_in_chunks(rival, file, number))
    engine.dispose()
    native = min(theirs)
    return all(
        [
            _judge(rival.name, rows, min(ours), native, rival.least),
            _judge(f"{rival.name}, in chunks", rows, min(in_chunks), native, rival.least),
        ]
    )


def _judge(name: str, rows: int, ours: float, theirs: float, least: float) -> bool:
    ratio = theirs / ours
    rates = f"{rows / ours:,.0f} / {rows / theirs:,.0f} rows/s"
    print(f"{name}: {ratio:.2f} ({rates}), at least {least:g}")
    return ratio >= least


def _load_in_chunks(rival: Rival, file: Path, number: int) -> float:
    """Load a file by a migration that can go on after each chunk; return its seconds."""
    root = Path(tempfile.mkdtemp(dir=file.parent))
    (root / "versions").mkdir()
    (root / "versions" / "D001.py").write_text(_IN_CHUNKS.format(file=str(file)))
    url = rival.url.render_as_string(hide_password=False)
    # Each round has tables of its own, so that the migration is pending again.
    settings = ["script_location = .", f"sqlalchemy.url = {url}", f"version_table = round_{number}"]
    (root / "delembic.ini").write_text("\n".join(["[delembic]", *settings, ""]))
    (outcome,) = commands.upgrade(Config.find(root))
    assert isinstance(outcome, Finished)
    return outcome.duration_seconds


def _timed(engine: Engine, load: Callable[[], object]) -> float:
    with engine.begin() as conn:
        conn.execute(text("DROP TABLE IF EXISTS concept"))
        conn.execute(text(_TABLE))
    begun = time.perf_counter()
    load()
    return time.perf_counter() - begun


def _load(engine: Engine, file: Path) -> None:
    with engine.begin() as conn:
        bulk_load(conn, "concept", file)


def _run(rival: Rival, file: Path) -> None:
    environment = os.environ | rival.environment
    subprocess.run(rival.command(file), check=True, capture_output=True, env=environment)


@contextmanager
def _rivals(folder: Path) -> Iterator[list[Rival]]:
    """Yield what this machine has."""
    with ExitStack() as stack:
        found = [_sqlite(folder)] if shutil.which("sqlite3") else []
        for make, client, server in (
            (_postgresql, "psql", private_postgresql),
            (_mariadb, "mariadb", private_mariadb),
        ):
            if not shutil.which(client):
                print(f"{client}: not on this machine")
                continue
            try:
                databases = stack.enter_context(server()).databases
            except ServerUnavailableError as reason:
                print(f"{client}: {reason}")
                continue
            found.append(make(stack.enter_context(databases.fresh())))
        yield found


def _sqlite(folder: Path) -> Rival:
    file = folder / "benchmark.sqlite"

    def command(source: Path) -> list[str]:
        return ["sqlite3", str(file), ".mode csv", f".import --skip 1 {source} concept"]

    return Rival("sqlite3 .import", make_url(f"sqlite:///{file}"), command, {}, 0.5)


def _postgresql(url: URL) -> Rival:
    def command(source: Path) -> list[str]:
        copy = rf"\copy concept from '{source}' with (format csv, header)"
        where = [f"--host={url.host}", f"--port={url.port}", f"--username={url.username}"]
        return ["psql", *where, f"--dbname={url.database}", "--command", copy]

    return Rival(r"psql \copy", url, command, {"PGPASSWORD": url.password or ""}, 0.95)


def _mariadb(url: URL) -> Rival:
    def command(source: Path) -> list[str]:
        load = (
            f"LOAD DATA LOCAL INFILE '{source}' INTO TABLE concept"
            " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' IGNORE 1 LINES"
        )
        where = [f"--host={url.host}", f"--port={url.port}", f"--user={url.username}"]
        return [
            "mariadb", "--no-defaults", *where, "--local-infile=1", str(url.database), "-e", load
        ]  # fmt: skip

    return Rival("mariadb LOAD DATA", url, command, {"MYSQL_PWD": url.password or ""}, 0.95)


def _write(file: Path, megabytes: int) -> int:
    """Write a file of that size, and return how many rows it has."""
    rows, lines = 0, 10_000
    with file.open("w") as out:
        out.write(_HEADER)
        while out.tell() < megabytes * 1_000_000:
            out.writelines(
                f"{row},the name of concept {row},RxNorm,2024-01-{row % 28 + 1:02d},{row % 999}.5\n"
                for row in range(rows, rows + lines)
            )
            rows += lines
    return rows


def _memory(rival: Rival, file: Path) -> bool:
    """Load a file in a process of its own, print what that took, and tell if it is little."""
    program = [sys.executable, __file__, "--only-load", str(file)]
    environment = os.environ | {"URL": rival.url.render_as_string(hide_password=False)}
    engine = create_engine(rival.url, poolclass=NullPool)
    _timed(engine, lambda: None)
    done = subprocess.run(program, check=True, capture_output=True, text=True, env=environment)
    used = int(done.stdout)
    size = file.stat().st_size // 1_000_000
    print(f"{rival.name}: {used} MB of memory for {size:,} MB, at most {_MOST_MEGABYTES}")
    return used <= _MOST_MEGABYTES


def _only_load(file: Path) -> None:
    engine = create_engine(os.environ["URL"], poolclass=NullPool)
    kind_of(engine.dialect.name).prepare(engine)
    _load(engine, file)
    print(_peak_megabytes())


def _peak_megabytes() -> int:
    # What getrusage tells begins with the memory of the process that has started this one.
    status = Path("/proc/self/status").read_text()
    (line,) = (each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) // 1_000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=50, help="of the file for the speed")
    parser.add_argument("--large", type=int, default=500, help="of the file for the memory")
    parser.add_argument("--only-load", type=Path)
    options = parser.parse_args()
    if options.only_load:
        _only_load(options.only_load)
        return
    with tempfile.TemporaryDirectory() as folder, _rivals(Path(folder)) as rivals:
        file, large = Path(folder, "concept.csv"), Path(folder, "large.csv")
        rows = _write(file, options.megabytes)
        results = [compare(rival, file, rows) for rival in rivals]
        _write(large, options.large)
        results += [_memory(rival, large) for rival in rivals]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
