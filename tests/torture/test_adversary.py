"""A migration does whatever it likes with its connection, in any order; the promise holds.

What the promise is, one clause after the other, is said in `support.torture.adversary.verdict`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from support.servers.backend import Backend
from support.torture.adversary.moves import GROUPS, Move
from support.torture.adversary.play import Acts
from support.torture.adversary.ring import Ring
from support.torture.arena import Arena
from support.torture.runners import Body, dagster_job, upgrade
from support.torture.sizes import DUELS, SCENES, SCENES_SEED

pytestmark = [
    pytest.mark.timeout(0),
    # Cursors of drivers complain when they are collected after their connection.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_SHARES = (4, 1, 2, 2, 1, 1, 1, 1)
"""How often a move is taken from each of the groups: mostly work, some harm, and the kill."""


@pytest.fixture
def ring(arena: Arena) -> Iterator[Ring]:
    print(f"DELEMBIC_TORTURE_SEED={SCENES_SEED}")
    ring = Ring(arena.backend, arena.folder, arena.figures)
    yield ring
    ring.close()


def _moves(backend: Backend, *, alone: bool) -> st.SearchStrategy[str]:
    groups = [
        [move.name for move in group if _is_known(move, backend, alone=alone)] for group in GROUPS
    ]
    groups.append(["kill"] if alone else [])
    return st.one_of(
        [
            st.sampled_from(group)
            for group, share in zip(groups, _SHARES, strict=True)
            if group
            for _ in range(share)
        ]
    )


def _is_known(move: Move, backend: Backend, *, alone: bool) -> bool:
    is_fit = move.where in ("anywhere", "alone" if alone else "here")
    return is_fit and backend.dialect in move.kinds


def _scripts(backend: Backend, *, alone: bool = False) -> st.SearchStrategy[list[Acts]]:
    move = st.tuples(_moves(backend, alone=alone), st.integers(0, 7).map(bool))
    script = st.fixed_dictionaries(
        {"upgrade": st.lists(move, max_size=12), "validate": st.lists(move, max_size=2)}
    )
    return st.lists(script, min_size=1, max_size=2)


def test_whatever_a_migration_does_the_promise_holds(ring: Ring) -> None:
    @seed(SCENES_SEED)
    @_settings(SCENES)
    @given(_scripts(ring.backend))
    def fight(scripts: list[Acts]) -> None:
        ring.fight(scripts)
        ring.figures.add(scenes=1)

    fight()


@pytest.mark.long
@pytest.mark.parametrize(
    ("runners", "scenes"),
    [
        ((upgrade,), DUELS),
        ((upgrade, upgrade), DUELS),
        ((upgrade, dagster_job), max(DUELS // 5, 1)),  # each takes seconds to import Dagster
    ],
    ids=["killed", "side by side", "beside Dagster"],
)
def test_it_holds_when_runs_are_killed_or_run_side_by_side(
    ring: Ring, runners: tuple[Body, ...], scenes: int
) -> None:
    @seed(SCENES_SEED)
    @_settings(scenes)
    @given(_scripts(ring.backend, alone=True))
    def fight(scripts: list[Acts]) -> None:
        ring.fight_alone(scripts, runners)
        ring.figures.add(scenes=1)

    fight()


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
