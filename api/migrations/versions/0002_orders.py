"""Orders: the logs of the escrow and what is read off them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes their tables."""
    op.create_table(
        "credits",
        sa.Column("token", sa.LargeBinary(length=20), nullable=False),
        sa.Column("creditor", sa.LargeBinary(length=20), nullable=False),
        sa.Column("amount", sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite"), nullable=False),
        sa.Column("changed_block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", "creditor"),
    )
    with op.batch_alter_table("credits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credits_creditor"), ["creditor"], unique=False)

    op.create_table(
        "escrow_logs",
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_at", sa.BigInteger(), nullable=False),
        sa.Column("transaction_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("token", sa.LargeBinary(length=20), nullable=True),
        sa.Column("order_id", sa.LargeBinary(length=32), nullable=True),
        sa.Column("sender", sa.LargeBinary(length=20), nullable=True),
        sa.Column("receiver", sa.LargeBinary(length=20), nullable=True),
        sa.Column("topics", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block_number", "log_index"),
    )
    with op.batch_alter_table("escrow_logs", schema=None) as batch_op:
        batch_op.create_index("ix_escrow_logs_order", ["order_id", "block_number", "log_index"], unique=False)
        batch_op.create_index("ix_escrow_logs_receiver", ["receiver", "block_number", "log_index"], unique=False)
        batch_op.create_index("ix_escrow_logs_sender", ["sender", "block_number", "log_index"], unique=False)

    op.create_table(
        "followed",
        sa.Column("address", sa.LargeBinary(length=20), nullable=False),
        sa.Column("read_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_table(
        "order_items",
        sa.Column("order_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("milestone", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("delivery", sa.LargeBinary(length=32), nullable=False),
        sa.Column("held", sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite"), nullable=False),
        sa.Column("reduction", sa.SmallInteger(), nullable=False),
        sa.Column("disputable_until", sa.BigInteger(), nullable=False),
        sa.Column("settleable_from", sa.BigInteger(), nullable=False),
        sa.Column("is_disputed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "milestone", "delivery"),
    )
    with op.batch_alter_table("order_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_items_settleable_from"), ["settleable_from"], unique=False)

    op.create_table(
        "order_parties",
        sa.Column("party", sa.LargeBinary(length=20), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("party", "proposed_at", "order_id"),
    )
    with op.batch_alter_table("order_parties", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_parties_order_id"), ["order_id"], unique=False)

    op.create_table(
        "orders",
        sa.Column("order_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("buyer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("seller", sa.LargeBinary(length=20), nullable=False),
        sa.Column("payee", sa.LargeBinary(length=20), nullable=False),
        sa.Column("token", sa.LargeBinary(length=20), nullable=False),
        sa.Column("document", sa.LargeBinary(length=32), nullable=False),
        sa.Column("amount", sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite"), nullable=False),
        sa.Column("held", sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite"), nullable=False),
        sa.Column("paid", sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite"), nullable=False),
        sa.Column("returned", sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite"), nullable=False),
        sa.Column("fund_by", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_orders_document"), ["document"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("address", sa.LargeBinary(length=20), nullable=False),
        sa.Column("is_asked", sa.Boolean(), nullable=False),
        sa.Column("decimals", sa.SmallInteger(), nullable=True),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tokens_is_asked"), ["is_asked"], unique=False)
