"""The database of a data folder says so where an older version made it, before anything is read or written."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from ledger.database import create_tables
from ledger.errors import OutdatedDatabase


def test_tables_that_are_there_already_stay_as_they_are(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO sequences VALUES (x'01', 7)"))
    create_tables(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT next_sequence FROM sequences")).scalar() == 7


def test_a_database_of_an_older_version_is_named_as_that(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE positions DROP COLUMN next_at"))
    with pytest.raises(OutdatedDatabase, match=r"positions\.next_at is not there.*--data"):
        create_tables(engine)
