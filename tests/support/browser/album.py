"""The screenshots for the documentation, which the tests take on request."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from support.browser.example import ROOT

_HIDE = "elements => elements.forEach(element => { element.style.visibility = 'hidden' })"
_VARIABLE = "DELEMBIC_SCREENSHOTS"
IMAGES = ROOT / "docs" / "images"


@dataclass(frozen=True)
class Album:
    """A folder for screenshots.

    Attributes:
        folder: The folder of the files; no screenshots are taken if ``None``.
    """

    folder: Path | None

    @classmethod
    def as_asked_for(cls) -> Album:
        """Take screenshots for the documentation if ``DELEMBIC_SCREENSHOTS`` is set."""
        return cls(IMAGES if os.environ.get(_VARIABLE) else None)

    def take(self, page: Page, name: str) -> None:
        """Take a screenshot of the window."""
        if self.folder:
            # It names folders of the machine that takes the screenshot.
            page.get_by_text("Stack Trace:").evaluate_all(_HIDE)
            page.screenshot(path=self.folder / f"{name}.png", animations="disabled", caret="hide")
