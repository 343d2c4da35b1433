"""What Alembic runs for every command: the steps, on the connection and inside the transaction that it was given."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from api.schema import METADATA
from ledger.tables import Uint256


def render_item(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """A step says what the database keeps, not which class of ours stood for it."""
    if kind == "type" and isinstance(item, Uint256):
        return 'sa.Numeric(78, 0).with_variant(sa.String(78), "sqlite")'
    if kind == "type" and type(item).__module__.startswith("sqlmodel"):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters little in place
    render_item=render_item,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
