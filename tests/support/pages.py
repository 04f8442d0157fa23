"""Runs a page of the documentation.

From top to bottom, in one folder:

- In a block of ``console``, a line that begins with ``$`` is run as a command, and the lines after
  it must be its output. Whatever differs from run to run, such as durations, times and the user's
  name, is first replaced on both sides. In the output, ``…`` matches anything: any lines if it is
  on a line of its own, else a part of its line.
- A block whose first line is a comment with a file name is written to that file.
- Any other block of ``python`` is run as a program, and must succeed.

``. .venv/bin/activate`` applies to the rest of the page. ``dg dev`` runs until the end of the page;
the next command waits until the output on the page has appeared. ``pip install`` is run only if the
caller requests it: otherwise, everything is already installed.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from support.shell import wait_until

ROOT = Path(__file__).parents[2]

FILE_NAME = re.compile(r"# ([\w./-]+\.(?:py|ini|yaml))\n")
ANYTHING = "…"
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
SLOW_START_SECONDS = 240.0
"""The most seconds that a server may take on a busy machine."""
CHANGING = [
    (re.compile(r"\x1b\[\d*m"), ""),  # colors
    (ADDRESS, "http://127.0.0.1:3000"),
    (re.compile(r"\(\d+\.\d\ds\)"), "(1.24s)"),
    (re.compile(r"\bin \d+\.\d\d? s\b"), "in 1.24 s"),
    (re.compile(r"\bin \d+\.\d\ds(?: \(\d+:\d\d:\d\d\))?$", re.MULTILINE), "in 1.24s"),  # pytest's
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00"), "2024-01-15 10:30:00+00:00"),
    # Data from the audit log: users, hosts, durations and checksums.
    (re.compile(r"(?<=  )\d+\.\d\ds(?=  )"), "1.24s"),
    (re.compile(r"(?:uid )?\S+@\S+(?= \(cli\))"), "ann@db1"),
    (re.compile(r"(?:uid )?\S+@\S+, pid \d+ \(cli\), delembic \S+"), "ann@db1, pid 4312 (cli)"),
    (re.compile(r'File "[^"]+/(?=delembic/versions/)'), 'File "/srv/shop/'),
    (re.compile(r"\b[0-9a-f]{64}\b"), "0" * 64),
    (
        re.compile(r'"(\w+_at)": "[\d-]{10}T[\d:]{8}\.\d{6}\+00:00"'),
        r'"\1": "2024-01-15T10:30:00.123456+00:00"',
    ),
    (re.compile(r'"(duration_seconds|pid)": [\d.e-]+'), r'"\1": 1'),
    (re.compile(r'"(run_id|username|hostname|tool_version)": "[^"]+"'), r'"\1": "changing"'),
]


def go_through(
    page: Path,
    folder: Path,
    programs: Path = Path(sys.executable).parent,
    *,
    installing: bool = False,
    in_the_browser: Callable[[str], None] | None = None,
) -> None:
    """Run the page.

    Args:
        page: A Markdown file.
        folder: The working directory.
        programs: The folder of ``delembic`` and ``python``.
        installing: Whether to run ``pip install``.
        in_the_browser: A function that is called with the address of a server that has started.

    Raises:
        AssertionError: A command printed something else, or a program failed.
    """
    with ExitStack() as until_the_end:
        reader = _Reader(folder, programs, until_the_end, installing, in_the_browser)
        parsers = [
            CodeBlockParser("console", reader.type_commands),
            CodeBlockParser("python", reader.write_or_run),
            CodeBlockParser("ini", reader.write_or_run),
            CodeBlockParser("yaml", reader.write),
        ]
        document: Document = Sybil(parsers).parse(page)
        for example in document.examples():
            example.evaluate()


@dataclass
class _Reader:
    """Follows a page as a reader does in a terminal and an editor."""

    folder: Path
    programs: Path
    until_the_end: ExitStack
    installing: bool
    in_the_browser: Callable[[str], None] | None
    activation: list[str] = field(default_factory=list)

    def type_commands(self, example: Example) -> None:
        for part in re.split(r"^\$ ", str(example.parsed), flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            if command.startswith(". "):
                self.activation.append(command)
            elif command.startswith("dg dev"):
                self._start(command, expected)
            elif not command.startswith("pip install "):
                self._compare(command, expected)
            elif self.installing:
                installed = self._run(command)
                assert installed.returncode == 0, installed.stdout

    def write_or_run(self, example: Example) -> None:
        text = str(example.parsed)
        if FILE_NAME.match(text):
            self.write(example)
        else:
            program = [str(self.programs / "python"), "-c", text]
            assert self._execute(program).returncode == 0, text

    def write(self, example: Example) -> None:
        """Write a block to the file that it names, if any."""
        text = str(example.parsed)
        if named := FILE_NAME.match(text):
            _write(self.folder / named[1], text)

    def _compare(self, command: str, expected: str) -> None:
        """Compare both streams as a terminal shows them, and the exit code of a failure."""
        result = self._run(command)
        failed = f"exit code {result.returncode}\n" if result.returncode else ""
        printed, expected = _settled(result.stdout + failed), _settled(expected)
        if ANYTHING in expected:
            assert re.fullmatch(_pattern(expected), printed + "\n"), f"{command}\n{printed}"
        else:
            assert printed == expected, command

    def _start(self, command: str, expected: str) -> None:
        output = NamedTemporaryFile()  # noqa: SIM115 - it is needed until the page is through
        self.until_the_end.enter_context(output)
        process = subprocess.Popen(
            self._in_shell(command),
            cwd=self.folder,
            env=self._environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.until_the_end.callback(_end, process)

        def printed() -> str:
            return Path(output.name).read_text()

        def serves() -> bool:
            assert process.poll() is None, printed()
            return re.match(_pattern(_settled(expected)), _settled(printed()) + "\n") is not None

        wait_until(serves, SLOW_START_SECONDS)
        if self.in_the_browser:
            self.in_the_browser(ADDRESS.findall(printed())[-1])

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        return self._execute(self._in_shell(command))

    def _in_shell(self, command: str) -> list[str]:
        return ["/bin/sh", "-c", "\n".join([*self.activation, command])]

    def _execute(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server as Ctrl-C does, and end whatever it leaves behind."""
    os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _settled(output: str) -> str:
    for pattern, fixed in CHANGING:
        output = pattern.sub(fixed, output)
    return output.strip()


def _pattern(expected: str) -> str:
    lines = [
        r"(?:.*\n)*?" if line == ANYTHING else re.escape(line).replace(ANYTHING, ".*") + r"\n"
        for line in expected.splitlines()
    ]
    return "".join(lines)
