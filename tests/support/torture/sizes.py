"""How much torture there is: little by default, as much as the environment asks for."""

from __future__ import annotations

import os
import random

KILLS = int(os.environ.get("DELEMBIC_TORTURE_KILLS", "6"))
"""How many runners are killed at random moments, on each database."""

STOPS = KILLS // 2
"""How many get a signal at random moments."""

RACERS = int(os.environ.get("DELEMBIC_TORTURE_RACERS", "4"))
"""How many runners start at once."""

ROUNDS = int(os.environ.get("DELEMBIC_TORTURE_ROUNDS", "1"))
"""How many times each race is run."""

IS_QUICK = ROUNDS == 1
"""Whether to leave out what resembles something else that is done."""

PATIENCE_SECONDS = 120.0
"""How long a fact is waited for on a machine that is busy."""

SEED = os.environ.get("DELEMBIC_TORTURE_SEED") or str(random.SystemRandom().randrange(10**9))


def chance(name: str) -> random.Random:
    """The dice of one test; the same again for the same seed. Printed, so a failure shows it."""
    print(f"DELEMBIC_TORTURE_SEED={SEED}")
    return random.Random(f"{SEED} {name}")
