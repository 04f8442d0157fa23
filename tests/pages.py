"""A page of the documentation, carried out.

From top to bottom, in one folder:

- A block of ``console``: a line that begins with ``$`` is typed as a command, and what follows has
  to be its output. What differs from run to run, such as durations, times and
  the user's name, is made the same on both sides first.
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
    (re.compile(r"\bin \d+\.\d\ds(?: \(\d+:\d\d:\d\d\))?$", re.MULTILINE), "in 1.24s"),  # pytest's
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00"), "2024-01-15 10:30:00+00:00"),
    # What the audit log holds: who, where, how long, and of which files.
    (re.compile(r"(?<=  )\d+\.\d\ds(?=  )"), "1.24s"),
    (re.compile(r"(?:uid )?\S+@\S+(?= \(cli\))"), "ann@db1"),
    (re.compile(r"(?:uid )?\S+@\S+, pid \d+ \(cli\), delembic \S+"), "ann@db1, pid 4312 (cli)"),
    (re.compile(r'File "[^"]+/(?=delembic/versions/)'), 'File "/srv/shop/'),
    (re.compile(r"\b[0-9a-f]{64}\b"), "0" * 64),
    (re.compile(r'"(\w+_at)": "[^"]+"'), r'"\1": "2024-01-15T10:30:00+00:00"'),
    (re.compile(r'"(duration_seconds|pid)": [\d.e-]+'), r'"\1": 1'),
    (re.compile(r'"(run_id|username|hostname|tool_version)": "[^"]+"'), r'"\1": "changing"'),
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
