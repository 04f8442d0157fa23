"""What a release consists of."""

import sys
from pathlib import Path

import pytest

from support.pages import ROOT
from support.repository import run


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as for a release."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT))
    (wheel,) = folder.glob("delembic-*.whl")
    return wheel
