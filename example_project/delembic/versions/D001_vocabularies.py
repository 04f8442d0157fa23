"""Register the vocabularies, domains and classes that every concept refers to."""

from sqlalchemy import Connection, insert, select

from delembic import DataMigration

from ._expectation import expect_rows
from ._tables import concept_class, domain, vocabulary
from ._vocabulary import VOCABULARIES


class RegisterVocabularies(DataMigration):
    """Five rows each: the start of everything."""

    revision = "D001"
    depends_on = ["S001"]
    description = "register the vocabularies"
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Insert what the foreign keys of `concept` will look for."""
        domains = sorted({item.domain_id for item in VOCABULARIES})
        classes = sorted({item.concept_class_id for item in VOCABULARIES})
        conn.execute(insert(domain), [{"domain_id": it, "domain_name": it} for it in domains])
        conn.execute(
            insert(concept_class),
            [{"concept_class_id": it, "concept_class_name": it} for it in classes],
        )
        conn.execute(
            insert(vocabulary),
            [
                {
                    "vocabulary_id": item.vocabulary_id,
                    "vocabulary_name": item.name,
                    "vocabulary_reference": item.reference,
                }
                for item in VOCABULARIES
            ],
        )

    def validate(self, conn: Connection) -> None:
        """Expect each vocabulary, domain and class once, and nothing else."""
        expect_rows(
            "vocabularies",
            conn.execute(select(vocabulary.c.vocabulary_id, vocabulary.c.vocabulary_name)),
            [(item.vocabulary_id, item.name) for item in VOCABULARIES],
        )
        expect_rows(
            "domains",
            conn.execute(select(domain.c.domain_id)),
            [("Currency",), ("Geography",), ("Language",), ("Script",)],
        )
        expect_rows(
            "concept classes",
            conn.execute(select(concept_class.c.concept_class_id)),
            [("Country",), ("Currency",), ("Language",), ("Script",), ("Subdivision",)],
        )
