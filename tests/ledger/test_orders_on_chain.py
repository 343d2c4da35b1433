"""Whole lives of orders on a real chain: every ending, to the last unit; and who is refused, and why.

Each action is what `ledger.ordering` makes of it, sent by the key that it names. Whatever that refuses, the contract
refuses too; whatever it lets pass, the contract takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from ledger import follower, orderbook, orderdesk, ordering, orders, tokens
from ledger.batch import AnchoringSettings
from ledger.book import OrderState, Part
from ledger.consortium import call as registry_call
from ledger.database import reading, writing
from ledger.errors import (
    BadShare,
    BadSignature,
    BadTerms,
    ChainError,
    NoEscrow,
    NotEnoughMoney,
    NotEntitled,
    OrderRefused,
    UnknownItem,
    UnknownOrder,
    WrongState,
    WrongTime,
)
from ledger.escrow import Credited, Paid
from ledger.keystore import LocalSigner
from ledger.ordering import Action, Standpoint
from ledger.orders import DAY_S, REST, Cause, EscrowDomain, Split, State, Terms, attest_call
from tests.conftest import running_anvil
from tests.databases import Databases
from tests.ledger.escrow_world import (
    ANVIL,
    ARBITER,
    CARRIER,
    COOPERATIVE,
    FINANCIER,
    GROWER,
    INSPECTOR,
    MEMBERS,
    ROASTER,
    STRANGER,
    World,
    found,
    refusal,
    undone,
)

KEYS = {signer.address: signer for signer in (*MEMBERS, FINANCIER, STRANGER)}


@dataclass
class Desk:
    """Where everybody does something with orders: the chain, and a database that follows it."""

    world: World
    engine: Engine

    def follow(self) -> None:
        for _ in range(50):
            step = follower.step(self.engine, self.world.chain, self.world.deployment, AnchoringSettings(), 0)
            if not step.done and not step.is_waiting:
                return

    def order(self, order: bytes) -> OrderState:
        self.follow()
        with reading(self.engine) as session:
            return orderbook.order_of(session, order)

    @property
    def view(self) -> Standpoint:
        self.follow()
        with reading(self.engine) as session:
            return replace(orderdesk.standpoint_of(session, self.world.deployment), at=self.world.now + 1)

    def do(self, action: Action) -> None:
        """Whoever has to sends it."""
        self.world.anvil.rpc("evm_setNextBlockTimestamp", self.world.now + 1)
        data = orderdesk.feasible(self.world.chain, action)
        self.world.send(KEYS[action.sender], action.to, data)

    def paid(self, *people: LocalSigner) -> list[int]:
        return [self.world.balance(person.address) for person in people]

    def propose(self, terms: Terms) -> bytes:
        order, action = ordering.propose(self.view, terms, 1)
        self.do(action)
        return order

    def fund(self, order: bytes) -> None:
        """The seller accepts, the buyer approves and pays in."""
        self.do(ordering.accept(self.view, self.order(order)))
        self.do(ordering.approve(self.view, self.order(order)))
        holding = tokens.holding_of(self.world.chain, self.world.token, ROASTER.address, self.world.escrow)
        self.do(ordering.fund(self.view, self.order(order), holding.balance, holding.allowance))

    def funded(self, **milestone: Any) -> bytes:
        order = self.propose(self.world.terms(self.world.milestone(**milestone)))
        self.fund(order)
        return order


@pytest.fixture(scope="module")
def founded() -> Iterator[World]:
    with running_anvil(*ANVIL) as anvil:
        yield found(anvil, money=10**6)


@pytest.fixture
def desk(founded: World, tmp_path: Path) -> Iterator[Desk]:
    # What the database makes of all this is tested on both kinds in test_escrow_rows.py.
    with undone(founded) as world, Databases("sqlite", tmp_path, None).ready() as engine:
        yield Desk(world, engine)


def settle(desk: Desk, order: bytes, delivery: bytes = REST) -> None:
    """A stranger settles, as soon as the item's time has come."""
    item = desk.order(order).items[0, delivery]
    desk.world.now = max(desk.world.now, item.settleable_from)
    desk.do(ordering.settle(desk.view, desk.order(order), 0, delivery, STRANGER.address))


# ------------------------------------------------------------------------------------------------------- how it ends


def test_an_order_delivered_whole_is_paid_in_full(desk: Desk) -> None:
    order = desk.funded()
    settle(desk, order, desk.world.attest(ROASTER, order, "A-1", 3))
    assert desk.paid(GROWER, ROASTER) == [100_000, 900_000]
    assert desk.order(order).state is State.ENDED


def test_what_is_not_delivered_goes_back(desk: Desk) -> None:
    order = desk.funded()
    settle(desk, order, desk.world.attest(ROASTER, order, "A-1", 2))
    assert desk.paid(GROWER, ROASTER) == [66_666, 900_000]
    settle(desk, order)
    assert desk.paid(GROWER, ROASTER) == [66_666, 933_334]


def test_a_late_delivery_pays_less_for_each_day_begun(desk: Desk) -> None:
    order = desk.funded(late_bps=150, late_cap_bps=400, deduction_cap_bps=1_000)
    due_at = desk.order(order).terms.milestones[0].due_at
    desk.world.now = due_at + 2 * DAY_S + 1
    delivery = desk.world.attest(ROASTER, order, "A-1", 1, happened_at=due_at + 2 * DAY_S + 1, deduction_bps=250)
    settle(desk, order, delivery)
    assert desk.paid(GROWER, ROASTER) == [31_166, 902_167]


def test_an_inspector_deducts_for_quality(desk: Desk) -> None:
    order = desk.funded(attestor_mask=0b100, deduction_cap_bps=1_000)
    settle(desk, order, desk.world.attest(INSPECTOR, order, "A-1", 3, deduction_bps=1_500))
    assert desk.paid(GROWER, ROASTER) == [90_000, 910_000]


def test_two_of_three_have_to_state_the_same(desk: Desk) -> None:
    order = desk.funded(attestor_mask=0b111, threshold=2)
    desk.world.attest(ROASTER, order, "A-1", 1)
    desk.world.attest(CARRIER, order, "A-1", 3)
    assert list(desk.order(order).items) == [(0, REST)]
    delivery = desk.world.attest(INSPECTOR, order, "A-1", 3)
    settle(desk, order, delivery)
    assert desk.paid(GROWER) == [100_000]


def test_a_disputed_delivery_is_ruled_on(desk: Desk) -> None:
    order = desk.funded(window_s=DAY_S, arbitration_s=5 * DAY_S)
    delivery = desk.world.attest(ROASTER, order, "A-1", 3)
    desk.do(ordering.dispute(desk.view, desk.order(order), 0, delivery, ROASTER.address))
    item = desk.order(order).items[0, delivery]
    assert item.settleable_from == item.disputable_until + 5 * DAY_S
    with pytest.raises(WrongTime, match="is ruled on from"):
        ordering.rule(desk.view, desk.order(order), 0, delivery, 6_667)
    desk.world.now = item.disputable_until
    desk.do(ordering.rule(desk.view, desk.order(order), 0, delivery, 6_667))
    assert desk.paid(GROWER, ROASTER) == [66_670, 933_330]


def test_a_missed_order_is_refunded(desk: Desk) -> None:
    order = desk.funded()
    settle(desk, order)
    assert desk.paid(GROWER, ROASTER) == [0, 1_000_000]
    assert [log.cause for log in history(desk, order, Paid)] == [Cause.SETTLED]


def test_a_sold_receivable_is_paid_to_its_holder(desk: Desk) -> None:
    order = desk.funded()
    desk.do(ordering.tokenise(desk.view, desk.order(order)))
    version = desk.order(order).version
    desk.do(ordering.transfer_if(desk.view, desk.order(order), FINANCIER.address, version))
    assert desk.order(order).payee == FINANCIER.address
    settle(desk, order, desk.world.attest(ROASTER, order, "A-1", 3))
    assert desk.paid(FINANCIER, GROWER) == [100_000, 0]
    assert desk.order(order).payee == GROWER.address
    with reading(desk.engine) as session:
        (listed,) = orderdesk.orders_of(session, FINANCIER.address, limit=5)
    assert (listed.order_id, listed.paid, listed.state) == (order, 100_000, State.ENDED)


def test_a_royalty_is_split_off_whatever_goes_to_the_payee(desk: Desk) -> None:
    order = desk.propose(desk.world.terms(desk.world.milestone(), splits=desk.world.split(250)))
    desk.fund(order)
    settle(desk, order, desk.world.attest(ROASTER, order, "A-1", 1))
    assert desk.paid(GROWER, COOPERATIVE) == [33_333 - 833, 833]
    assert {log.creditor: log.amount for log in history(desk, order, Credited)} == {
        GROWER.address: 32_500, COOPERATIVE.address: 833,
    }  # fmt: skip


@pytest.mark.parametrize(("signer", "sender"), [(GROWER, ROASTER), (ROASTER, GROWER)])
def test_buyer_and_payee_divide_as_they_like(desk: Desk, signer: LocalSigner, sender: LocalSigner) -> None:
    order = desk.funded()
    shares = ordering.division(desk.order(order), 0, REST, 10_000, 30_000, desk.world.now + 60)
    signature = signer.sign(orders.division_digest(desk.world.deployment.escrow_domain, shares))
    action = ordering.divide(desk.view, desk.order(order), shares, signature)
    assert action.sender == sender.address
    desk.do(action)
    assert desk.paid(GROWER, ROASTER) == [10_000, 930_000]
    assert desk.order(order).held == 60_000
    with pytest.raises(WrongState, match="item has changed since"):
        ordering.divide(desk.view, desk.order(order), shares, signature)


def test_an_account_that_cannot_sign_approves_a_division_in_the_registry(desk: Desk) -> None:
    world, order = desk.world, desk.funded()
    shares = ordering.division(desk.order(order), 0, REST, 40_000, 60_000, world.now + 60)
    with pytest.raises(BadSignature):
        ordering.divide(desk.view, desk.order(order), shares, b"")
    digest = orders.division_digest(world.deployment.escrow_domain, shares)
    world.send(ROASTER, world.deployment.party_registry, registry_call("approve", digest))
    action = ordering.divide(desk.view, desk.order(order), shares, b"")
    assert action.sender == GROWER.address
    desk.do(action)
    assert desk.paid(GROWER, ROASTER) == [40_000, 960_000]


def test_what_the_buyer_releases_and_the_payee_gives_back_goes_at_once(desk: Desk) -> None:
    terms = desk.world.terms(desk.world.milestone(amount=70), desk.world.milestone(amount=30))
    order = desk.propose(terms)
    desk.fund(order)
    desk.do(ordering.release(desk.view, desk.order(order), 0, REST))
    desk.do(ordering.give_back(desk.view, desk.order(order), 1, REST))
    assert desk.paid(GROWER, ROASTER) == [70, 999_930]
    assert [log.cause for log in history(desk, order, Paid)] == [Cause.RELEASED, Cause.GIVEN_BACK]


def test_a_permit_pays_in_without_an_approval(desk: Desk) -> None:
    world, order = desk.world, desk.propose(desk.world.terms(desk.world.milestone()))
    desk.do(ordering.accept(desk.view, desk.order(order)))
    known = tokens.permit_terms(world.chain, world.token, ROASTER.address)
    assert known is not None
    separator, nonce = known
    deadline_at = world.now + 600
    digest = orders.permit_digest(separator, ROASTER.address, world.escrow, 100_000, nonce, deadline_at)
    action = ordering.fund_with_permit(desk.view, desk.order(order), 10**6, deadline_at, ROASTER.sign(digest))
    desk.do(action)
    assert desk.order(order).held == 100_000
    assert tokens.permit_terms(world.chain, world.escrow, ROASTER.address) is None


def test_either_side_cancels_until_it_is_paid_in(desk: Desk) -> None:
    order = desk.propose(desk.world.terms(desk.world.milestone()))
    with pytest.raises(NotEntitled, match="neither the buyer nor the seller"):
        ordering.cancel(desk.view, desk.order(order), CARRIER.address)
    desk.do(ordering.cancel(desk.view, desk.order(order), GROWER.address))
    assert desk.order(order).state is State.CANCELLED
    with pytest.raises(WrongState, match="order is cancelled, not proposed"):
        ordering.accept(desk.view, desk.order(order))


def test_a_statement_is_taken_back_until_it_is_agreed(desk: Desk) -> None:
    order = desk.funded(attestor_mask=0b11, threshold=2)
    delivery = desk.world.attest(ROASTER, order, "A-1", 2)
    with pytest.raises(UnknownItem, match="has stated nothing"):
        ordering.take_back(desk.view, desk.order(order), 0, delivery, CARRIER.address)
    with pytest.raises(NotEntitled, match="is none of the milestone's"):
        ordering.take_back(desk.view, desk.order(order), 0, delivery, INSPECTOR.address)
    desk.do(ordering.take_back(desk.view, desk.order(order), 0, delivery, ROASTER.address))
    assert desk.order(order).attestations == {}
    for attestor in (ROASTER, CARRIER):
        desk.world.attest(attestor, order, "A-1", 3)
    with pytest.raises(WrongState, match="is agreed"):
        ordering.take_back(desk.view, desk.order(order), 0, delivery, ROASTER.address)


def test_the_creditor_itself_names_another_account(desk: Desk) -> None:
    order = desk.funded()
    desk.world.act(ROASTER, "release", order, 0, REST)
    action = ordering.collect_to(desk.view, desk.world.token, GROWER.address, 100_000, FINANCIER.address)
    assert action.sender == GROWER.address
    desk.do(action)
    assert desk.paid(FINANCIER) == [100_000]


def history(desk: Desk, order: bytes, kind: type[Any]) -> list[Any]:
    desk.follow()
    with reading(desk.engine) as session:
        return [log for log in orderbook.history_of(session, order) if isinstance(log, kind)]


# --------------------------------------------------------------------------------------------------- who is refused


def test_parties_that_nobody_knows_are_refused_by_name(desk: Desk) -> None:
    world = desk.world
    good = world.terms(world.milestone(arbitration_s=60))
    for terms, field in (
        (replace(good, buyer=STRANGER.address), "buyer"),
        (replace(good, seller=STRANGER.address), "seller"),
        (replace(good, attestors=(ROASTER.address, STRANGER.address)), "attestors[1]"),
        (replace(good, splits=(Split(STRANGER.address, 1),)), "splits[0].party"),
        (replace(good, arbiter=STRANGER.address), "arbiter"),
    ):
        with pytest.raises(BadTerms) as refused:
            ordering.propose(desk.view, terms, 1)
        assert refused.value.field == field
        data = orders.propose_call(terms, 1)
        assert refusal(world, ROASTER, world.escrow, data) != ""


def test_too_little_money_is_told_before_it_is_sent(desk: Desk) -> None:
    world = desk.world
    order = desk.propose(world.terms(world.milestone(amount=10**6 + 1)))
    desk.do(ordering.accept(desk.view, desk.order(order)))
    with pytest.raises(NotEnoughMoney, match="balance is 1000000, the order's amount is 1000001"):
        ordering.fund(desk.view, desk.order(order), 10**6, 10**9)
    with pytest.raises(NotEnoughMoney, match="allowance is 5, the order's amount is 1000001"):
        ordering.fund(desk.view, desk.order(order), 10**9, 5)
    assert tokens.holding_of(world.chain, world.token, ROASTER.address, world.escrow) == tokens.Holding(10**6, 0)


def test_what_is_past_is_past(desk: Desk) -> None:
    world = desk.world
    order = desk.propose(world.terms(world.milestone(due_at=world.now + 2 * DAY_S), fund_by=world.now + DAY_S))
    state, view = desk.order(order), desk.view
    with pytest.raises(WrongTime, match="fund_by has passed"):
        ordering.accept(replace(view, at=state.terms.fund_by + 1), state)
    desk.do(ordering.accept(view, state))
    state = desk.order(order)
    with pytest.raises(WrongTime, match="fund_by has passed"):
        ordering.fund(replace(view, at=state.terms.fund_by + 1), state, 10**6, 10**6)
    early = replace(state, terms=replace(state.terms, fund_by=state.terms.fund_by + 9 * DAY_S))
    with pytest.raises(WrongTime, match=r"milestones\[0\].due_at has passed"):
        ordering.fund(replace(view, at=state.terms.milestones[0].due_at), early, 10**6, 10**6)


def test_an_item_is_asked_for_its_state_time_and_name(desk: Desk) -> None:
    order = desk.funded(window_s=DAY_S)
    state, view = desk.order(order), desk.view
    delivery = desk.world.attest(ROASTER, order, "A-1", 3)
    agreed = desk.order(order)
    cases: list[tuple[type[OrderRefused], str, Callable[[], object]]] = [
        (UnknownItem, "milestone is not 0 to 0", lambda: ordering.release(view, state, 1, REST)),
        (UnknownItem, "none that has been agreed", lambda: ordering.release(view, state, 0, delivery)),
        (WrongState, "holds nothing any more", lambda: ordering.release(view, agreed, 0, REST)),
        (WrongTime, "can be settled from", lambda: ordering.settle(view, agreed, 0, delivery, STRANGER.address)),
        (WrongState, "nobody would rule", lambda: ordering.dispute(view, agreed, 0, delivery, ROASTER.address)),
        (NotEntitled, "nor the payee", lambda: ordering.dispute(view, agreed, 0, delivery, CARRIER.address)),
        (WrongState, "is not disputed", lambda: ordering.rule(view, agreed, 0, delivery, 1)),
        (BadShare, "payee_bps is not 0 to 10000", lambda: ordering.rule(view, agreed, 0, delivery, 10_001)),
        (BadShare, "to_payee is less than nothing", lambda: ordering.division(agreed, 0, delivery, -1, 2, 9)),
        (BadShare, "not 1 to the 100000", lambda: ordering.division(agreed, 0, delivery, 0, 0, 9)),
        (BadShare, "not 1 to the 100000", lambda: ordering.division(agreed, 0, delivery, 100_000, 1, 9)),
        (WrongState, "has not been minted", lambda: ordering.transfer_if(view, agreed, FINANCIER.address, 1)),
        (BadShare, "credit is none", lambda: ordering.collect(view, b"", GROWER.address, 0, STRANGER.address)),
        (BadShare, "receiver", lambda: ordering.collect_to(view, b"", GROWER.address, 1, view.domain.escrow)),
    ]  # fmt: skip
    for kind, words, act in cases:
        with pytest.raises(kind, match=words) as refused:
            act()
        assert refused.value.code == kind.code


def test_an_arbiter_never_rules_on_its_own_money(desk: Desk) -> None:
    order = desk.funded(arbitration_s=DAY_S)
    desk.do(ordering.tokenise(desk.view, desk.order(order)))
    state, view = desk.order(order), desk.view
    with pytest.raises(NotEntitled, match="receiver never holds a receivable"):
        ordering.transfer_if(view, state, ARBITER.address, state.version)
    with pytest.raises(WrongState, match="the order has changed since"):
        ordering.transfer_if(view, state, FINANCIER.address, state.version - 1)
    with pytest.raises(WrongState, match="has been minted already"):
        ordering.tokenise(view, state)
    state.items[0, REST].is_disputed, state.payee = True, ARBITER.address
    with pytest.raises(NotEntitled, match="arbiter is the payee, too"):
        ordering.rule(view, state, 0, REST, 5_000)


def test_signatures_that_were_altered_or_made_elsewhere_are_refused(desk: Desk) -> None:
    world, order = desk.world, desk.funded()
    domain = world.deployment.escrow_domain
    attestation, signature, evidence = world.attestation(ROASTER, order, "A-1", 3)
    other_chain, other_contract = EscrowDomain(domain.chain_id + 1, domain.escrow), EscrowDomain(1, world.token)
    altered = bytes([signature[0] ^ 1]) + signature[1:]
    twin = signature[:32] + (orders_twin(signature)).to_bytes(32, "big") + bytes([55 - signature[64]])
    for wrong in (
        altered, twin, signature[:64], signature[:64] + b"\x00",
        ROASTER.sign(orders.attestation_digest(other_chain, attestation)),
        ROASTER.sign(orders.attestation_digest(other_contract, attestation)),
        STRANGER.sign(orders.attestation_digest(domain, attestation)),
    ):  # fmt: skip
        words = refusal(world, STRANGER, world.escrow, attest_call(attestation, wrong, evidence))
        assert words.startswith(("BadSignature", "NotAttestor")), words
    for said in (replace(attestation, accepted=2), replace(attestation, happened_at=attestation.happened_at - 1)):
        assert "NotAttestor" in refusal(world, STRANGER, world.escrow, attest_call(said, signature, evidence))
    assert refusal(world, STRANGER, world.escrow, attest_call(attestation, signature, evidence)) == ""
    # Said again it is a success, and nothing more.
    version = desk.order(order).version
    assert refusal(world, CARRIER, world.escrow, attest_call(attestation, signature, evidence)) == ""
    assert desk.order(order).version == version


def orders_twin(signature: bytes) -> int:
    """s of the other signature over the same digest (EIP-2)."""
    return 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141 - int.from_bytes(
        signature[32:64], "big"
    )


def test_a_division_of_a_stranger_or_of_another_contract_is_refused(desk: Desk) -> None:
    order = desk.funded()
    state, view, domain = desk.order(order), desk.view, desk.world.deployment.escrow_domain
    shares = ordering.division(state, 0, REST, 1, 1, desk.world.now + 60)
    for signer, where in ((STRANGER, domain), (GROWER, EscrowDomain(domain.chain_id + 1, domain.escrow))):
        with pytest.raises(NotEntitled, match="signature is of"):
            ordering.divide(view, state, shares, signer.sign(orders.division_digest(where, shares)))
    with pytest.raises(BadSignature):
        ordering.divide(view, state, shares, b"")
    with pytest.raises(WrongTime, match="deadline has passed"):
        signature = GROWER.sign(orders.division_digest(domain, shares))
        ordering.divide(replace(view, at=shares.deadline_at + 1), state, shares, signature)


def test_a_lost_scanner_key_moves_no_money(desk: Desk) -> None:
    world, order = desk.world, desk.funded()
    world.authorise(ROASTER, STRANGER, 1)
    world.mine(2)
    attestation, _, evidence = world.attestation(ROASTER, order, "A-1", 3)
    signature = STRANGER.sign(orders.attestation_digest(world.deployment.escrow_domain, attestation))
    words = refusal(world, STRANGER, world.escrow, attest_call(attestation, signature, evidence))
    assert "NotAttestor" in words
    for function in ("release", "giveBack"):
        call = orders.call(function, order, 0, REST)
        assert "NotActingFor" in refusal(world, STRANGER, world.escrow, call)


def test_an_order_of_no_escrow_and_an_unknown_order_are_told_apart(desk: Desk) -> None:
    with pytest.raises(UnknownOrder):
        desk.order(b"\1" * 32)
    with pytest.raises(NoEscrow), reading(desk.engine) as session:
        orderdesk.standpoint_of(session, replace(desk.world.deployment, escrow=None))


# ------------------------------------------------------------------------------------------------- lists and the outbox


def test_lists_are_of_those_who_take_part_the_newest_first(desk: Desk) -> None:
    world = desk.world
    made = [world.propose(world.terms(world.milestone(), splits=world.split(5))) for _ in range(4)]
    world.act(GROWER, "accept", made[1])
    desk.follow()
    with reading(desk.engine) as session:
        first = orderdesk.orders_of(session, COOPERATIVE.address, limit=3)
        rest = orderdesk.orders_of(
            session, COOPERATIVE.address, limit=3, before=(first[-1].proposed_at, first[-1].order_id)
        )
        accepted = orderdesk.orders_of(session, GROWER.address, [State.ACCEPTED], limit=9)
        nobodys = orderdesk.orders_of(session, STRANGER.address, limit=9)
    assert [row.order_id for row in [*first, *rest]] == made[::-1]
    assert [row.order_id for row in accepted] == [made[1]]
    assert nobodys == []
    assert desk.order(made[0]).parts == {
        ROASTER.address: Part.BUYER | Part.ATTESTOR, GROWER.address: Part.SELLER, CARRIER.address: Part.ATTESTOR,
        INSPECTOR.address: Part.ATTESTOR, COOPERATIVE.address: Part.SPLIT,
    }  # fmt: skip


def test_an_action_on_its_way_is_not_planned_again(desk: Desk) -> None:
    order = desk.propose(desk.world.terms(desk.world.milestone()))
    action = ordering.accept(desk.view, desk.order(order))
    with writing(desk.engine) as session:
        ids = [orderdesk.plan(session, action, action.data, now_us) for now_us in (1, 2)]
        other = ordering.cancel(desk.view, desk.order(order), GROWER.address)
        ids.append(orderdesk.plan(session, other, other.data, 3))
    assert ids[0] == ids[1] != ids[2]


def test_where_not_everybody_can_be_paid_the_action_goes_alone(desk: Desk) -> None:
    order = desk.funded()
    action = ordering.release(desk.view, desk.order(order), 0, REST)
    assert orderdesk.feasible(desk.world.chain, action) == action.data
    hopeless = replace(
        action, data=orders.multicall([action.bare, orders.call("collectTo", b"\1" * 20, b"\1" * 20, b"\2" * 20)])
    )
    assert orderdesk.feasible(desk.world.chain, hopeless) == action.bare
    with pytest.raises(ChainError, match="NotActingFor"):
        orderdesk.feasible(desk.world.chain, replace(action, sender=GROWER.address))
