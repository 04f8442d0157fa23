"""Commands that change what is on record about applied migrations, and run none."""

from __future__ import annotations

from collections.abc import Collection

from delembic.audit.marks import read_marks
from delembic.audit.program import Program
from delembic.commands.projects import read_graph
from delembic.config import Config
from delembic.database.opening import open_database
from delembic.database.places import reading
from delembic.events import ignore
from delembic.execution.acceptance import Acceptance, refuse_unacceptable, unchanged
from delembic.execution.acceptance import accept as accept_file
from delembic.execution.run import open_run


def accept(
    config: Config,
    revisions: Collection[str],
    *,
    lock_timeout_seconds: float | None = None,
    program: Program | None = None,
) -> tuple[Acceptance, ...]:
    """Take the files of applied migrations as they are now for the ones that were applied.

    Use this after a change that makes no difference to the data, such as another format. Nothing is
    run, and the migrations stay applied. Each file that is accepted adds an entry to the audit log,
    with the operation ``accept``.

    Args:
        config: The project.
        revisions: The revisions whose files are accepted.
        lock_timeout_seconds: How long to wait for another run; the configured time if ``None``.
        program: Who is named in the log entries; this process if ``None``.

    Returns:
        An acceptance for each revision. Those of files that have not changed were not recorded.

    Raises:
        UnknownRevisionError: A revision is neither in the files nor applied. Nothing was accepted.
        NotAcceptableError: A revision is not applied, or its file is gone. Nothing was accepted.
        LockTimeoutError: Another run held the lock for too long.
        DefinitionError: A migration file is wrong.
        ConfigurationError: The database cannot be read.

    Example:
        >>> from delembic import Config, commands
        >>> config = Config.find("example_project")
        >>> changed = [each.revision for each in commands.history(config) if each.changed]
        >>> commands.accept(config, changed)
        ()
    """
    config.check()
    graph, wanted = read_graph(config), list(dict.fromkeys(revisions))
    with open_database(config) as database:
        with reading(database.work) as conn:
            marks = read_marks(conn)
        refuse_unacceptable(graph, marks, wanted)
        found = {id_: unchanged(graph[id_], marks[id_]) for id_ in wanted}
        if all(found.values()):  # then nothing is written, not even the tables
            return tuple(filter(None, found.values()))
        with open_run(database, config, program or Program(), ignore, lock_timeout_seconds) as run:
            return tuple(accept_file(run, graph, id_) for id_ in wanted)
