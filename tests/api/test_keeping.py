"""A node's data made again while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from ledger.database import reading
from ledger.rebuilding import DERIVED
from tests.api.conftest import Tally, Village, bag, seen
from tests.api.test_orders import agreed, number_of_order
from traceability.repository import table
from traceability.tables import EventKeyRow, EventReferenceRow

MODELS: list[type[SQLModel]] = [*DERIVED, EventKeyRow, EventReferenceRow]


def dump(village: Village) -> dict[str, list[dict[str, Any]]]:
    """All derived rows; of blocks and followed the embedded chain adds some by itself."""
    tables = [table(model) for model in MODELS]
    with reading(village.node.engine) as session:
        return {
            each.name: [dict(row) for row in session.execute(select(each).order_by(*each.primary_key)).mappings()]
            for each in tables
            if each.name != "blocks"
        }


def test_a_rebuild_beside_a_worker_that_runs_changes_nothing(village: Village, tally: Tally, tmp_path: Path) -> None:
    agreed(tally, tmp_path, number_of_order())
    invoice = {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9521234500018:rebuilt-1"}
    village.capture("grower", seen(bag("rebuilt-1"), bizTransactionList=[invoice]), seen(bag("rebuilt-2")))
    before = dump(village)
    wanted = ("event_keys", "event_references", "anchors", "orders", "order_parties", "order_items", "tokens")
    assert all(before[name] for name in wanted)
    run = tally("rebuild", "--json")
    assert run.code == 0, run.err
    assert run.json["rows"]["anchors"] == len(before["anchors"])
    assert dump(village) == before
    village.capture("grower", seen(bag("rebuilt-3")))
    assert len(dump(village)["anchors"]) == len(before["anchors"]) + 1
