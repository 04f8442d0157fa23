"""What a package index shows of the wheel."""

from __future__ import annotations

import re
from email import message_from_string
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

from support.pages import ROOT
from support.repository import PROJECT

FILES = re.compile(
    r"https://(?:github\.com/delembic/delembic/blob|raw\.githubusercontent\.com/delembic/delembic)"
    r"/v([^/]+)/([^)#]+)"
)


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_string(archive.read(name).decode())


@pytest.fixture(scope="module")
def readme(metadata: Message) -> str:
    return str(metadata.get_payload())


def test_no_link_of_the_readme_is_relative(readme: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", readme)

    assert [link for link in links if not link.startswith("https://")] == []


def test_its_links_lead_to_files_of_the_released_version(readme: str) -> None:
    found = FILES.findall(readme)

    assert {"docs/getting-started.md", "docs/images/graph.png"} <= {path for _, path in found}
    assert {version for version, _ in found} == {PROJECT["version"]}
    assert [path for _, path in found if not (ROOT / path).exists()] == []


def test_its_pictures_are_pictures_and_no_pages(readme: str) -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", readme)

    assert pictures
    assert all(picture.startswith("https://raw.") for picture in pictures)


def test_it_says_where_the_project_is(metadata: Message) -> None:
    urls = dict(text.split(", ") for text in metadata.get_all("Project-URL", []))

    assert urls == PROJECT["urls"]
    assert {"Homepage", "Documentation", "Repository", "Changelog", "Issues"} == urls.keys()
    assert metadata["Description-Content-Type"] == "text/markdown"
