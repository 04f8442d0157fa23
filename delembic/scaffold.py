"""New files from templates: a project, a revision."""

from __future__ import annotations

import json
import keyword
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from string import Template

from delembic.config import CONFIG_NAME
from delembic.errors import ConfigurationError, FileExistsAlreadyError, render_path

_SLUG_CHARACTERS = 60


def write_project(root: Path, script_location: str) -> list[Path]:
    """Write the files of a new project and return their paths. Nothing is overwritten.

    Args:
        root: Where ``delembic.ini`` goes.
        script_location: The folder for ``env.py`` and ``versions/``, relative to ``root``.

    Raises:
        FileExistsAlreadyError: One of the files already exists; none was written.
        ConfigurationError: The folder cannot be created, or the ini file cannot name it.
    """
    if not script_location.strip() or not script_location.isprintable():
        raise ConfigurationError(
            f"{script_location!r} cannot be the name of a folder in delembic.ini.",
            "Name a folder, for example: delembic init migrations",
        )
    folder = root / script_location
    contents = {
        root / CONFIG_NAME: _render("delembic.ini.template", script_location=script_location),
        folder / "env.py": _render("env.py.template"),
        folder / "versions" / ".gitkeep": "",
    }
    for path in contents:
        with _refusals_reported(path):
            taken = next(each for each in (path, *path.parents) if each.exists())
        if taken == path or not taken.is_dir():
            raise FileExistsAlreadyError(taken)
    for path, content in contents.items():
        with _refusals_reported(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(path, content)
    return list(contents)


def write_revision(folder: Path, revision: str, message: str, depends_on: Sequence[str]) -> Path:
    """Write the file of a new migration and return its path.

    Raises:
        ConfigurationError: The message is empty or cannot be printed, or the file cannot be
            written.
        FileExistsAlreadyError: The file already exists.
    """
    description = " ".join(message.split())
    if not description:
        raise ConfigurationError(
            "The message is empty.", "Describe what the migration does: -m 'load vocabulary'."
        )
    if not description.isprintable():
        raise ConfigurationError(
            f"The message cannot be printed: {message!r}.",
            "Describe what the migration does: -m 'load vocabulary'.",
        )
    content = _render(
        "revision.py.template",
        class_name=_class_name(description),
        revision=json.dumps(revision),
        depends_on=json.dumps(list(depends_on)),
        description=json.dumps(description, ensure_ascii=False),
    )
    path = folder / f"{revision}_{_slug(description)}.py"
    _write_new(path, content)
    return path


def next_revision(existing: Iterable[str]) -> str:
    """Return the revision that follows the highest one of the form ``D`` and a number.

    Example:
        >>> next_revision([])
        'D001'
        >>> next_revision(["D001", "D999", "hotfix"])
        'D1000'
    """
    numbers = [int(match[1]) for id_ in existing if (match := re.fullmatch(r"D(\d+)", id_))]
    return f"D{max(numbers, default=0) + 1:03d}"


def _render(template: str, **values: str) -> str:
    text = files("delembic").joinpath("templates", template).read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _write_new(path: Path, content: str) -> None:
    with _refusals_reported(path), path.open("x", encoding="utf-8") as file:
        file.write(content)


@contextmanager
def _refusals_reported(path: Path) -> Iterator[None]:
    """Raise what prevents a file from being written as an error of delembic's own."""
    try:
        yield
    except FileExistsError as error:
        raise FileExistsAlreadyError(path) from error
    except OSError as error:
        raise ConfigurationError(
            f"{render_path(path)} cannot be written: {error.strerror}.",
            "Choose another folder, or check who may write there.",
        ) from error


def _words(text: str) -> list[str]:
    # NFKD separates letters from their accents, so that the letters remain.
    plain = unicodedata.normalize("NFKD", text).casefold()
    return re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c)))


def _slug(description: str) -> str:
    return "_".join(_words(description))[:_SLUG_CHARACTERS].rstrip("_") or "migration"


def _class_name(description: str) -> str:
    name = "".join(word.capitalize() for word in _words(description))
    if not name or name[0].isdigit() or keyword.iskeyword(name) or name == "DataMigration":
        name = f"Migration{name}"
    return name
