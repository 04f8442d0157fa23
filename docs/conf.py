"""How `make docs` makes a site of the pages in this folder."""

from __future__ import annotations

import builtins
import re
import tomllib
from pathlib import Path

from pydantic import BaseModel
from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
_METADATA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = _METADATA["urls"]["Repository"]

project = _METADATA["name"]
release = version = _METADATA["version"]
copyright = "the delembic authors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]

# --- links and references -------------------------------------------------------------------------

nitpicky = True  # a reference that leads nowhere is a warning, and `make docs` fails on warnings
myst_heading_anchors = 4
default_role = "any"  # what stands between single backticks in a docstring is a reference
nitpick_ignore = [("any", name) for name in dir(builtins)]
nitpick_ignore_regex = [
    # Other people's names. Their documentation is not looked up, so that no network is needed.
    (r"py:.*", r"~?(collections|contextlib|dagster|datetime|pathlib|pytest|sqlalchemy|typing)\..*"),
    (r"py:.*", r"ConfigDict|Connection|Failure|Path"),
    # The pieces of a type that Sphinx has cut at its commas.
    (r"py:.*", r".*\[.*"),
    # Dagster shows the docstrings of components as Markdown, where single backticks mark code.
    (r"any", r".*[- ].*|.*\.(ini|yaml)"),
    # Of delembic's own, those that nobody names in a program.
    (r"py:class", r"delembic.*\.(Gap|RunSession|_Progress)"),
]

# --- how it looks ---------------------------------------------------------------------------------

html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
}
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

autodoc_member_order = "bysource"
autodoc_type_aliases = {"Listener": "delembic.events.Listener"}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

_RELATIVE_LINK = re.compile(r"\]\((?!\w+:|[/#])([^)#]+)")


def _absolute(text: str, folder: Path) -> str:
    """Make the relative links of a page work on the site.

    Args:
        text: Markdown.
        folder: The folder that the links start from.
    """

    def absolute(link: re.Match[str]) -> str:
        target = (folder / link[1]).resolve()
        if not target.exists():
            return link[0]  # Sphinx says that it leads nowhere
        if target.is_relative_to(DOCS):
            return f"](/{target.relative_to(DOCS)}"
        kind = "tree" if target.is_dir() else "blob"
        return f"]({REPOSITORY}/{kind}/main/{target.relative_to(ROOT)}"

    return _RELATIVE_LINK.sub(absolute, text)


def _read_page(app: Sphinx, page: str, content: list[str]) -> None:
    content[0] = _absolute(content[0], (DOCS / page).parent)


def _include(app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    content[0] = _absolute(content[0], (DOCS / path).resolve().parent)


def _keep_first_sentence(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Begin the docstring of an attribute with an empty comment.

    Napoleon takes what stands before a colon in its first line for a type.
    """
    if what in {"attribute", "data", "property"}:
        lines[:0] = ["..", ""]


def _simplify(
    app: Sphinx, what: str, name: str, value: object, options: object, *parts: str | None
) -> tuple[str | None, str | None]:
    """Take out of a signature what is no Python: the `repr` of functions and other objects."""
    if isinstance(value, type) and issubclass(value, BaseModel):
        return f"(*, {', '.join(value.model_fields)})", None  # their types hold such objects too
    signature, returns = parts
    named = re.sub(r"<function (\w+)[^>]*>", r"\1", signature or "")
    return re.sub(r"<[^>]*>", "...", named) or None, returns


def setup(app: Sphinx) -> None:
    """Tell Sphinx of the functions above."""
    app.connect("source-read", _read_page)
    app.connect("include-read", _include)
    app.connect("autodoc-process-docstring", _keep_first_sentence, priority=400)
    app.connect("autodoc-process-signature", _simplify)
