"""Stage the languages as the source gives them."""

from sqlalchemy import Connection, select

from delembic import DataMigration, bulk_load

from ._expectation import expect, expect_rows
from ._source import languages
from ._tables import concept_staging
from ._vocabulary import LANGUAGES


class StageLanguages(DataMigration):
    """Languages of ISO 639-3, about 7,900."""

    revision = "D004"
    depends_on = ["D001"]
    description = "stage the languages of ISO 639-3"
    tags = {"domain": "language"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Load the source, one row for each language."""
        bulk_load(conn, "concept_staging", (LANGUAGES.concept(entry) for entry in languages()))

    def validate(self, conn: Connection) -> None:
        """Expect every language with its name, and check a few well-known ones."""
        staged = conn.execute(
            select(
                concept_staging.c.concept_code,
                concept_staging.c.concept_name,
                concept_staging.c.domain_id,
            ).where(concept_staging.c.vocabulary_id == LANGUAGES.vocabulary_id)
        ).all()
        expect_rows(
            "staged languages",
            staged,
            [(entry.code, entry.name, "Language") for entry in languages()],
        )
        names = {row.concept_code: row.concept_name for row in staged}
        expect("the language deu", names.get("deu"), "German")
        expect("the language nob", names.get("nob"), "Norwegian Bokmål")
