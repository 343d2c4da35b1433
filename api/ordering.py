"""What people do with orders, as the command line and the API both ask for it: looked at, planned, sent.

Nothing is decided here: ledger.ordering says what can be done, the contract has the last word.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from api.consortium import party_named
from api.errors import BadArgument, NoSigningKey
from api.node import Node
from api.recording import now_us
from ledger import ordering
from ledger.book import OrderState
from ledger.consortium import Registry
from ledger.database import reading, writing
from ledger.errors import BadChecksum, InvalidHex, NotEntitled, PaymentUnderWay, UnknownParty
from ledger.hexadecimal import address_from_text, from_hex, to_address, to_hex
from ledger.keystore import Signer
from ledger.orderbook import credits_of, order_of
from ledger.orderdesk import feasible, plan, standpoint_of, under_way
from ledger.ordering import Action, Standpoint
from ledger.orders import REST, Division, delivery_id, division_digest, permit_digest
from ledger.tokens import holding_of, permit_terms, token_of
from traceability import order_values, repository
from traceability.decisions import ByHand
from traceability.errors import AmbiguousEvent, UnknownEvent
from traceability.identifiers import canonical
from traceability.order_terms import keep_terms, orders_called, terms_document
from traceability.purchase_order import KnownParty, PurchaseOrder, Token, read_purchase_order

PERMIT_S = 3_600
"""For so long a permit is good: it goes out in the same moment."""
DIVISION_S = 7 * 86_400
"""For so long an offered division is good, where nothing else is said."""
REST_WORD = "rest"


@dataclass(frozen=True, slots=True)
class Sent:
    """What was put into the outbox: ids of transactions in their order, and whose key sends them."""

    order: bytes
    transactions: tuple[int, ...]
    signer: Signer


Choice = Callable[[Standpoint, OrderState], Action]
"""An action, once the order is known."""


def order_named(session: Session, text: str) -> bytes:
    """The order (32 bytes) of that id, or of a reference that the terms of one order here list.

    Raises BadArgument where several are called so, or none.
    """
    if text.startswith("0x"):
        try:
            return from_hex(text.lower(), 32)
        except InvalidHex as error:
            raise BadArgument(f"{text[:80]!r} is no order id: 0x and 64 hex digits") from error
    return _order_called(session, text)


def delivery_named(session: Session, order: bytes, text: str) -> bytes:
    """The item that the text names: `rest`, a delivery's id, or the despatch advice or SSCC that it came with.

    Raises BadArgument, TermsNotImported where only the terms could tell.
    """
    if text == REST_WORD:
        return REST
    if text.startswith("0x"):
        try:
            return from_hex(text.lower(), 32)
        except InvalidHex as error:
            raise BadArgument(f"{text[:80]!r} is no delivery id: 0x and 64 hex digits") from error
    return delivery_id(order, canonical(text), terms_document(session, order).salt)


def propose(node: Node, party: bytes | None, file: bytes) -> tuple[Sent, PurchaseOrder]:
    """A purchase order file becomes an order on chain, and its terms document is kept. `party`, if given, is its buyer.

    Raises BadPurchaseOrder with everything that is wrong, NotEntitled where the party is not its buyer, OrderRefused,
    BadTerms, NoSigningKey, ChainError.
    """
    with reading(node.engine) as session:
        view = standpoint_of(session, node.deployment)
        tokens = [_token(session, address, code) for address, code in node.settings.currencies.items()]
    salt = secrets.token_bytes(32)
    resolve = _resolver(node, view.registry)
    bought = read_purchase_order(file, resolve=resolve, tokens=tokens, now_at=view.at, salt=salt)
    if party is not None and bought.terms.buyer != party:
        raise NotEntitled("buyer", f"is {to_address(bought.terms.buyer)}: only the buyer itself proposes an order")
    # So that the same file can be proposed again: the buyer's nonce makes it another order.
    order, action = ordering.propose(view, bought.terms, secrets.randbits(64))
    signer = _signer(node, action.sender)
    data = feasible(node.chain, action)
    with writing(node.engine) as session:
        keep_terms(session, bought.document, order, now_us())
        planned = plan(session, action, data, now_us())
    return Sent(order, (planned,), signer), bought


def act(node: Node, order: bytes, choose: Choice) -> Sent:
    """Plans one action on an order. Raises UnknownOrder, what `choose` raises, NoSigningKey, ChainError(reverted)."""
    view, state = _looked_at(node, order)
    return _planned(node, order, [choose(view, state)])


def fund(node: Node, order: bytes) -> Sent:
    """The buyer pays in: with a permit where the token knows them, else by approving first.

    Raises OrderRefused, NotEnoughMoney, PaymentUnderWay, NoSigningKey, ChainError.
    """
    view, state = _looked_at(node, order)
    token, amount, owner = state.terms.token, state.terms.amount, view.actor_of(state.terms.buyer)
    signer = _signer(node, owner)
    # Before the chain is asked for the permit's number: what it has mined by then is in it.
    with reading(node.engine) as session:
        if (same := _own_payment(session, owner, order)) is not None:
            return Sent(order, (same,), signer)
    held = holding_of(node.chain, token, owner, view.domain.escrow)
    ordering.check_fundable(view, state, held.balance)
    if held.allowance >= amount:
        return _planned(node, order, [ordering.fund(view, state, held.balance, held.allowance)])
    permit = permit_terms(node.chain, token, owner)
    if permit is None:
        # The second is looked at by the chain once the first is mined: the outbox sends them in their order.
        approved = ordering.approve(view, state)
        return _planned(node, order, [approved, ordering.fund(view, state, held.balance, amount)], looks_ahead=False)
    separator, nonce = permit
    deadline_at = view.at + PERMIT_S
    signed = signer.sign(permit_digest(separator, owner, view.domain.escrow, amount, nonce, deadline_at))
    action = ordering.fund_with_permit(view, state, held.balance, deadline_at, signed)
    data = feasible(node.chain, action)
    with writing(node.engine) as session:
        same = _own_payment(session, owner, order)
        return Sent(order, (plan(session, action, data, now_us()) if same is None else same,), signer)


def _own_payment(session: Session, owner: bytes, order: bytes) -> int | None:
    """The transaction that pays in for this order, where it is on its way; else None. Raises PaymentUnderWay where the
    account pays in for another one: a permit's number, and what the account has, are known once that is mined."""
    on_their_way = under_way(session, "fund", owner)
    same = on_their_way.get(f"fund:{to_hex(order)}")
    if on_their_way and same is None:
        raise PaymentUnderWay("balance", "is about to pay in for another order: again once that is mined")
    return same


def collect(node: Node, order: bytes, creditor: bytes | None, receiver: bytes | None) -> Sent:
    """Has what is owed in the order's token paid: to a creditor of it, or to all. Raises OrderRefused, ChainError."""
    view, state = _looked_at(node, order)
    token = state.terms.token
    creditors = state.creditors if creditor is None else [creditor]
    with reading(node.engine) as session:
        owed = {name: amount for (of, name), amount in credits_of(session, creditors).items() if of == token}
    if receiver is not None:
        (name,) = creditors if len(creditors) == 1 else (None,)
        if name is None:
            raise BadArgument("say whose credit goes to another account: --creditor NAME")
        return _planned(node, order, [ordering.collect_to(view, token, name, owed.get(name, 0), receiver)])
    node_key = node.keyring.node_file().address
    wanted = [name for name in creditors if owed.get(name)] or creditors[:1]
    return _planned(
        node, order, [ordering.collect(view, token, name, owed.get(name, 0), node_key) for name in wanted]
    )  # fmt: skip


def offer_division(
    node: Node, order: bytes, milestone: int, delivery: bytes, party: bytes, shares: tuple[int, int, int | None]
) -> tuple[Division, bytes]:
    """What buyer or payee offers the other, signed: (to the payee, to the buyer, good until or None).

    Raises OrderRefused, NotEntitled, NoSigningKey.
    """
    view, state = _looked_at(node, order)
    to_payee, to_buyer, until_at = shares
    if party not in (state.terms.buyer, state.payee):
        raise NotEntitled("party", f"{to_address(party)} is neither the buyer nor the payee")
    good_until = view.at + DIVISION_S if until_at is None else until_at
    offered = ordering.division(state, milestone, delivery, to_payee, to_buyer, good_until)
    return offered, _signer(node, view.actor_of(party)).sign(division_digest(view.domain, offered))


def require(who: bytes, entitled: Iterable[bytes], what: str) -> None:
    """Returns where the party is one of those who may do that. Raises NotEntitled."""
    if who not in set(entitled):
        raise NotEntitled("party", f"{to_address(who)} can't do that: it is {what}'s to do")


def account_of_text(node: Node, registry: Registry, text: str) -> bytes:
    """A party's name, or any account. Raises UnknownParty, BadArgument."""
    try:
        return party_named(node, registry, text)
    except UnknownParty:
        try:
            return address_from_text(text)
        except (InvalidHex, BadChecksum) as error:
            raise BadArgument(f"{text[:80]!r} is neither a party nor an account") from error


def own_record(session: Session, name: str) -> int:
    """The record of an own event: by event ID, hash ID or record hash. Raises UnknownEvent, AmbiguousEvent."""
    stored = repository.load(session, repository.named(session, name))
    own = [event for event in stored.values() if not event.is_foreign and not event.is_declaration]
    if not own:
        raise UnknownEvent(name)
    if len(own) > 1:
        raise AmbiguousEvent(name, [to_hex(event.record_hash) for event in own])
    return own[0].record_id


def said_by_hand(milestone: int | None, reference: str, accepted: int | None, deduction: str) -> ByHand:
    """What a person attests. Raises BadArgument naming what is missing."""
    if milestone is None or accepted is None or not reference:
        raise BadArgument("say what it attests: milestone, delivery and accepted quantity; or that it attests nothing")
    return ByHand(milestone, reference, accepted, basis_points(deduction, "deduction"))


def basis_points(text: str, field: str) -> int:
    """A share: `2.5%` is 250. Raises BadArgument naming the field."""
    try:
        return order_values.basis_points(text)
    except ValueError as wrong:
        raise BadArgument(f"{field}: {text[:40]!r} {wrong}") from wrong


def base_units(session: Session, state: OrderState, text: str, field: str) -> int:
    """An amount in the order's token, in its smallest unit; `0` too. Raises BadArgument naming the field."""
    decimals = token_of(session, state.terms.token).decimals
    whole, point, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdigit()) or (point and not (fraction.isascii() and fraction.isdigit())):
        raise BadArgument(f"{field} is no amount: {text[:40]!r}; write digits and a point alone, as in 1250.00")
    if len(fraction) > decimals:
        raise BadArgument(f"{field} has {len(fraction)} decimals, {decimals} are taken: {text[:40]!r}")
    return int(whole + fraction.ljust(decimals, "0"))


def _planned(node: Node, order: bytes, actions: Sequence[Action], *, looks_ahead: bool = True) -> Sent:
    signer = _signer(node, actions[0].sender)
    ready = [(action, feasible(node.chain, action) if looks_ahead else action.data) for action in actions]
    with writing(node.engine) as session:
        planned = tuple(plan(session, action, data, now_us()) for action, data in ready)
    return Sent(order, planned, signer)


def _looked_at(node: Node, order: bytes) -> tuple[Standpoint, OrderState]:
    with reading(node.engine) as session:
        return standpoint_of(session, node.deployment), order_of(session, order)


def _signer(node: Node, account: bytes) -> Signer:
    signer = node.keyring.signer_of(account)
    if signer is None:
        raise NoSigningKey(to_address(account))
    return signer


def _token(session: Session, address: bytes, code: str) -> Token:
    return Token(address, code, token_of(session, address).decimals)


def _resolver(node: Node, registry: Registry) -> Callable[[str], KnownParty]:
    def resolve(text: str) -> KnownParty:
        account = party_named(node, registry, text)
        return KnownParty(account, registry.parties[account].profile.gln)

    return resolve


def _order_called(session: Session, text: str) -> bytes:
    found = orders_called(session, text)
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadArgument(f"no order here is called {text[:80]!r}: give its id, as `tally order list` shows it")
    raise BadArgument(f"{len(found)} orders are called {text[:80]!r}: give the id of one, see `tally order list`")
