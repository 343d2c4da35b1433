"""What clients were told, beside what the chain and the store hold. Asked past all of our code: raw logs, plain SQL.

The rules are docs/proof-format.md, section 3, and the contracts' own events; each finding is a sentence.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sha3 import keccak_256

from tests.conftest import CHECKOUT
from tests.faults.real.chain import RealChain
from tests.faults.real.clients import Journal
from tests.faults.real.databases import Database
from tests.faults.real.setting import MONEY, Setting

SHOWN_MAX = 5


def keccak(data: bytes) -> bytes:
    return bytes(keccak_256(data).digest())


@dataclass
class Findings:
    """What is wrong, and how much was looked at."""

    wrong: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def expect(self, what: str, strays: Iterable[object]) -> None:
        """Nothing is to be among `strays`."""
        found = list(strays)
        if found:
            self.wrong.append(f"{what}: {len(found)}, such as {', '.join(map(str, found[:SHOWN_MAX]))}")

    def expect_equal(self, what: str, found: int, wanted: int) -> None:
        if found != wanted:
            self.wrong.append(f"{what}: {found}, not {wanted}")


def checked(journal: Journal, chain: RealChain, database: Database, setting: Setting) -> Findings:
    """Everything, once nothing moves any more."""
    findings = Findings()
    told = list(journal.lines())
    _check_records(findings, told, chain, database, setting)
    _check_orders(findings, told, chain, setting)
    _check_outbox(findings, chain, database, setting)
    return findings


# ------------------------------------------------------------------------------------------------------------- records


def _check_records(
    findings: Findings, told: list[dict[str, Any]], chain: RealChain, database: Database, setting: Setting
) -> None:
    captures = [line for line in told if line["what"] == "captured"]
    keys = Counter(line["key"] for line in captures)
    findings.expect("captures answered under one key", (key for key, count in keys.items() if count > 1))
    answers = [tuple(event) for line in captures for event in line["events"]]
    findings.expect("events not told accepted", (each for each in answers if each[0] != "accepted"))
    accepted = Counter(bytes.fromhex(name[2:]) for _, name in answers if name)
    findings.expect("records told of twice", (name.hex() for name, count in accepted.items() if count > 1))

    stored = database.rows("SELECT record_hash, event_hash, signature, batch_id FROM records WHERE NOT is_foreign")
    records = Counter(bytes(row[0]) for row in stored)
    events = Counter(bytes(row[1]) for row in stored)
    findings.expect("accepted, and not stored", (name.hex() for name in accepted if name not in records))
    findings.expect("stored, and nobody was told", (name.hex() for name in records if name not in accepted))
    findings.expect("events stored twice", (name.hex() for name, count in events.items() if count > 1))
    findings.expect("records in no batch", (bytes(row[0]).hex() for row in stored if row[3] is None))

    leaves = defaultdict(set)
    for name, _, signature, batch in stored:
        leaves[batch].add(_leaf(bytes(name), bytes(signature)))
    batches = {row[0]: bytes(row[1]) for row in database.rows("SELECT id, tree FROM batches")}
    findings.expect("batches whose tree is not their records'", (
        batch for batch, tree in batches.items() if not _is_tree_of(tree, leaves[batch])
    ))  # fmt: skip
    roots = Counter(tree[:32] for tree in batches.values())
    said = [log for log in chain.logs(_address(setting.deployment.event_log)) if _is(log, "EventLog", "Anchored")]
    anchored = Counter(bytes.fromhex(log["topics"][1][2:]) for log in said)
    findings.expect("roots anchored twice", (root.hex() for root, count in anchored.items() if count > 1))
    findings.expect("roots not on the chain", (root.hex() for root in roots if root not in anchored))
    findings.expect("roots of no batch on the chain", (root.hex() for root in anchored if root not in roots))
    findings.expect("batches with one root", (root.hex() for root, count in roots.items() if count > 1))
    findings.counts |= {"events told accepted": accepted.total(), "batches anchored": len(said)}


def _leaf(record_hash: bytes, signature: bytes) -> bytes:
    encoded = record_hash + (64).to_bytes(32, "big") + len(signature).to_bytes(32, "big") + signature
    return keccak(keccak(encoded + bytes(-len(signature) % 32)))


def _is_tree_of(tree: bytes, leaves: set[bytes]) -> bool:
    """Whether the nodes hash up to their root from exactly these leaves."""
    nodes = [tree[start : start + 32] for start in range(0, len(tree), 32)]
    inner = len(nodes) // 2
    return set(nodes[inner:]) == leaves and all(
        nodes[index] == keccak(b"".join(sorted(nodes[2 * index + 1 : 2 * index + 3]))) for index in range(inner)
    )


# -------------------------------------------------------------------------------------------------------------- orders


def _check_orders(findings: Findings, told: list[dict[str, Any]], chain: RealChain, setting: Setting) -> None:
    escrow = setting.deployment.require_escrow()
    said = chain.logs(_address(escrow.address))

    def named(event: str) -> list[dict[str, Any]]:
        return [log for log in said if _is(log, "DeliveryEscrow", event)]

    wanted = {line["order"]: line["amount"] for line in told if line["what"] == "proposed"}
    for event in ("OrderProposed", "OrderAccepted", "OrderFunded", "OrderEnded"):
        counts = Counter(log["topics"][1] for log in named(event))
        findings.expect(f"{event} more than once", (order for order, count in counts.items() if count > 1))
        findings.expect(f"{event} for what nobody was told of", (order for order in counts if order not in wanted))
        findings.expect(f"{event} missing", (order for order in wanted if order not in counts))
    paid: dict[str, list[int]] = defaultdict(list)
    for log in named("ItemPaid"):
        # milestone, cause, payee, toPayee, toSplits, toBuyer, held
        words = _words(log)
        if any(words[3:6]):
            paid[log["topics"][1]].append(words[3])
            findings.expect(f"{log['topics'][1]} gave to others than its payee", filter(None, words[4:6]))
    findings.expect("orders paid twice", (order for order, amounts in paid.items() if len(amounts) > 1))
    received = {line["order"] for line in told if line["what"] == "received"}
    findings.expect("delivered and not paid in full", (
        order for order in received if paid.get(order) != [wanted.get(order)]
    ))  # fmt: skip
    findings.expect("paid without a delivery", (order for order in paid if order not in received))
    _check_money(findings, chain, setting, wanted, paid)
    findings.counts |= {"orders told proposed": len(wanted), "orders paid": len(paid)}


def _check_money(
    findings: Findings, chain: RealChain, setting: Setting, wanted: dict[str, int], paid: dict[str, list[int]]
) -> None:
    escrow = setting.deployment.require_escrow()
    moved: dict[tuple[str, str], int] = defaultdict(int)
    for log in chain.logs(_address(escrow.tokens[0])):
        if _is(log, "SettlementToken", "Transfer"):
            moved["0x" + log["topics"][1][26:], "0x" + log["topics"][2][26:]] += _words(log)[0]
    roaster, grower = (setting.accounts[name].lower() for name in ("roaster", "grower"))
    funded, given = sum(wanted.values()), sum(map(sum, paid.values()))
    box = _address(escrow.address)
    findings.expect_equal("moved into the escrow", moved.pop((roaster, box), 0), funded)
    findings.expect_equal("moved from the escrow to the grower", moved.pop((box, grower), 0), given)
    findings.expect_equal("made", moved.pop(("0x" + "00" * 20, roaster), 0), MONEY)
    findings.expect("other movements of money", moved)
    balances = {roaster: MONEY - funded, grower: given, box: funded - given}
    for account, balance in balances.items():
        asked = keccak(b"balanceOf(address)")[:4] + bytes.fromhex(account[2:]).rjust(32, b"\0")
        found = int.from_bytes(chain.call(_address(escrow.tokens[0]), asked), "big")
        findings.expect_equal(f"the balance of {account}", found, balance)
    findings.counts["hundredths paid"] = given


# -------------------------------------------------------------------------------------------------------------- outbox


def _check_outbox(findings: Findings, chain: RealChain, database: Database, setting: Setting) -> None:
    """Nothing is on its way any more, and no key's numbers have a gap: what the chain counts is what was used."""
    query = "SELECT intent, state, sender, nonce, error FROM transactions ORDER BY id"
    rows = database.rows(query)
    findings.expect("transactions that are still on their way", (
        f"{row[0]} {row[1]}" for row in rows if row[1] not in ("final", "failed", "replaced")
    ))  # fmt: skip
    for name, account in setting.accounts.items():
        used = int(chain.rpc("eth_getTransactionCount", account, "latest"), 16)
        pending = int(chain.rpc("eth_getTransactionCount", account, "pending"), 16)
        findings.expect_equal(f"nonces of {name} that wait behind a gap", pending, used)
    findings.counts["transactions"] = len(rows)
    for row in rows:
        if row[1] != "final":
            name = f"transactions {row[1]}: {row[0].split(':')[0]}"
            findings.counts[name] = findings.counts.get(name, 0) + 1
    losses = database.rows("SELECT id FROM chain_losses")
    findings.counts["losses of final blocks noticed"] = len(losses)


# -------------------------------------------------------------------------------------------------------- what logs say


def _topics() -> dict[tuple[str, str], str]:
    """The first topic of each event, by contract and name, from what the compiler says of them."""
    found = {}
    for contract in ("EventLog", "DeliveryEscrow", "SettlementToken"):
        artifact = json.loads((CHECKOUT / "ledger" / "artifacts" / f"{contract}.json").read_text())
        for each in artifact["abi"]:
            if each["type"] == "event":
                signature = f"{each['name']}({','.join(map(_type, each['inputs']))})"
                found[contract, each["name"]] = "0x" + keccak(signature.encode()).hex()
    return found


def _type(parameter: dict[str, Any]) -> str:
    if not parameter["type"].startswith("tuple"):
        return str(parameter["type"])
    return f"({','.join(map(_type, parameter['components']))}){parameter['type'][5:]}"


_TOPICS = _topics()


def _is(log: dict[str, Any], contract: str, event: str) -> bool:
    return bool(log["topics"]) and log["topics"][0] == _TOPICS[contract, event]


def _words(log: dict[str, Any]) -> list[int]:
    """A log's data, 32 bytes each as a number."""
    data = bytes.fromhex(log["data"][2:])
    return [int.from_bytes(data[start : start + 32], "big") for start in range(0, len(data), 32)]


def _address(account: bytes) -> str:
    return "0x" + account.hex()
