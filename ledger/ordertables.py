"""The tables of orders: every log of escrow, receivable and tokens, and what is read off them so that pages need not.

All are *derived*, but for `tokens`: what a token says of itself is asked once. Amounts are in the token's smallest
unit, `_at` is seconds of block time, `changed_block` the newest block whose logs have a part in the row.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, SmallInteger
from sqlmodel import Field, SQLModel

from ledger.tables import Uint256


class FollowedRow(SQLModel, table=True):
    """A contract whose logs are followed. `read_to` is set while it lags behind the position: it came in later."""

    __tablename__ = "followed"

    address: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    read_to: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class EscrowLogRow(SQLModel, table=True):
    """One log, its topics joined; `kind` is a ledger.escrowlogs.LogKind. `token` is set where a token itself said it.

    `order_id`, `sender` and `receiver` are an index: of what concerns an order; of what is owed to an account (sender),
    moves from it (sender) or to it (receiver).
    """

    __tablename__ = "escrow_logs"
    __table_args__ = (
        Index("ix_escrow_logs_order", "order_id", "block_number", "log_index"),
        Index("ix_escrow_logs_sender", "sender", "block_number", "log_index"),
        Index("ix_escrow_logs_receiver", "receiver", "block_number", "log_index"),
    )

    block_number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    log_index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    block_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    transaction_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    token: bytes | None = Field(default=None, sa_column=Column(LargeBinary(20), nullable=True))
    order_id: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    sender: bytes | None = Field(default=None, sa_column=Column(LargeBinary(20), nullable=True))
    receiver: bytes | None = Field(default=None, sa_column=Column(LargeBinary(20), nullable=True))
    topics: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class OrderRow(SQLModel, table=True):
    """An order as it is now, in one line of a list; `state` is a ledger.orders.State.

    `paid` is what has gone to the payee and the splits, `returned` what has gone to the buyer.
    """

    __tablename__ = "orders"

    order_id: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    buyer: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    seller: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    payee: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    token: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    document: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    amount: int = Field(sa_column=Column(Uint256, nullable=False))
    held: int = Field(sa_column=Column(Uint256, nullable=False))
    paid: int = Field(sa_column=Column(Uint256, nullable=False))
    returned: int = Field(sa_column=Column(Uint256, nullable=False))
    fund_by: int = Field(sa_column=Column(BigInteger, nullable=False))
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    proposed_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_block: int = Field(sa_column=Column(BigInteger, nullable=False))


class OrderPartyRow(SQLModel, table=True):
    """Who takes part in an order, and as what: `parts` is a ledger.book.Part. Ordered by when it was proposed."""

    __tablename__ = "order_parties"

    party: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    proposed_at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    order_id: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True, index=True))
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    parts: int = Field(sa_column=Column(SmallInteger, nullable=False))


class OrderItemRow(SQLModel, table=True):
    """An item of an order that may still be settled; those that have ended are only in the logs."""

    __tablename__ = "order_items"

    order_id: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    milestone: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    delivery: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    held: int = Field(sa_column=Column(Uint256, nullable=False))
    reduction: int = Field(sa_column=Column(SmallInteger, nullable=False))
    disputable_until: int = Field(sa_column=Column(BigInteger, nullable=False))
    settleable_from: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    is_disputed: bool
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_block: int = Field(sa_column=Column(BigInteger, nullable=False))


class CreditRow(SQLModel, table=True):
    """What is owed to a creditor in a token, where it is not nothing."""

    __tablename__ = "credits"

    token: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    creditor: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True, index=True))
    amount: int = Field(sa_column=Column(Uint256, nullable=False))
    changed_block: int = Field(sa_column=Column(BigInteger, nullable=False))


class TokenRow(SQLModel, table=True):
    """What a token says of itself, once it was asked; `decimals` stays empty where it does not say."""

    __tablename__ = "tokens"

    address: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    is_asked: bool = Field(default=False, index=True)
    decimals: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    symbol: str = ""
