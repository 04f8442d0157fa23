"""Run by Alembic: upgrades on the connection that was passed to `SchemaRevisions.upgrade`."""

from alembic import context

_given = context.config.attributes
context.configure(connection=_given["connection"], **_given["options"])
with context.begin_transaction():
    context.run_migrations()
