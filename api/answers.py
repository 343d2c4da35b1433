"""Answers that were given under an Idempotency-Key, kept so that they can be given again (api/idempotency.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, UniqueConstraint, delete, insert, select
from sqlalchemy.engine import Engine
from sqlmodel import Field, Session, SQLModel

from ledger.database import reading, writing

KEY_LENGTH_MAX = 255
FORGOTTEN_AT_ONCE = 500


class AnswerRow(SQLModel, table=True):
    """An answer that was given to a party under a key. `fingerprint` is what was asked, `headers` a JSON object."""

    __tablename__ = "answers"
    __table_args__ = (UniqueConstraint("party", "key"),)

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    party: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    key: str = Field(sa_column=Column(String(KEY_LENGTH_MAX), nullable=False))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    status: int
    headers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    given_at_us: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it went out, and the fingerprint of what had been asked."""

    fingerprint: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes


_answers = SQLModel.metadata.tables["answers"].c
_WHOLE = (_answers.fingerprint, _answers.status, _answers.headers, _answers.body)


def given(session: Session, party: bytes, key: str) -> Given | None:
    """What the party was answered under that key, None where it was not."""
    is_it = (_answers.party == party) & (_answers.key == key)
    row = session.connection().execute(select(*_WHOLE).where(is_it)).one_or_none()
    if row is None:
        return None
    return Given(bytes(row.fingerprint), row.status, orjson.loads(row.headers), bytes(row.body))


def keep(session: Session, party: bytes, key: str, answer: Given, now_us: int) -> None:
    """Stores an answer with the change it reports. Assumes the session of that change, and that `given` found none."""
    session.execute(insert(AnswerRow).values(
        party=party, key=key, fingerprint=answer.fingerprint, status=answer.status,
        headers=orjson.dumps(answer.headers), body=answer.body, given_at_us=now_us,
    ))  # fmt: skip


def forget(engine: Engine, before_us: int) -> int:
    """Deletes the oldest of the answers that were given before then, FORGOTTEN_AT_ONCE at most. Returns how many."""
    oldest = select(_answers.id).where(_answers.given_at_us < before_us).order_by(_answers.given_at_us)
    with reading(engine) as session:
        ids = session.execute(oldest.limit(FORGOTTEN_AT_ONCE)).scalars().all()
    if ids:
        # Not synced: what comes back after a power cut goes the next time.
        with writing(engine, durable=False) as session:
            session.execute(delete(AnswerRow).where(_answers.id.in_(ids)))
    return len(ids)
