"""What is special about PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from delembic.database.dialects import postgresql
from delembic.database.dialects.postgresql import PostgreSQL
from delembic.database.dialects.transaction_ids import transaction_status
from support.projects import PATIENCE_SECONDS


def test_the_end_of_a_transaction_is_waited_for(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(postgresql_url, poolclass=NullPool)
    asked_twice = threading.Event()
    answers: list[str | None] = []

    def asked(conn: Connection, transaction_id: int | None) -> str | None:
        answers.append(transaction_status(conn, transaction_id))
        if len(answers) == 2:
            asked_twice.set()
        return answers[-1]

    monkeypatch.setattr(postgresql, "transaction_status", asked)
    with engine.connect() as conn, ThreadPoolExecutor() as pool:
        transaction_id = conn.execute(text("SELECT txid_current()")).scalar_one()
        waiting = pool.submit(PostgreSQL().await_end, engine, transaction_id)
        assert asked_twice.wait(PATIENCE_SECONDS)
        conn.commit()
        waiting.result(PATIENCE_SECONDS)

    assert answers[0] == "in progress"
    assert answers[-1] == "committed"
