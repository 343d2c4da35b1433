"""Commands that keep a node's data: made again, put away, brought back, looked over."""

from __future__ import annotations

from api.cli.console import DATA_DEFAULT, DataFolder, Json, emit, say, table
from api.node import opened_node
from api.recording import now_us
from ledger.rebuilding import rebuild
from traceability.reindexing import EventIndex


def rebuild_tables(data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Make every derived table again from the chain and the stored events. The node may run meanwhile."""
    with opened_node(data, upgrades=True) as node:
        folder = node.settings.data / "rebuild"
        chain, anchoring = node.chain, node.settings.anchoring
        counts = rebuild(node.engine, folder, chain, node.deployment, anchoring, now_us(), [EventIndex()])
    if as_json:
        emit({"rows": counts})
        return
    say(table(("table", "rows"), sorted(counts.items())))
