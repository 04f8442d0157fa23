"""Makes engines from a setting or from ``env.py``."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

from delembic.causes import describe
from delembic.config import Config
from delembic.database.dialects import kind_of
from delembic.database.driver_errors import keep_quiet
from delembic.database.urls import parse_url
from delembic.errors import ConfigurationError, DependencyNotInstalledError, render_path
from delembic.user_code import import_source, user_code

_PACKAGES = {
    "psycopg": ("psycopg", "postgresql"),
    "psycopg2": ("psycopg2-binary", None),
    "pymysql": ("pymysql", "mysql"),
    "MySQLdb": ("mysqlclient", None),
    "mysql": ("mysql-connector-python", None),
    "oracledb": ("oracledb", None),
    "pyodbc": ("pyodbc", None),
}
_WITHOUT_CHOICE = {
    "MySQLdb": "Or write mysql+pymysql://, whose driver is in 'delembic[mysql]'.",
    "psycopg2": "Or write postgresql+psycopg://, whose driver is in 'delembic[postgresql]'.",
}
"""What to suggest if a URL names no driver and SQLAlchemy chooses this one."""

_TWINS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "sqlite": "sqlite+pysqlite",
}
"""The synchronous driver to use in place of an asynchronous one."""

_USUAL = (
    "Use postgresql+psycopg:// for PostgreSQL, mysql+pymysql:// for MySQL and MariaDB, or"
    " sqlite:/// for SQLite. Another database needs the package of its dialect."
)


def engine_of(config: Config, key: str, text: str) -> Engine:
    """Return an engine for the URL in a setting. The caller disposes of it.

    Raises:
        SettingError: The URL cannot be used.
        DependencyNotInstalledError: Its driver is not installed.
    """
    url = parse_url(config, key, text)
    url = kind_of(url.get_backend_name()).placed(url, config.root)
    with suppress(NoSuchModuleError):
        if url.get_dialect().is_async:
            url = _twin(config, key, url)
    engine = _create(config, key, url)
    keep_quiet(engine, hide_values=config.hide_parameters)
    return engine


def engine_from_env(config: Config) -> Engine:
    """Return the engine that ``get_engine`` in ``env.py`` returns. It belongs to the user.

    Raises:
        ConfigurationError: There is no ``get_engine``, or it does not return an engine.
    """
    file = config.env_file
    variables = config.settings.get("sqlalchemy.url")
    unset = f"{variables} is empty" if variables else "is not set"
    if not file.is_file():
        raise config.error(
            "sqlalchemy.url", f"{unset}.", f"Set it, or define get_engine() in {render_path(file)}."
        )
    name = render_path(file)
    remedy = f"Correct {name}; on the command line, --debug shows the traceback."
    with user_code(
        lambda reason: ConfigurationError(
            f"{render_path(file)} cannot be imported: {reason}", remedy
        )
    ):
        module = import_source(file, config.root, file.read_bytes())
    get_engine = getattr(module, "get_engine", None)
    if get_engine is None:
        raise config.error(
            "sqlalchemy.url",
            f"{unset}, and {name} has no get_engine().",
            "Set it, or define get_engine().",
        )
    with user_code(
        lambda reason: ConfigurationError(f"get_engine() in {name} failed: {reason}", remedy)
    ):
        engine = get_engine()
    if not isinstance(engine, Engine):
        engine = getattr(engine, "sync_engine", engine)  # of an AsyncEngine
    if isinstance(engine, Engine) and engine.dialect.is_async:
        engine = _create(config, "sqlalchemy.url", _twin(config, "sqlalchemy.url", engine.url))
    if not isinstance(engine, Engine):
        raise ConfigurationError(
            f"get_engine() in {name} returned {type(engine).__name__}, not an Engine.",
            "Return the result of sqlalchemy.create_engine(…).",
        )
    keep_quiet(engine, hide_values=config.hide_parameters)
    return engine


def _twin(config: Config, key: str, url: URL) -> URL:
    """Return the URL of an asynchronous driver's database for a synchronous driver.

    Raises:
        SettingError: None is known for the database.
    """
    twin = _TWINS.get(url.get_backend_name())
    if twin is None:
        raise config.error(
            key, f"{url.drivername} is asynchronous.", f"Choose another driver. {_USUAL}"
        )
    if url.get_driver_name() == "asyncpg":  # the only one whose options have other names
        ssl = url.query.get("ssl")
        url = url.set(query={"sslmode": ssl} if ssl else {})
    return url.set(drivername=twin)


def _create(config: Config, key: str, url: URL) -> Engine:
    options = kind_of(url.get_backend_name()).engine_options(url, config)
    try:
        engine = create_engine(url, **options)
        kind_of(url.get_backend_name()).prepare(engine)
        return engine
    except NoSuchModuleError as error:
        raise config.error(
            key, f"SQLAlchemy does not know the database {url.drivername!r}.", _USUAL
        ) from error
    except ModuleNotFoundError as error:
        module = (error.name or "?").partition(".")[0]
        package, extra = _PACKAGES.get(module, (module, None))
        instead = None if "+" in url.drivername else _WITHOUT_CHOICE.get(module)
        raise DependencyNotInstalledError(
            f"{url.drivername}://", package, extra, instead
        ) from error
    except (ImportError, SQLAlchemyError, TypeError, ValueError) as error:
        raise config.error(key, f"cannot be used: {describe(error)}.", _USUAL) from error
