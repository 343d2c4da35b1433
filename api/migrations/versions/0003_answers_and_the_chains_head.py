"""answers under an Idempotency-Key, when a batch's first record came, how far the chain is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Brings a database of the revision before to this one."""
    op.create_table(
        "answers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("party", sa.LargeBinary(length=20), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("given_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("party", "key"),
    )
    op.create_index("ix_answers_given_at_us", "answers", ["given_at_us"])
    op.add_column("batches", sa.Column("oldest_us", sa.BigInteger(), nullable=True))
    op.add_column("positions", sa.Column("head_number", sa.BigInteger(), nullable=True))
