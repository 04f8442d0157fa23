"""Stage the currencies as the source gives them."""

from sqlalchemy import Connection, select

from delembic import DataMigration, bulk_load

from ._expectation import expect, expect_rows
from ._source import currencies
from ._tables import concept_staging
from ._vocabulary import CURRENCIES


class StageCurrencies(DataMigration):
    """Currencies of ISO 4217, about 180."""

    revision = "D005"
    depends_on = ["D001"]
    description = "stage the currencies of ISO 4217"
    tags = {"domain": "currency"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Load the source, one row for each currency."""
        bulk_load(conn, "concept_staging", (CURRENCIES.concept(entry) for entry in currencies()))

    def validate(self, conn: Connection) -> None:
        """Expect every currency with its name, and check a few well-known ones."""
        staged = conn.execute(
            select(
                concept_staging.c.concept_code,
                concept_staging.c.concept_name,
                concept_staging.c.domain_id,
            ).where(concept_staging.c.vocabulary_id == CURRENCIES.vocabulary_id)
        ).all()
        expect_rows(
            "staged currencies",
            staged,
            [(entry.code, entry.name, "Currency") for entry in currencies()],
        )
        names = {row.concept_code: row.concept_name for row in staged}
        expect("the currency EUR", names.get("EUR"), "Euro")
        expect("the currency CRC", names.get("CRC"), "Costa Rican Colon")
