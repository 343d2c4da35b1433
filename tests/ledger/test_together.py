"""together: several writings are one transaction, there whole or not at all."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert, select
from sqlalchemy.engine import Engine
from sqlmodel import Session, col

from ledger.database import reading, together, writing
from ledger.tables import SequenceRow


def note(engine: Engine, number: int) -> None:
    with writing(engine) as session:
        session.execute(insert(SequenceRow).values(signer=bytes([number]) * 20, next_sequence=number))


def noted(engine: Engine) -> list[int]:
    with reading(engine) as session:
        return sorted(session.execute(select(col(SequenceRow.next_sequence))).scalars())


def noted_elsewhere(engine: Engine) -> list[int]:
    """What another thread sees, as another process would."""
    found: list[list[int]] = []
    thread = threading.Thread(target=lambda: found.append(noted(engine)))
    thread.start()
    thread.join()
    return found[0]


def nothing(_: Session) -> None:
    """Begins with nothing of its own."""


def test_nobody_else_sees_a_part_of_it(engine: Engine) -> None:
    with together(engine, nothing):
        note(engine, 1)
        note(engine, 2)
        assert (noted(engine), noted_elsewhere(engine)) == ([1, 2], [])
    assert noted_elsewhere(engine) == [1, 2]


def test_what_fails_at_the_end_undoes_the_beginning(engine: Engine) -> None:
    with pytest.raises(InterruptedError), together(engine, nothing):
        note(engine, 1)
        raise InterruptedError
    assert noted(engine) == []


def test_a_part_that_fails_and_is_tried_another_way_leaves_nothing_of_itself(engine: Engine) -> None:
    with together(engine, nothing):
        note(engine, 1)
        with pytest.raises(InterruptedError), writing(engine) as session:
            session.execute(insert(SequenceRow).values(signer=b"\7" * 20, next_sequence=7))
            raise InterruptedError
        note(engine, 2)
    assert noted(engine) == [1, 2]


def test_it_begins_with_the_first_writing_and_not_before(engine: Engine) -> None:
    begun: list[list[int]] = []

    def begin(session: Session) -> None:
        begun.append(list(session.execute(select(col(SequenceRow.next_sequence))).scalars()))

    with together(engine, begin):
        assert noted(engine) == []
        # Nobody has the lock yet: another writer gets it at once.
        writer = threading.Thread(target=note, args=(engine, 9))
        writer.start()
        writer.join()
        assert begun == []
        note(engine, 1)
        note(engine, 2)
    assert begun == [[9]]


def test_who_is_refused_at_the_beginning_has_written_nothing(engine: Engine) -> None:
    def refuse(_: Session) -> None:
        raise PermissionError

    with pytest.raises(PermissionError), together(engine, refuse):
        note(engine, 1)
    assert noted(engine) == []
    note(engine, 2)
    assert noted(engine) == [2]


def test_another_threads_writing_is_no_part_of_it(engine: Engine) -> None:
    with pytest.raises(InterruptedError), together(engine, nothing):
        writer = threading.Thread(target=note, args=(engine, 9))
        writer.start()
        writer.join()
        note(engine, 1)
        raise InterruptedError
    assert noted(engine) == [9]
