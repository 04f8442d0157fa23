"""Relate each subdivision to what it is part of, in both directions."""

from typing import Any

from sqlalchemy import Connection, Select, and_, insert, literal, select

from delembic import DataMigration

from ._expectation import expect_rows
from ._source import subdivisions
from ._tables import concept, concept_relationship, concept_staging, relationship
from ._vocabulary import COUNTRIES, SUBDIVISIONS

IS_PART_OF = "Is part of"
HAS_PART = "Has part"
COLUMNS = ("concept_id_1", "concept_id_2", "relationship_id", "valid_start_date", "valid_end_date")

part = concept.alias("part")
whole = concept.alias("whole")


class RelateSubdivisions(DataMigration):
    """Needs the concepts of both vocabularies, and tables from a later schema revision."""

    revision = "D009"
    depends_on = ["D007", "S002"]
    description = "a subdivision is part of its country"
    tags = {"domain": "geography"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Register both directions, derive one from the staged parents, and reverse it."""
        conn.execute(
            insert(relationship),
            [
                {
                    "relationship_id": there,
                    "relationship_name": there,
                    "reverse_relationship_id": back,
                }
                for there, back in ((IS_PART_OF, HAS_PART), (HAS_PART, IS_PART_OF))
            ],
        )
        conn.execute(insert(concept_relationship).from_select(COLUMNS, staged_parents()))
        conn.execute(insert(concept_relationship).from_select(COLUMNS, reversed_direction()))

    def validate(self, conn: Connection) -> None:
        """Expect the parent from the source, its reverse, and a path up to the country."""
        parents = [(entry.code, entry.parent_code) for entry in subdivisions()]
        expect_rows("what each subdivision is part of", conn.execute(related(IS_PART_OF)), parents)
        expect_rows(
            "what has each subdivision as a part",
            conn.execute(related(HAS_PART)),
            [(above, below) for below, above in parents],
        )
        expect_rows(
            "the country that each subdivision leads up to",
            conn.execute(below_countries()),
            [(entry.code, entry.code[:2]) for entry in subdivisions()],
        )


def staged_parents() -> Select[Any]:
    """Select a relationship for each staged subdivision: the parent's code becomes its id."""
    return (
        select(
            part.c.concept_id,
            whole.c.concept_id,
            literal(IS_PART_OF),
            part.c.valid_start_date,
            part.c.valid_end_date,
        )
        .join_from(concept_staging, part, part.c.concept_id == concept_staging.c.concept_id)
        .join(
            whole,
            and_(
                whole.c.concept_code == concept_staging.c.parent_code,
                # A code alone does not identify a concept: it is unique only within its vocabulary.
                whole.c.vocabulary_id.in_([COUNTRIES.vocabulary_id, SUBDIVISIONS.vocabulary_id]),
            ),
        )
        .where(concept_staging.c.vocabulary_id == SUBDIVISIONS.vocabulary_id)
    )


def reversed_direction() -> Select[Any]:
    """Select the existing relationships, reversed."""
    there = concept_relationship
    return select(
        there.c.concept_id_2,
        there.c.concept_id_1,
        literal(HAS_PART),
        there.c.valid_start_date,
        there.c.valid_end_date,
    ).where(there.c.relationship_id == IS_PART_OF)


def related(relationship_id: str) -> Select[Any]:
    """Select the codes at both ends of one kind of relationship."""
    ends = concept_relationship
    return (
        select(part.c.concept_code, whole.c.concept_code)
        .join_from(ends, part, part.c.concept_id == ends.c.concept_id_1)
        .join(whole, whole.c.concept_id == ends.c.concept_id_2)
        .where(ends.c.relationship_id == relationship_id)
    )


def below_countries() -> Select[Any]:
    """Walk down from the countries, and select each subdivision reached, with its country."""
    country = concept.alias("country")
    step = concept_relationship
    tree = (
        select(country.c.concept_id, country.c.concept_code.label("country_code"))
        .where(country.c.vocabulary_id == COUNTRIES.vocabulary_id)
        .cte("tree", recursive=True)
    )
    tree = tree.union_all(
        select(step.c.concept_id_2, tree.c.country_code)
        .join_from(tree, step, step.c.concept_id_1 == tree.c.concept_id)
        .where(step.c.relationship_id == HAS_PART)
    )
    return (
        select(part.c.concept_code, tree.c.country_code)
        .join_from(tree, part, part.c.concept_id == tree.c.concept_id)
        .where(part.c.vocabulary_id == SUBDIVISIONS.vocabulary_id)
    )
