"""Making tables and sessions: what is there stays, who writes is alone, who reads sees one state."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Engine
from sqlmodel import col

from ledger.database import create_tables, open_engine, reading, writing
from ledger.tables import SequenceRow

NEXT = select(col(SequenceRow.next_sequence))
GROWER = b"\x01" * 20


def begin_counting(engine: Engine) -> None:
    with writing(engine) as session:
        session.execute(insert(SequenceRow).values(signer=GROWER, next_sequence=0))


def test_tables_that_are_there_already_stay_as_they_are(engine: Engine) -> None:
    begin_counting(engine)
    create_tables(engine)
    with reading(engine) as session:
        assert session.execute(NEXT).scalars().all() == [0]


def test_what_a_writer_has_read_nobody_changes_before_it_writes(engine: Engine) -> None:
    begin_counting(engine)

    def count(_: int) -> None:
        with writing(engine) as session:
            read = session.execute(NEXT).scalar_one()
            session.execute(update(SequenceRow).values(next_sequence=read + 1))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(count, range(200)))
    with reading(engine) as session:
        assert session.execute(NEXT).scalar_one() == 200


def test_a_reader_sees_one_state_from_its_first_question_to_its_last(engine: Engine) -> None:
    begin_counting(engine)
    with reading(engine) as session:
        before = session.execute(NEXT).scalar_one()
        with writing(engine) as other:
            other.execute(update(SequenceRow).values(next_sequence=7))
        assert session.execute(NEXT).scalar_one() == before
    with reading(engine) as session:
        assert session.execute(NEXT).scalar_one() == 7


def test_a_change_that_did_not_come_to_its_end_never_was(engine: Engine) -> None:
    begin_counting(engine)
    try:
        with writing(engine) as session:
            session.execute(update(SequenceRow).values(next_sequence=7))
            raise InterruptedError
    except InterruptedError:
        pass
    with reading(engine) as session:
        assert session.execute(NEXT).scalar_one() == 0


def test_a_database_may_be_named_as_its_own_tools_name_it() -> None:
    engine = open_engine("postgresql://grower@db.example.org/tally")
    assert engine.url.render_as_string() == "postgresql+psycopg://grower@db.example.org/tally"
