"""The schema: every database that a version of this program made becomes one that this version works on
├── a new one gets all tables, whoever comes first; the same that the migrations make, to the last index
├── an older one, with data in every table, keeps its data and its histories
│   ├── also where it was made before databases had a revision
│   └── not before somebody asks for it, and not half of it
└── a newer one, and one that is not ours, are refused by name and stay as they are
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, MetaData, Numeric, create_engine, func, inspect, select, text
from sqlalchemy.engine import Engine

from api.errors import DatabaseUnavailable, NewerDatabase, OutdatedDatabase, UnknownDatabase
from api.migrations.config import config_for
from api.schema import METADATA, MIGRATIONS, make_ready, revisions
from ledger.database import create_tables, open_engine, reading, writing
from ledger.follower import NAME
from ledger.tables import PositionRow, RecordRow
from tests.api.conftest import Tally
from tests.api.old_databases import STATES, old_databases, rows_of
from tests.databases import Databases
from tests.postgresql import Server
from tests.test_architecture import FLOORS, sources
from tests.traceability.nodes import GROWER, TRUSTED, Chain, Node
from tests.traceability.stories import BAG, seen
from traceability.history import history
from traceability.lineage import EVENTS_MAX, Direction

NEWEST = revisions()[-1]


@pytest.fixture
def empty(databases: Databases) -> Iterator[Engine]:
    """A database without any table."""
    with databases.empty() as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture(params=old_databases())
def old(request: pytest.FixtureRequest, empty: Engine) -> tuple[str, Engine]:
    """A revision, and a database as it was then, with data in it."""
    revision: str = request.param
    migrated(empty, revision)
    fill(empty, old_databases()[revision])
    return revision, empty


def migrated(engine: Engine, revision: str) -> None:
    """Brings an empty database up by migrations alone."""
    with writing(engine) as session:
        command.upgrade(config_for(session.connection()), revision)


def fill(engine: Engine, file: Path) -> None:
    """Puts the rows of the file into tables that are there and empty."""
    reflected = MetaData()
    with writing(engine) as session:
        reflected.reflect(session.connection())
        for table in set(reflected.sorted_tables) - {reflected.tables["alembic_version"]}:
            bools = {column.name for column in table.columns if isinstance(column.type, Boolean)}
            numbers = {column.name for column in table.columns if isinstance(column.type, Numeric)}
            for row in rows_of(file)[table.name]:
                converted = {name: bool(value) if name in bools else int(value) if name in numbers else value
                             for name, value in row.items()}  # fmt: skip
                session.execute(table.insert().values(converted))
            if engine.dialect.name == "postgresql" and "id" in table.columns:
                newest = select(func.max(table.c.id)).scalar_subquery()
                session.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), newest)))


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables as they are there, by table."""
    reflected = MetaData()
    with reading(engine) as session:
        reflected.reflect(session.connection())
        return {
            table.name: sorted((dict(row._mapping) for row in session.execute(select(table))), key=repr)
            for table in reflected.sorted_tables
        }


def shape(engine: Engine) -> dict[str, Any]:
    """Everything that a database says of its tables, but for the order of what has none."""
    inspector = inspect(engine)
    found: dict[str, Any] = {}
    for name in set(inspector.get_table_names()) - {"alembic_version"}:
        columns = {each["name"]: {**each, "type": repr(each["type"])} for each in inspector.get_columns(name)}
        uniques = sorted(sorted(each["column_names"]) for each in inspector.get_unique_constraints(name))
        indexes = sorted(repr({**each, "dialect_options": {key: str(value) for key, value in each.get(
            "dialect_options", {}).items()}}) for each in inspector.get_indexes(name))  # fmt: skip
        keys = inspector.get_pk_constraint(name)["constrained_columns"], inspector.get_foreign_keys(name)
        found[name] = columns, uniques, indexes, keys
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            for name, is_rowless in connection.execute(text("SELECT name, wr FROM pragma_table_list")):
                if name in found:
                    found[name] += (is_rowless,)
    return found


# -------------------------------------------------------------------------------------------- models and migrations


def test_models_and_migrations_agree_else_make_a_revision(empty: Engine) -> None:
    migrated(empty, NEWEST)
    with empty.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)
    assert differences == [], 'models and migrations differ: make revision NAME="what changes"'


def test_a_new_database_and_one_that_came_all_the_way_are_the_same(databases: Databases) -> None:
    with databases.empty() as new, databases.empty() as grown:
        engines = open_engine(new), open_engine(grown)
        create_tables(engines[0])
        migrated(engines[1], NEWEST)
        shapes = [shape(engine) for engine in engines]
        for engine in engines:
            engine.dispose()
    assert shapes[0].keys() == METADATA.tables.keys()
    assert shapes[0] == shapes[1]


def test_every_table_of_every_floor_is_known_where_databases_are_made() -> None:
    models = {
        (path.stem, node.name)
        for floor in FLOORS
        for path in sources(floor)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and any(keyword.arg == "table" for keyword in node.keywords)
    }
    assert len(models) == len(METADATA.tables), "name every module with tables in api.schema.MODULES"


def test_the_steps_are_one_after_the_other_and_each_bears_its_number() -> None:
    with create_engine("sqlite://").connect() as connection:
        steps = list(ScriptDirectory.from_config(config_for(connection)).walk_revisions())[::-1]
    assert [step.revision for step in steps] == revisions() == [f"{number:04d}" for number in range(1, len(steps) + 1)]
    assert [step.down_revision for step in steps] == [None, *revisions()[:-1]]


def test_a_step_imports_nothing_that_may_change() -> None:
    for path in (MIGRATIONS / "versions").glob("[0-9]*.py"):
        tree = ast.parse(path.read_text())
        named = {each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
        named |= {alias.name for each in ast.walk(tree) if isinstance(each, ast.Import) for alias in each.names}
        assert {name.split(".")[0] for name in named} <= {
            "__future__",
            "typing",
            "collections",
            "sqlalchemy",
            "alembic",
        }


# -------------------------------------------------------------------------------------------------- a new database


def test_of_those_who_come_at_once_to_a_new_database_one_makes_the_tables(empty: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        steps = list(pool.map(lambda _: list(make_ready(empty, upgrades=True)), range(8)))
    assert steps == [[]] * 8
    assert shape(empty).keys() == METADATA.tables.keys()
    assert contents(empty)["alembic_version"] == [{"version_num": NEWEST}]


# ------------------------------------------------------------------------------------------------ an older database


def test_an_older_database_keeps_every_row_and_its_histories(old: tuple[str, Engine]) -> None:
    revision, engine = old
    before = contents(engine)
    assert all(before.values()), "the file has no row in one of its tables"
    assert list(make_ready(engine, upgrades=True)) == revisions()[revisions().index(revision) + 1 :]
    after = contents(engine)
    for table, rows in before.items():
        if table != "alembic_version":
            kept = [{name: row[name] for name in rows[0]} for row in after[table]]
            assert sorted(kept, key=repr) == rows, table
    assert after["alembic_version"] == [{"version_num": NEWEST}]
    with reading(engine) as session:
        told = history(session, TRUSTED, BAG, Direction.BACKWARD, EVENTS_MAX)
    assert [entry.state for entry in told.entries] == STATES


def test_one_from_before_there_were_revisions_is_recognised(empty: Engine) -> None:
    migrated(empty, revisions()[0])
    fill(empty, old_databases()[revisions()[0]])
    with writing(empty) as session:
        session.execute(text("DROP TABLE alembic_version"))
    before = contents(empty)
    assert list(make_ready(empty, upgrades=True)) == revisions()[1:]
    after = contents(empty)
    assert {table: len(after[table]) for table in before} == {table: len(rows) for table, rows in before.items()}
    assert after["alembic_version"] == [{"version_num": NEWEST}]


def test_an_upgraded_database_is_worked_on(old: tuple[str, Engine]) -> None:
    _, engine = old
    make_ready(engine, upgrades=True)
    with reading(engine) as session:
        position = session.get(PositionRow, NAME)
        before = session.scalar(select(func.count()).select_from(RecordRow))
    assert position is not None
    node = Node(engine, Chain(position.block_at, position.block_number, [engine]), os.urandom)
    job = node.capture(GROWER, seen(60, BAG))
    node.anchor()
    assert [item.status for item in node.job(job.capture_id).items] == ["final"]
    with reading(engine) as session:
        assert session.scalar(select(func.max(RecordRow.id))) == (before or 0) + 1


def test_what_is_interrupted_leaves_the_database_as_it_was(empty: Engine) -> None:
    def cut_short() -> None:
        with writing(empty) as session:
            command.upgrade(config_for(session.connection()), NEWEST)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        cut_short()
    assert inspect(empty).get_table_names() == []


# -------------------------------------------------------------------------------------------------- what is refused


def test_a_newer_database_is_refused_by_name_and_left_alone(empty: Engine) -> None:
    make_ready(empty)
    with writing(empty) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = contents(empty)
    with pytest.raises(NewerDatabase, match=f"newer version .revision 9999, this version knows none after {NEWEST}"):
        make_ready(empty, upgrades=True)
    assert contents(empty) == before


@pytest.mark.skipif(len(revisions()) == 1, reason="there is no older revision yet")
def test_an_older_database_is_left_alone_until_somebody_asks(old: tuple[str, Engine]) -> None:
    revision, engine = old
    if revision == NEWEST:
        return
    before = contents(engine)
    with pytest.raises(OutdatedDatabase, match=f"revision {revision}, needed is {NEWEST}.*tally migrate"):
        make_ready(engine)
    assert contents(engine) == before


def test_tables_of_our_names_that_are_not_ours_are_refused_and_left_alone(empty: Engine) -> None:
    with writing(empty) as session:
        session.execute(text("CREATE TABLE events (id INTEGER PRIMARY KEY, title TEXT)"))
    with pytest.raises(UnknownDatabase, match=r"bears no revision and is none that tally made.*database_url"):
        make_ready(empty, upgrades=True)
    assert inspect(empty).get_table_names() == ["events"]


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    engine = open_engine(f"postgresql://grower:secret@/tally?host={tmp_path}")
    with pytest.raises(
        DatabaseUnavailable, match=r"postgresql\+psycopg://grower:\*\*\*@.*can't be opened: "
    ) as refused:
        make_ready(engine)
    assert "secret" not in str(refused.value)


def test_a_read_replica_is_not_worked_on(postgresql: Server) -> None:
    with Databases("postgresql", Path(), postgresql).empty() as url:
        engine = open_engine(url)
        make_ready(engine)
        with engine.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {engine.url.database} SET default_transaction_read_only = on"))
            connection.commit()
        engine.dispose()
        with pytest.raises(DatabaseUnavailable, match="session is read-only"):
            make_ready(engine)
        engine.dispose()


def test_tables_of_other_names_are_nobodys_business(empty: Engine) -> None:
    with writing(empty) as session:
        session.execute(text("CREATE TABLE holidays (id INTEGER PRIMARY KEY)"))
    assert make_ready(empty) == []
    assert "holidays" in inspect(empty).get_table_names()


# -------------------------------------------------------------------------------------------------------- by command


def test_the_command_says_what_it_did(tally: Tally, old: tuple[str, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    revision, engine = old
    monkeypatch.setenv("TALLY_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    steps = revisions()[revisions().index(revision) + 1 :]
    assert tally("migrate", "--json").json == {"revision": NEWEST, "steps": steps}
    assert tally("migrate").out == f"already up to date: revision {NEWEST}\n"
