"""Orders as people see them: names instead of accounts, amounts with the token's decimals, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from api.consortium import date_time, legal_name
from api.node import Node
from ledger import escrow
from ledger.book import Item, OrderState
from ledger.consortium import Registry
from ledger.errors import UnknownToken
from ledger.escrow import EscrowLog
from ledger.hexadecimal import to_address, to_hex
from ledger.money import scaled
from ledger.orderbook import history_of, order_of
from ledger.orderdesk import standpoint_of
from ledger.orders import NOBODY, REST, Milestone, State
from ledger.ordertables import OrderRow
from ledger.tokens import token_of
from traceability.decisions import Entry, entries
from traceability.errors import TermsNotImported
from traceability.judging import AttestationState
from traceability.order_terms import terms_document
from traceability.terms import TermsDocument

_KINDS = {
    escrow.Proposed: "proposed", escrow.Accepted: "accepted", escrow.Cancelled: "cancelled", escrow.Funded: "funded",
    escrow.Attested: "attested", escrow.TakenBack: "taken back", escrow.Agreed: "agreed", escrow.Disputed: "disputed",
    escrow.Paid: "paid", escrow.Credited: "credited", escrow.Ended: "ended",
    escrow.ReceivableMoved: "receivable moved",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """From where orders are looked at: who is who, the chain's time, and the currency codes of the settings."""

    session: Session
    registry: Registry
    at: int
    codes: dict[bytes, str]

    @staticmethod
    def of(session: Session, node: Node) -> View:
        """As of all that was read of the chain. Raises NoEscrow, ChainError before it was first read."""
        view = standpoint_of(session, node.deployment)
        return View(session, view.registry, view.at, node.settings.currencies)

    def who(self, account: bytes) -> dict[str, str | None]:
        """A party, or an account that holds a receivable."""
        return {"account": to_address(account), "name": legal_name(self.registry, account)}

    def name(self, account: bytes) -> str:
        """What people call it."""
        return legal_name(self.registry, account) or to_address(account)

    def currency(self, token: bytes) -> tuple[str, int]:
        """Code and decimals of a token; its address and none where it has not said."""
        try:
            known = token_of(self.session, token)
        except UnknownToken:
            return to_address(token), 0
        return self.codes.get(token) or known.symbol or to_address(token), known.decimals


def line_json(view: View, row: OrderRow) -> dict[str, Any]:
    """An order in one line of a list."""
    code, decimals = view.currency(row.token)
    document = _document(view.session, row.order_id)
    return {
        "order": to_hex(row.order_id),
        "references": _short_references(document),
        "state": State(row.state).name.lower(),
        "buyer": view.who(row.buyer),
        "seller": view.who(row.seller),
        "payee": view.who(row.payee),
        "currency": code,
        "amount": scaled(row.amount, decimals),
        "held": scaled(row.held, decimals),
        "paid": scaled(row.paid, decimals),
        "returned": scaled(row.returned, decimals),
        "proposedAt": date_time(row.proposed_at),
        "changedAt": date_time(row.changed_at),
    }


def order_json(view: View, order: bytes) -> dict[str, Any]:
    """All of an order: terms, items, what waits, and its history. Raises UnknownOrder."""
    state = order_of(view.session, order)
    terms, document = state.terms, _document(view.session, order)
    code, decimals = view.currency(terms.token)
    found = entries(view.session, order=order)
    references = {entry.delivery: entry.reference for entry in found if entry.delivery and entry.reference}
    shown = _Shown(view, state, document, decimals, references)
    return {
        "order": to_hex(order),
        "references": _short_references(document),
        "state": state.state.name.lower(),
        "next": next_of(view, state),
        "buyer": view.who(terms.buyer),
        "seller": view.who(terms.seller),
        "payee": view.who(state.payee),
        "arbiter": None if terms.arbiter == NOBODY else view.who(terms.arbiter),
        "attestors": [view.who(attestor) for attestor in terms.attestors],
        "splits": [{"party": view.who(split.party), "bps": split.bps} for split in terms.splits],
        "token": to_address(terms.token),
        "currency": code,
        "amount": scaled(terms.amount, decimals),
        "held": scaled(state.held, decimals),
        "paid": scaled(state.paid, decimals),
        "returned": scaled(state.returned, decimals),
        "document": to_hex(terms.document),
        "hasTerms": document is not None,
        "fundBy": date_time(terms.fund_by),
        "version": state.version,
        "milestones": [shown.milestone(index) for index in range(len(terms.milestones))],
        "events": [entry_json(view, entry) for entry in found],
        "history": [shown.said(log) for log in history_of(view.session, order)],
    }


def entry_json(view: View, entry: Entry) -> dict[str, Any]:
    """An event on its way to an order."""
    return {
        "recordHash": to_hex(entry.record_hash),
        "eventID": entry.event_id,
        "order": to_hex(entry.order),
        "party": view.who(entry.party),
        "state": entry.state.value,
        "reason": None if entry.reason is None else entry.reason.code.value,
        "words": None if entry.reason is None else entry.reason.sentence,
        "toDo": None if entry.reason is None else entry.reason.remedy,
        "milestone": entry.milestone,
        "reference": entry.reference,
        "delivery": None if entry.delivery is None else to_hex(entry.delivery),
        "happenedAt": None if entry.happened_at is None else date_time(entry.happened_at),
        "accepted": entry.accepted,
        "deductionBps": entry.deduction_bps,
        "isByHand": entry.is_by_hand,
        "transaction": None if entry.transaction_hash is None else to_hex(entry.transaction_hash),
    }


def for_a_person(view: View, limit: int = 1_000) -> list[dict[str, Any]]:
    """The events that a person has to decide on, oldest first."""
    states = (AttestationState.FOR_A_PERSON, AttestationState.REFUSED)
    return [entry_json(view, entry) for entry in entries(view.session, states=states, limit=limit)]


def next_of(view: View, state: OrderState) -> str:
    """What the order waits for, in words."""
    terms = state.terms
    match state.state:
        case State.PROPOSED:
            return _until(view, f"{view.name(terms.seller)} accepts it", terms.fund_by)
        case State.ACCEPTED:
            return _until(view, f"{view.name(terms.buyer)} funds it", terms.fund_by)
        case State.FUNDED:
            due = [item.settleable_from for item in state.items.values() if item.held]
            first = min(due, default=view.at)
            return f"deliveries; settled by itself from {date_time(first)}" if first > view.at else "to be settled"
        case _:
            return "nothing"


def _until(view: View, what: str, until: int) -> str:
    return (
        f"{what}, until {date_time(until)}"
        if view.at <= until
        else f"nothing: it was to be funded by {date_time(until)}"
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """One order on its way to a reader."""

    view: View
    state: OrderState
    document: TermsDocument | None
    decimals: int
    references: dict[bytes, str]

    def milestone(self, index: int) -> dict[str, Any]:
        terms = self.state.terms.milestones[index]
        rule = self.document.milestones[index] if self.document is not None else None
        unit = 0 if rule is None else rule.decimals
        delivered = self.state.delivered[index] if index < len(self.state.delivered) else None
        items = [(name, item) for (number, name), item in self.state.items.items() if number == index]
        return {
            "milestone": index,
            "amount": self._amount(terms.amount),
            "ordered": scaled(terms.ordered, unit),
            "accepted": scaled(0 if delivered is None else delivered.accepted, unit),
            "uom": None if rule is None else rule.uom,
            "businessStep": None if rule is None else rule.business_step,
            "attestors": [self.view.who(attestor) for attestor in self.state.terms.attestors_of(index)],
            "threshold": terms.threshold,
            **_times(terms),
            "items": [self._item(name, item) for name, item in items],
        }

    def said(self, log: EscrowLog) -> dict[str, Any]:
        """A log of the order, in its own words."""
        return {
            "at": date_time(log.place.block_at),
            "block": log.place.block_number,
            "log": log.place.log_index,
            "transaction": to_hex(log.place.transaction_hash),
            "what": _KINDS.get(type(log), type(log).__name__.lower()),
            **dict(self._facts(log)),
        }

    def _item(self, name: bytes, item: Item) -> dict[str, Any]:
        return {
            "delivery": "rest" if name == REST else to_hex(name),
            "reference": self.references.get(name),
            "held": self._amount(item.held),
            "reductionBps": item.reduction,
            "disputableUntil": date_time(item.disputable_until),
            "settleableFrom": date_time(item.settleable_from),
            "isDisputed": item.is_disputed,
            "isEnded": item.is_ended or item.held == 0,
            "version": item.version,
        }

    def _facts(self, log: Any) -> Iterator[tuple[str, Any]]:
        for name, value in zip(log._fields, log, strict=True):
            if name in {"place", "order", "terms", "nonce", "token"}:
                continue
            yield _camel(name), self._fact(name, value)

    def _fact(self, name: str, value: Any) -> Any:
        if name in {"amount", "to_payee", "to_splits", "to_buyer", "held", "gross"}:
            return self._amount(value)
        if name in {"happened_at", "disputable_until"}:
            return date_time(value)
        if isinstance(value, bytes):
            if len(value) != 20:
                return "rest" if name == "delivery" and value == REST else to_hex(value)
            return None if value == NOBODY else self.view.name(value)
        return value.name.lower() if name == "cause" else value

    def _amount(self, amount: int) -> str:
        return scaled(amount, self.decimals)


def _times(terms: Milestone) -> dict[str, Any]:
    return {
        "due": date_time(terms.due_at),
        "graceS": terms.grace_s,
        "windowS": terms.window_s,
        "arbitrationS": terms.arbitration_s,
        "lateBps": terms.late_bps,
        "lateCapBps": terms.late_cap_bps,
        "deductionCapBps": terms.deduction_cap_bps,
    }


def _document(session: Session, order: bytes) -> TermsDocument | None:
    try:
        return terms_document(session, order)
    except TermsNotImported:
        return None


def _short_references(document: TermsDocument | None) -> list[str]:
    """The references as people write them: an order number without its buyer's GLN."""
    if document is None:
        return []
    return [text.split(":", 5)[5] if text.startswith("urn:epcglobal:cbv:bt:") else text for text in document.references]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
