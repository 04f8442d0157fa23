"""The vocabularies and their concepts, as in OMOP."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "S001"
down_revision = None

# Without these, MariaDB may cut names at the first emoji, and treats "e" and "É" as equal.
MYSQL: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Create the tables, those that others refer to first."""
    create_reference_tables()
    create_staging()
    create_concept()


def create_reference_tables() -> None:
    """Create what a concept refers to: its vocabulary, its domain, its class."""
    op.create_table(
        "vocabulary",
        sa.Column("vocabulary_id", sa.String(20), primary_key=True),
        sa.Column("vocabulary_name", sa.String(255), nullable=False),
        sa.Column("vocabulary_reference", sa.String(255), nullable=False),
        sa.Column("vocabulary_version", sa.String(255)),
        **MYSQL,
    )
    op.create_table(
        "domain",
        sa.Column("domain_id", sa.String(20), primary_key=True),
        sa.Column("domain_name", sa.String(255), nullable=False),
        **MYSQL,
    )
    op.create_table(
        "concept_class",
        sa.Column("concept_class_id", sa.String(20), primary_key=True),
        sa.Column("concept_class_name", sa.String(255), nullable=False),
        **MYSQL,
    )


def concept_columns() -> list[sa.Column[object]]:
    """Return the columns that `concept` and `concept_staging` share."""
    return [
        sa.Column("concept_name", sa.String(255), nullable=False),
        sa.Column("domain_id", sa.String(20), nullable=False),
        sa.Column("vocabulary_id", sa.String(20), nullable=False),
        sa.Column("concept_class_id", sa.String(20), nullable=False),
        sa.Column("standard_concept", sa.String(1)),
        sa.Column("concept_code", sa.String(50), nullable=False),
        sa.Column("valid_start_date", sa.Date, nullable=False),
        sa.Column("valid_end_date", sa.Date, nullable=False),
        sa.Column("invalid_reason", sa.String(1)),
    ]


def create_staging() -> None:
    """Create the table for the unchanged source, with the parent that each entry names."""
    op.create_table(
        "concept_staging",
        sa.Column("concept_id", sa.Integer, nullable=False),
        *concept_columns(),
        sa.Column("parent_code", sa.String(50)),
        sa.PrimaryKeyConstraint("vocabulary_id", "concept_code"),
        sa.ForeignKeyConstraint(["vocabulary_id"], ["vocabulary.vocabulary_id"]),
        **MYSQL,
    )


def create_concept() -> None:
    """Create the table of concepts, with the foreign keys and indexes that OMOP gives it."""
    op.create_table(
        "concept",
        sa.Column("concept_id", sa.Integer, primary_key=True, autoincrement=False),
        *concept_columns(),
        sa.UniqueConstraint("vocabulary_id", "concept_code", name="uq_concept_vocabulary_code"),
        sa.ForeignKeyConstraint(["vocabulary_id"], ["vocabulary.vocabulary_id"]),
        sa.ForeignKeyConstraint(["domain_id"], ["domain.domain_id"]),
        sa.ForeignKeyConstraint(["concept_class_id"], ["concept_class.concept_class_id"]),
        **MYSQL,
    )
    op.create_index("idx_concept_code", "concept", ["concept_code"])
    op.create_index("idx_concept_domain_id", "concept", ["domain_id"])
    op.create_index("idx_concept_class_id", "concept", ["concept_class_id"])


def downgrade() -> None:
    """Drop the tables, those that refer to others first."""
    for table in ("concept", "concept_staging", "concept_class", "domain", "vocabulary"):
        op.drop_table(table)
