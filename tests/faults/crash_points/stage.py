"""What a run finds: a chain with its contracts, parties with keys, a node that has read the chain. And its papers.

Nothing here is open while a run goes: the parent of all runs forks, and holds neither connection nor thread.
"""

from __future__ import annotations

import os
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from api.keyring import NODE_KEY, PASSWORD_FILE
from api.node import opened_node
from api.settings import write_settings
from ledger.abi import interface
from ledger.batch import AnchoringSettings
from ledger.chain import Chain
from ledger.deployment import Deployment, deploy
from ledger.follower import step as follow
from ledger.hexadecimal import to_address
from ledger.keystore import LocalSigner, create_key
from ledger.tokens import step as ask_tokens
from ledger.transaction import Transaction, sign

PASSWORD = "correct horse"
LIGHT_SCRYPT_N = 2**4
PARTIES = {
    "grower": ("9521234500001", "Highland Growers", 1),
    "roaster": ("9521234500018", "Harbour Roasters", 2),
    "retailer": ("9521234500025", "Corner Coffee", 8),
    NODE_KEY: ("9521234500032", "Harbour Node Operator", 128),
}
ANVIL = [
    "--accounts=0", "--base-fee=0", "--gas-price=0", "--gas-limit=100000000000", "--disable-min-priority-fee",
    "--order=fifo", "--hardfork=osaka", "--disable-default-create2-deployer", "--no-request-size-limit",
]  # fmt: skip
MONEY = 100_000_000
PRICES = {"PO-AT-ONCE": 100_000, "PO-WINDOW": 50_000}
"""The orders by number, and what each pays in the token's smallest unit. The second may be disputed for an hour."""
DELIVERED_S, WINDOW_S = 120, 3_600
"""After the story's beginning the goods arrive; and so long the buyer may look at them."""
COFFEE = "urn:epc:class:lgtin:9521234.000101.L7"
WAREHOUSE = "urn:epc:id:sgln:9521234.00002.0"
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
_DEPLOYER = LocalSigner(b"\x0d" * 32)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a run plays. `at` is the time in seconds at which its story begins.

    Without `rpc_url` the run has its chain with it. Clients `with_keys` send an Idempotency-Key, as they should.
    """

    folder: Path
    at: int
    rpc_url: str | None = None
    database_url: str | None = None
    with_keys: bool = True

    @property
    def data(self) -> Path:
        """The node's data folder."""
        return self.folder / "node" / "data"

    @property
    def watched(self) -> Path:
        """All that the node may write: its data folder, and what lies beside it."""
        return self.folder / "node"

    @property
    def told(self) -> Path:
        """What clients were told, a line each: outside of everything that dies."""
        return self.folder / "told"

    def use_database(self) -> None:
        """This process works on the stage's database: the SQLite file in the data folder where no other is named."""
        os.environ.pop("TALLY_DATABASE_URL", None)
        if self.database_url is not None:
            os.environ["TALLY_DATABASE_URL"] = self.database_url


def prepare(stage: Stage) -> None:
    """Contracts on the chain, money in the roaster's account, and a node that has read that much."""
    assert stage.rpc_url is not None
    keys = {name: create_key(stage.data / "keys", name, PASSWORD, scrypt_n=LIGHT_SCRYPT_N) for name in PARTIES}
    (stage.data / "keys" / PASSWORD_FILE).write_text(PASSWORD + "\n")
    chain = Chain.found_at(stage.rpc_url)
    deployment = deploy(chain, _DEPLOYER, founders(keys), wait=lambda: None, first_nonce=0, with_escrow=True,
                        with_token=True)  # fmt: skip
    (token,) = deployment.require_escrow().tokens
    mint = interface("SettlementToken").call("mint", keys["roaster"].address, MONEY)
    (nonce,) = chain.transaction_counts([_DEPLOYER.address])
    chain.send(sign(Transaction(chain.chain_id, nonce, token, mint, 500_000, 0, 0), _DEPLOYER))
    mine_at(stage.rpc_url, stage.at)
    write_node_file(stage.data, deployment, rpc_url=stage.rpc_url)
    stage.use_database()
    with opened_node(stage.data) as node:
        read = partial(follow, node.engine, node.chain, node.deployment, AnchoringSettings(), stage.at * 1_000_000)
        while read().done:
            pass
        ask_tokens(node.engine, node.chain, node.deployment)


def mine_at(rpc_url: str, at: int) -> None:
    """Nothing happens on the chain until then, and then an empty block. It is the world's doing, and no node's."""
    if int(ask(rpc_url, "eth_getBlockByNumber", "latest", False)["timestamp"], 16) >= at:
        return
    ask(rpc_url, "evm_setNextBlockTimestamp", at)
    ask(rpc_url, "evm_mine")


def ask(rpc_url: str, method: str, *params: object) -> Any:
    """One question to the chain's node past all that is the product's. Raises AssertionError where it is refused."""
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    request = urllib.request.Request(rpc_url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        reply = orjson.loads(answer.read())
    assert "error" not in reply, reply["error"]
    return reply["result"]


def founders(keys: dict[str, LocalSigner]) -> list[tuple[bytes, tuple[str, str, int, str, bytes]]]:
    """Everybody, as PartyRegistry wants it."""
    return [(keys[name].address, (*profile, "", b"")) for name, profile in PARTIES.items()]


def write_node_file(data: Path, deployment: Deployment, **where: Any) -> None:
    """node.toml of a node that anchors whatever it has."""
    escrow = deployment.escrow
    write_settings(
        data, chain_id=deployment.chain_id, event_log=to_address(deployment.event_log),
        party_registry=to_address(deployment.party_registry), start_block=deployment.block,
        delivery_escrow=to_address(escrow.address) if escrow else None,
        tokens={to_address(token): "XTS" for token in escrow.tokens} if escrow else {}, batch_age_s_max=0, **where,
    )  # fmt: skip


def purchase_order(stage: Stage, number: str) -> bytes:
    """The roaster orders 100 kg of the grower."""
    has_window = number == "PO-WINDOW"
    terms = {"window": "1h", "arbitration": "1d"} if has_window else {}
    arbiter = {"arbiter": "retailer"} if has_window else {}
    milestone = {
        "products": [COFFEE], "quantity": 100, "uom": "KGM", "amount": f"{PRICES[number] / 100:.2f}",
        "readPoints": [WAREHOUSE], "due": _time(stage.at + 5 * 86_400), "grace": "1d", **terms,
    }  # fmt: skip
    return orjson.dumps({
        "buyer": "roaster", "seller": "grower", "currency": "XTS", "fundBy": _time(stage.at + 2 * 86_400),
        "references": [number], "milestones": [milestone], **arbiter,
    })  # fmt: skip


def received(stage: Stage, number: str) -> dict[str, Any]:
    """What the roaster's warehouse records when the goods are there."""
    papers = [
        {"type": "po", "bizTransaction": f"urn:epcglobal:cbv:bt:9521234500018:{number}"},
        {"type": "desadv", "bizTransaction": f"urn:epcglobal:cbv:bt:9521234500001:DA-{number}"},
    ]
    return {
        "type": "ObjectEvent", "eventTime": _time(stage.at + DELIVERED_S), "eventTimeZoneOffset": "+01:00",
        "action": "OBSERVE", "bizStep": "receiving", "disposition": "in_progress", "readPoint": {"id": WAREHOUSE},
        "bizTransactionList": papers, "quantityList": [{"epcClass": COFFEE, "quantity": 100, "uom": "KGM"}],
    }  # fmt: skip


def seen(stage: Stage, serial: str) -> dict[str, Any]:
    """Somebody saw a bag of coffee."""
    return {
        "type": "ObjectEvent", "eventTime": _time(stage.at + DELIVERED_S), "eventTimeZoneOffset": "+01:00",
        "action": "OBSERVE", "bizStep": "shipping", "epcList": [f"urn:epc:id:sgtin:9521234.000101.{serial}"],
    }  # fmt: skip


def document(*events: dict[str, Any]) -> bytes:
    """A capture document."""
    return orjson.dumps({
        "@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0",
        "creationDate": "2026-03-01T00:00:00Z", "epcisBody": {"eventList": list(events)},
    })  # fmt: skip


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
