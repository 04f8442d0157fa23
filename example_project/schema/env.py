"""How Alembic reaches the database: through the same get_engine() as delembic."""

import runpy
from logging.config import fileConfig
from pathlib import Path

from alembic import context
from sqlalchemy import Engine

DELEMBIC_ENV = Path(__file__).resolve().parents[1] / "delembic" / "env.py"


def get_engine() -> Engine:
    """Run delembic/env.py by its path: the name `delembic` belongs to the installed package."""
    engine: Engine = runpy.run_path(str(DELEMBIC_ENV))["get_engine"]()
    return engine


def upgrade_online() -> None:
    """Run the schema migrations on a connection of their own."""
    engine = get_engine()
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def upgrade_offline() -> None:
    """Print the SQL instead of running it (`alembic upgrade head --sql`)."""
    context.configure(dialect_name=get_engine().dialect.name, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.config.config_file_name:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

if context.is_offline_mode():
    upgrade_offline()
else:
    upgrade_online()
