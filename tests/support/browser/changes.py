"""Three migrations that arrive while Dagster runs: one is broken, one waits for it, one does not.

They have tables of their own, so that the validations of the example's migrations still pass.
"""

from __future__ import annotations

from pathlib import Path

_CONTINENTS = '''\
"""The continents, as English-speaking countries count them."""

from sqlalchemy import Connection

from delembic import DataMigration

from ._expectation import expect

CONTINENTS = ["Africa", "Antarctica", "Asia", "Europe", "North America", "Oceania"]


class LoadContinents(DataMigration):
    """The list lacks South America."""

    revision = "D013"
    depends_on = ["D012"]
    description = "load the continents"
    tags = {"domain": "geography"}
    owners = ["team:vocabulary"]
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Insert what is in the list."""
        conn.exec_driver_sql("CREATE TABLE continent (name VARCHAR(20) PRIMARY KEY)")
        for name in CONTINENTS:
            conn.exec_driver_sql(f"INSERT INTO continent VALUES ('{name}')")

    def validate(self, conn: Connection) -> None:
        """Expect seven."""
        expect("continents", conn.exec_driver_sql("SELECT count(*) FROM continent").scalar(), 7)
'''

_CAPITALS = '''\
"""The continents in capital letters."""

from sqlalchemy import Connection

from delembic import DataMigration

from ._expectation import expect


class SpellContinents(DataMigration):
    """Waits for the continents."""

    revision = "D014"
    depends_on = ["D013"]
    description = "spell the continents in capitals"
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """AFRICA, not Africa."""
        conn.exec_driver_sql("UPDATE continent SET name = upper(name)")

    def validate(self, conn: Connection) -> None:
        """Expect no small letters."""
        small = "SELECT count(*) FROM continent WHERE name <> upper(name)"
        expect("small letters", conn.exec_driver_sql(small).scalar(), 0)
'''

_LICENCE = '''\
"""The license of the source."""

from sqlalchemy import Connection

from delembic import DataMigration


class NoteLicence(DataMigration):
    """Has nothing to do with continents."""

    revision = "D015"
    depends_on = ["D012"]
    description = "note the licence of the source"
    group = "vocabulary"

    def upgrade(self, conn: Connection) -> None:
        """Say it in a table of one row."""
        conn.exec_driver_sql("CREATE TABLE licence (name VARCHAR(20))")
        conn.exec_driver_sql("INSERT INTO licence VALUES ('LGPL 2.1')")
'''


def add_a_broken_migration_and_two_more(versions: Path) -> None:
    """D013 fails in ``validate``, D014 depends on it, and D015 does not."""
    versions.joinpath("D013_continents.py").write_text(_CONTINENTS)
    versions.joinpath("D014_capitals.py").write_text(_CAPITALS)
    versions.joinpath("D015_licence.py").write_text(_LICENCE)


def correct_the_broken_migration(versions: Path) -> None:
    """Let D013 load what it expects."""
    versions.joinpath("D013_continents.py").write_text(
        _CONTINENTS.replace('"Oceania"]', '"Oceania", "South America"]')
    )
