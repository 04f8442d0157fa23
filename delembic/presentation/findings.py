"""Findings as lines: for people, and as annotations that GitHub shows beside the code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from delembic.errors import render_path
from delembic.inspection.finding import Finding

_WORKSPACE = "GITHUB_WORKSPACE"
"""The variable with the folder of the checkout in a workflow of GitHub."""

_IN_A_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_A_PROPERTY = {**_IN_A_MESSAGE, ":": "%3A", ",": "%2C"}


def line(finding: Finding) -> str:
    """Return a finding as ``file:line: text``, with the remedy behind it, on one line."""
    place = render_path(finding.path) + (f":{finding.line}" if finding.line else "")
    return " ".join(f"{place}: {finding.text} {finding.remedy}".split())


def summary(found: Sequence[Finding]) -> str:
    """Return how many findings there are.

    Example:
        >>> summary([])
        'No problem found.'
    """
    if not found:
        return "No problem found."
    return f"Found {len(found)} problem{'' if len(found) == 1 else 's'}."


def annotation(finding: Finding) -> str:
    """Return a finding as a command of GitHub's workflows, which annotates the line of a file.

    The path is relative to the checkout, wherever in it the command is run.
    """
    properties = {"file": _path_in_checkout(finding.path)}
    if finding.line:
        properties["line"] = str(finding.line)
    properties["title"] = f"delembic ({finding.rule})"
    written = ",".join(
        f"{name}={_escaped(text, _IN_A_PROPERTY)}" for name, text in properties.items()
    )
    return f"::error {written}::{_escaped(line(finding), _IN_A_MESSAGE)}"


def _path_in_checkout(path: Path) -> str:
    checkout = os.environ.get(_WORKSPACE)
    if checkout and path.is_relative_to(Path(checkout).resolve()):
        return path.relative_to(Path(checkout).resolve()).as_posix()
    return render_path(path)


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
