"""The worker's loop: what it outlives."""

from __future__ import annotations

import time

from sqlalchemy import text
from sqlalchemy.engine import Engine

from tests.api.conftest import Village, bag, seen


def test_a_worker_outlives_a_database_that_refuses(village: Village) -> None:
    refuse_for_a_while(village.node.engine)
    job = village.capture("grower", seen(bag("REFUSED")))
    assert [event["status"] for event in job["events"]] == ["final"]


def refuse_for_a_while(engine: Engine) -> None:
    """On PostgreSQL every connection is cut; on SQLite a table is not there for a moment."""
    if engine.dialect.name == "postgresql":
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        with engine.connect() as connection:
            connection.execute(text(f"{cut} pg_backend_pid()"))
        return
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE positions RENAME TO positions_away"))
    time.sleep(0.5)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE positions_away RENAME TO positions"))
