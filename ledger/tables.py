"""The ledger's tables: records, batches, the outbox, and what the follower derives from the chain's logs.

Hashes and addresses are bytes. Integers carry their unit in the name: `_us` microseconds since 1970 on this node's
clock, `_at` seconds of block time. Tables marked *derived* can be remade from the chain; the rest can't.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, Index, Integer, LargeBinary, Numeric, String, UniqueConstraint
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

_BigId = BigInteger().with_variant(Integer, "sqlite")


class Uint256(TypeDecorator[int]):
    """An integer of up to 78 digits: Numeric(78, 0), on SQLite text of 78 digits, which sorts as the numbers do.

    SQLite has no such number, and would keep a float.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """How that database keeps it."""
        return dialect.type_descriptor(String(78) if dialect.name == "sqlite" else Numeric(78, 0))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """The number as the database takes it."""
        return f"{value:078d}" if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """The number as the database gave it."""
        return None if value is None else int(value)


class RecordRow(SQLModel, table=True):
    """One signed record. `id` is the order of arrival; `batch_id` is set when it has been put into a batch of ours.

    `root` and `proof` (the siblings joined, 32 bytes each) stand for a foreign record, anchored by another node.
    """

    __tablename__ = "records"
    __table_args__ = (UniqueConstraint("signer", "sequence"),)

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    record_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    event_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, index=True))
    content_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    party: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    signer: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    disclosure_root: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary(65), nullable=False))
    received_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    is_foreign: bool = Field(default=False)
    batch_id: int | None = Field(default=None, sa_column=Column(_BigId, nullable=True))
    root: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True))
    proof: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class BatchRow(SQLModel, table=True):
    """A closed batch: its root, and its whole tree (nodes joined in array order), so that a proof is a few slices.

    `oldest_us` is when the first of its records was received; None in batches that an older version closed.
    """

    __tablename__ = "batches"

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    root: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    leaf_count: int
    tree: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    closed_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    oldest_us: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    transaction_id: int | None = Field(default=None, sa_column=Column(_BigId, index=True, nullable=True))


class SequenceRow(SQLModel, table=True):
    """The next sequence number of a signer whose key this node holds."""

    __tablename__ = "sequences"

    signer: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    next_sequence: int = Field(sa_column=Column(BigInteger, nullable=False))


class TransactionState(StrEnum):
    """The life of a transaction in the outbox."""

    PLANNED = "planned"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    REPLACED = "replaced"
    FAILED = "failed"


class TransactionRow(SQLModel, table=True):
    """The outbox: one row an intent. `intent` is unique, so that planning the same thing twice plans it once."""

    __tablename__ = "transactions"

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    intent: str = Field(unique=True)
    sender: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    nonce: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    to: bytes | None = Field(default=None, sa_column=Column(LargeBinary(20), nullable=True))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    value_wei: int = Field(default=0, sa_column=Column(Uint256, nullable=False))
    state: str = Field(default=TransactionState.PLANNED.value, index=True)
    transaction_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32), nullable=True, index=True))
    block_number: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    planned_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    error: str | None = None


class AttemptRow(SQLModel, table=True):
    """One signed form of an outbox transaction that was, or may have been, handed to the chain. Never deleted.

    `tried_at_us` is when it was last handed in, or was about to be; 0 asks for that to be done at once.
    """

    __tablename__ = "attempts"

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    transaction_id: int = Field(sa_column=Column(_BigId, nullable=False, index=True))
    transaction_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    nonce: int = Field(sa_column=Column(BigInteger, nullable=False))
    gas: int = Field(sa_column=Column(BigInteger, nullable=False))
    tip_wei: int = Field(sa_column=Column(Uint256, nullable=False))
    max_fee_wei: int = Field(sa_column=Column(Uint256, nullable=False))
    signed_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    tried_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    outcome: str | None = None


class NonceRow(SQLModel, table=True):
    """The next nonce of a sending key, taken in the database transaction of the row that uses it."""

    __tablename__ = "nonces"

    sender: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    next_nonce: int = Field(sa_column=Column(BigInteger, nullable=False))


class DeploymentRow(SQLModel, table=True):
    """The one deployment that this database belongs to. Everything else in it means nothing on any other.

    `delivery_escrow` stays empty until orders are paid; from then on it is the one.
    """

    __tablename__ = "deployments"

    id: int = Field(default=1, primary_key=True)
    chain_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    event_log: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    party_registry: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    block_number: int = Field(sa_column=Column(BigInteger, nullable=False))
    delivery_escrow: bytes | None = Field(default=None, sa_column=Column(LargeBinary(20), nullable=True))


class PositionRow(SQLModel, table=True):
    """How far the follower has read: the newest block applied, and the newest that it holds final.

    There is one row, named `follower`. `next_at` is the time in seconds that a block after the newest one would have
    had when the chain was last asked, 0 before that. `contact_at_us` is when the chain was last found to be where it
    should be, give or take ten seconds, and `head_number` its newest block at that time; None where an older version
    wrote the row.
    """

    __tablename__ = "positions"

    name: str = Field(primary_key=True)
    block_number: int = Field(sa_column=Column(BigInteger, nullable=False))
    block_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    block_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    final_number: int = Field(sa_column=Column(BigInteger, nullable=False))
    final_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    next_at: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    contact_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    head_number: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class BlockRow(SQLModel, table=True):
    """Derived. The newest applied blocks, linked by parent hash: how a fork is noticed."""

    __tablename__ = "blocks"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    block_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    parent_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    block_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class AnchorRow(SQLModel, table=True):
    """Derived, from EventLog's Anchored: when a root was anchored."""

    __tablename__ = "anchors"

    root: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    anchor_index: int = Field(sa_column=Column(BigInteger, nullable=False))
    anchored_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    leaf_count: int = Field(sa_column=Column(BigInteger, nullable=False))
    operator: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    block_number: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    transaction_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))


class WithdrawalRow(SQLModel, table=True):
    """Derived, from EventLog's Withdrawn."""

    __tablename__ = "withdrawals"

    party: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    record_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    withdrawn_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    block_number: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


class RegistryLogRow(SQLModel, table=True):
    """Derived. Every log of PartyRegistry in chain order; parties and signers are read off it by replaying.

    `block_hash` stands for everything that happened up to there: two replays that end in it are the same.
    """

    __tablename__ = "registry_logs"

    block_number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    log_index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    block_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    block_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    transaction_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    name: str
    arguments: str


class StrangeLogRow(SQLModel, table=True):
    """Derived. A log of our contracts that none of their events explains: set aside, so that it blocks no other."""

    __tablename__ = "strange_logs"

    block_number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    log_index: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    address: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    topics: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    reason: str


class RestoredSignerRow(SQLModel, table=True):
    """A signer that may have used numbers which this database does not know: it was restored from a backup.

    Nothing is recorded with its key before `cleared_at_us` is set.
    """

    __tablename__ = "restored_signers"

    signer: bytes = Field(sa_column=Column(LargeBinary(20), primary_key=True))
    restored_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    cleared_at_us: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class ChainLossRow(SQLModel, table=True):
    """That the chain has lost blocks which were final here. Payments stop until `resumed_at_us` is set."""

    __tablename__ = "chain_losses"

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    first_number: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_number: int = Field(sa_column=Column(BigInteger, nullable=False))
    noticed_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    resumed_at_us: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class LostAnchorRow(SQLModel, table=True):
    """A root whose final anchor was lost, and when it had been anchored; gone once it has been anchored again."""

    __tablename__ = "lost_anchors"

    root: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    anchored_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class LapsedRecordRow(SQLModel, table=True):
    """A record that verified until its anchor was lost: by the time of the new one its signer's standing had ended."""

    __tablename__ = "lapsed_records"

    record_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    signer: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    was_anchored_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    anchored_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ContradictionRow(SQLModel, table=True):
    """A foreign record that was not taken: its signer used the same number for a record that is stored here."""

    __tablename__ = "contradictions"

    id: int | None = Field(default=None, sa_column=Column(_BigId, primary_key=True, autoincrement=True))
    record_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    stored_record_hash: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    party: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    signer: bytes = Field(sa_column=Column(LargeBinary(20), nullable=False))
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    evidence: str
    noticed_at_us: int = Field(sa_column=Column(BigInteger, nullable=False))


def _unbatched() -> Index:
    columns = SQLModel.metadata.tables["records"].c
    is_unbatched = columns.batch_id.is_(None) & columns.is_foreign.is_(False)
    return Index("ix_records_unbatched", columns.id, sqlite_where=is_unbatched, postgresql_where=is_unbatched)


_unbatched()
