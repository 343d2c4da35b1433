"""What has to be true once nothing goes wrong any more: by the chain's own logs, and the rows as they lie on the disk.

Neither the follower's tables nor the outbox's opinion is asked what the chain holds; the contract judges the proofs.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.abi import interface
from ledger.deployment import Deployment
from ledger.merkle import leaf, proof_from_nodes
from tests.faults.simulation.wire import Wire
from tests.faults.simulation.world import INSPECTION, PLENTY, RECEIPT, Order
from tests.traceability.nodes import GROWER, NODE, ROASTER

Said = tuple[str, dict[str, Any], str]
"""A log: its name, its arguments, its transaction."""


class Broken(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True)
class OnChain:
    """All that a chain holds of a seed: what its contracts said, which transactions it took, who has how much."""

    logs: Sequence[Said]
    node_nonces: Sequence[int]
    successes: frozenset[str]
    """The transactions that did what they were to do."""
    balances: Mapping[str, int]
    recorded: Callable[[bytes, bytes, Sequence[bytes], bytes], tuple[int, bytes]]
    """EventLog.recordedAt: time and signer of a record by signature, proof and root."""

    def named(self, name: str) -> list[dict[str, Any]]:
        """The arguments of all logs of that name, in chain order."""
        return [arguments for said, arguments, _ in self.logs if said == name]


@dataclass(frozen=True)
class Stored:
    """The node's rows, read by SQLite alone."""

    records: Sequence[sqlite3.Row]
    batches: Mapping[int, sqlite3.Row]
    transactions: Sequence[sqlite3.Row]
    attempts: Sequence[sqlite3.Row]
    attestations: Sequence[sqlite3.Row]
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many rows the tables have that hold trouble."""


def check(on_chain: OnChain, stored: Stored, accepted: Mapping[str, str], funded: Sequence[Order]) -> None:
    """Returns nothing where every promise was kept. Raises Broken.

    `accepted` are the events that clients were told are recorded, with the hashes of their records; no others were
    ever sent.
    """
    _check_stored_once(stored, accepted)
    _check_anchored_once(on_chain, stored)
    _check_sent_once(on_chain, stored)
    _check_paid_once(on_chain, funded)
    _check_nothing_pending(stored)


def _check_stored_once(stored: Stored, accepted: Mapping[str, str]) -> None:
    found = Counter(row["record_hash"].hex() for row in stored.records)
    told = Counter(accepted.values())
    _alike("records that clients were told of, and records stored", told, found)
    by_event = Counter(row["event_hash"] for row in stored.records)
    _require(max(by_event.values(), default=1) == 1, "an event has two records")
    for signer in {row["signer"] for row in stored.records}:
        numbers = sorted(row["sequence"] for row in stored.records if row["signer"] == signer)
        _require(numbers == list(range(len(numbers))), f"the numbers of {signer.hex()} are {numbers}")


def _check_anchored_once(on_chain: OnChain, stored: Stored) -> None:
    anchored = on_chain.named("Anchored")
    roots = Counter(said["root"] for said in anchored)
    _require(max(roots.values(), default=1) == 1, "a root is anchored twice")
    _require([said["index"] for said in anchored] == list(range(1, len(anchored) + 1)), "anchors are not numbered on")
    _alike("roots of the node's batches, and roots on the chain",
           Counter(row["root"] for row in stored.batches.values()), roots)  # fmt: skip
    count = sum(said["count"] for said in anchored)
    _require(count == len(stored.records), f"{count} leaves are anchored, of {len(stored.records)} records")
    for row in stored.records:
        batch = stored.batches.get(row["batch_id"])
        if batch is None:
            raise Broken(f"record {row['record_hash'].hex()} is in no batch")
        try:
            proof = proof_from_nodes(batch["tree"], leaf(row["record_hash"], row["signature"]))
        except LookupError as error:
            raise Broken(f"record {row['record_hash'].hex()} is not in its batch's tree") from error
        at, signer = on_chain.recorded(row["record_hash"], row["signature"], proof, batch["root"])
        _require(at > 0 and signer == row["signer"], f"the proof of record {row['record_hash'].hex()} does not verify")


def _check_sent_once(on_chain: OnChain, stored: Stored) -> None:
    """Each nonce once and none left out; of each intent's transactions one did it."""
    _require(list(on_chain.node_nonces) == list(range(len(on_chain.node_nonces))), f"nonces {on_chain.node_nonces}")
    taken = {row["nonce"] for row in stored.attempts}
    _alike("nonces signed for, and nonces on the chain", Counter(taken), Counter(on_chain.node_nonces))
    for row in stored.transactions:
        mined = [
            each
            for each in stored.attempts
            if each["transaction_id"] == row["id"] and each["transaction_hash"].hex() in on_chain.successes
        ]
        wanted = 1 if row["state"] == "final" else 0
        _require(len(mined) == wanted, f"{row['intent']} is {row['state']}, and {len(mined)} transactions did it")


def _check_paid_once(on_chain: OnChain, funded: Sequence[Order]) -> None:
    _alike("orders that the buyer funded", Counter(order.order for order in funded),
           Counter(said["order"] for said in on_chain.named("OrderFunded")))  # fmt: skip
    due = {(order.order, number): amount for order in funded for number, amount in _due(order)}
    paid = Counter((said["order"], said["milestone"]) for said in on_chain.named("ItemPaid"))
    _alike("deliveries, and payments for them", Counter(due.keys()), paid)
    for said in on_chain.named("ItemPaid"):
        amount = due[said["order"], said["milestone"]]
        split = (said["toPayee"], said["toSplits"], said["toBuyer"], said["held"])
        _require(split == (amount, 0, 0, 0), f"{split} were paid, of {amount}")
    earned, brought = sum(due.values()), sum(order.terms.amount for order in funded)
    expected = {"grower": earned, "roaster": PLENTY - brought, "escrow": brought - earned}
    _require(dict(on_chain.balances) == expected, f"balances are {on_chain.balances}, not {expected}")
    collected = sum(said["amount"] for said in on_chain.named("Collected"))
    _require(collected == earned, f"{collected} were collected, of {earned}")


def _due(order: Order) -> list[tuple[int, int]]:
    """What the order's one delivery pays, by milestone: both are said of it, in full and in time."""
    return [(0, RECEIPT)] if order.needs_both else [(0, RECEIPT), (1, INSPECTION)]


def _check_nothing_pending(stored: Stored) -> None:
    states = Counter(row["state"] for row in stored.transactions)
    _require(not set(states) & {"planned", "sent", "mined"}, f"transactions are {dict(states)}")
    states = Counter(row["state"] for row in stored.attestations)
    _require(set(states) <= {"counted"}, f"attestations are {dict(states)}")
    _require(not any(stored.counts.values()), f"there is trouble: {dict(stored.counts)}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


def _alike(what: str, wanted: Counter[Any], found: Counter[Any]) -> None:
    if wanted != found:
        raise Broken(f"{what}: missing {dict(wanted - found)}, surplus {dict(found - wanted)}")


# ----------------------------------------------------------------------------------------------------------- reading

_TROUBLE = ("credits", "order_items", "strange_logs", "lapsed_records", "contradictions")


def read_store(file: Path) -> Stored:
    """The node's rows."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row

        def rows(table: str) -> list[sqlite3.Row]:
            return connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()

        return Stored(
            rows("records"), {row["id"]: row for row in rows("batches")}, rows("transactions"), rows("attempts"),
            rows("attestations"),
            {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in _TROUBLE},
        )  # fmt: skip


def read_chain(wire: Wire, deployment: Deployment, base: int) -> OnChain:
    """What the chain holds since block `base`."""
    escrow = deployment.require_escrow()
    names = {deployment.event_log: "EventLog", escrow.address: "DeliveryEscrow", escrow.tokens[0]: "SettlementToken"}
    addresses = {"0x" + address.hex(): name for address, name in names.items()}
    head = int(wire.call("eth_blockNumber"), 16)
    found = wire.call(
        "eth_getLogs", {"fromBlock": hex(base + 1), "toBlock": hex(head), "address": list(addresses)}
    )  # fmt: skip
    blocks = wire.exchange([_question("eth_getBlockByNumber", [hex(n), True]) for n in range(base + 1, head + 1)])
    sent = [each for block in blocks for each in block["result"]["transactions"]]
    asked = [_question("eth_getTransactionReceipt", [each["hash"]]) for each in sent]
    became = [each["result"] for each in wire.exchange(asked)] if asked else []
    node = "0x" + NODE.address.hex()
    return OnChain(
        logs=[_said(addresses[log["address"].lower()], log) for log in found],
        node_nonces=[int(each["nonce"], 16) for each in sent if each["from"].lower() == node],
        successes=frozenset(each["transactionHash"][2:] for each in became if each["status"] == "0x1"),
        balances={
            name: _answer(wire, "SettlementToken", escrow.tokens[0], "balanceOf", account)[0]
            for name, account in (("grower", GROWER.address), ("roaster", ROASTER.address), ("escrow", escrow.address))
        },
        recorded=lambda *claim: _answer(wire, "EventLog", deployment.event_log, "recordedAt", *claim),
    )  # fmt: skip


def _question(method: str, params: list[Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def _said(contract: str, log: dict[str, Any]) -> Said:
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    name, arguments = interface(contract).log(topics, bytes.fromhex(log["data"][2:]))
    return name, arguments, log["transactionHash"]


def _answer(wire: Wire, contract: str, address: bytes, function: str, *arguments: object) -> tuple[Any, ...]:
    face = interface(contract)
    call = {"to": "0x" + address.hex(), "data": "0x" + face.call(function, *arguments).hex()}
    return face.answer(function, bytes.fromhex(wire.call("eth_call", call, "latest")[2:]))
