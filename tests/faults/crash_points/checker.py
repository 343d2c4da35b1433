"""What must be true once all has come to rest, seen from outside: what clients were told against store and chain.

It asks the chain's node past the product, reads tables by plain SQL, and knows the story: which events there are, and
what each order pays.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, make_url

from api.doctor import examine
from api.settings import Settings, load_settings, write_rpc_url
from ledger.abi import interface
from ledger.devnet import Devnet
from ledger.hexadecimal import from_hex, to_hex
from ledger.keystore import open_key
from ledger.merkle import leaf, proof_from_nodes, root_of
from tests.conftest import free_port
from tests.faults.crash_points.stage import MONEY, PARTIES, PASSWORD, PRICES, Stage, ask

FACES = {"event_log": "EventLog", "delivery_escrow": "DeliveryEscrow", "token": "SettlementToken"}
EACH_ONCE = (
    "OrderProposed", "OrderAccepted", "OrderFunded", "Attested", "DeliveryAgreed", "ItemPaid", "Credited", "OrderEnded",
)  # fmt: skip
"""What happens to every order of the story, each once."""
RESTED = frozenset({"final", "replaced"})


def check(stage: Stage) -> list[str]:
    """Everything that is not as it was promised, in words; empty where all is well."""
    stage.use_database()
    if stage.rpc_url is not None:
        return list(_problems(stage, stage.rpc_url, list(PRICES)))
    devnet = Devnet.start(stage.data / "chain", port=free_port(), started_at=0)
    try:
        write_rpc_url(load_settings(stage.data), devnet.rpc_url)
        return list(_problems(stage, devnet.rpc_url, []))
    finally:
        devnet.stop()


def named(stage: Stage) -> list[str]:
    """What `tally doctor` finds, of what is there."""
    stage.use_database()
    return [str(finding) for finding in examine(stage.data, time.time_ns() // 1000, is_full=True).findings]


def _problems(stage: Stage, rpc_url: str, orders: list[str]) -> Iterator[str]:
    settings = load_settings(stage.data)
    url = make_url(settings.resolved_database_url)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    logs = list(_logs(settings, rpc_url))
    with engine.connect() as connection:
        yield from _records(connection, stage)
        yield from _anchors(connection, logs)
        yield from _outbox(connection, rpc_url)
    engine.dispose()
    if orders:
        yield from _payments(stage, settings, rpc_url, logs, orders)
        yield from _backup(stage)
    yield from _keys(stage)
    yield from _doctor(stage.data, rpc_url)


def _records(connection: Connection, stage: Stage) -> Iterator[str]:
    """Everything that a client was told of is there once; the same question had the same answer."""
    answers: dict[str, Any] = {}
    for line in stage.told.read_text().splitlines():
        said = json.loads(line)
        if answers.setdefault(said["key"], said["told"]) != said["told"]:
            yield f"{said['key']} was answered {answers[said['key']]}, and then {said['told']}"
    promised = [record for told in answers.values() for record in told.get("records", ())]
    rows = connection.execute(text("SELECT record_hash, event_hash FROM records")).all()
    stored = Counter(to_hex(bytes(row.record_hash)) for row in rows)
    for record, count in Counter(promised).items():
        if count != 1 or stored[record] != 1:
            yield f"the record {record} was promised {count} times and is stored {stored[record]} times"
    for record in stored.keys() - set(promised):
        yield f"the record {record} is stored, and nobody asked for it"
    for event, count in Counter(bytes(row.event_hash) for row in rows).items():
        if count != 1:
            yield f"the event {to_hex(event)} has {count} records"
    if not promised:
        yield "nobody was promised anything"


def _anchors(connection: Connection, logs: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Each record is in one batch, and the chain has each batch's root once, and no other root."""
    on_chain = Counter(values["root"] for name, values in logs if name == "Anchored")
    roots = {row.id: (bytes(row.root), bytes(row.tree)) for row in connection.execute(
        text("SELECT id, root, tree FROM batches"))}  # fmt: skip
    for row in connection.execute(text("SELECT record_hash, signature, batch_id FROM records")):
        name = to_hex(bytes(row.record_hash))
        if row.batch_id is None:
            yield f"the record {name} is in no batch"
            continue
        root, tree = roots[row.batch_id]
        member = leaf(bytes(row.record_hash), bytes(row.signature))
        if root_of(member, proof_from_nodes(tree, member)) != root:
            yield f"the record {name} does not lead to its root"
    for root, _ in roots.values():
        if on_chain[root] != 1:
            yield f"the root {to_hex(root)} is {on_chain[root]} times on chain"
    for root in on_chain.keys() - {root for root, _ in roots.values()}:
        yield f"the chain has a root that nobody knows: {to_hex(root)}"


def _outbox(connection: Connection, rpc_url: str) -> Iterator[str]:
    """Nothing is pending, here or in the node's pool, and every number is used by one transaction."""
    rows = connection.execute(text("SELECT intent, state, error FROM transactions")).all()
    for row in rows:
        if row.state not in RESTED:
            yield f"{row.intent} is {row.state} ({row.error})"
    pool = ask(rpc_url, "txpool_status")
    if any(int(count, 16) for count in pool.values()):
        yield f"the pool is not empty: {pool}"
    for sender, following in connection.execute(text("SELECT sender, next_nonce FROM nonces")):
        used = int(ask(rpc_url, "eth_getTransactionCount", to_hex(bytes(sender)), "latest"), 16)
        if used != following:
            yield f"{to_hex(bytes(sender))} has used {used} nonces on chain, and {following} here"


def _payments(
    stage: Stage, settings: Settings, rpc_url: str, logs: list[tuple[str, dict[str, Any]]], orders: list[str]
) -> Iterator[str]:
    """Each order was proposed, funded and paid once; what the seller has is what the orders pay, what is gone too."""
    for name in EACH_ONCE:
        found = Counter(values["order"] for said, values in logs if said == name)
        if len(found) != len(orders) or set(found.values()) != {1}:
            yield f"{len(orders)} orders, {name}: {sorted(found.values())}"
    owed = sum(PRICES[number] for number in orders)
    (token,) = settings.tokens
    assert settings.delivery_escrow is not None
    keys = stage.data / "keys"
    holders = {name: to_hex(open_key(keys, name, PASSWORD).address) for name in ("grower", "roaster")}
    holders["escrow"] = settings.delivery_escrow
    for name, wanted in {"grower": owed, "roaster": MONEY - owed, "escrow": 0}.items():
        data = interface("SettlementToken").call("balanceOf", from_hex(holders[name].lower(), 20))
        has = int(ask(rpc_url, "eth_call", {"to": token, "data": to_hex(data)}, "latest"), 16)
        if has != wanted:
            yield f"{name} has {has}, and should have {wanted}"


def _backup(stage: Stage) -> Iterator[str]:
    """The node that was made of the backup is a node, and its database the one that was put away."""
    if not (stage.watched / "backup.tar").is_file():
        yield "there is no backup"
    restored = stage.watched / "restored"
    if not restored.is_dir():
        yield "nothing was restored"
        return
    engine = create_engine(f"sqlite:///{restored / 'tally.db'}")
    with engine.connect() as connection:
        said = connection.execute(text("PRAGMA integrity_check")).scalar_one()
        count = connection.execute(text("SELECT count(*) FROM records")).scalar_one()
    engine.dispose()
    if (said, count) != ("ok", 5):
        yield f"the restored database is {said}, with {count} records"


def _keys(stage: Stage) -> Iterator[str]:
    for name in [*PARTIES, *(["scanner"] if stage.rpc_url else [])]:
        open_key(stage.data / "keys", name, PASSWORD)
    yield from ()


def _doctor(data: Path, rpc_url: str) -> Iterator[str]:
    """`tally doctor --full`, at the time that the chain has come to."""
    head = ask(rpc_url, "eth_getBlockByNumber", "latest", False)
    for finding in examine(data, int(head["timestamp"], 16) * 1_000_000, is_full=True).findings:
        yield f"doctor, {finding.check}: {finding.detail}"


def _logs(settings: Settings, rpc_url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that the contracts have said, by name and arguments, as the chain's node gives it."""
    addresses = {"event_log": settings.event_log, "delivery_escrow": settings.delivery_escrow}
    for name, address in addresses.items():
        if address is None:
            continue
        question = {"fromBlock": "0x0", "toBlock": "latest", "address": address}
        for log in ask(rpc_url, "eth_getLogs", question):
            topics = [from_hex(topic, 32) for topic in log["topics"]]
            yield interface(FACES[name]).log(topics, bytes.fromhex(log["data"][2:]))
