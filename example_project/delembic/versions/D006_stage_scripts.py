"""Stage the scripts from a file, a chunk at a time."""

from sqlalchemy import Connection, select

from delembic import BatchedMigration, FileBatch, FileChunks, bulk_load

from ._expectation import expect, expect_rows
from ._source import SCRIPTS_FILE, Entry, scripts
from ._tables import concept_staging
from ._vocabulary import SCRIPTS


class StageScripts(BatchedMigration):
    """Scripts of ISO 15924, about 230.

    Each chunk is a transaction, which also keeps how far the file is loaded. So a load that is
    stopped goes on with the next chunk.
    """

    revision = "D006"
    depends_on = ["D001"]
    description = "stage the scripts of ISO 15924"
    tags = {"domain": "script"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    batches = FileChunks(SCRIPTS_FILE, rows=100)

    def upgrade_batch(self, conn: Connection, batch: FileBatch) -> None:
        """Load the records of the chunk, one row for each script."""
        entries = (Entry(record["code"], record["name"]) for record in batch.records())
        bulk_load(conn, "concept_staging", (SCRIPTS.concept(entry) for entry in entries))

    def validate(self, conn: Connection) -> None:
        """Expect every script with its name, and check a few well-known ones."""
        staged = conn.execute(
            select(
                concept_staging.c.concept_code,
                concept_staging.c.concept_name,
                concept_staging.c.domain_id,
            ).where(concept_staging.c.vocabulary_id == SCRIPTS.vocabulary_id)
        ).all()
        expect_rows(
            "staged scripts",
            staged,
            [(entry.code, entry.name, "Script") for entry in scripts()],
        )
        names = {row.concept_code: row.concept_name for row in staged}
        expect("the script Latn", names.get("Latn"), "Latin")
        expect("the script Cyrl", names.get("Cyrl"), "Cyrillic")
