"""The invoices that a party has handed in last: the file as it came, one a party."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlalchemy.engine import Engine
from sqlmodel import Field, SQLModel

from ledger.database import reading, writing


class InvoiceFileRow(SQLModel, table=True):
    """A party's file. It was read without an error when it came."""

    __tablename__ = "invoice_files"

    party: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    file: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))


def keep_file(engine: Engine, party: bytes, file: bytes, now_us: int) -> None:
    """Keeps the file, in the place of the one before."""
    with writing(engine) as session:
        row = session.get(InvoiceFileRow, party)
        if row is None:
            session.add(InvoiceFileRow(party=party, file=file, received_at_us=now_us))
        else:
            row.file, row.received_at_us = file, now_us
            session.add(row)


def kept_file(engine: Engine, party: bytes) -> bytes | None:
    """The party's file; None where it has handed in none."""
    with reading(engine) as session:
        row = session.get(InvoiceFileRow, party)
        return None if row is None else bytes(row.file)
