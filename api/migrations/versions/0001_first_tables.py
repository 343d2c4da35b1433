"""The tables as they were when databases began to bear a revision."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UINT256 = sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite")


def upgrade() -> None:
    """Makes them all."""
    _make_records_and_batches()
    _make_outbox()
    _make_chain()
    _make_events()
    op.create_table(
        "api_keys", _id(), _bytes("key_hash", 32, unique=True), _bytes("party", 20), _text("label"),
        _big("created_at_us"), _big("revoked_at_us", nullable=True),
    )  # fmt: skip


def _make_records_and_batches() -> None:
    op.create_table(
        "records", _id(), _bytes("record_hash", 32, unique=True), _bytes("event_hash", 32), _bytes("content_hash", 32),
        _bytes("party", 20), _bytes("signer", 20), _big("sequence"), _bytes("disclosure_root", 32),
        _bytes("signature", 65), _big("received_at_us"), sa.Column("is_foreign", sa.Boolean(), nullable=False),
        sa.Column("batch_id", _BIG_ID), _bytes("root", 32, nullable=True), _bytes("proof", nullable=True),
        sa.UniqueConstraint("signer", "sequence"),
    )  # fmt: skip
    op.create_index("ix_records_event_hash", "records", ["event_hash"])
    op.create_index(
        "ix_records_unbatched", "records", ["id"],
        sqlite_where=sa.text("batch_id IS NULL AND is_foreign IS 0"),
        postgresql_where=sa.text("batch_id IS NULL AND is_foreign IS false"),
    )  # fmt: skip
    op.create_table(
        "batches", _id(), _bytes("root", 32, unique=True), sa.Column("leaf_count", sa.Integer(), nullable=False),
        _bytes("tree"), _big("closed_at_us"), sa.Column("transaction_id", _BIG_ID),
    )  # fmt: skip
    op.create_index("ix_batches_transaction_id", "batches", ["transaction_id"])
    op.create_table("sequences", _bytes("signer", 20, primary_key=True), _big("next_sequence"))
    op.create_table(
        "contradictions", _id(), _bytes("record_hash", 32, unique=True), _bytes("stored_record_hash", 32),
        _bytes("party", 20), _bytes("signer", 20), _big("sequence"), _text("evidence"), _big("noticed_at_us"),
    )  # fmt: skip


def _make_outbox() -> None:
    op.create_table(
        "transactions", _id(), _text("intent", unique=True), _bytes("sender", 20), _big("nonce", nullable=True),
        _bytes("to", 20, nullable=True), _bytes("data"), sa.Column("value_wei", _UINT256, nullable=False),
        _text("state"), _bytes("transaction_hash", 32, nullable=True), _big("block_number", nullable=True),
        _big("planned_at_us"), _text("error", nullable=True),
    )  # fmt: skip
    op.create_index("ix_transactions_state", "transactions", ["state"])
    op.create_index("ix_transactions_transaction_hash", "transactions", ["transaction_hash"])
    op.create_table(
        "attempts", _id(), sa.Column("transaction_id", _BIG_ID, nullable=False),
        _bytes("transaction_hash", 32, unique=True), _bytes("raw"), _big("nonce"), _big("gas"),
        sa.Column("tip_wei", _UINT256, nullable=False), sa.Column("max_fee_wei", _UINT256, nullable=False),
        _big("signed_at_us"), _big("tried_at_us"), _text("outcome", nullable=True),
    )  # fmt: skip
    op.create_index("ix_attempts_transaction_id", "attempts", ["transaction_id"])
    op.create_table("nonces", _bytes("sender", 20, primary_key=True), _big("next_nonce"))


def _make_chain() -> None:
    op.create_table(
        "deployments", sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False), _big("chain_id"),
        _bytes("event_log", 20), _bytes("party_registry", 20), _big("block_number"),
    )  # fmt: skip
    op.create_table(
        "positions", _text("name", primary_key=True), _big("block_number"), _bytes("block_hash", 32), _big("block_at"),
        _big("final_number"), _big("final_at"), _big("next_at"), _big("contact_at_us"),
    )  # fmt: skip
    op.create_table("blocks", _key("number"), _bytes("block_hash", 32), _bytes("parent_hash", 32), _big("block_at"))
    op.create_table(
        "anchors", _bytes("root", 32, primary_key=True), _big("anchor_index"), _big("anchored_at"), _big("leaf_count"),
        _bytes("operator", 20), _big("block_number"), _bytes("transaction_hash", 32),
    )  # fmt: skip
    op.create_index("ix_anchors_block_number", "anchors", ["block_number"])
    op.create_table(
        "withdrawals", _bytes("party", 20, primary_key=True), _bytes("record_hash", 32, primary_key=True),
        _big("withdrawn_at"), _big("block_number"),
    )  # fmt: skip
    op.create_index("ix_withdrawals_block_number", "withdrawals", ["block_number"])
    op.create_table(
        "registry_logs", _key("block_number"), _key("log_index"), _bytes("block_hash", 32), _big("block_at"),
        _bytes("transaction_hash", 32), _text("name"), _text("arguments"),
    )  # fmt: skip
    op.create_table(
        "strange_logs", _key("block_number"), _key("log_index"), _bytes("address", 20), _bytes("topics"),
        _bytes("data"), _text("reason"),
    )  # fmt: skip


def _make_events() -> None:
    op.create_table(
        "capture_jobs", _id(), _long("capture_id", unique=True), _bytes("party", 20), _long("error_behaviour"),
        _big("received_at_us"), _big("finished_at_us"), _bytes("items"), _bytes("errors"), _bytes("envelope"),
        _bytes("receipt_hashes", nullable=True), _big("receipt_received_at", nullable=True),
        _big("receipt_anchor_by", nullable=True), _bytes("receipt_signature", 65, nullable=True),
    )  # fmt: skip
    op.create_table("contexts", _id(), _bytes("digest", 32, unique=True), _bytes("context"))
    op.create_table(
        "events", sa.Column("record_id", _BIG_ID, primary_key=True, autoincrement=False), sa.Column("job_id", _BIG_ID),
        sa.Column("context_id", _BIG_ID, nullable=False), _long("event_id", nullable=True), _big("event_time_ms"),
        sa.Column("is_declaration", sa.Boolean(), nullable=False), _long("marks"), _bytes("event"),
    )  # fmt: skip
    is_named = sa.text("event_id IS NOT NULL")
    op.create_index("ix_events_event_id", "events", ["event_id"], sqlite_where=is_named, postgresql_where=is_named)
    op.create_table(
        "event_keys", _long("key", primary_key=True), _key("event_time_ms"),
        sa.Column("record_id", _BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("role", sa.SmallInteger(), primary_key=True, autoincrement=False), sqlite_with_rowid=False,
    )  # fmt: skip


def _id() -> sa.Column[Any]:
    return sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True)


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), primary_key=True, autoincrement=False)


def _big(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _bytes(name: str, size: int | None = None, *, nullable: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(size), nullable=nullable, **more)


def _text(name: str, *, nullable: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=nullable, **more)


def _long(name: str, *, nullable: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable, **more)
