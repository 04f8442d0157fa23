"""The columns that the data migrations use, as plain table clauses.

These are not the application's models: those change with the application, but a data migration
must keep the meaning that it had when it was written.
"""

from sqlalchemy import Date, column, table

vocabulary = table(
    "vocabulary",
    column("vocabulary_id"),
    column("vocabulary_name"),
    column("vocabulary_reference"),
    column("vocabulary_version"),
)
domain = table("domain", column("domain_id"), column("domain_name"))
concept_class = table("concept_class", column("concept_class_id"), column("concept_class_name"))
concept = table(
    "concept",
    column("concept_id"),
    column("concept_name"),
    column("domain_id"),
    column("vocabulary_id"),
    column("concept_class_id"),
    column("standard_concept"),
    column("concept_code"),
    column("valid_start_date", Date),
    column("valid_end_date", Date),
    column("invalid_reason"),
)
concept_staging = table(
    "concept_staging",
    column("concept_id"),
    column("concept_name"),
    column("domain_id"),
    column("vocabulary_id"),
    column("concept_class_id"),
    column("standard_concept"),
    column("concept_code"),
    column("valid_start_date", Date),
    column("valid_end_date", Date),
    column("invalid_reason"),
    column("parent_code"),
)
relationship = table(
    "relationship",
    column("relationship_id"),
    column("relationship_name"),
    column("reverse_relationship_id"),
)
concept_relationship = table(
    "concept_relationship",
    column("concept_id_1"),
    column("concept_id_2"),
    column("relationship_id"),
    column("valid_start_date", Date),
    column("valid_end_date", Date),
    column("invalid_reason"),
)
