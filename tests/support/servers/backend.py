"""One fresh, empty database, as a test sees it."""

from dataclasses import dataclass

from sqlalchemy import make_url


@dataclass(frozen=True)
class Backend:
    """An empty database that belongs to one test.

    Attributes:
        name: `sqlite`, `postgresql` or `mariadb`.
        url: Its SQLAlchemy URL, with the password in it.
    """

    name: str
    url: str

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for the kind of database: MariaDB is `mysql`."""
        return make_url(self.url).get_backend_name()
