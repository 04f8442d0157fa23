"""Errors about files that are to count as the ones that were applied."""

from __future__ import annotations

from collections.abc import Mapping

from delembic.errors.root import DelembicError


class NotAcceptableError(DelembicError):
    """Some of the given revisions have no file that could be accepted.

    Args:
        obstacles: The reason for each revision, such as ``it is not applied``.
    """

    exit_code = 2

    def __init__(self, obstacles: Mapping[str, str]) -> None:
        lines = [f"  {revision}: {obstacle}" for revision, obstacle in obstacles.items()]
        super().__init__(
            "\n".join(["Some of these revisions have no file to accept:", *lines]),
            "Name only revisions that are applied and have a file.",
        )
        self.obstacles = dict(obstacles)
