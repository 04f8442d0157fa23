"""Servers that the environment names, for use instead of private ones."""

import os
from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from support.servers.availability import ServerUnavailableError
from support.servers.databases import Databases

_NOTHING: Mapping[str, str] = MappingProxyType({})


def named_databases(
    variable: str, driver: str, query: Mapping[str, str] = _NOTHING
) -> Databases | None:
    """The databases of the server whose URL is in the environment variable, if it is set.

    Args:
        variable: The name of the variable.
        driver: The driver to use, unless the URL names one.
        query: Query parameters that this driver needs.

    Raises:
        ServerUnavailableError: The named server refuses the connection.
    """
    if not (address := os.environ.get(variable)):
        return None
    url = make_url(address)
    if "+" not in url.drivername:
        url = url.set(drivername=driver).update_query_dict(query)
    return _reachable(Databases(url), variable)


def _reachable(databases: Databases, variable: str) -> Databases:
    try:
        with databases.connection():
            return databases
    except DBAPIError as error:
        raise ServerUnavailableError(f"{variable} leads nowhere: {error.orig}") from error
