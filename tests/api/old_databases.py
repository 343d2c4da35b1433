"""Databases as earlier versions left them, with data in every table: tests/vectors/database-NNNN.sql, one a revision.

`python -m tests.api.old_databases` writes the one of the present revision, from a story that is told by captures,
batches and a withdrawal. A file that is there is never written again: no later version could make it.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Boolean, Integer, LargeBinary, Numeric, Table, insert, select
from sqlalchemy.engine import Engine

from api.keys import create_api_key
from api.schema import METADATA, make_ready, revisions
from ledger.database import open_engine, writing
from ledger.deployment import bind
from tests.traceability.nodes import DEPLOYMENT, GROWER, ROASTER, Chain, found, join
from tests.traceability.stories import BAG, CASE, GREEN, ROASTED, lot_seen, made, packed, seen

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
STATES = ["verified"] * 4 + ["corrected"] * 2 + ["verified"]
"""Of the bag's history in that story, oldest first: its making, what was taken back and by what, what came after."""


def old_databases() -> dict[str, Path]:
    """The files, by revision, oldest first."""
    return {path.stem.removeprefix("database-"): path for path in sorted(VECTORS.glob("database-*.sql"))}


def rows_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    """What lies in the tables of such a file, oldest first, as SQLite gives it."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(path.read_text())
        database.row_factory = sqlite3.Row
        names = [row["name"] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [dict(row) for row in database.execute(f"SELECT * FROM {name}")] for name in names}


def told(engine: Engine) -> None:
    """The story: green coffee becomes a bag, a shop says twice that it saw it and takes one of these back."""
    chain = Chain()
    bind(engine, DEPLOYMENT)
    node = join(chain, engine)
    found(chain)
    node.capture(GROWER, lot_seen(1, GREEN, action="ADD"))
    node.capture(ROASTER, made(2, [GREEN], [ROASTED]), made(3, [ROASTED], [BAG]), packed(4, CASE, BAG))
    node.anchor()
    wrong = seen(5, BAG)
    node.capture(ROASTER, wrong)
    node.anchor()
    declaration = {"declarationTime": "2026-03-02T00:00:00Z", "reason": "incorrect_data"}
    job = node.capture(ROASTER, {**wrong, "errorDeclaration": declaration})
    chain.withdraw(ROASTER, node.job(job.capture_id).items[0].record_hash or b"")
    node.capture(ROASTER, seen(6, BAG))
    node.anchor()
    create_api_key(engine, GROWER.address, "packing line", 1, lambda size: b"\x01" * size)
    for table in METADATA.sorted_tables:
        with writing(engine) as session:
            if session.execute(select(table)).first() is None:
                session.execute(insert(table).values(_filling(table)))


def _filling(table: Table) -> dict[str, Any]:
    """A row of a table that the story leaves empty."""
    return {column.name: _value(column.type) for column in table.columns}


def _value(kind: Any) -> Any:
    match kind:
        case Boolean():
            return True
        case LargeBinary():
            return b"\x07" * (kind.length or 5)
        case Integer():
            return 7
        case _ if isinstance(kind, Numeric) or type(kind).__name__ == "Uint256":
            return 2**200
    return "seven"


def _dump(path: Path) -> Iterator[str]:
    yield f"-- A database at revision {revisions()[-1]}, written by tests/api/old_databases.py, never to be changed."
    with closing(sqlite3.connect(path)) as database:
        yield from database.iterdump()


def main() -> None:
    target = VECTORS / f"database-{revisions()[-1]}.sql"
    if target.exists():
        sys.exit(f"{target} is there already")
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/tally.db")
        make_ready(engine)
        told(engine)
        engine.dispose()
        target.write_text("\n".join(_dump(Path(folder) / "tally.db")) + "\n")


if __name__ == "__main__":
    main()
