"""The amount of torture: little by default, or as much as the environment sets."""

from __future__ import annotations

import os
import random

KILLS = int(os.environ.get("DELEMBIC_TORTURE_KILLS", "6"))
"""The number of runs to kill at random moments, on each database."""

STOPS = KILLS // 2
"""The number of runs that get a signal at random moments."""

RACERS = int(os.environ.get("DELEMBIC_TORTURE_RACERS", "4"))
"""The number of runs that start at once."""

ROUNDS = int(os.environ.get("DELEMBIC_TORTURE_ROUNDS", "1"))
"""The number of times to repeat each race."""

IS_QUICK = ROUNDS == 1
"""Whether to leave out cases that resemble other cases."""

SCENES = int(os.environ.get("DELEMBIC_TORTURE_SCENES", "60"))
"""The number of migrations that do whatever they like, on each database, in this process."""

DUELS = max(SCENES // 10, 1)
"""The number of those whose runs are processes that may be killed, or that run side by side."""

PATIENCE_SECONDS = 120.0
"""The seconds to wait for a condition on a busy machine."""

SEED = os.environ.get("DELEMBIC_TORTURE_SEED") or str(random.SystemRandom().randrange(10**9))

SCENES_SEED = os.environ.get("DELEMBIC_TORTURE_SEED") or ("1" if IS_QUICK else SEED)
"""Of the scenes: the same ones in each quick run, and others each time they are many."""


def chance(name: str) -> random.Random:
    """The random numbers of a test, for a seed that is printed so that failures can be repeated."""
    print(f"DELEMBIC_TORTURE_SEED={SEED}")
    return random.Random(f"{SEED} {name}")
