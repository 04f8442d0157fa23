"""Selecting revisions by name, by tag, or together with all that come before them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from delembic import Graph
from delembic_dagster.errors import SelectionError

PENDING = "pending"

Selection = str | Sequence[str]
"""One or several of: a revision, ``tag:NAME``, ``tag:NAME=VALUE``, ``upto:REVISION``.

Where the database may be queried, ``pending`` limits the selection to migrations that are not
applied; alone, it selects all of those.
"""


def select_revisions(graph: Graph, selection: Selection | None) -> list[str]:
    """Return the selected revisions, in execution order.

    Args:
        graph: The project's revisions.
        selection: The selection; ``None`` selects all revisions.

    Raises:
        UnknownRevisionError: The selection names a revision that does not exist.
        SelectionError: The selection has a tag that no migration has, contains ``pending``, or is
            invalid.
    """
    if selection is None:
        return list(graph)
    parts, pending = split_pending(selection)
    if pending:
        raise SelectionError(
            "Only the database knows what is pending, and definitions are loaded without it.",
            "Use 'pending' in build_schedule_from_delembic_selection.",
        )
    chosen = {id_ for part in parts or () for id_ in _matches(graph, part)}
    return [id_ for id_ in graph if id_ in chosen]


def split_pending(selection: Selection) -> tuple[list[str] | None, bool]:
    """Return a selection without ``pending``, and whether it contained ``pending``.

    Example:
        >>> split_pending(["tag:nightly", "pending"])
        (['tag:nightly'], True)
        >>> split_pending("pending")
        (None, True)
    """
    parts = _parts(selection)
    others = [part for part in parts if part != PENDING]
    return (None if parts and not others else others), PENDING in parts


def pending_of(selection: Selection | None) -> Selection:
    """Return a selection of what is pending in another selection.

    Example:
        >>> pending_of("tag:nightly"), pending_of(None), pending_of([])
        (['tag:nightly', 'pending'], 'pending', [])
    """
    if selection is None:
        return PENDING
    parts = _parts(selection)
    return [*parts, PENDING] if parts else []  # what is pending in nothing, not in everything


def _parts(selection: Selection) -> list[str]:
    return [selection] if isinstance(selection, str) else list(selection)


def _matches(graph: Graph, part: str) -> Collection[str]:
    kind, _, rest = part.partition(":")
    if kind == "tag":
        return _tagged(graph, rest)
    if kind == "upto":
        return graph.upto(rest)
    if ":" in part and part not in graph:  # no revision has such a name
        raise SelectionError(
            f"{part!r} is not a valid selection.",
            "Use revisions, tag:NAME, tag:NAME=VALUE or upto:REVISION.",
        )
    # 'head' selects all revisions before it too, as on the command line.
    return [part] if part in graph else graph.upto(part)


def _tagged(graph: Graph, tag: str) -> list[str]:
    name, equals, value = tag.partition("=")
    found = [
        revision.id
        for revision in graph.values()
        if name in revision.tags and (not equals or revision.tags[name] == value)
    ]
    if not found:
        raise SelectionError(f"No migration has the tag {tag!r}.", "Correct the selection.")
    return found
