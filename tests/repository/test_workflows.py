"""The workflows do what a contributor does, with the Pythons that delembic promises."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.pages import ROOT
from support.repository import PROJECT, run, targets, targets_named_in

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def _jobs(workflow: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(workflow.read_text())["jobs"].values())


def _commands(workflow: Path) -> list[str]:
    steps = [step for job in _jobs(workflow) for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_each_command_is_a_target_or_a_program_of_the_repository(workflow: Path) -> None:
    for command in _commands(workflow):
        named = targets_named_in(command)
        assert named <= targets()
        assert named or os.access(ROOT / command, os.X_OK), command


def test_together_they_make_what_a_change_has_to_pass() -> None:
    named = targets_named_in("\n".join(c for workflow in WORKFLOWS for c in _commands(workflow)))

    assert named == {"check", "docs", "lowest", "test", "test-all", "wheel"}


def test_the_tests_run_on_each_python_that_is_promised() -> None:
    (matrix,) = [
        job["strategy"]["matrix"]
        for workflow in WORKFLOWS
        for job in _jobs(workflow)
        if "strategy" in job
    ]
    classifiers = [
        text.rpartition(":: ")[2] for text in PROJECT["classifiers"] if "Python ::" in text
    ]

    assert matrix["python"] == [version for version in classifiers if "." in version]
    assert PROJECT["requires-python"] == f">={matrix['python'][0]}"
    assert all(job["experimental"] for job in matrix["include"])


def test_what_is_held_before_a_merge_are_targets_too() -> None:
    assert targets_named_in((ROOT / ".ci" / "run").read_text()) == {"check", "lowest", "test-all"}


@pytest.mark.parametrize("file", [".github/dependabot.yml", ".readthedocs.yaml"])
def test_other_settings_are_yaml_too(file: str) -> None:
    assert yaml.safe_load((ROOT / file).read_text())["version"] == 2


def test_the_hooks_call_what_make_check_calls() -> None:
    (hooks,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    checks = run("make", "--dry-run", "check", "READY=")

    for hook in hooks["hooks"]:
        command = " ".join(word for word in hook["entry"].split() if not word.startswith("--"))
        assert command == "make check" or command in checks


def test_editors_and_ruff_agree_on_the_length_of_lines() -> None:
    assert "max_line_length = 100\n" in (ROOT / ".editorconfig").read_text()
    assert "line-length = 100\n" in (ROOT / "pyproject.toml").read_text()
