"""What can be done with an order: each action as the transaction that does it, or why the contract would refuse it.

Pure: an order, the consortium and a time in, a transaction out. The contract has the last word; this says beforehand,
by name of field, what a person can put right. docs/escrow.md, sections 3 to 11, has the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.abi import interface
from ledger.book import Item, OrderState
from ledger.consortium import PartyStatus, Registry
from ledger.errors import BadShare, BadTerms, NotEnoughMoney, NotEntitled, UnknownItem, WrongState, WrongTime
from ledger.hexadecimal import to_address, to_hex
from ledger.orders import (
    BPS,
    NOBODY,
    REST,
    TIME_MAX,
    Division,
    EscrowDomain,
    Milestone,
    State,
    Terms,
    call,
    check_terms,
    collect_call,
    divide_call,
    division_digest,
    fund_with_permit_call,
    multicall,
    order_id,
    propose_call,
)
from ledger.record import recover

_FORGOTTEN = (PartyStatus.NONE, PartyStatus.REMOVED, PartyStatus.LEFT)


@dataclass(frozen=True, slots=True)
class Action:
    """A transaction to be: what it does to what, who sends it, to which contract, with which calldata.

    `bare` is what is left of it where not everybody can be paid at once; mostly it is all of it.
    """

    name: str
    sender: bytes
    to: bytes
    data: bytes
    bare: bytes


@dataclass(frozen=True, slots=True)
class Standpoint:
    """From where an action is looked at: the contracts, the consortium, and the least time of the next block."""

    domain: EscrowDomain
    receivable: bytes
    registry: Registry
    at: int

    def actor_of(self, who: bytes) -> bytes:
        """The account that acts for a party's name, or any other account itself."""
        return self.registry.controller_of(who, self.at) or who

    def is_payable(self, creditor: bytes, payer: bytes) -> bool:
        """False while a replacement of the creditor's controller is pending: then that controller alone collects."""
        party = self.registry.parties.get(creditor)
        return party is None or party.notice_at(self.at) is None or self.actor_of(creditor) == payer


# ----------------------------------------------------------------------------------------- an order until it is funded


def propose(view: Standpoint, terms: Terms, nonce: int) -> tuple[bytes, Action]:
    """The order's id, and the buyer's transaction. Raises BadTerms, also for parties that the consortium has not."""
    check_terms(terms, view.at)
    status = _status(view, terms.buyer)
    if status is not PartyStatus.ACTIVE:
        raise BadTerms("buyer", f"is no active member of the consortium ({status})")
    named = [("seller", terms.seller), *((f"attestors[{i}]", party) for i, party in enumerate(terms.attestors))]
    named += [(f"splits[{i}].party", split.party) for i, split in enumerate(terms.splits)]
    named += [("arbiter", terms.arbiter)] if terms.arbiter != NOBODY else []
    for field, party in named:
        if _status(view, party) in _FORGOTTEN:
            raise BadTerms(field, f"{to_address(party)} is no member of the consortium")
    order = order_id(view.domain, nonce, terms)
    return order, _action(view, "propose", order, view.actor_of(terms.buyer), propose_call(terms, nonce))


def accept(view: Standpoint, order: OrderState) -> Action:
    """The seller takes the offer. Raises WrongState, WrongTime."""
    _expect_state(order, State.PROPOSED)
    _expect_time(view.at <= order.terms.fund_by, "fund_by", f"has passed ({order.terms.fund_by})")
    return _by_party(view, "accept", order, order.terms.seller)


def cancel(view: Standpoint, order: OrderState, party: bytes) -> Action:
    """Buyer or seller goes back on it, until it is funded. Raises WrongState, NotEntitled."""
    _expect_state(order, State.PROPOSED, State.ACCEPTED)
    _expect_among(party, {order.terms.buyer: "the buyer", order.terms.seller: "the seller"})
    return _by_party(view, "cancel", order, party)


def approve(view: Standpoint, order: OrderState) -> Action:
    """The buyer lets the escrow take the order's whole amount from its account."""
    data = interface("SettlementToken").call("approve", view.domain.escrow, order.terms.amount)
    sender = view.actor_of(order.terms.buyer)
    return Action(f"approve:{to_hex(order.order)}", sender, order.terms.token, data, data)


def check_fundable(view: Standpoint, order: OrderState, balance: int) -> None:
    """Returns nothing where the buyer's account, which has `balance`, may pay in. Else raises WrongState, WrongTime,
    NotEnoughMoney."""
    _expect_state(order, State.ACCEPTED)
    _expect_time(view.at <= order.terms.fund_by, "fund_by", f"has passed ({order.terms.fund_by})")
    for index, milestone in enumerate(order.terms.milestones):
        _expect_time(view.at < milestone.due_at, f"milestones[{index}].due_at", f"has passed ({milestone.due_at})")
    if balance < order.terms.amount:
        raise NotEnoughMoney("balance", f"is {balance}, the order's amount is {order.terms.amount}")


def fund(view: Standpoint, order: OrderState, balance: int, allowance: int) -> Action:
    """The buyer pays in what it has approved. Raises WrongState, WrongTime, NotEnoughMoney."""
    check_fundable(view, order, balance)
    if allowance < order.terms.amount:
        raise NotEnoughMoney("allowance", f"is {allowance}, the order's amount is {order.terms.amount}")
    return _by_party(view, "fund", order, order.terms.buyer)


def fund_with_permit(
    view: Standpoint, order: OrderState, balance: int, deadline_at: int, permit_signature: bytes
) -> Action:  # fmt: skip
    """The buyer pays in with a permit (ledger.orders.permit_digest) for the whole amount, signed by the same account.

    Raises WrongState, WrongTime, NotEnoughMoney.
    """
    check_fundable(view, order, balance)
    _expect_time(view.at <= deadline_at, "deadline", f"has passed ({deadline_at})")
    data = fund_with_permit_call(order.order, deadline_at, permit_signature)
    return _action(view, "fund", order.order, view.actor_of(order.terms.buyer), data)


# -------------------------------------------------------------------------------------------------- what items become


def take_back(view: Standpoint, order: OrderState, milestone: int, delivery: bytes, attestor: bytes) -> Action:
    """An attestor's statement never counts again. Raises WrongState, UnknownItem, NotEntitled."""
    _expect_state(order, State.FUNDED)
    milestone_of(order, milestone)
    if (milestone, delivery) in order.items:
        raise WrongState("delivery", "is agreed: nothing is taken back any more, dispute it instead")
    if attestor not in order.terms.attestors_of(milestone):
        raise NotEntitled("attestor", f"{to_address(attestor)} is none of the milestone's")
    if (milestone, delivery, attestor) not in order.attestations:
        raise UnknownItem("attestation", "is none: this attestor has stated nothing of the delivery")
    sender = view.actor_of(attestor)
    return _action(view, "take-back", order.order, sender, call("takeBack", order.order, milestone, delivery))


def settle(view: Standpoint, order: OrderState, milestone: int, delivery: bytes, sender: bytes) -> Action:
    """Anyone settles an item whose time has come, and has everybody paid. Raises WrongState, WrongTime, UnknownItem."""
    item = _open_item(order, milestone, delivery)
    _expect_time(view.at >= item.settleable_from, "item", f"can be settled from {item.settleable_from} on")
    return _paying(view, "settle", order, milestone, delivery, sender)


def release(view: Standpoint, order: OrderState, milestone: int, delivery: bytes) -> Action:
    """The buyer lets the payee have an item whole, before its time. Raises WrongState, UnknownItem."""
    _open_item(order, milestone, delivery)
    return _paying(view, "release", order, milestone, delivery, view.actor_of(order.terms.buyer))


def give_back(view: Standpoint, order: OrderState, milestone: int, delivery: bytes) -> Action:
    """The payee lets the buyer have an item whole. Raises WrongState, UnknownItem."""
    _open_item(order, milestone, delivery)
    return _paying(view, "giveBack", order, milestone, delivery, view.actor_of(order.payee))


def dispute(view: Standpoint, order: OrderState, milestone: int, delivery: bytes, by: bytes) -> Action:
    """Buyer or payee stops the settling of an item. Raises WrongState, WrongTime, UnknownItem, NotEntitled."""
    item, terms = _open_item(order, milestone, delivery), milestone_of(order, milestone)
    _expect_among(by, {order.terms.buyer: "the buyer", order.payee: "the payee"})
    if terms.arbitration_s == 0:
        raise WrongState("milestone", "has no arbitration time: nobody would rule")
    if item.is_disputed:
        raise WrongState("item", "is disputed already, once is all")
    first = terms.due_at + terms.grace_s + 1 if delivery == REST else 0
    _expect_time(view.at >= first, "item", f"can be disputed from {first} on")
    _expect_time(view.at < item.disputable_until, "item", f"could be disputed before {item.disputable_until}")
    data = call("dispute", order.order, milestone, delivery)
    return _action(view, "dispute", order.order, view.actor_of(by), data)


def rule(view: Standpoint, order: OrderState, milestone: int, delivery: bytes, payee_bps: int) -> Action:
    """The arbiter gives the payee a share of a disputed item, and the buyer what is left of it.

    Raises WrongState, WrongTime, UnknownItem, NotEntitled, BadShare.
    """
    item = _open_item(order, milestone, delivery)
    if not 0 <= payee_bps <= BPS:
        raise BadShare("payee_bps", f"is not 0 to {BPS}")
    if not item.is_disputed:
        raise WrongState("item", "is not disputed")
    arbiter = view.actor_of(order.terms.arbiter)
    if order.payee in (order.terms.arbiter, arbiter):
        raise NotEntitled("arbiter", "is the payee, too")
    _expect_time(view.at >= item.disputable_until, "item", f"is ruled on from {item.disputable_until} on")
    _expect_time(view.at < item.settleable_from, "item", f"could be ruled on before {item.settleable_from}")
    return _paying(view, "rule", order, milestone, delivery, arbiter, payee_bps)


def division(
    order: OrderState, milestone: int, delivery: bytes, to_payee: int, to_buyer: int, deadline_at: int
) -> Division:
    """What buyer or payee signs (ledger.orders.division_digest). Raises WrongState, UnknownItem, BadShare."""
    item = _open_item(order, milestone, delivery)
    for field, amount in (("to_payee", to_payee), ("to_buyer", to_buyer)):
        if amount < 0:
            raise BadShare(field, "is less than nothing")
    if not 0 < to_payee + to_buyer <= item.held:
        raise BadShare("to_payee", f"and to_buyer are {to_payee + to_buyer}, not 1 to the {item.held} that are held")
    if not 0 <= deadline_at <= TIME_MAX:
        raise BadShare("deadline", "is no time")
    return Division(order.order, milestone, delivery, item.version, to_payee, to_buyer, deadline_at)


def divide(view: Standpoint, order: OrderState, shares: Division, signature: bytes) -> Action:
    """The one of buyer and payee who has not signed submits what the other has.

    The signature may be empty where the other is a contract account, which has approved the digest in the registry.
    Raises WrongState, WrongTime, UnknownItem, BadShare, NotEntitled, BadSignature.
    """
    item = _open_item(order, shares.milestone, shares.delivery)
    division(order, shares.milestone, shares.delivery, shares.to_payee, shares.to_buyer, shares.deadline_at)
    if shares.item_version != item.version:
        raise WrongState("item_version", f"is {shares.item_version}, the item has changed since ({item.version})")
    _expect_time(view.at <= shares.deadline_at, "deadline", f"has passed ({shares.deadline_at})")
    buyer, payee = view.actor_of(order.terms.buyer), view.actor_of(order.payee)
    digest = division_digest(view.domain, shares)
    has_approved = [account for account in (payee, buyer) if (account, digest) in view.registry.approved]
    signer = has_approved[0] if has_approved and not signature else recover(digest, signature)
    if signer not in (buyer, payee):
        raise NotEntitled("signature", f"is of {to_address(signer)}, who acts neither for the buyer nor for the payee")
    sender = buyer if signer == payee else payee
    data = divide_call(shares, signature)
    return _with_collects(view, "divide", order, sender, data, order.creditors)


# ------------------------------------------------------------------------------------- credits and the receivable


def collect(view: Standpoint, token: bytes, creditor: bytes, owed: int, sender: bytes) -> Action:
    """Anyone has a creditor paid. Raises BadShare where nothing is owed, NotEntitled while a key is being replaced."""
    if owed <= 0:
        raise BadShare("credit", f"is none: nothing is owed to {to_address(creditor)}")
    if not view.is_payable(creditor, sender):
        raise NotEntitled("creditor", "has a replacement of its controller pending: only the present one collects")
    data = collect_call(token, creditor)
    return Action(f"collect:{to_hex(token)}:{to_hex(creditor)}", sender, view.domain.escrow, data, data)


def collect_to(view: Standpoint, token: bytes, creditor: bytes, owed: int, receiver: bytes) -> Action:
    """The creditor itself is paid, to an account that it names. Raises BadShare."""
    if owed <= 0:
        raise BadShare("credit", f"is none: nothing is owed to {to_address(creditor)}")
    if receiver in (NOBODY, view.domain.escrow):
        raise BadShare("receiver", "is nobody, or the escrow itself")
    data = call("collectTo", token, creditor, receiver)
    name = f"collect:{to_hex(token)}:{to_hex(creditor)}"
    return Action(name, view.actor_of(creditor), view.domain.escrow, data, data)


def tokenise(view: Standpoint, order: OrderState) -> Action:
    """The seller mints the order's receivable to itself. Raises WrongState."""
    _expect_state(order, State.FUNDED)
    if order.holders:
        raise WrongState("receivable", "has been minted already")
    data = interface("Receivable").call("mint", order.order)
    sender = view.actor_of(order.terms.seller)
    return Action(f"tokenise:{to_hex(order.order)}", sender, view.receivable, data, data)


def transfer_if(view: Standpoint, order: OrderState, receiver: bytes, version: int) -> Action:
    """The receivable's holder hands it on, unless the order has changed since `version`.

    Raises WrongState, NotEntitled.
    """
    _expect_state(order, State.FUNDED)
    if not order.holders:
        raise WrongState("receivable", "has not been minted")
    if version != order.version:
        raise WrongState("version", f"is {version}, the order has changed since ({order.version})")
    if receiver in (NOBODY, view.domain.escrow, order.terms.arbiter, view.actor_of(order.terms.arbiter)):
        raise NotEntitled("receiver", "never holds a receivable: nobody, the escrow, or the order's arbiter")
    data = interface("Receivable").call("transferIf", receiver, int.from_bytes(order.order, "big"), version)
    return Action(f"transfer:{to_hex(order.order)}", order.payee, view.receivable, data, data)


def milestone_of(order: OrderState, milestone: int) -> Milestone:
    """The terms of a milestone. Raises UnknownItem."""
    if not 0 <= milestone < len(order.terms.milestones):
        raise UnknownItem("milestone", f"is not 0 to {len(order.terms.milestones) - 1}")
    return order.terms.milestones[milestone]


# ------------------------------------------------------------------------------------------------------------- inside


def _open_item(order: OrderState, milestone: int, delivery: bytes) -> Item:
    _expect_state(order, State.FUNDED)
    milestone_of(order, milestone)
    item = order.items.get((milestone, delivery))
    if item is None:
        raise UnknownItem("delivery", f"{to_hex(delivery)} is none that has been agreed")
    if item.held == 0:
        raise WrongState("item", "holds nothing any more")
    return item


def _paying(
    view: Standpoint, function: str, order: OrderState, milestone: int, delivery: bytes, sender: bytes, *more: object
) -> Action:
    data = call(function, order.order, milestone, delivery, *more)
    return _with_collects(view, function, order, sender, data, order.creditors)


def _with_collects(
    view: Standpoint, name: str, order: OrderState, sender: bytes, data: bytes, creditors: Sequence[bytes]
) -> Action:
    """The action, and in the same transaction its money to everybody: to collect where nothing is owed does no harm."""
    payable = [creditor for creditor in creditors if view.is_payable(creditor, sender)]
    whole = multicall([data, *(collect_call(order.terms.token, creditor) for creditor in payable)])
    return Action(f"{name}:{to_hex(order.order)}", sender, view.domain.escrow, whole, data)


def _by_party(view: Standpoint, function: str, order: OrderState, party: bytes) -> Action:
    return _action(view, function, order.order, view.actor_of(party), call(function, order.order))


def _action(view: Standpoint, name: str, order: bytes, sender: bytes, data: bytes) -> Action:
    return Action(f"{name}:{to_hex(order)}", sender, view.domain.escrow, data, data)


def _status(view: Standpoint, party: bytes) -> PartyStatus:
    known = view.registry.parties.get(party)
    return PartyStatus.NONE if known is None else known.status_at(view.at)


def _expect_state(order: OrderState, *states: State) -> None:
    if order.state not in states:
        wanted = " or ".join(state.name.lower() for state in states)
        raise WrongState("order", f"is {order.state.name.lower()}, not {wanted}")


def _expect_time(is_time: bool, field: str, reason: str) -> None:
    if not is_time:
        raise WrongTime(field, reason)


def _expect_among(who: bytes, entitled: dict[bytes, str]) -> None:
    if who not in entitled:
        raise NotEntitled("party", f"{to_address(who)} is neither {' nor '.join(_words(entitled.values()))}")


def _words(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
