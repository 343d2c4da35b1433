"""EventLog on a real Anvil reads the golden records as every other verifier does (PROOF-FORMAT, sections 3 and 4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.abi import interface
from ledger.transaction import created_address

LOG, REGISTRY = interface("EventLog"), interface("PartyRegistry")


def test_golden_records_are_recorded_and_altered_ones_are_not(start_anvil: Callable[..., Any], vectors: Path) -> None:
    golden = json.loads((vectors / "proof-golden.json").read_text())
    anvil = start_anvil("--no-mining", chain_id=golden["domain"]["chainId"])
    grower = bytes.fromhex(anvil.rpc("eth_accounts")[0][2:])
    registry, event_log = (created_address(grower, nonce) for nonce in (0, 1))

    def send(to: bytes | None, data: bytes) -> int:
        """Sends from the grower's account and answers with the block's time."""
        transaction = {"from": "0x" + grower.hex(), "gas": hex(8_000_000), "input": "0x" + data.hex()}
        done = anvil.rpc("eth_sendTransaction", transaction | ({} if to is None else {"to": "0x" + to.hex()}))
        anvil.rpc("evm_mine")
        assert anvil.rpc("eth_getTransactionReceipt", done)["status"] == "0x1"
        return int(anvil.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def recorded_at(record: dict[str, Any], root: str, **altered: Any) -> tuple[int, bytes]:
        told = record | altered
        digest, signature, *proof, last = (
            bytes.fromhex(text[2:]) for text in (told["recordHash"], told["signature"], *told["proof"], root)
        )
        data = "0x" + LOG.call("recordedAt", digest, signature, proof, last).hex()
        answer = anvil.rpc("eth_call", {"to": "0x" + event_log.hex(), "input": data}, "latest")
        timestamp, signer = LOG.answer("recordedAt", bytes.fromhex(answer[2:]))
        return timestamp, signer

    send(None, REGISTRY.creation([(grower, ("9520000000011", "Finca El Mirador", 1, "", b""))]))
    send(None, LOG.creation(registry))
    anvil.rpc("evm_increaseTime", 2)
    for batch in golden["sets"].values():
        first = batch["records"][0]
        assert recorded_at(first, batch["root"]) == (0, bytes(20))
        at = send(event_log, LOG.call("anchor", bytes.fromhex(batch["root"][2:]), len(batch["records"])))
        for record in batch["records"]:
            assert recorded_at(record, batch["root"]) == (at, bytes.fromhex(record["signer"][2:]))
        assert recorded_at(first, batch["root"], recordHash="0x" + "11" * 32) == (0, bytes(20))
        assert recorded_at(first, batch["root"], signature="0x" + "11" * 65) == (0, bytes(20))
        assert recorded_at(first, batch["root"], proof=[*first["proof"], "0x" + "11" * 32]) == (0, bytes(20))
