"""The database of a data folder: SQLite by default, PostgreSQL where a URL says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import OperationalError, TimeoutError
from sqlmodel import Session, SQLModel, create_engine

from ledger.errors import DatabaseNotWritable

LOCK_TIMEOUT_MS = 30_000
CONNECTIONS_MAX = 40
"""What one process may open on PostgreSQL: as many as FastAPI has threads."""
WRITE_LOCK = int.from_bytes(b"tally", "big")
"""The key of PostgreSQL's advisory lock, which is the database's own: another database has another."""
CHECKPOINT_PAGES = 8_000
"""32 MB of write-ahead log. Hashes land on random pages: with SQLite's 1,000 each commit wrote them all twice."""

_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def open_engine(url: str) -> Engine:
    """An engine for `url`: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/DATABASE`.

    On either, what `writing` has committed survives a power cut, and nobody waits longer than 30 s for a lock.
    """
    parsed = make_url(url)
    return _open_sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _open_postgresql(parsed)


def _open_sqlite(url: URL) -> Engine:
    """WAL, and synchronous FULL."""
    engine = create_engine(url, connect_args={"check_same_thread": False}, pool_size=20, max_overflow=40)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        # SQLAlchemy's own BEGIN below replaces the driver's, which would start transactions late and deferred.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={LOCK_TIMEOUT_MS}",
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


def _open_postgresql(url: URL) -> Engine:
    """One writer at a time, as on SQLite: an advisory lock, which ends with its transaction, stands for the write lock.

    Captures count on from one another, and batches from captures, so they would wait for each other anyhow; and what
    holds on one database holds on the other. READ COMMITTED, for then every statement after the lock sees all that was
    committed before it.
    """
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(
        url, isolation_level="READ COMMITTED", pool_pre_ping=True, pool_size=10, max_overflow=CONNECTIONS_MAX - 10,
        # A replica lags behind: what is decided on it may be decided twice. It is not connected to.
        connect_args={"target_session_attrs": "read-write"},
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: object) -> None:
        connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if options.get("immediate", False):
            relaxed = "" if options["durable"] else "set_config('synchronous_commit', 'off', true), "
            connection.exec_driver_sql(f"SELECT {relaxed}pg_advisory_xact_lock({WRITE_LOCK})")

    return engine


def create_tables(bind: Engine | Connection) -> None:
    """Create the tables of every model that has been imported; those that exist stay as they are, whatever they are."""
    SQLModel.metadata.create_all(bind)


@contextmanager
def writing(engine: Engine, *, durable: bool = True) -> Iterator[Session]:
    """A session whose transaction takes the write lock at once and is committed at the end, or rolled back on an error.

    Taking the lock first means that what was read inside can't have changed by the time it is written. What is
    written with `durable` false survives the process but not a power cut, unless a durable transaction followed: for
    what can be worked out again. Within `together` the commit is the whole's, and durable.
    """
    whole = _whole.get()
    if whole is not None and whole.engine is engine:
        with whole.begun().begin_nested():
            yield whole.begun()
        return
    with Session(engine) as session:
        session.connection(execution_options={"immediate": True, "durable": durable})
        yield session
        session.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for reading: it sees one consistent state of the database. Within `together`, what was written too."""
    whole = _whole.get()
    if whole is not None and whole.engine is engine and whole.session is not None:
        whole.session.flush()
        yield whole.session
        return
    with Session(engine) as session:
        if engine.dialect.name == "postgresql":
            session.connection(execution_options=_SNAPSHOT)
        yield session


def check_writable(engine: Engine, wait_s: float) -> None:
    """Returns where a writer would get the lock within so many seconds. Raises DatabaseNotWritable with the reason."""
    is_sqlite = engine.dialect.name == "sqlite"
    wait, usual = (f"{'PRAGMA busy_timeout' if is_sqlite else 'SET lock_timeout'} = {each:.0f}"
                   for each in (wait_s * 1000, LOCK_TIMEOUT_MS))  # fmt: skip
    try:
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute(wait)
            try:
                with connection.execution_options(immediate=True, durable=True).begin() as transaction:
                    # On SQLite the lock itself is had only where the file may be written.
                    is_to_be_read = False if is_sqlite else connection.exec_driver_sql(_READ_ONLY).scalar()
                    transaction.rollback()
            finally:
                driver.execute(usual)
    except (OperationalError, TimeoutError) as error:
        raise DatabaseNotWritable(str(getattr(error, "orig", error)).splitlines()[0]) from error
    if is_to_be_read:
        raise DatabaseNotWritable("it is a copy for reading")


@contextmanager
def together(engine: Engine, begin: Callable[[Session], None]) -> Iterator[None]:
    """Whatever this thread writes in the block is one transaction: committed where the block ends, or not at all.

    It begins with the first `writing` in the block, and `begin` comes first in it. What a `writing` raises undoes that
    one alone, for whoever catches it. Nothing in the block may wait for anybody who has to see what was written, such
    as a worker, and everybody else who writes waits for its end.
    """
    whole = _Whole(engine, begin)
    token = _whole.set(whole)
    try:
        yield
        if whole.session is not None:
            whole.session.commit()
    finally:
        _whole.reset(token)
        if whole.session is not None:
            whole.session.close()


@dataclass(slots=True)
class _Whole:
    """A transaction of several writings. `session` is None before the first of them."""

    engine: Engine
    begin: Callable[[Session], None]
    session: Session | None = None

    def begun(self) -> Session:
        if self.session is None:
            self.session = Session(self.engine)
            self.session.connection(execution_options={"immediate": True, "durable": True})
            self.begin(self.session)
        return self.session


_whole: ContextVar[_Whole | None] = ContextVar("whole", default=None)
