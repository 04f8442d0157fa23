"""Record the release of the source, once everything is in place."""

from importlib.metadata import version

from sqlalchemy import Connection, func, or_, select, update

from delembic import DataMigration

from ._expectation import expect, expect_rows
from ._source import countries, currencies, languages, scripts, subdivisions
from ._tables import concept, concept_relationship, vocabulary
from ._vocabulary import COUNTRIES, CURRENCIES, LANGUAGES, SCRIPTS, SUBDIVISIONS, VOCABULARIES

RELEASE = f"pycountry {version('pycountry')}"


class ReleaseVocabularies(DataMigration):
    """The branches meet again: it waits for geography and for everything else."""

    revision = "D011"
    depends_on = ["D008", "D010"]
    description = "release the vocabularies"
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Set the version of all five."""
        conn.execute(update(vocabulary).values(vocabulary_version=RELEASE))

    def validate(self, conn: Connection) -> None:
        """Expect one release, complete vocabularies, and no dangling relationships."""
        expect_rows(
            "released vocabularies",
            conn.execute(select(vocabulary.c.vocabulary_id, vocabulary.c.vocabulary_version)),
            [(item.vocabulary_id, RELEASE) for item in VOCABULARIES],
        )
        expect_rows(
            "concepts in each vocabulary",
            conn.execute(
                select(concept.c.vocabulary_id, func.count()).group_by(concept.c.vocabulary_id)
            ),
            [
                (COUNTRIES.vocabulary_id, len(countries())),
                (SUBDIVISIONS.vocabulary_id, len(subdivisions())),
                (LANGUAGES.vocabulary_id, len(languages())),
                (CURRENCIES.vocabulary_id, len(currencies())),
                (SCRIPTS.vocabulary_id, len(scripts())),
            ],
        )
        expect("relationships to a concept that is missing", dangling_relationships(conn), 0)


def dangling_relationships(conn: Connection) -> int:
    """Count the relationships that have a missing concept at one end."""
    known = select(concept.c.concept_id)
    dangling = or_(
        concept_relationship.c.concept_id_1.not_in(known),
        concept_relationship.c.concept_id_2.not_in(known),
    )
    counted = select(func.count()).select_from(concept_relationship).where(dangling)
    return conn.execute(counted).scalar_one()
