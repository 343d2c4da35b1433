"""What events attest: references by which events name orders, terms documents, attestations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes their tables. The worker finds the references of the events that are there (traceability/naming.py)."""
    op.create_table(
        "attestations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("milestone", sa.SmallInteger(), nullable=False),
        sa.Column("party", sa.LargeBinary(length=20), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("delivery", sa.LargeBinary(length=32), nullable=True),
        sa.Column("happened_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted", sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite"), nullable=True),
        sa.Column("deduction_bps", sa.SmallInteger(), nullable=True),
        sa.Column("is_by_hand", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("changed_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("record_id", "order_id", "milestone"),
    )
    with op.batch_alter_table("attestations", schema=None) as batch_op:
        batch_op.create_index("ix_attestations_order", ["order_id", "record_id"], unique=False)
        batch_op.create_index("ix_attestations_state", ["state", "record_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attestations_transaction_id"), ["transaction_id"], unique=False)

    op.create_table(
        "event_references",
        sa.Column(
            "record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "key"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("event_references", schema=None) as batch_op:
        batch_op.create_index("ix_event_references_key", ["key", "record_id"], unique=False)

    op.create_table(
        "judged_to",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unindexed_below", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "order_references",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("order_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("document_hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("key", "order_id"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("order_references", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_references_order_id"), ["order_id"], unique=False)

    op.create_table(
        "terms_documents",
        sa.Column("document_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("imported_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document_hash"),
    )
