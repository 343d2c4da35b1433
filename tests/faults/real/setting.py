"""A consortium on a fresh chain, and the data folder of a node of both its parties: what a run begins with."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from api.keys import create_api_key
from api.node import opened_node
from api.settings import write_settings
from ledger.abi import interface
from ledger.chain import Chain
from ledger.deployment import Deployment, deploy
from ledger.hexadecimal import to_address
from ledger.keystore import LocalSigner, create_key
from ledger.transaction import Transaction, sign, transaction_hash
from tests.faults.real.chain import CHAIN_ID, RealChain

PASSWORD = "nothing lost, nothing twice"
LIGHT_SCRYPT_N = 2**4
PARTIES = {
    "grower": ("9521234500001", "Highland Growers", 1),
    "roaster": ("9521234500018", "Harbour Roasters", 2),
    # The operator's own account is the node's key, so that it stands for anchoring from the first block on.
    "node": ("9521234500032", "Harbour Node Operator", 128),
}
MONEY = 10**12
"""What the roaster has, in hundredths."""
PLENTY_WEI = 10**24
CONFIRMATIONS = 14
"""More than a reorganisation undoes (12 blocks): so none of them is a loss of what was final."""


@dataclass(frozen=True)
class Setting:
    """The contracts, everybody's accounts, and the API keys of grower and roaster."""

    deployment: Deployment
    accounts: dict[str, str]
    api_keys: dict[str, str]


def founded(chain: RealChain, data: Path, rpc_url: str, database_url: str | None) -> Setting:
    """Contracts, money, an allowance for the escrow, and a node in `data` that reaches the chain at `rpc_url`."""
    keys = {name: create_key(data / "keys", name, PASSWORD, scrypt_n=LIGHT_SCRYPT_N) for name in PARTIES}
    (data / "keys" / "password").write_text(PASSWORD + "\n")
    for key in keys.values():
        chain.rpc("anvil_setBalance", to_address(key.address), hex(PLENTY_WEI))
    ours = Chain(chain.url, CHAIN_ID)
    founders = [(key.address, (*PARTIES[name], "", b"")) for name, key in keys.items()]
    deployment = deploy(
        ours, keys["node"], founders, wait=lambda: time.sleep(0.02), with_escrow=True, with_token=True
    )  # fmt: skip
    escrow = deployment.require_escrow()
    token = interface("SettlementToken")
    roaster = keys["roaster"]
    _act(ours, keys["node"], escrow.tokens[0], token.call("mint", roaster.address, MONEY))
    _act(ours, roaster, escrow.tokens[0], token.call("approve", escrow.address, 2**256 - 1))
    write_settings(
        data, rpc_url=rpc_url, chain_id=CHAIN_ID, event_log=to_address(deployment.event_log),
        party_registry=to_address(deployment.party_registry), delivery_escrow=to_address(escrow.address),
        tokens={to_address(escrow.tokens[0]): "XTS"}, confirmations=CONFIRMATIONS, batch_age_s_max=0.5,
        database_url=database_url,
    )  # fmt: skip
    with opened_node(data, upgrades=True) as node:
        api_keys = {
            name: create_api_key(node.engine, keys[name].address, "load", 0, secrets.token_bytes)
            for name in ("grower", "roaster")
        }
    return Setting(deployment, {name: to_address(key.address) for name, key in keys.items()}, api_keys)


def _act(chain: Chain, signer: LocalSigner, to: bytes, data: bytes) -> None:
    prepared = chain.prepare(signer.address, to, data)
    raw = sign(Transaction(
        chain_id=CHAIN_ID, nonce=prepared.sender_count, to=to, data=data, gas=2 * prepared.gas,
        tip_wei=prepared.fees.tip_wei, max_fee_wei=prepared.fees.max_fee_wei,
    ), signer)  # fmt: skip
    chain.send(raw)
    while chain.receipts([transaction_hash(raw)]) == [None]:
        time.sleep(0.02)
