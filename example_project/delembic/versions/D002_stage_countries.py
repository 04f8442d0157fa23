"""Stage the countries as the source gives them."""

from sqlalchemy import Connection, select

from delembic import DataMigration, bulk_load

from ._expectation import expect, expect_rows
from ._source import countries
from ._tables import concept_staging
from ._vocabulary import COUNTRIES


class StageCountries(DataMigration):
    """Countries of ISO 3166-1, about 250."""

    revision = "D002"
    depends_on = ["D001"]
    description = "stage the countries of ISO 3166-1"
    tags = {"domain": "geography"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Load the source, one row for each country."""
        bulk_load(conn, "concept_staging", (COUNTRIES.concept(entry) for entry in countries()))

    def validate(self, conn: Connection) -> None:
        """Expect every country with its name, and check a few well-known ones."""
        staged = conn.execute(
            select(
                concept_staging.c.concept_code,
                concept_staging.c.concept_name,
                concept_staging.c.domain_id,
            ).where(concept_staging.c.vocabulary_id == COUNTRIES.vocabulary_id)
        ).all()
        expect_rows(
            "staged countries",
            staged,
            [(entry.code, entry.name, "Geography") for entry in countries()],
        )
        names = {row.concept_code: row.concept_name for row in staged}
        expect("the country DE", names.get("DE"), "Germany")
        expect("the country CI", names.get("CI"), "Côte d'Ivoire")
