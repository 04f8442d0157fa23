"""The files of migrations as they are now; definitions are a picture of them, and may be older."""

from __future__ import annotations

import hashlib

from delembic import Revision


def checksum_now(revision: Revision) -> str:
    """Return the SHA-256 of a migration's file; as it was loaded if it was moved or removed since.

    Example:
        >>> from delembic_dagster import DelembicProject
        >>> revision = DelembicProject("example_project").graph["D001"]
        >>> checksum_now(revision) == revision.checksum
        True
    """
    try:
        return hashlib.sha256(revision.path.read_bytes()).hexdigest()
    except OSError:
        return revision.checksum
