"""Errors of what the methods of a migration return."""

from delembic.errors.root import DelembicError


class ReturnedFalseError(DelembicError):
    """A ``validate`` returned ``False``, so its migration fails."""

    def __init__(self) -> None:
        super().__init__(
            "validate() returned False. An assert with a message would also tell what it found."
        )


class UnclearAnswerError(DelembicError):
    """A ``validate`` returned something that says neither yes nor no.

    The value itself is not named, because it may be data.

    Args:
        kind: The type of what it returned.
    """

    def __init__(self, kind: type) -> None:
        super().__init__(
            f"validate() returned {kind.__name__}, which says neither yes nor no. Return True or"
            " False, or return nothing and raise an error if the data is wrong, as assert does."
        )
        self.kind = kind
