"""The boundary between delembic and the code of its users.

Migrations, ``env.py`` and the modules they import may raise anything. They are called inside
`user_code` and nowhere else, so that it holds the one broad ``except`` of the package.

Their files become modules here too, kept apart from all else that is imported: a folder turns into
a package with a name that nothing else has. A migration is a submodule of it, so ``from
._vocabulary import rows`` finds the helper ``_vocabulary.py`` beside it, and no bare name such as
``D001_load`` appears in `sys.modules`.
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
    """Turn whatever the block raises into an error of delembic's own, with the cause attached.

    ``SystemExit`` counts as a failure like any other: a migration that calls ``sys.exit()`` must
    not end the program behind delembic's back. ``KeyboardInterrupt`` and its like pass: there it
    is the operator who speaks, not the code.

    Args:
        error: Makes the error from the cause's description (see `delembic.causes`).

    Raises:
        DelembicError: What ``error`` returned, raised from the cause.
    """
    try:
        yield
    except (Exception, SystemExit) as cause:  # the boundary: users' code may raise anything
        raise error(describe(cause)) from cause


@cache
def import_source(path: Path, root: Path, content: bytes) -> ModuleType:
    """Execute ``content`` as the module of the file ``path``, once for each content.

    The bytes are compiled here, not read again and not taken from a bytecode cache: what runs is
    what was read, and so what a checksum was made from.

    Args:
        path: The file that the content came from.
        root: A folder to import from besides; put in front of `sys.path` if it is not there.
        content: The source, encoded as Python source files are.

    Raises:
        BaseException: Whatever the module raises while it is executed.
    """
    _make_importable(root)
    # A helper that was written a moment ago is to be found, whatever folders were looked at before.
    importlib.invalidate_caches()
    name = f"{_package(path.parent)}.{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    module.__package__ = name.rpartition(".")[0]
    sys.modules[name] = module
    try:
        # Not optimised: under `python -O`, every assert of a `validate` would hold.
        code = compile(content, path, "exec", dont_inherit=True, optimize=0)
        exec(code, module.__dict__)  # noqa: S102 - this is an import
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _make_importable(root: Path) -> None:
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))


def _package(folder: Path) -> str:
    """Return the name of the package that stands for the folder, made on the first call."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    name = f"delembic_project_{digest}"
    if name not in sys.modules:
        package = ModuleType(name, f"The Python files of {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name
