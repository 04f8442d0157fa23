"""Dagster's user interface, as a user operates it; only this module depends on its pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import Locator, Page, ViewportSize, expect

from support.browser.chromium import WINDOW
from support.dagster_dev import PATIENCE_SECONDS

PREFIX = "delembic"
"""The first part of the assets' keys and of the names of metadata."""
JOB = "delembic_upgrade"

# Dagster's own executor starts a process for each step, and the machine may be busy.
_LONGEST_RUN_SECONDS = 400.0
_LOCATION = "definitions.py"
_MATERIALIZE = re.compile(r"\bMaterialize( all| selected)?( \(\d+\))?$")
# Small enough for nodes to be colored names, and large enough to read them.
_GRAPH_WINDOW = ViewportSize(width=1760, height=1050)

Colour = Literal["green", "red"]


@dataclass(frozen=True)
class CheckSeen:
    """The latest execution of a check, as its page shows it.

    Attributes:
        result: ``Passed`` or ``Failed``.
        metadata: The table below the result.
        text: The whole text of the page.
    """

    result: str
    metadata: dict[str, str]
    text: str


class DagsterUI:
    """The user interface in one page of a browser.

    Args:
        page: The page that shows it.
        address: The address of `dagster dev`.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address

    # --- The graph of all assets ------------------------------------------------------------------

    def open_graph(self) -> None:
        """Show all assets, with their groups opened and the navigation closed."""
        self._go("/asset-groups/", _GRAPH_WINDOW)
        self._button(_MATERIALIZE).first.wait_for()
        if self._button("Hide navigation").is_visible():
            self._button("Hide navigation").click()
        # The navigation has a button of the same name.
        self._button(re.compile("^settings$")).last.click()
        collapse = self.page.get_by_role("menuitem", name="Collapse all groups")
        expand = self.page.get_by_role("menuitem", name="Expand all groups")
        expand.or_(collapse).wait_for()
        # It offers to collapse even when a new group is closed.
        if collapse.is_visible():
            collapse.click()
        expand.click()
        collapse.wait_for()
        # The page remembers all of this, and a graph is fitted to the window when it loads.
        self.page.reload()

    def wait_for_colour(self, colour: Colour, *revisions: str) -> None:
        """Wait until the graph shows these migrations in a color; it may cut their names."""
        for revision in revisions:
            node = self.page.locator(f"[style*='accent-{colour}']").filter(
                has_text=re.compile(f"^{revision}([_…]|$)")
            )
            node.first.wait_for()

    def reload_definitions(self) -> None:
        """Press *Reload definitions*, and wait for the new ones."""
        self._button("Reload definitions").click()
        self._notifications.get_by_text("Definitions reloaded").wait_for()

    # --- Sensors ----------------------------------------------------------------------------------

    def turn_on(self, sensor: str) -> None:
        """Open a sensor's page and switch it on."""
        self._go(f"/locations/{_LOCATION}/sensors/{sensor}")
        switch = self.page.get_by_role("checkbox").first
        # The box itself is hidden below the picture of a switch.
        self.page.locator("label").filter(has=switch).click()
        expect(switch).to_be_checked()

    # --- Runs -------------------------------------------------------------------------------------

    def materialize(self) -> str:
        """Press *Materialize all*, or *Materialize* on an asset's page; return the run's id."""
        self._button(_MATERIALIZE).first.click()
        launched = self._notifications.get_by_role("link", name="View")
        # It asks first if something upstream has not been materialized.
        confirm = self._button("Confirm")
        launched.or_(confirm).first.wait_for()
        if confirm.is_visible():
            confirm.click()
        launched.wait_for()
        return str(launched.get_attribute("href")).rpartition("/")[2]

    def open_job(self) -> None:
        """Show the job, where *Materialize all* runs it."""
        self._go(f"/locations/{_LOCATION}/jobs/{JOB}")

    def run(self, run_id: str) -> str:
        """Open a run, wait for its end, and return its status: ``Success`` or ``Failure``."""
        # Show only the failures in its log.
        self._go(f"/runs/{run_id}?logs={quote('type:STEP_FAILURE')}")
        status = self.page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first
        status.wait_for(timeout=_LONGEST_RUN_SECONDS * 1000)
        return status.inner_text()

    def wait_for_steps(self, **counts: int) -> None:
        """Wait until the run on the page has this many ``errored`` or ``not_executed`` steps."""
        for state, count in counts.items():
            self.wait_for_text(f"{state.capitalize().replace('_', ' ')} ({count})")

    def failure(self) -> tuple[str, dict[str, str]]:
        """Open the failure in the run on the page, and return its text and metadata."""
        self._button("View full message").first.click()
        dialog = self.page.get_by_role("dialog")
        message = dialog.get_by_role("heading").first.inner_text()
        return message, _table(dialog, value=1)

    # --- One asset --------------------------------------------------------------------------------

    def open_asset(
        self, name: str, view: str = "overview", prefix: str = PREFIX, **more: str
    ) -> None:
        """Show an asset's page: ``overview``, ``events``, ``checks`` or ``lineage``."""
        arguments = "&".join(f"{key}={value}" for key, value in {"view": view, **more}.items())
        self._go(f"/assets/{prefix}/{name}?{arguments}")
        self.page.get_by_role("tab", name=view.capitalize(), selected=True).wait_for()

    def metadata(self, name: str, prefix: str = PREFIX) -> dict[str, str]:
        """Open an asset's page, and return the metadata of its latest event."""
        self.open_asset(name, prefix=prefix)
        self.page.get_by_role("cell", name=f"{PREFIX}/status").wait_for()
        # The rest of the page comes later than the table.
        self.page.get_by_text(re.compile("^(?!Loaded).* ago$")).first.wait_for()
        self.page.wait_for_load_state("networkidle")
        return _table(self.page, value=2)

    def neighbours(self) -> dict[str, bool]:
        """Return the neighbors of the migration on the page, and whether they are green."""
        links = self.page.get_by_role("link").filter(has_text=f"{PREFIX} / ")
        links.filter(has=self.page.get_by_role("img", name="run_")).first.wait_for()
        return {
            link.inner_text().split()[-1]: link.get_by_role("img", name="run_success").count() > 0
            for link in links.all()
        }

    def wait_for_text(self, text: str) -> None:
        """Wait until the page contains a text."""
        self.page.get_by_text(text).first.wait_for()

    def plots(self) -> list[str]:
        """Press *Plots* on a migration's page, and return the names of what is plotted."""
        self._button("Plots").click()
        plot = self.page.locator("canvas").first
        plot.wait_for()
        plot.scroll_into_view_if_needed()
        names = self.page.get_by_text(f"{PREFIX}/").all_inner_texts()
        return [name for name in names if name.startswith(f"{PREFIX}/")]

    def check(self, asset: str, name: str) -> CheckSeen:
        """Open a check of a migration."""
        self.open_asset(asset, "checks", checkDetail=name)
        self.wait_for_text("Evaluation result")
        # The first is in the list of checks, and the last in the details of this one.
        result = self.page.get_by_text(re.compile(r"^(Passed|Failed)$")).last
        metadata = _table(self.page, value=1)
        return CheckSeen(result.inner_text(), metadata, self.page.locator("body").inner_text())

    def open_lineage(self, name: str) -> None:
        """Show a migration between its nearest neighbours, when the state of each is known."""
        self.open_asset(name, "lineage")
        self.page.get_by_text(re.compile("^(Materialized|Failed)$")).first.wait_for()
        loading = self.page.get_by_text("Loading...")
        expect(loading).to_have_count(0, timeout=PATIENCE_SECONDS * 1000)

    # --- Parts of the page ------------------------------------------------------------------------

    def _go(self, path: str, window: ViewportSize = WINDOW) -> None:
        self.page.set_viewport_size(window)
        self.page.goto(self._address + path)

    def _button(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name)

    @property
    def _notifications(self) -> Locator:
        return self.page.get_by_role("region", name="Notifications")


def _table(part: Page | Locator, value: int) -> dict[str, str]:
    """Return the values of delembic's keys in tables.

    Args:
        part: The part of the page with the tables.
        value: The index of the cell with the value; the key is in the first cell.
    """
    rows = [row.get_by_role("cell").all_inner_texts() for row in part.get_by_role("row").all()]
    return {row[0]: row[value] for row in rows if row and row[0].startswith(f"{PREFIX}/")}
