"""DeliveryEscrow on a real Anvil: what its signatures' domain is, and what a delivery that pays at once costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.abi import interface
from ledger.hexadecimal import to_hex
from ledger.keystore import LocalSigner
from ledger.merkle import Tree, leaf
from ledger.orders import (
    Attestation,
    Evidence,
    attest_call,
    attestation_digest,
    collect_call,
    delivery_id,
    multicall,
    settle_call,
)
from tests.ledger.escrow_world import ANVIL, GROWER, ROASTER, SALT, STRANGER, found

GAS_MAX = 240_000
SCANNER, CLERK = LocalSigner(b"\x0a" * 32), LocalSigner(b"\x0b" * 32)
RECORD, ATTEST = 1, 2


def test_the_domain_is_as_eip_5267_tells_it(start_anvil: Callable[..., Any]) -> None:
    world = found(start_anvil(*ANVIL))
    told = world.ask("DeliveryEscrow", "eip712Domain")
    assert told[1:5] == ("DeliveryEscrow", "1", world.chain.chain_id, world.escrow)


def test_a_delivery_that_pays_at_once_costs_what_was_promised(start_anvil: Callable[..., Any]) -> None:
    """One attestor, no window, no penalty, no split, a payee who never held the token, a proof of 11 nodes."""
    world = found(start_anvil(*ANVIL))
    world.authorise(ROASTER, SCANNER, RECORD)
    world.authorise(ROASTER, CLERK, ATTEST)
    order = world.funded(world.terms(world.milestone(amount=1_000_000, ordered=500)))
    records = [(n.to_bytes(32, "big"), SCANNER.sign(n.to_bytes(32, "big"))) for n in range(1, 2_049)]
    tree = Tree.of([leaf(*record) for record in records])
    world.send(ROASTER, world.deployment.event_log, interface("EventLog").call("anchor", tree.root, len(records)))
    record_hash, signature = records[0]
    delivery = delivery_id(order, "A-1", SALT)
    attestation = Attestation(order, 0, delivery, record_hash, world.now, 100, 0)
    attested = CLERK.sign(attestation_digest(world.deployment.escrow_domain, attestation))
    evidence = Evidence(signature, tuple(tree.proof(leaf(record_hash, signature))), tree.root)
    assert len(evidence.proof) == 11

    calls = [
        attest_call(attestation, attested, evidence),
        settle_call(order, 0, delivery),
        collect_call(world.token, GROWER.address),
    ]
    done = world.send(STRANGER, world.escrow, multicall(calls))
    assert world.balance(GROWER.address) == 200_000
    gas = int(world.anvil.rpc("eth_getTransactionReceipt", to_hex(done))["gasUsed"], 16)
    assert gas <= GAS_MAX, f"{gas:,} gas"
