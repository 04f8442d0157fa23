"""A migration in batches for tests of the adapter, which counts each row once."""

from __future__ import annotations

import textwrap

from sqlalchemy import text

from support.projects import ProjectFolder

ROWS = 1_000


def write_batched(
    project: ProjectFolder,
    body: str = "",
    *,
    with_rows: bool = False,
    stop_after: float | str | None = None,
    validate: str | None = None,
    batches: str = "KeyRanges('counted')",
    batch_size: int = 100,
    throttle: str = "()",
) -> None:
    """Write the migration D001, which adds 1 to each row of a table in batches.

    Args:
        project: The project.
        body: What a batch does after that.
        with_rows: Whether to make the table, with a thousand rows.
        stop_after: The setting of that name for Dagster.
        validate: The body of its ``validate``, if it has one.
        batches: What cuts it.
        batch_size: How many rows a batch has.
        throttle: What is asked before each batch.
    """
    if with_rows:
        project.execute("CREATE TABLE counted (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
        with project.connection() as conn:
            rows = [{"id": number} for number in range(1, ROWS + 1)]
            conn.execute(text("INSERT INTO counted (id, n) VALUES (:id, 0)"), rows)
    lines = [
        "from delembic import BatchedMigration, KeyRanges, Pause",
        "from sqlalchemy import text",
        "class Count(BatchedMigration):",
        "    revision = 'D001'",
        "    depends_on = []",
        "    description = 'count'",
        *([f"    meta = {{'dagster': {{'stop_after': {stop_after!r}}}}}"] if stop_after else []),
        f"    batches = {batches}",
        f"    batch_size = {batch_size}",
        "    batch_seconds = None",
        f"    throttle = {throttle}",
        "    def upgrade_batch(self, conn, batch):",
        "        update = f'UPDATE counted SET n = n + 1 WHERE {batch.where}'",
        "        conn.execute(text(update), batch.parameters)",
        textwrap.indent(textwrap.dedent(body), " " * 8),
    ]
    if validate is not None:
        lines += ["    def validate(self, conn):", f"        {validate}"]
    (project.versions / "D001.py").write_text("\n".join(lines) + "\n")


def fail_after(batches: int, error: str = "ValueError") -> str:
    """Return the body of a batch that raises an error once some batches are done."""
    return f"""
        done = conn.exec_driver_sql('SELECT count(*) FROM counted WHERE n > 0').scalar()
        if done > {batches * 100}:
            raise {error}('gone wrong')
    """


def counts(project: ProjectFolder) -> dict[int, int]:
    """Return how many rows were done how often."""
    found = project.rows("SELECT n, count(*) AS found FROM counted GROUP BY n")
    return {row.n: row.found for row in found}
