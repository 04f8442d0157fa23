"""MariaDB, from the server that is installed on this machine; its own settings are never read."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

from sqlalchemy import URL

from support.servers.availability import ServerUnavailableError
from support.servers.private import (
    HOST,
    USER,
    Command,
    Keeper,
    PrivateServer,
    free_port,
    new_password,
)

DRIVER = "mysql+pymysql"
CHARSET = {"charset": "utf8mb4"}


@contextmanager
def private_mariadb() -> Iterator[PrivateServer]:
    """A running MariaDB for these tests only.

    Yields:
        The server; it is stopped and its folder removed when the context ends.

    Raises:
        ServerUnavailableError: MariaDB is not installed, or does not work here.
    """
    install, serve = _program("mariadb-install-db"), _program("mariadbd")
    with Keeper("mariadb", SIGTERM) as keeper:
        url = URL.create(DRIVER, USER, new_password(), HOST, free_port(), "mysql", CHARSET)
        keeper.run(_install_command(install, keeper.folder))
        server = PrivateServer(keeper, _serve_command(serve, keeper.folder, url), url)
        server.start()
        yield server


def _program(name: str) -> str:
    # Servers are in /usr/sbin, which is not on every account's PATH.
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    if found := shutil.which(name, path=places):
        return found
    raise ServerUnavailableError(f"MariaDB is not installed: there is no {name}")


def _install_command(install: str, folder: Path) -> Command:
    return [
        install,
        "--no-defaults",  # this must be the first option
        f"--datadir={folder / 'data'}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]


def _serve_command(serve: str, folder: Path, url: URL) -> Command:
    return [
        serve,
        "--no-defaults",  # this must be the first option
        f"--datadir={folder / 'data'}",
        f"--tmpdir={folder}",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        f"--init-file={_account(folder, url)}",
        f"--bind-address={HOST}",
        f"--port={url.port}",
        # Limits root, which has no password, to the socket in our private folder.
        "--skip-name-resolve",
        # Every commit reaches the operating system, none waits for the disk: a killed server
        # loses nothing, and that the tests rely on.
        "--innodb-flush-log-at-trx-commit=2",
    ]


def _account(folder: Path, url: URL) -> Path:
    """A SQL file that creates the account for the tests; the server runs it at each start."""
    account = f"'{url.username}'@'{HOST}'"
    file = folder / "account.sql"
    file.write_text(
        f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{url.password}';\n"
        f"GRANT ALL ON *.* TO {account} WITH GRANT OPTION;\n"
    )
    return file
