"""What becomes of the story where there is no browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.browser.chromium import chromium_page
from support.servers.availability import ServerUnavailableError


def test_without_chromium_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerUnavailableError, match="install Debian's package chromium"):
        chromium_page().__enter__()
