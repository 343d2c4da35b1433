"""A chain that has lost what was final
├── its newest blocks, or all of them with the same contracts there again
├── gets the roots again in their order; records that no longer verify are marked
├── and moves no money before somebody has looked, then once
└── which a fork of the newest block alone is not
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import col, select

from ledger import losses
from ledger.answers import Use
from ledger.consortium import RegistryDomain, consent_digest
from ledger.consortium import call as registry_call
from ledger.database import reading
from ledger.keystore import LocalSigner
from ledger.orders import DAY_S
from ledger.tables import AnchorRow, ChainLossRow, LapsedRecordRow, LostAnchorRow
from tests.conftest import running_anvil
from tests.ledger.conftest import Node
from tests.ledger.escrow_world import ANVIL, GROWER, ROASTER, START, World, found, undone

DEVICE = LocalSigner(b"\xd1" * 32)


@pytest.fixture(scope="module")
def founded() -> Iterator[World]:
    with running_anvil(*ANVIL) as anvil:
        yield found(anvil)


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    with undone(founded) as world:
        yield world


def joined(world: World, make_node: Callable[..., Node]) -> Node:
    """The grower's node, which mines where something waits."""

    def mine(_: int) -> bool:
        is_waiting = int(world.anvil.rpc("txpool_status")["pending"], 16) > 0
        if is_waiting:
            world.mine()
        return is_waiting

    node = make_node(world.chain, world.deployment, mine)
    node.settle()
    return node


def authorise_until(world: World, signer: LocalSigner, until_at: int) -> None:
    """The roaster's device, whose standing ends by itself."""
    registry = world.deployment.party_registry
    domain = RegistryDomain(world.chain.chain_id, registry)
    consent = signer.sign(consent_digest(domain, ROASTER.address, signer.address, Use.RECORD, 0, until_at))
    world.send(ROASTER, registry, registry_call("authorise", signer.address, Use.RECORD, 0, until_at, consent))


def anchors(node: Node) -> list[bytes]:
    """The roots in the order in which the contract took them."""
    with reading(node.engine) as session:
        return list(session.exec(select(AnchorRow.root).order_by(col(AnchorRow.anchor_index))))


def stored(node: Node, model: Any) -> list[Any]:
    with reading(node.engine) as session:
        rows = list(session.exec(select(model)))
        session.expunge_all()
    return rows


def lose_to(world: World, snapshot: object) -> None:
    """The chain is as it was then, and knows nothing of what was sent since."""
    world.anvil.rpc("evm_revert", snapshot)
    world.anvil.rpc("anvil_dropAllTransactions")


def paid(world: World) -> int:
    return world.balance(GROWER.address)


def test_a_chain_without_its_newest_blocks_gets_the_roots_again_and_pays_when_told(
    world: World, make_node: Callable[..., Node]
) -> None:
    until_at = world.now + DAY_S
    authorise_until(world, DEVICE, until_at)
    node = joined(world, make_node)
    order = world.funded(world.terms(world.milestone()))
    world.attest(ROASTER, order, "A-1", 3)
    snapshot = world.anvil.rpc("evm_snapshot")
    before_payment = node.record(2)
    node.settle(3)
    assert paid(world) == 100_000
    lapsing = node.record(1, DEVICE, ROASTER.address)
    node.settle(3)
    after = node.record(3)
    node.settle(3)
    roots = anchors(node)[-3:]
    assert all(node.anchored_at([*before_payment, *lapsing, *after]))

    lose_to(world, snapshot)
    assert paid(world) == 0
    world.now = until_at + 10
    # A node that lags behind looks the same, for a while.
    assert any("is behind" in complaint for complaint in node.pass_by(1).complaints)
    assert stored(node, ChainLossRow) == []
    node.settle(61)
    complaints = node.pass_by(1).complaints
    assert any("no payment is planned or sent" in complaint and "tally resume" in complaint for complaint in complaints)
    assert len(stored(node, ChainLossRow)) == 1
    assert anchors(node)[-3:] == roots
    assert all(node.anchored_at([*before_payment, *lapsing, *after]))
    assert stored(node, LostAnchorRow) == []
    assert [row.record_hash for row in stored(node, LapsedRecordRow)] == lapsing
    node.settle(3_600)
    assert paid(world) == 0
    # The payment's nonce came before those of the roots.
    assert [row.state for row in node.transactions() if row.intent.startswith("fill:")] == ["final"]

    assert losses.resume(node.engine, node.now_us) == 1
    node.settle(31)
    node.settle(31)
    assert paid(world) == 100_000
    assert {row.state for row in node.transactions()} == {"final"}
    assert not any("no payment" in complaint for complaint in node.pass_by(1).complaints)
    assert losses.resume(node.engine, node.now_us) == 0


def test_on_a_chain_that_begins_anew_with_the_same_contracts_all_is_anchored_again_in_order(
    make_node: Callable[..., Node],
) -> None:
    with running_anvil(*ANVIL) as anvil:
        genesis = anvil.rpc("evm_snapshot")
        world = found(anvil)
        node = joined(world, make_node)
        records = []
        for _ in range(4):
            records += node.record(2)
            node.settle(3)
        roots = anchors(node)
        assert len(roots) == 4
        lose_to(world, genesis)
        # Another first block, so that none of its blocks is one of those that were.
        anvil.rpc("evm_mine_detailed", {"timestamp": START})
        again = found(anvil)
        assert replace(again.deployment, block=0) == replace(world.deployment, block=0)
        world.now = again.now
        node.settle(1)
        node.settle(31)
        assert anchors(node) == roots
        assert all(node.anchored_at(records))
        assert [row.state for row in node.transactions()] == ["final"] * 4
        assert len(stored(node, ChainLossRow)) == 1
        assert stored(node, LapsedRecordRow) == []
        later = node.record()
        node.settle(3)
        assert all(node.anchored_at(later))


def test_a_fork_of_the_newest_block_alone_stops_nothing(world: World, make_node: Callable[..., Node]) -> None:
    node = joined(world, make_node)
    order = world.funded(world.terms(world.milestone()))
    world.attest(ROASTER, order, "A-1", 3)
    now, snapshot = world.now, world.anvil.rpc("evm_snapshot")
    node.settle(3)
    world.anvil.rpc("evm_revert", snapshot)
    world.now = now
    for _ in range(8):
        world.mine()
    node.settle(3)
    node.settle(31)
    assert paid(world) == 100_000
    assert stored(node, ChainLossRow) == []
