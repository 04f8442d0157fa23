"""Stage the scripts as the source gives them."""

from sqlalchemy import Connection, select

from delembic import DataMigration, bulk_load

from ._expectation import expect, expect_rows
from ._source import scripts
from ._tables import concept_staging
from ._vocabulary import SCRIPTS


class StageScripts(DataMigration):
    """Scripts of ISO 15924, about 230."""

    revision = "D006"
    depends_on = ["D001"]
    description = "stage the scripts of ISO 15924"
    tags = {"domain": "script"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Load the source, one row for each script."""
        bulk_load(conn, "concept_staging", (SCRIPTS.concept(entry) for entry in scripts()))

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
