"""PgBouncer in transaction mode, from the program that is installed on this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGTERM

from sqlalchemy import URL

from support.servers.availability import ServerUnavailableError
from support.servers.private import HOST, Keeper, PrivateServer, free_port


@contextmanager
def private_pgbouncer(behind: URL) -> Iterator[PrivateServer]:
    """A private PgBouncer in front of a PostgreSQL server.

    Args:
        behind: A database of that server; other databases have the same names on both sides.

    Raises:
        ServerUnavailableError: PgBouncer is not installed, or does not work here.
    """
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    program = shutil.which("pgbouncer", path=places)
    if program is None:
        raise ServerUnavailableError("PgBouncer is not installed")
    with Keeper("pgbouncer", SIGTERM) as keeper:
        url = behind.set(host=HOST, port=free_port())
        settings = keeper.folder / "pgbouncer.ini"
        settings.write_text(_settings(behind, url))
        server = PrivateServer(keeper, [program, settings], url)
        server.start()
        yield server


def _settings(behind: URL, url: URL) -> str:
    return f"""
[databases]
* = host={behind.host} port={behind.port} user={behind.username} password='{behind.password}'
[pgbouncer]
listen_addr = {url.host}
listen_port = {url.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
"""
