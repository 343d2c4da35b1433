"""Signers whose sequence numbers this node no longer knows: its database was restored from a backup.

What was recorded between backup and restore is gone, the numbers in it are not: PROOF-FORMAT 1 allows a number for one
record, ever, and other nodes have those records. So nothing is recorded with such a key before its numbers are skipped
by 2^32, more than any node has used since; or the key is retired for good, and another is authorised.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, func, insert, select, update
from sqlmodel import Session, SQLModel, col

from ledger.errors import NumbersUnknown
from ledger.hexadecimal import to_address
from ledger.tables import RecordRow, RestoredSignerRow, SequenceRow

SKIPPED = 2**32

_IS_HELD = select(col(RestoredSignerRow.signer)).where(col(RestoredSignerRow.cleared_at_us).is_(None))
_IS_IT_HELD = _IS_HELD.where(col(RestoredSignerRow.signer) == bindparam("account"))


def hold(session: Session, signers: Iterable[bytes], now_us: int) -> None:
    """From now on nothing is recorded with these keys, nor with those that this database has records of its own from.

    Assumes a session of `ledger.database.writing`, before the restored node is first opened.
    """
    counted = session.scalars(select(col(SequenceRow.signer)))
    held = {*signers, *counted}
    known = set(session.scalars(select(col(RestoredSignerRow.signer))))
    rows = [{"signer": signer, "restored_at_us": now_us} for signer in sorted(held - known)]
    if rows:
        session.execute(insert(_TABLE), rows)
    session.execute(update(RestoredSignerRow).values(restored_at_us=now_us, cleared_at_us=None))


def held(session: Session) -> list[bytes]:
    """The signers with whose keys nothing is recorded."""
    return list(session.scalars(_IS_HELD.order_by(col(RestoredSignerRow.signer))))


def check_known(session: Session, signer: bytes) -> None:
    """Raises NumbersUnknown where the signer is held."""
    if session.connection().execute(_IS_IT_HELD, {"account": signer}).first() is not None:
        raise NumbersUnknown(to_address(signer))


def pass_over(session: Session, used: Iterable[tuple[bytes, int]]) -> None:
    """A key that this node holds, too, goes on after the numbers that it has used elsewhere: (signer, number) each.

    Assumes a session of `ledger.database.writing`.
    """
    highest: dict[bytes, int] = {}
    for signer, sequence in used:
        highest[signer] = max(highest.get(signer, -1), sequence)
    for signer, sequence in highest.items():
        is_behind = (col(SequenceRow.signer) == signer) & (col(SequenceRow.next_sequence) <= sequence)
        session.execute(update(SequenceRow).where(is_behind).values(next_sequence=sequence + 1))


def skip(session: Session, signer: bytes, now_us: int, *, times: int = 1) -> int:
    """Skips 2^32 of the signer's numbers and lets it record again. The number that its next record gets.

    `times` is the how-manieth restore of one and the same backup this is: each has to skip further than the one before.
    Assumes a session of `ledger.database.writing`. A signer that is not held stays as it is.
    """
    counted = session.scalar(select(col(SequenceRow.next_sequence)).where(col(SequenceRow.signer) == signer))
    newest = session.scalar(select(func.max(col(RecordRow.sequence))).where(col(RecordRow.signer) == signer))
    following = max(counted or 0, 0 if newest is None else newest + 1)
    if session.connection().execute(_IS_IT_HELD, {"account": signer}).first() is None:
        return following
    following += times * SKIPPED
    if counted is None:
        session.execute(insert(SequenceRow).values(signer=signer, next_sequence=following))
    else:
        is_it = col(SequenceRow.signer) == signer
        session.execute(update(SequenceRow).where(is_it).values(next_sequence=following))
    is_held = col(RestoredSignerRow.signer) == signer
    session.execute(update(RestoredSignerRow).where(is_held).values(cleared_at_us=now_us))
    return following


_TABLE = SQLModel.metadata.tables["restored_signers"]
