"""A headless Chromium, as Debian packages it, with an empty profile."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, ViewportSize, sync_playwright

from support.dagster_dev import PATIENCE_SECONDS
from support.servers.availability import ServerUnavailableError

WINDOW = ViewportSize(width=1280, height=800)

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def chromium_page() -> Iterator[Page]:
    """Open a page that looks the same on every machine, and allows for slow ones.

    Raises:
        ServerUnavailableError: There is no Chromium.
    """
    program = shutil.which("chromium")
    if program is None:
        raise ServerUnavailableError("Chromium is missing: install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        context = browser.new_context(
            viewport=WINDOW, locale="en-US", timezone_id="UTC", reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        try:
            yield context.new_page()
        finally:
            browser.close()
