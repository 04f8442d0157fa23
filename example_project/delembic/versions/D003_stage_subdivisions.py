"""Stage the subdivisions, each with the code of what it is part of."""

from sqlalchemy import Connection, select

from delembic import DataMigration, bulk_load

from ._expectation import expect, expect_rows
from ._source import countries, subdivisions
from ._tables import concept_staging
from ._vocabulary import SUBDIVISIONS


class StageSubdivisions(DataMigration):
    """Subdivisions of ISO 3166-2, about 5,000."""

    revision = "D003"
    depends_on = ["D001"]
    description = "stage the subdivisions of ISO 3166-2"
    tags = {"domain": "geography"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Load the source, one row for each subdivision."""
        bulk_load(
            conn, "concept_staging", (SUBDIVISIONS.concept(entry) for entry in subdivisions())
        )

    def validate(self, conn: Connection) -> None:
        """Expect every subdivision with its name, and no missing parent."""
        staged = conn.execute(
            select(
                concept_staging.c.concept_code,
                concept_staging.c.concept_name,
                concept_staging.c.domain_id,
                concept_staging.c.parent_code,
            ).where(concept_staging.c.vocabulary_id == SUBDIVISIONS.vocabulary_id)
        ).all()
        expect_rows(
            "staged subdivisions",
            staged,
            [(entry.code, entry.name, "Geography", entry.parent_code) for entry in subdivisions()],
        )
        # D002 may not have run yet, so the countries come from the source.
        known = {row.concept_code for row in staged} | {entry.code for entry in countries()}
        orphans = sorted(row.concept_code for row in staged if row.parent_code not in known)
        expect("subdivisions of an unknown parent", orphans, [])
        parents = {row.concept_code: row.parent_code for row in staged}
        expect("what Bavaria is part of", parents.get("DE-BY"), "DE")
        expect("what Paris is part of", parents.get("FR-75C"), "FR-IDF")
