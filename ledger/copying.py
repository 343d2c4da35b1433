"""Rows from one database into another, whatever kind each is: how derived tables are swapped and backups are made.

Through the tables' own types, so that a number of 78 digits, a truth value and bytes arrive as what they were.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Table, func, insert, select
from sqlalchemy.engine import Connection

ROWS_AT_ONCE = 1_000
"""Rows held in memory; a batch's tree is 128 KiB at the most usual size."""


def copy_rows(source: Connection, target: Connection, tables: Iterable[Table]) -> dict[str, int]:
    """Puts every row of these tables into the same tables of the target, which must be empty. The counts, by table.

    Numbers that PostgreSQL gives out by itself go on after the highest that was copied. Both connections stay in the
    transactions in which they are.
    """
    counts = {str(table.name): _copy(source, target, table) for table in tables}
    if target.dialect.name == "postgresql":
        for table in tables:
            _count_on(target, table)
    return counts


def _copy(source: Connection, target: Connection, table: Table) -> int:
    order = table.primary_key.columns.values()
    found = source.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE).execute(
        select(table).order_by(*order)
    )
    count = 0
    for rows in found.mappings().partitions(ROWS_AT_ONCE):
        target.execute(insert(table), [dict(row) for row in rows])
        count += len(rows)
    return count


def _count_on(target: Connection, table: Table) -> None:
    """A sequence that stands behind `id`, where there is one, gives out what comes after the highest id."""
    column = table.columns.get("id")
    if column is None:
        return
    sequence = target.execute(select(func.pg_get_serial_sequence(table.name, "id"))).scalar_one()
    newest = target.execute(select(func.max(column))).scalar_one()
    if sequence is not None and newest is not None:
        target.execute(select(func.setval(sequence, newest)))
