"""The database's schema: made in a new database, recognised in an old one, and brought up to date by one process alone.

A new database gets its tables from the models, in one go; a test holds the models and `api/migrations` to the same.
Everything that changes the schema happens in one transaction under the lock that every writer takes, so that of several
processes that start at once the first does it and the others find it done. One that is killed meanwhile leaves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

import api.answers
import api.invoices
import api.keys
import ledger.ordertables
import ledger.tables
import traceability.tables
from api.errors import DatabaseUnavailable, NewerDatabase, OutdatedDatabase, UnknownDatabase
from ledger.database import create_tables, reading, writing

MODULES = (api.answers, api.invoices, api.keys, ledger.ordertables, ledger.tables, traceability.tables)
"""Every module that has tables."""
METADATA = SQLModel.metadata
"""All tables of all floors: complete once those modules are imported."""

MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"


def revisions() -> list[str]:
    """The numbers of all steps that this version knows, oldest first. The last is the schema that it works on."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def make_ready(engine: Engine, *, upgrades: bool = False) -> Sequence[str]:
    """Returns once the database has the tables that this version works on. A new one gets them.

    With `upgrades` an older one is brought up to date, and the numbers of the steps it took are returned. Raises
    DatabaseUnavailable, OutdatedDatabase (without `upgrades`), NewerDatabase, or UnknownDatabase; then the database is
    as it was.
    """
    known = revisions()
    try:
        with reading(engine) as session:
            revision = _revision(session.connection())
    except OperationalError as error:
        raise DatabaseUnavailable(engine.url.render_as_string(), str(error.orig).strip()) from error
    if revision == known[-1]:
        return []
    with writing(engine) as session:
        return _make_ready(session.connection(), known, upgrades)


def _make_ready(connection: Connection, known: Sequence[str], upgrades: bool) -> Sequence[str]:
    """As make_ready, under the lock: what was read before may have changed by now."""
    # Only who has something to do waits for Alembic to be loaded.
    from alembic import command  # noqa: PLC0415

    from api.migrations.config import config_for  # noqa: PLC0415

    revision = _revision(connection)
    if revision is None:
        is_new = not _our_tables(connection)
        if is_new:
            create_tables(connection)
        else:
            _check_first(connection, known[0])
        revision = known[-1] if is_new else known[0]
        command.stamp(config_for(connection), revision)
    if revision not in known:
        raise NewerDatabase(revision, known[-1])
    missing = known[known.index(revision) + 1 :]
    if missing and not upgrades:
        raise OutdatedDatabase(revision, known[-1])
    if missing:
        command.upgrade(config_for(connection), known[-1])
    return missing


def _revision(connection: Connection) -> str | None:
    """The number that the database bears. None for a new one, and for one that was made before there were numbers."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608


def _our_tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) & METADATA.tables.keys()


def _check_first(connection: Connection, first: str) -> None:
    """Raises UnknownDatabase where a database without a number lacks something of the first schema."""
    found, wanted = _columns(connection), _columns_of(first)
    for table, columns in wanted.items():
        if missing := sorted(columns - found.get(table, set())):
            raise UnknownDatabase(table, missing[0])


def _columns_of(revision: str) -> dict[str, set[str]]:
    """The columns of every table as that step left them."""
    from alembic import command  # noqa: PLC0415 - as above

    from api.migrations.config import config_for  # noqa: PLC0415

    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            command.upgrade(config_for(connection), revision)
            return _columns(connection)
    finally:
        engine.dispose()


def _columns(connection: Connection) -> dict[str, set[str]]:
    inspector = inspect(connection)
    tables = set(inspector.get_table_names()) - {_VERSION_TABLE}
    return {table: {column["name"] for column in inspector.get_columns(table)} for table in tables}
