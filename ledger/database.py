"""The database of a data folder: SQLite by default, PostgreSQL where a URL says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel, create_engine

from ledger.errors import OutdatedDatabase

BUSY_TIMEOUT_MS = 30_000
CHECKPOINT_PAGES = 8_000
"""32 MB of write-ahead log. Hashes land on random pages: with SQLite's 1,000 each commit wrote them all twice."""


def open_engine(url: str) -> Engine:
    """An engine for `url`. On SQLite: WAL, and synchronous FULL so that an answered capture survives a power cut."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False}, pool_size=20, max_overflow=40)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        # SQLAlchemy's own BEGIN below replaces the driver's, which would start transactions late and deferred.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            "cache_size=-65536",
            "mmap_size=1073741824",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if not options.get("immediate", False):
            connection.exec_driver_sql("BEGIN")
            return
        wanted = "FULL" if options["durable"] else "NORMAL"
        # The pragma lasts as long as the driver's connection, and so does `info`: mostly there is nothing to change.
        if connection.info.get("synchronous") != wanted:
            connection.exec_driver_sql(f"PRAGMA synchronous={wanted}")
            connection.info["synchronous"] = wanted
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def create_tables(engine: Engine) -> None:
    """Create the tables of every model that has been imported; those that exist stay as they are.

    Raises OutdatedDatabase where one of them lacks a column: an older version of this program made it.
    """
    SQLModel.metadata.create_all(engine)
    inspector = inspect(engine)
    for table in SQLModel.metadata.sorted_tables:
        present = {column["name"] for column in inspector.get_columns(table.name)}
        if missing := sorted({column.name for column in table.columns} - present):
            raise OutdatedDatabase(table.name, missing[0])


@contextmanager
def writing(engine: Engine, *, durable: bool = True) -> Iterator[Session]:
    """A session whose transaction takes the write lock at once and is committed at the end, or rolled back on an error.

    Taking the lock first means that what was read inside can't have changed by the time it is written. What is
    written with `durable` false survives the process but not a power cut, unless a durable transaction followed: for
    what can be worked out again. (PostgreSQL is durable in any case.)
    """
    with Session(engine) as session:
        session.connection(execution_options={"immediate": True, "durable": durable})
        yield session
        session.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for reading: it sees one consistent state of the database."""
    with Session(engine) as session:
        yield session
