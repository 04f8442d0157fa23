"""Turn the staged languages, currencies and scripts into concepts."""

from sqlalchemy import Connection, insert, select

from delembic import DataMigration

from ._expectation import expect_rows
from ._source import currencies, languages, scripts
from ._tables import concept, concept_staging
from ._vocabulary import CURRENCIES, LANGUAGES, SCRIPTS, VALID_END, VALID_START

DOMAINS = ("Language", "Currency", "Script")


class LoadOtherConcepts(DataMigration):
    """These do not depend on geography: if a country is wrong, the languages are still loaded."""

    revision = "D008"
    depends_on = ["D004", "D005", "D006"]
    description = "load the concepts of languages, currencies and scripts"
    tags = ["language", "currency", "script"]
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """INSERT INTO concept SELECT ... FROM concept_staging."""
        columns = concept.c.keys()
        staged = select(*(concept_staging.c[name] for name in columns)).where(
            concept_staging.c.domain_id.in_(DOMAINS)
        )
        conn.execute(insert(concept).from_select(columns, staged))

    def validate(self, conn: Connection) -> None:
        """Expect every language, currency and script under its own id with its name, and valid."""
        loaded = select(concept.c.concept_id, concept.c.concept_code, concept.c.concept_name)
        sources = ((LANGUAGES, languages()), (CURRENCIES, currencies()), (SCRIPTS, scripts()))
        for vocabulary, entries in sources:
            expect_rows(
                f"concepts of {vocabulary.vocabulary_id}",
                conn.execute(loaded.where(concept.c.vocabulary_id == vocabulary.vocabulary_id)),
                [(vocabulary.concept_id(entry.code), entry.code, entry.name) for entry in entries],
            )
        validity = select(
            concept.c.domain_id,
            concept.c.standard_concept,
            concept.c.valid_start_date,
            concept.c.valid_end_date,
            concept.c.invalid_reason,
        )
        expect_rows(
            "validity of the other domains",
            conn.execute(validity.where(concept.c.domain_id.in_(DOMAINS)).distinct()),
            [(domain, "S", VALID_START, VALID_END, None) for domain in DOMAINS],
        )
