"""Correct the day from which the relationships are valid, in batches."""

from datetime import date

from sqlalchemy import Connection, func, select, update

from delembic import BatchedMigration, KeyBatch, KeyRanges

from ._expectation import expect
from ._tables import concept_relationship

ISO_3166_2 = date(1998, 12, 15)


class DateRelationships(BatchedMigration):
    """D009 let them begin with their concepts. But ISO 3166-2 told of no subdivision before 1998.

    There are 10,092 of them, which one transaction would do as well. With ten million in a table in
    use, only batches would.
    """

    revision = "D012"
    depends_on = ["D011"]
    description = "relationships begin with ISO 3166-2"
    tags = {"domain": "geography"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    batches = KeyRanges("concept_relationship", where="valid_start_date < '1998-12-15'")
    batch_size = 2_500

    def upgrade_batch(self, conn: Connection, batch: KeyBatch) -> None:
        """Update the rows of the batch, whose transaction also keeps how far the work has come."""
        conn.execute(
            update(concept_relationship).where(batch.condition).values(valid_start_date=ISO_3166_2)
        )

    def validate(self, conn: Connection) -> None:
        """Expect no earlier day. This runs once, after the last batch."""
        begins = concept_relationship.c.valid_start_date
        earlier = select(func.count()).where(begins < ISO_3166_2)
        expect("relationships from before ISO 3166-2", conn.execute(earlier).scalar_one(), 0)
