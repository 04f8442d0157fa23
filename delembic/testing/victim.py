"""A process that runs one revision and kills itself during the run.

Its input comes from standard input and not from arguments. Everybody on the machine can read the
arguments, and a URL may contain a password.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from delembic.config import Config
from delembic.testing.faults import Moment, kill, run_struck


def run_victim(config: Config, revision: str, moment: Moment) -> subprocess.CompletedProcess[str]:
    """Run a revision in a process that is killed during the run, and wait for its end.

    The process has the import path of this one, so that a migration finds the same modules.
    """
    order = {
        "path": str(config.path),
        "section": config.section,
        "settings": config.settings,
        "revision": revision,
        "phase": moment.phase,
        "after": moment.after,
        "batch": moment.batch,
    }
    return subprocess.run(  # noqa: S603 - a program of our own
        [sys.executable, "-P", "-c", f"from {__name__} import main; main()"],
        input=json.dumps(order),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(_absolute, sys.path))},
        text=True,
        check=False,
    )


def main() -> None:
    """Run the requested revision. Returns only if the fault never struck."""
    order: dict[str, Any] = json.load(sys.stdin)
    config = Config(Path(order["path"]), order["section"], order["settings"])
    run_struck(config, order["revision"], _moment(order), kill)


def _moment(order: dict[str, Any]) -> Moment:
    return Moment(order["phase"], order["after"], order["batch"])


def _absolute(folder: str) -> str:
    return str(Path(folder).absolute())  # an empty path is the working folder
