"""Compare the Dagster adapter with the same number of bare assets: ``make benchmark``.

The results are ratios of CPU time, because machines differ and are noisy. Each is the best of
several rounds in which the candidates take turns. Each line ends with the highest ratio allowed,
and the program fails if a ratio exceeds it.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg

from delembic_dagster import DelembicProject, build_delembic_defs
from subjects import bare_definitions, write_project

_ROUNDS = 5
_JOB = "delembic_upgrade"


@dataclass(frozen=True)
class Ratio:
    """One line of the result."""

    what: str
    ours_seconds: float
    theirs_seconds: float
    most: float

    @property
    def value(self) -> float:
        """Our time divided by theirs."""
        return self.ours_seconds / self.theirs_seconds

    def __str__(self) -> str:
        figures = f"{self.ours_seconds:.2f} s / {self.theirs_seconds:.2f} s"
        return f"{self.what}: {self.value:.2f} ({figures}), at most {self.most:g}"


def loading(size: int) -> Iterator[Ratio]:
    """Measure how long definitions take to load, with their jobs."""
    with _project(size) as root:

        def ours(**options: Any) -> Callable[[], object]:
            return lambda: _load(build_delembic_defs(DelembicProject(root), **options), _JOB)

        bare, with_second, assets, single, everything = _best(
            lambda: _load(bare_definitions(size), "bare"),
            lambda: _load(bare_definitions(size, second_check=True), "bare"),
            ours(validation_checks=False),
            ours(validation_checks=False, mode="single_step"),
            ours(),
        )
    yield Ratio(f"load {size} migrations / bare assets with a check", assets, bare, 1.25)
    yield Ratio(f"load {size} in a single step / bare assets with a check", single, bare, 0.5)
    yield Ratio(
        f"load {size} with all definitions / bare assets with two checks",
        everything,
        with_second,
        1.25,
    )


def running(size: int) -> Iterator[Ratio]:
    """Measure an in-process run that applies everything, and one that finds everything applied."""
    bare = _load(bare_definitions(size), "bare")
    seconds: dict[str, list[float]] = {"bare": [], "new": [], "again": []}
    for _ in range(_ROUNDS):
        with _project(size) as root:
            ours = _load(build_delembic_defs(DelembicProject(root)), _JOB)
            for name, job in (("bare", bare), ("new", ours), ("again", ours)):
                seconds[name].append(_seconds(partial(_run, job)))
    best = {name: min(each) for name, each in seconds.items()}
    yield Ratio(f"run {size} in process / trivial assets", best["new"], best["bare"], 1.5)
    yield Ratio(f"run {size} again / trivial assets", best["again"], best["bare"], 1.5)


def multiprocess(size: int) -> Iterator[Ratio]:
    """Measure a run in which each step is a process of its own."""
    per_migration, single = (
        _multiprocess_seconds(size, mode) for mode in ("per_migration", "single_step")
    )
    yield Ratio(
        f"multiprocess run of {size} in a single step / one step each", single, per_migration, 0.1
    )


def _multiprocess_seconds(size: int, mode: str) -> float:
    # This needs its own process: Dagster's fork server keeps the environment that it started with.
    command = [sys.executable, str(Path(__file__).with_name("executing.py"))]
    with _project(size) as root:
        environment = os.environ | {"DELEMBIC_PROJECT": str(root), "DELEMBIC_MODE": mode}
        output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    return float(output)


def _best(*candidates: Callable[[], object]) -> list[float]:
    rounds = [[_seconds(candidate) for candidate in candidates] for _ in range(_ROUNDS)]
    return [min(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(candidate: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    before = time.process_time()
    candidate()
    after = time.process_time()
    gc.enable()
    return after - before


def _load(definitions: dg.Definitions, job: str) -> dg.JobDefinition:
    definitions.get_repository_def()
    return definitions.resolve_job_def(job)


def _run(job: dg.JobDefinition) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success


@contextmanager
def _project(size: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield write_project(Path(folder) / "project", size)


def main() -> int:
    """Print the ratios, and return 1 if one exceeds its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", type=int, default=1000, metavar="N")
    parser.add_argument("--run", type=int, default=200, metavar="N")
    parser.add_argument("--multiprocess", type=int, default=24, metavar="N")
    sizes = parser.parse_args()
    warnings.simplefilter("ignore")
    within = True
    for ratios in (loading(sizes.load), running(sizes.run), multiprocess(sizes.multiprocess)):
        for ratio in ratios:
            print(ratio, flush=True)
            within = within and ratio.value <= ratio.most
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
