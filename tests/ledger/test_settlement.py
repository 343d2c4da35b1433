"""Settling without anybody's click: once, by the chain's time, on what is final, whoever else does it too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from ledger import follower, settlement
from ledger.abi import interface
from ledger.batch import AnchoringSettings
from ledger.consortium import RegistryDomain, consent_digest
from ledger.consortium import call as registry_call
from ledger.database import reading, writing
from ledger.keystore import LocalSigner
from ledger.orders import DAY_S, REST, State, collect_call, settle_call
from ledger.ordertables import CreditRow, OrderItemRow
from ledger.tables import PositionRow, TransactionRow
from ledger.worker import Worker, run_once
from tests.conftest import running_anvil
from tests.ledger.escrow_world import (
    ANVIL,
    CARRIER,
    COOPERATIVE,
    GROWER,
    INSPECTOR,
    ROASTER,
    STRANGER,
    World,
    found,
    undone,
)

NODE = LocalSigner(b"\xaa" * 32)
"""The node's own key. It stands for anchoring alone, and holds no money."""


@dataclass
class Node:
    """A node's worker on the world's chain."""

    world: World
    worker: Worker
    now_us: int = 1

    def work(self, *, mines: bool = True, seconds: int = 31) -> None:
        """Passes until nothing moves any more; the first one so much later by the node's clock."""
        self.now_us += seconds * 1_000_000
        for _ in range(40):
            progress = run_once(self.worker, self.now_us)
            waiting = int(self.world.anvil.rpc("txpool_status")["pending"], 16)
            if mines and waiting:
                self.world.mine()
            elif not progress.done and (not progress.is_waiting or waiting):
                return
        raise AssertionError(f"still busy: {progress}")

    def tell_time(self, at: int) -> None:
        """The chain stands still, and its node says that a block would be of that time."""
        self.world.now = at
        self.world.anvil.rpc("evm_setNextBlockTimestamp", at)
        with writing(self.worker.engine) as session:
            session.execute(update(PositionRow).values(next_at=0))

    def transactions(self, prefix: str = "") -> list[TransactionRow]:
        with reading(self.worker.engine) as session:
            query = select(TransactionRow).where(col(TransactionRow.intent).startswith(prefix))
            rows = list(session.exec(query.order_by(col(TransactionRow.id))))
            session.expunge_all()
        return rows

    def states(self, prefix: str = "") -> list[str]:
        return [row.state for row in self.transactions(prefix)]


@pytest.fixture(scope="module")
def founded() -> Iterator[World]:
    with running_anvil(*ANVIL) as anvil:
        yield found(anvil)


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    with undone(founded) as world:
        yield world


@pytest.fixture
def make_node(world: World, make_engine: Callable[..., Any]) -> Callable[..., Node]:
    """A node that holds its own key and those given."""

    def make(*held: LocalSigner, confirmations: int = 1) -> Node:
        signers = {signer.address: signer for signer in (NODE, *held)}
        settings = AnchoringSettings(confirmations=confirmations)
        worker = Worker(make_engine(), world.chain, world.deployment, signers, NODE.address, settings)
        return Node(world, worker)

    return make


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    """The grower's node."""
    return make_node(GROWER)


def test_a_delivery_without_window_is_settled_and_paid_at_once_and_once(world: World, node: Node) -> None:
    order = world.funded(world.terms(world.milestone(), splits=world.split(1_000)))
    world.attest(ROASTER, order, "A-1", 3)
    node.work()
    assert node.states("settle:") == ["final"]
    assert (world.balance(GROWER.address), world.balance(COOPERATIVE.address)) == (90_000, 10_000)
    node.work()
    assert node.states() == ["final"]
    assert node.transactions()[0].sender == NODE.address


def test_a_delivery_waits_for_its_window_by_the_time_that_the_chain_states(world: World, node: Node) -> None:
    order = world.funded(world.terms(world.milestone(window_s=DAY_S)))
    delivery = world.attest(ROASTER, order, "A-1", 3)
    until = world.ask("DeliveryEscrow", "itemOf", order, 0, delivery)["disputableUntil"]
    node.tell_time(until - 1)
    node.work(seconds=3 * DAY_S)
    assert node.states() == []
    node.tell_time(until + 4)
    node.work()
    assert node.states() == ["final"]
    assert world.balance(GROWER.address) == 100_000


def test_the_rest_of_a_missed_delivery_goes_back_to_the_buyer(world: World, make_node: Callable[..., Node]) -> None:
    node, before = make_node(ROASTER), world.balance(ROASTER.address)
    milestone = world.milestone()
    world.funded(world.terms(milestone))
    node.work()
    node.tell_time(milestone.rest_settleable_from + 4)
    node.work()
    assert node.states("settle:") == ["final"]
    assert world.balance(ROASTER.address) == before


def test_whoever_gains_nothing_leaves_it_to_those_who_do(world: World, make_node: Callable[..., Node]) -> None:
    carriers = make_node(CARRIER)
    order = world.funded(world.terms(world.milestone()))
    world.attest(ROASTER, order, "A-1", 3)
    carriers.work()
    assert carriers.states() == []
    carriers.tell_time(world.now + settlement.PATIENCE_S + 4)
    carriers.work()
    assert carriers.states() == ["final"]
    assert world.balance(GROWER.address) == 100_000


def test_an_order_of_others_is_left_to_them(world: World, make_node: Callable[..., Node]) -> None:
    others = make_node(COOPERATIVE, STRANGER)
    order = world.funded(world.terms(world.milestone()))
    world.attest(ROASTER, order, "A-1", 3)
    others.tell_time(world.now + DAY_S)
    others.work()
    assert others.states() == []


def test_what_is_not_final_is_not_settled(world: World, make_node: Callable[..., Node]) -> None:
    node = make_node(GROWER, confirmations=4)
    order = world.funded(world.terms(world.milestone()))
    world.attest(ROASTER, order, "A-1", 3)
    node.work(mines=False)
    # Due it is, long ago, by what the next block will say.
    node.tell_time(world.now + 60)
    node.work(mines=False)
    assert node.states() == []
    for _ in range(3):
        world.mine()
    node.work(mines=False)
    assert node.states() == ["sent"]


def test_that_somebody_else_was_first_is_a_success(world: World, node: Node) -> None:
    order = world.funded(world.terms(world.milestone()))
    delivery = world.attest(ROASTER, order, "A-1", 3)
    node.work(mines=False)
    assert node.states() == ["sent"]
    # Ours lies in the pool; the stranger's comes before it.
    world.anvil.rpc("anvil_dropTransaction", "0x" + node.transactions()[0].transaction_hash.hex())
    world.settle(order, delivery)
    world.collect(GROWER)
    node.work()
    assert node.states() == ["replaced"]
    assert world.balance(GROWER.address) == 100_000
    node.work()
    assert node.states() == ["replaced"]


def test_two_nodes_settle_a_thing_once(world: World, make_node: Callable[..., Node]) -> None:
    nodes = [make_node(GROWER), make_node(ROASTER)]
    order = world.funded(world.terms(world.milestone(), splits=()))
    world.attest(ROASTER, order, "A-1", 2, happened_at=world.now)
    nodes[1].tell_time(world.now + settlement.PATIENCE_S + 5)
    for each in nodes:
        run_once(each.worker, 31_000_000)
    world.mine()
    for each in nodes:
        each.work()
    assert world.balance(GROWER.address) == 66_666
    assert sorted(each.states("settle:")[0] for each in nodes if each.states()) in (["final"], ["final", "replaced"])


def test_two_workers_on_one_database_plan_a_thing_once(world: World, node: Node) -> None:
    order = world.funded(world.terms(world.milestone()))
    world.attest(ROASTER, order, "A-1", 3)
    node.work(mines=False)
    for _ in range(3):
        settlement.step(node.worker.engine, world.deployment, NODE.address, [GROWER.address], node.now_us)
    assert len(node.transactions()) == 1


def test_what_a_release_left_owing_is_collected(world: World, node: Node) -> None:
    order = world.funded(world.terms(world.milestone()))
    world.act(ROASTER, "release", order, 0, REST)
    node.work()
    assert node.states("collect:") == ["final"]
    assert world.balance(GROWER.address) == 100_000
    with reading(node.worker.engine) as session:
        assert session.exec(select(CreditRow)).all() == []


def test_a_fork_that_undoes_a_settling_has_it_done_again(world: World, node: Node) -> None:
    order = world.funded(world.terms(world.milestone()))
    world.attest(ROASTER, order, "A-1", 3)
    now, snapshot = world.now, world.anvil.rpc("evm_snapshot")
    node.work()
    assert world.balance(GROWER.address) == 100_000
    world.anvil.rpc("evm_revert", snapshot)
    world.now = now
    for _ in range(8):
        world.mine()
    assert world.balance(GROWER.address) == 0
    node.work()
    assert world.balance(GROWER.address) == 100_000
    assert node.states() == ["final"]


def test_while_a_controller_is_being_replaced_nobody_else_collects_for_it(
    world: World, make_node: Callable[..., Node]
) -> None:
    order = world.funded(world.terms(world.milestone(), splits=world.split(1_000)))
    _vote_replacement(world, GROWER, STRANGER)
    world.attest(ROASTER, order, "A-1", 3)
    growers = make_node(COOPERATIVE)
    growers.work()
    # The share is paid, the grower's money waits for the grower.
    assert (world.balance(GROWER.address), world.balance(COOPERATIVE.address)) == (0, 10_000)
    own = make_node(GROWER)
    own.work()
    assert own.transactions("collect:")[0].sender == GROWER.address
    assert world.balance(GROWER.address) == 90_000


def _vote_replacement(world: World, party: LocalSigner, successor: LocalSigner) -> None:
    registry = world.deployment.party_registry
    domain = RegistryDomain(world.chain.chain_id, registry)
    consent = successor.sign(consent_digest(domain, party.address, successor.address, 15, 0, 2**64 - 1))
    change = (party.address, successor.address, 0)
    world.send(ROASTER, registry, registry_call("proposeReplacement", party.address, change, consent, 1))
    (proposed,) = [log for log in world.chain.logs([registry], world.chain.head().number, world.chain.head().number)
                   if interface("PartyRegistry").log(log.topics, log.data)[0] == "Proposed"]  # fmt: skip
    for member in (CARRIER, INSPECTOR, COOPERATIVE):
        world.send(member, registry, registry_call("vote", proposed.topics[1]))


def test_one_who_cannot_be_paid_keeps_nobody_from_what_is_theirs(world: World, node: Node) -> None:
    order = world.funded(world.terms(world.milestone(), splits=world.split(1_000)))
    delivery = world.attest(ROASTER, order, "A-1", 3)
    worker = node.worker
    follower.step(worker.engine, world.chain, world.deployment, worker.anchoring, node.now_us)
    settlement.step(worker.engine, world.deployment, NODE.address, worker.signers, node.now_us)
    assert node.states() == ["planned"]
    # What was planned pays the grower too, which only the grower itself can do from now on.
    _vote_replacement(world, GROWER, STRANGER)
    node.work(seconds=1)
    assert node.states() == ["failed"]
    assert "ReplacementPending" in (node.transactions()[0].error or "")
    node.work()
    assert world.ask("DeliveryEscrow", "itemOf", order, 0, delivery)["isEnded"]
    assert [(row.state, row.data) for row in node.transactions("settle:")] == [
        ("final", settle_call(order, 0, delivery))
    ]
    # What the settling did not collect is collected alone, by whom it has to be.
    assert [(row.sender, row.data) for row in node.transactions("collect:")] == [
        (GROWER.address, collect_call(world.token, GROWER.address))
    ]
    assert world.balance(GROWER.address) == 90_000


def test_many_due_items_come_in_portions(world: World, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "OPEN_MAX", 2)
    order = world.funded(world.terms(*[world.milestone(amount=100)] * 5))
    for index in range(5):
        world.attest(ROASTER, order, "A-1", 3, milestone=index)
    run_once(node.worker, 31_000_000)
    assert len(node.transactions()) == 2
    node.work()
    assert node.states() == ["final"] * 5
    assert world.balance(GROWER.address) == 500
    assert world.ask("DeliveryEscrow", "orderOf", order)["state"] == State.ENDED
    with reading(node.worker.engine) as session:
        assert session.exec(select(OrderItemRow)).all() == []
