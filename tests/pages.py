"""A page of the documentation, carried out.

From top to bottom, in one folder:

- A block of ``console``: a line that begins with ``$`` is typed as a command, and what follows has
  to be its output. Durations and times differ from run to run, and are compared as such.
- A block whose first line is a comment with a file's name becomes that file.
- Any other block of ``python`` is a program, and has to succeed.

``pip install`` is left out: it is for those who call this to have everything installed.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[1]

FILE_NAME = re.compile(r"# ([\w./-]+\.(?:py|ini))\n")
CHANGING = [
    (re.compile(r"\(\d+\.\d\ds\)"), "(1.24s)"),
    (re.compile(r"\bin \d+\.\d\d s\b"), "in 1.24 s"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00"), "2024-01-15 10:30:00+00:00"),
]


def go_through(page: Path, folder: Path, programs: Path = Path(sys.executable).parent) -> None:
    """Do what the page says.

    Args:
        page: A Markdown file.
        folder: Where to do it.
        programs: Where ``delembic`` and ``python`` are.

    Raises:
        AssertionError: A command printed something else, or a program failed.
    """

    def type_commands(example: Example) -> None:
        for part in re.split(r"^\$ ", str(example.parsed), flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            if not command.startswith("pip install "):
                assert _settled(_type(command, folder, programs)) == _settled(expected), command

    def write_or_run(example: Example) -> None:
        text = str(example.parsed)
        if named := FILE_NAME.match(text):
            _write(folder / named[1], text)
        else:
            assert _run([str(programs / "python"), "-c", text], folder, programs).returncode == 0, (
                text
            )

    parsers = [
        CodeBlockParser("console", type_commands),
        CodeBlockParser("python", write_or_run),
        CodeBlockParser("ini", write_or_run),
    ]
    document: Document = Sybil(parsers).parse(page)
    for example in document.examples():
        example.evaluate()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _type(command: str, folder: Path, programs: Path) -> str:
    """Both streams as a terminal shows them, and the exit code of a command that fails."""
    result = _run(["/bin/sh", "-c", command], folder, programs)
    return result.stdout + (f"exit code {result.returncode}\n" if result.returncode else "")


def _run(command: list[str], folder: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _settled(output: str) -> str:
    for pattern, fixed in CHANGING:
        output = pattern.sub(fixed, output)
    return output.strip()
