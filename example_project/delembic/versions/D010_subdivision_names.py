"""Correct names of subdivisions that carry a code or a footnote mark.

In pycountry 26.2 there are 47: all Swedish counties ("Stockholms län [SE-01]"), most of the Welsh
ones ("Cardiff [Caerdydd GB-CRD]"), and ten places in North Macedonia ("Butel †").
"""

from sqlalchemy import Connection, bindparam, select, update

from delembic import DataMigration

from ._expectation import expect, expect_rows
from ._source import subdivisions
from ._subdivision_name import without_clutter
from ._tables import concept
from ._vocabulary import SUBDIVISIONS

subdivision_names = select(
    concept.c.concept_id, concept.c.concept_code, concept.c.concept_name
).where(concept.c.vocabulary_id == SUBDIVISIONS.vocabulary_id)


class CorrectSubdivisionNames(DataMigration):
    """A correction is a new migration: D003 and D007 have been applied, and stay as they are."""

    revision = "D010"
    # The names need only D007. But D009's foreign keys lock the rows that this migration updates,
    # and two migrations that need the same rows should not run side by side.
    depends_on = ["D009"]
    description = "take codes and footnote marks out of names"
    tags = {"domain": "geography"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Find the names that change, and update only those."""
        corrections = [
            {"id_to_correct": row.concept_id, "corrected_name": name}
            for row in conn.execute(subdivision_names)
            if (name := without_clutter(row.concept_name)) != row.concept_name
        ]
        if corrections:  # a later release of the source may have none left
            conn.execute(
                update(concept)
                .where(concept.c.concept_id == bindparam("id_to_correct"))
                .values(concept_name=bindparam("corrected_name")),
                corrections,
            )

    def validate(self, conn: Connection) -> None:
        """Expect clean names, and every other name as the source has it."""
        names = {row.concept_code: row.concept_name for row in conn.execute(subdivision_names)}
        expect("the county of Stockholm", names.get("SE-AB"), "Stockholms län")
        expect("the city of Cardiff", names.get("GB-CRF"), "Cardiff [Caerdydd]")
        expect("a place in Skopje", names.get("MK-803"), "Butel")
        expect_rows(
            "names of subdivisions",
            names.items(),
            [(entry.code, without_clutter(entry.name)) for entry in subdivisions()],
        )
