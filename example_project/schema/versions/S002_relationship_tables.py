"""The relationships between concepts, as in OMOP."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "S002"
down_revision = "S001"

# As in S001; a schema migration imports nothing that a later one might change.
MYSQL: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Create the kinds of relationship, then the relationships."""
    op.create_table(
        "relationship",
        sa.Column("relationship_id", sa.String(20), primary_key=True),
        sa.Column("relationship_name", sa.String(255), nullable=False),
        sa.Column("reverse_relationship_id", sa.String(20), nullable=False),
        **MYSQL,
    )
    op.create_table(
        "concept_relationship",
        sa.Column("concept_id_1", sa.Integer, nullable=False),
        sa.Column("concept_id_2", sa.Integer, nullable=False),
        sa.Column("relationship_id", sa.String(20), nullable=False),
        sa.Column("valid_start_date", sa.Date, nullable=False),
        sa.Column("valid_end_date", sa.Date, nullable=False),
        sa.Column("invalid_reason", sa.String(1)),
        sa.PrimaryKeyConstraint("concept_id_1", "concept_id_2", "relationship_id"),
        sa.ForeignKeyConstraint(["concept_id_1"], ["concept.concept_id"]),
        sa.ForeignKeyConstraint(["concept_id_2"], ["concept.concept_id"]),
        sa.ForeignKeyConstraint(["relationship_id"], ["relationship.relationship_id"]),
        **MYSQL,
    )
    op.create_index("idx_concept_relationship_id_2", "concept_relationship", ["concept_id_2"])
    op.create_index("idx_concept_relationship_id_3", "concept_relationship", ["relationship_id"])


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("concept_relationship")
    op.drop_table("relationship")
