"""Errors about revisions with which something cannot be done."""

from __future__ import annotations

from collections.abc import Mapping

from delembic.errors.root import DelembicError


class ObstacleError(DelembicError):
    """Something cannot be done with some of the given revisions, and was done with none.

    Args:
        heading: What cannot be done.
        obstacles: The reason for each revision, such as ``it is not applied``.
        remedy: What to do instead.
    """

    def __init__(self, heading: str, obstacles: Mapping[str, str], remedy: str) -> None:
        lines = [f"  {revision}: {obstacle}" for revision, obstacle in obstacles.items()]
        super().__init__("\n".join([heading, *lines]), remedy)
        self.obstacles = dict(obstacles)


class NotVerifiableError(ObstacleError):
    """Some of the given revisions cannot be verified. Nothing was run.

    Args:
        obstacles: The reason for each revision, such as ``it is not applied``.
    """

    exit_code = 2

    def __init__(self, obstacles: Mapping[str, str]) -> None:
        super().__init__(
            "Nothing was run, because some of these revisions cannot be verified:",
            obstacles,
            "Leave them out, or name no revision to verify everything that can be verified.",
        )


class NotAcceptableError(ObstacleError):
    """Some of the given revisions have no file that could be accepted.

    Args:
        obstacles: The reason for each revision, such as ``it is not applied``.
    """

    exit_code = 2

    def __init__(self, obstacles: Mapping[str, str]) -> None:
        super().__init__(
            "Some of these revisions have no file to accept:",
            obstacles,
            "Name only revisions that are applied and have a file.",
        )
