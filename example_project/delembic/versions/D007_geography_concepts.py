"""Turn the staged countries and subdivisions into concepts."""

from sqlalchemy import Connection, insert, select

from delembic import DataMigration

from ._expectation import expect, expect_rows
from ._source import countries, subdivisions
from ._tables import concept, concept_staging
from ._vocabulary import COUNTRIES, SUBDIVISIONS, VALID_END, VALID_START


class LoadGeographyConcepts(DataMigration):
    """One statement moves both vocabularies; nothing passes through Python."""

    revision = "D007"
    depends_on = ["D002", "D003"]
    description = "load the concepts of geography"
    tags = {"domain": "geography"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """INSERT INTO concept SELECT ... FROM concept_staging."""
        columns = concept.c.keys()
        staged = select(*(concept_staging.c[name] for name in columns)).where(
            concept_staging.c.domain_id == "Geography"
        )
        conn.execute(insert(concept).from_select(columns, staged))

    def validate(self, conn: Connection) -> None:
        """Expect every code under its own id, the names of the countries, all of it valid.

        Only one subdivision's name is checked, because later migrations may correct the others.
        A validation can be run again at any time, and this one should still pass then.
        """
        geography = concept.c.domain_id == "Geography"
        codes = select(concept.c.concept_id, concept.c.concept_code, concept.c.vocabulary_id)
        expect_rows(
            "concepts of geography",
            conn.execute(codes.where(geography)),
            [(COUNTRIES.concept_id(entry.code), entry.code, "ISO3166-1") for entry in countries()]
            + [
                (SUBDIVISIONS.concept_id(entry.code), entry.code, "ISO3166-2")
                for entry in subdivisions()
            ],
        )
        names = select(concept.c.concept_code, concept.c.concept_name)
        expect_rows(
            "names of countries",
            conn.execute(names.where(concept.c.concept_class_id == "Country")),
            [(entry.code, entry.name) for entry in countries()],
        )
        paris_region = conn.scalar(
            select(concept.c.concept_name).where(geography, concept.c.concept_code == "FR-IDF")
        )
        expect("the subdivision FR-IDF", paris_region, "Île-de-France")
        validity = select(
            concept.c.standard_concept,
            concept.c.valid_start_date,
            concept.c.valid_end_date,
            concept.c.invalid_reason,
        )
        expect_rows(
            "validity of geography",
            conn.execute(validity.where(geography).distinct()),
            [("S", VALID_START, VALID_END, None)],
        )
