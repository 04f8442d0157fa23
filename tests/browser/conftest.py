"""What the story needs: the example under `dagster dev`, a browser, and an album."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from support.browser.album import Album
from support.browser.chromium import chromium_page
from support.browser.dagster_ui import DagsterUI
from support.browser.example import ENVIRONMENT, Example
from support.dagster_dev import dagster_dev
from support.servers.availability import ServerUnavailableError, do_without


@pytest.fixture
def album() -> Album:
    return Album.as_asked_for()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a browser; whoever cannot have one goes without the test."""
    try:
        with chromium_page() as page:
            yield page
    except ServerUnavailableError as reason:
        do_without("browser", reason)


@pytest.fixture
def example(tmp_path: Path, page: Page) -> Example:
    # After the browser: without one, nothing else is worth its time.
    return Example.copied_to(tmp_path / "repository")


@pytest.fixture
def ui(example: Example, page: Page, tmp_path: Path) -> Iterator[DagsterUI]:
    """Dagster's user interface on the example, in a browser."""
    with dagster_dev(example.folder, tmp_path / "dagster_home", ENVIRONMENT) as address:
        yield DagsterUI(page, address)
        # What was seen last tells most about a wait that was in vain.
        page.screenshot(path=tmp_path / "last-seen.png")
