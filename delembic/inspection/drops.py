"""Alembic revisions that drop delembic's own tables, and with them the record of what is applied.

Alembic's autogenerate writes such a revision if nobody has kept the tables out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from delembic.audit.tables import NAMES
from delembic.config import HISTORY_TABLE, VERSION_TABLE, Config
from delembic.database.places import Place
from delembic.errors import MigrationFileError
from delembic.inspection.finding import Finding, Rule, finding_in_file
from delembic.schema.drops import Drop, drops_in

_REMEDY = (
    "Remove that from the revision. Otherwise the migrations would be pending again and run a"
    " second time, and the audit log would be lost. Keep the tables out of autogenerate with"
    " delembic.schema.include_object."
)


def dropped_tables(config: Config, scripts: Iterable[Path]) -> Iterator[Finding]:
    """Yield a finding for each of the project's own tables that an Alembic revision drops.

    Args:
        config: The project.
        scripts: The files of the revisions. None of them is run.
    """
    names = _names(config)
    for path in scripts:
        try:
            drops = drops_in(path)
        except MigrationFileError as error:
            yield finding_in_file(error)
            continue
        for drop in drops:
            if drop.table.lower() in names and _may_be_ours(config, drop):
                text = f"This Alembic revision drops delembic's own table {drop.table}."
                yield Finding(Rule.TABLE_DROP, path, drop.line, text, _REMEDY)


def _names(config: Config) -> frozenset[str]:
    """Return the names of all tables of the project, in lower case."""
    place = Place(config.version_table, config.history_table)
    others = NAMES - {VERSION_TABLE, HISTORY_TABLE}
    own = {name.replace("delembic", place.prefix, 1) for name in others}
    return frozenset(name.lower() for name in {place.version_table, place.history_table, *own})


def _may_be_ours(config: Config, drop: Drop) -> bool:
    """Whether a table is not in another schema, as far as both schemas are known."""
    ours = config.version_table_schema
    return ours is None or drop.schema is None or drop.schema == ours
