"""The documentation does what it says."""

import re
from pathlib import Path

import pytest

from support.dg_project import DgProject
from support.pages import ROOT, go_through

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Makes an environment of its own, and is carried out with the wheel (tests/packaging).
QUICKSTART = ROOT / "docs" / "dagster-quickstart.md"
# Goes on where the quickstart ended.
COMPONENT = ROOT / "docs" / "dagster-component.md"
TUTORIAL = ROOT / "example_project" / "README.md"
LONG = {"dagster", "dagster-sensors", "long-work", "testing", "verifying"}
"""The pages that take more than seven seconds."""
# Nothing in them is typed here.
OTHERS = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*/*.md"))]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.long if page.stem in LONG else ())
        for page in PAGES
        if page not in {QUICKSTART, COMPONENT}
    ],
    ids=[page.stem for page in PAGES if page not in {QUICKSTART, COMPONENT}],
)
def test_the_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    go_through(page, tmp_path)


@pytest.mark.long
def test_the_component_does_what_its_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in DgProject(tmp_path).environment.items():
        monkeypatch.setenv(name, value)
    for name, content in re.findall(
        r"^```(?:ini|python)\n# (delembic\S+)\n(.*?)^```", QUICKSTART.read_text(), re.DOTALL | re.M
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)

    go_through(COMPONENT, tmp_path)


def test_the_quickstart_is_green_after_fewer_than_ten_commands() -> None:
    until_green, _, _ = QUICKSTART.read_text().partition("Materialize all")

    assert len(re.findall(r"^\$ ", until_green, flags=re.MULTILINE)) < 10


@pytest.mark.parametrize("page", [*PAGES, TUTORIAL, *OTHERS], ids=lambda page: page.stem)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []
