"""StoreSource: the store answers as the plain list of events does, whatever the story."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sql_event
from sqlalchemy.engine import Engine
from sqlmodel import SQLModel

from ledger.database import reading
from ledger.hexadecimal import to_hex
from tests.databases import Databases, MakeEngine
from tests.traceability import stories
from tests.traceability.nodes import GROWER, Chain, Node, found, join
from tests.traceability.stories import (
    BAG,
    CASE,
    CRATE,
    GREEN,
    OTHER_BAG,
    OTHER_CASE,
    PALLET,
    ROASTED,
    Event,
    Story,
    attached,
    lot_packed,
    lot_seen,
    made,
    packed,
    seen,
)
from traceability import repository
from traceability.lineage import Direction, trace
from traceability.store import StoreSource

INSTANCES = [BAG, OTHER_BAG, CASE, OTHER_CASE, PALLET, CRATE]
LOTS = [GREEN, ROASTED]
MINUTES = st.integers(0, 12)
ACTIONS = st.sampled_from(["ADD", "OBSERVE", "DELETE"])
THING, LOT = st.sampled_from(INSTANCES), st.sampled_from(LOTS)
EVENTS = st.one_of(
    st.builds(seen, MINUTES, THING, action=ACTIONS),
    st.builds(lot_seen, MINUTES, LOT),
    st.builds(packed, MINUTES, THING, THING, action=ACTIONS),
    st.builds(packed, MINUTES, THING, action=st.just("DELETE")),
    st.builds(lot_packed, MINUTES, THING, LOT, st.sampled_from([None, 1, 2.5]), action=ACTIONS),
    st.builds(attached, MINUTES, THING, THING, action=ACTIONS),
    st.builds(
        lambda minute, source, target, shared: made(minute, [source], [target], shared),
        MINUTES,
        st.one_of(THING, LOT),
        st.one_of(THING, LOT),
        st.sampled_from([None, "urn:epc:id:gdti:9524321.00001.run-7"]),
    ),
)


@pytest.fixture(scope="module")
def engine(databases: Databases) -> Iterator[Engine]:
    with databases.ready() as engine:
        yield engine


def told(engine: Engine, events: Sequence[Event]) -> dict[int, int]:
    """The events, captured into an emptied store, as record id -> place in the story."""
    with engine.begin() as connection:
        for table in reversed(SQLModel.metadata.sorted_tables):
            connection.execute(table.delete())
    chain = Chain()
    node = join(chain, engine)
    found(chain)
    job = node.capture(GROWER, *events)
    with reading(engine) as session:
        return {repository.named(session, to_hex(item.record_hash or b""))[0]: item.index for item in job.items}


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(events=st.lists(EVENTS, min_size=1, max_size=14, unique_by=repr), data=st.data())
def test_the_store_and_a_plain_list_tell_the_same_story(
    engine: Engine, events: list[Event], data: st.DataObject
) -> None:
    places = told(engine, events)
    story = Story(*events)
    for thing in data.draw(st.lists(st.sampled_from(INSTANCES + LOTS), min_size=1, max_size=3, unique=True)):
        for direction in Direction:
            with reading(engine) as session:
                ours = trace(StoreSource(session, {}), thing, direction)
            plain = trace(story, thing, direction)
            assert [places[step.occurrence.number] for step in ours.steps] == stories.numbers(plain)
            assert ours.links == plain.links


def test_a_history_reads_no_more_of_a_large_store_than_of_a_small_one(make_engine: MakeEngine) -> None:
    counts = []
    for size in (1, 400):
        engine = make_engine()
        node = join(Chain(), engine)
        found(node.chain)
        node.capture(GROWER, packed(1, PALLET, BAG), seen(2, PALLET), seen(3, BAG))
        node.capture(GROWER, *(seen(5, f"urn:epc:id:sgtin:9524321.055555.x{number}") for number in range(size)))
        counts.append(rows_read(engine, node))
    assert counts[0] == counts[1]


def rows_read(engine: Engine, node: Node) -> int:
    """How many statements a history takes: the rows of each are those of the answer."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sql_event.listen(engine, "before_cursor_execute", note)
    assert len(node.history(BAG).entries) == 3
    return len(statements)


def test_spans_are_looked_up_by_the_primary_key(engine: Engine) -> None:
    statement = (
        "WITH spans (number, key, since_ms, until_ms, role) AS (VALUES (0, 'k', 0, 1, 0)) "
        "SELECT spans.number, k.record_id, k.role FROM spans CROSS JOIN event_keys AS k WHERE k.key = spans.key "
        "AND k.event_time_ms >= spans.since_ms AND k.event_time_ms < spans.until_ms"
    )
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
            wanted = "SEARCH k USING PRIMARY KEY (key=? AND event_time_ms>? AND event_time_ms<?)"
        else:
            # In a table so small it would read all.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}").all()
            wanted = "event_keys_pkey"
    assert any(wanted in str(row) for row in plan)
