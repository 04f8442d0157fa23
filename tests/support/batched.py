"""A migration in batches for tests, which counts each row once."""

from __future__ import annotations

import textwrap

from sqlalchemy import text

from support.projects import ProjectFolder

ROWS = 1_000


def counting_migration(
    body: str = "", *, table: str = "counted", validate: str | None = None, **settings: str
) -> str:
    """Return the migration D001, which adds 1 to each row of a table in batches of a hundred.

    Args:
        body: What a batch does after that.
        table: The table.
        validate: The body of its ``validate``, if it has one.
        settings: Further attributes of the class, or other values of its own, as code.
    """
    settings = {
        "batches": f"KeyRanges({table!r})",
        "batch_size": "100",
        "batch_seconds": "None",
    } | settings
    lines = [
        "from delembic import BatchedMigration, KeyRanges, Pause",
        "from sqlalchemy import text",
        "class Count(BatchedMigration):",
        "    revision = 'D001'",
        "    depends_on = []",
        "    description = 'count'",
        *(f"    {name} = {value}" for name, value in settings.items()),
        "    def upgrade_batch(self, conn, batch):",
        f"        update = f'UPDATE {table} SET n = n + 1 WHERE {{batch.where}}'",
        "        conn.execute(text(update), batch.parameters)",
        textwrap.indent(textwrap.dedent(body), " " * 8),
    ]
    if validate is not None:
        lines += ["    def validate(self, conn):", f"        {validate}"]
    return "\n".join(lines) + "\n"


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
    meta = {"meta": f"{{'dagster': {{'stop_after': {stop_after!r}}}}}"} if stop_after else {}
    source = counting_migration(
        body,
        validate=validate,
        batches=batches,
        batch_size=str(batch_size),
        throttle=throttle,
        **meta,
    )
    (project.versions / "D001.py").write_text(source)


def fail_after(batches: int, error: str = "ValueError", table: str = "counted") -> str:
    """Return the body of a batch that raises an error once some batches are done."""
    return f"""
        done = conn.exec_driver_sql('SELECT count(*) FROM {table} WHERE n > 0').scalar()
        if done > {batches * 100}:
            raise {error}('gone wrong')
    """


def counts(project: ProjectFolder, table: str = "counted") -> dict[int, int]:
    """Return how many rows were done how often."""
    found = project.rows(f"SELECT n, count(*) AS found FROM {table} GROUP BY n")
    return {row.n: row.found for row in found}
