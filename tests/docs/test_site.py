"""The pages become a site, and whoever opens it finds the API there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from delembic import commands
from support.browser.chromium import chromium_page
from support.repository import make
from support.servers.availability import ServerUnavailableError, do_without

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by `make docs`, which fails on whatever leads nowhere."""
    folder = tmp_path_factory.mktemp("site")
    make("docs", SITE=folder)
    return folder


@pytest.fixture
def page() -> Iterator[Page]:
    try:
        with chromium_page() as page:
            yield page
    except ServerUnavailableError as reason:
        do_without("browser", reason)


def test_it_leads_from_its_first_page_to_a_function(site: Path, page: Page) -> None:
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name="API reference").last.click()
    page.get_by_role("link", name="delembic.commands", exact=True).last.click()

    summary = (commands.upgrade.__doc__ or "").partition("\n")[0]
    entry = page.locator("dl", has=page.locator("dt[id='delembic.commands.upgrade']"))
    expect(entry.get_by_text(summary)).to_be_visible()
    expect(entry.get_by_role("link", name="MigrationFailedError").first).to_be_visible()


def test_a_search_finds_pages_and_names(site: Path, page: Page) -> None:
    page.goto((site / "index.html").as_uri())
    page.get_by_placeholder("Search").fill("build_delembic_defs")
    page.get_by_placeholder("Search").press("Enter")

    results = page.locator("ul.search")
    expect(results.get_by_role("link", name="With Dagster", exact=True)).to_be_visible()
    expect(results.get_by_role("link", name="delembic_dagster.build_delembic_defs")).to_be_visible()


def test_what_contributors_need_is_a_page_whose_links_work(site: Path, page: Page) -> None:
    page.goto((site / "project" / "contributing.html").as_uri())
    page.get_by_role("link", name="docs/architecture.md").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Architecture")
