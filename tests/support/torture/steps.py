"""The steps of the protocol by name, and a way to make something happen at one of them."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal, TypeAlias

Moment = Literal["before", "after"]
Fate: TypeAlias = Literal["no row", "interrupted", "failed", "recovered", "success"]
"""What the audit log has of a killed attempt, once another run has settled it."""


@dataclass(frozen=True)
class Step:
    """One step of an attempt.

    Attributes:
        name: The name of the step.
        wraps: The function that performs it, at the place of its lookup: ``module:name``.
        before: The fate of the attempt if its process is killed before the step.
        after: The fate of the attempt if its process is killed right after the step.
        call: The number of the function call in the run that is this step.
    """

    name: str
    wraps: str
    before: Fate
    after: Fate
    call: int = 1

    def at_call(self, number: int) -> Step:
        """The same step, at another call of its function."""
        return replace(self, call=number)

    @property
    def owner(self) -> Any:
        """The module or class that contains the function."""
        module, _, path = self.wraps.partition(":")
        return functools.reduce(getattr, path.split(".")[:-1], import_module(module))

    @property
    def attribute(self) -> str:
        return self.wraps.rpartition(":")[2].rpartition(".")[2]

    @property
    def function(self) -> Any:
        return getattr(self.owner, self.attribute, None)


_RUN = "delembic.execution.run"
_ENDING = "delembic.execution.ending"
_SETTLEMENT = "delembic.execution.settlement:Settlement"
_LEDGER = "delembic.audit.ledger:Ledger"
_WORK = "delembic.execution.work.transaction:Transaction"

STEPS = (
    Step("make the marks' table", "delembic.execution.run:ensure", "no row", "no row"),
    Step("make the audit log", "delembic.execution.run:ensure", "no row", "no row", call=2),
    Step("look for orphans", f"{_SETTLEMENT}.settle_orphans", "no row", "no row"),
    Step("lock", "delembic.locks.lock:acquire", "no row", "no row"),
    Step("look again", f"{_RUN}:Run.mark", "no row", "no row"),
    Step("look at dependencies", f"{_RUN}:Run.unapplied", "no row", "no row"),
    Step("write running", f"{_LEDGER}.start", "no row", "interrupted"),
    Step("begin", f"{_WORK}.__init__", "interrupted", "interrupted"),
    Step("upgrade", "support.torture.effects:take", "interrupted", "interrupted"),
    Step("statement", "support.torture.effects:insert", "interrupted", "interrupted"),
    Step("validate", "support.torture.effects:check", "interrupted", "interrupted"),
    Step("mark", "delembic.execution.work.whole:mark_applied", "interrupted", "interrupted"),
    Step("commit", "sqlalchemy:Connection.commit", "interrupted", "recovered"),
    Step("finish", f"{_LEDGER}.finish", "recovered", "success"),
    Step("unlock", "delembic.locks.lock:release", "success", "success"),
)
"""The steps of an attempt that succeeds, in order."""

FAILING_STEPS = (
    Step("roll back", f"{_WORK}.roll_back", "interrupted", "interrupted"),
    Step("note the failure", f"{_ENDING}:mark_failed", "interrupted", "interrupted"),
    Step("record the failure", f"{_LEDGER}.finish", "interrupted", "failed"),
)
"""The steps of an attempt whose migration raises."""

SETTLING = Step("settle", f"{_SETTLEMENT}.settle", "interrupted", "interrupted")
"""The step that settles a dead attempt."""

_BATCH = "delembic.execution.work.batch"

BATCH_STEPS = (
    Step("begin the work", f"{_BATCH}:BatchWork.begin", "interrupted", "interrupted"),
    Step("lock the checkpoint", f"{_BATCH}:lock_checkpoint", "interrupted", "interrupted"),
    Step("do a batch", "support.torture.effects:check_batch", "interrupted", "interrupted"),
    Step("move the checkpoint", f"{_BATCH}:save_checkpoint", "interrupted", "interrupted"),
    Step("commit a batch", f"{_WORK}.commit", "interrupted", "interrupted"),
    Step("end a batch", f"{_BATCH}:BatchWork.advance", "interrupted", "interrupted"),
    Step("end the work", f"{_BATCH}:BatchWork.finish", "interrupted", "recovered"),
    Step("mark the work", f"{_BATCH}:mark_applied", "interrupted", "interrupted"),
)
"""The steps of a migration in batches; most of them come again and again."""

ALL_STEPS = (*STEPS, *FAILING_STEPS, SETTLING, *BATCH_STEPS)


@dataclass(frozen=True)
class Ambush:
    """Something that happens to a run right before or after a step."""

    step: Step
    moment: Moment
    act: Callable[[], object]

    @property
    def name(self) -> str:
        return f"{self.moment} {self.step.name}"

    @property
    def fate(self) -> Fate:
        return self.step.before if self.moment == "before" else self.step.after

    def lay(self) -> None:
        """Wrap the step's function in this process."""
        original = self.step.function
        calls = 0

        @functools.wraps(original)
        def stepped(*args: Any, **values: Any) -> Any:
            nonlocal calls
            calls += 1
            here = calls == self.step.call
            if here and self.moment == "before":
                self.act()
            result = original(*args, **values)
            if here and self.moment == "after":
                self.act()
            return result

        setattr(self.step.owner, self.step.attribute, stepped)


def kill() -> None:
    """End this process at once, without any cleanup."""
    os.kill(os.getpid(), signal.SIGKILL)


def ambushes(steps: tuple[Step, ...], act: Callable[[], object]) -> list[Ambush]:
    """The ambushes before and after each of the steps."""
    moments: tuple[Moment, ...] = ("before", "after")
    return [Ambush(step, moment, act) for step in steps for moment in moments]


def boundaries(steps: tuple[Step, ...], act: Callable[[], object]) -> list[Ambush]:
    """The ambushes before the first step and after each: after one is almost before the next."""
    return [Ambush(steps[0], "before", act), *(Ambush(step, "after", act) for step in steps)]


def at(name: str, act: Callable[[], object]) -> Ambush:
    """The ambush of a given name, such as ``before commit``."""
    (ambush,) = (ambush for ambush in ambushes(ALL_STEPS, act) if ambush.name == name)
    return ambush
