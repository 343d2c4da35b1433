"""What the chain has lost, and signers whose numbers are unknown since a restore."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Makes their tables."""
    op.create_table(
        "restored_signers",
        sa.Column("signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("restored_at_us", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("signer"),
    )
    op.create_table(
        "chain_losses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("first_number", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("resumed_at_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "lost_anchors",
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("anchored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("root"),
    )
    op.create_table(
        "lapsed_records",
        sa.Column("record_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signer", sa.LargeBinary(length=20), nullable=False),
        sa.Column("was_anchored_at", sa.BigInteger(), nullable=False),
        sa.Column("anchored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("record_hash"),
    )
