"""The boundary between delembic and its users' code.

Migrations, ``env.py`` and the modules that they import may raise anything. They are called only
inside `user_code`, which therefore holds the only broad ``except`` of the package.

Their files are imported here too, apart from all other modules. The project's root becomes a
package with a unique name, each folder below it a package in that, and a migration is a submodule
of its folder. So ``from ._vocabulary import rows`` finds the helper ``_vocabulary.py`` beside it,
and two dots find one in the folder above. No bare name such as ``D001_load`` appears in
`sys.modules`.
"""

import hashlib
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType

from delembic.causes import describe
from delembic.errors import DelembicError


@contextmanager
def user_code(error: Callable[[str], DelembicError]) -> Iterator[None]:
    """Turn any exception in the block into an error of delembic's own, with the cause attached.

    ``SystemExit`` counts as a failure too: a migration that calls ``sys.exit()`` must not end the
    program unnoticed. ``KeyboardInterrupt`` and similar exceptions pass, because they come from
    the operator and not from the code.

    Args:
        error: Makes the error from a description of the cause (see `delembic.causes`).

    Raises:
        DelembicError: The error that ``error`` returned, raised from the cause.
    """
    try:
        yield
    except (Exception, SystemExit) as cause:  # users' code may raise anything
        raise error(describe(cause)) from cause


@cache
def import_source(path: Path, root: Path, content: bytes) -> ModuleType:
    """Execute ``content`` as the module of the file ``path``, once for each content.

    The bytes are compiled here. They are not read again, nor taken from a bytecode cache, so the
    code that runs is the code that the checksum was computed from.

    Args:
        path: The file that the content came from.
        root: Another folder to import from; put in front of `sys.path` if it is missing there.
        content: The source, encoded as Python source files are.

    Raises:
        BaseException: Any exception that the module raises while it is executed.
    """
    _make_importable(root)
    # Otherwise a helper that was written a moment ago might not be found.
    importlib.invalidate_caches()
    package = _package(path.parent, root)
    name = f"{package}.{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    module.__package__ = package  # the name of the file may have dots
    sys.modules[name] = module
    try:
        # Not optimized: under `python -O`, the asserts of a `validate` would not run.
        code = compile(content, path, "exec", dont_inherit=True, optimize=0)
        exec(code, module.__dict__)  # noqa: S102 - this is an import
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _make_importable(root: Path) -> None:
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))


def _package(folder: Path, root: Path) -> str:
    """Return the name of the folder's package, which is made with those above it if necessary.

    A folder outside of the project has a package without any above it.
    """
    place = root if folder.is_relative_to(root) else folder
    name = _make_package(f"delembic_project_{_digest(place)}", place)
    for part in folder.relative_to(place).parts:
        place /= part
        # A part with a dot would look like two packages.
        name = _make_package(f"{name}.{part if part.isidentifier() else _digest(place)}", place)
    return name


def _make_package(name: str, folder: Path) -> str:
    if name not in sys.modules:
        package = ModuleType(name, f"The Python files of {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def _digest(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:12]
