"""The state in which an invoice and what it is about end: one rule after the other, the first that applies.

Pure. docs/finance.md explains each state with an example and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from ledger.matching import Line, Match, Tolerances, quantity_of
from ledger.orders import REST
from ledger.receipts import Receipts


class State(StrEnum):
    """How an item ends: the first that applies, in this order."""

    UNKNOWN_ORDER = "unknown order"
    DUPLICATE_INVOICE = "duplicate invoice"
    WRONG_PAYEE = "wrong payee"
    DISPUTED = "disputed"
    REFUNDED = "refunded"
    RECEIPT_WITHDRAWN = "receipt withdrawn"
    INVOICE_MISSING = "invoice missing"
    RECEIPT_MISSING = "receipt missing"
    OVER_DELIVERED = "over-delivered"
    QUANTITY_DIFFERS = "quantity differs"
    AMOUNT_DIFFERS = "amount differs"
    OVERPAID = "overpaid"
    UNPAID = "unpaid"
    MATCHED = "matched"


class Side(StrEnum):
    """Whose books: those of the buyer, who checks invoices, or of the seller, who has issued them."""

    BUYER = "buyer"
    SELLER = "seller"


class Judgement(NamedTuple):
    """A state, and in words what the figures don't say."""

    state: State
    note: str = ""


def judge(  # noqa: PLR0911 - the rules in their order
    found: Match, receipts: Receipts, currency: str | None, side: Side, tolerances: Tolerances
) -> Judgement:
    """How it ends. `receipts` are the order's, `currency` is the code of its token; None where it has none here.

    Unknown orders and duplicates never come here.
    """
    claims, lines = found.claims, found.lines
    final = sum(line.item.final for line in lines)
    if any(claim.is_doubtful for claim in claims):
        return Judgement(State.WRONG_PAYEE, "the invoice is not from, or not to be paid to, who is paid for this order")
    if any(line.item.is_open_dispute for line in lines):
        return Judgement(State.DISPUTED)
    if lines and final == 0 and sum(line.item.returned for line in lines):
        return Judgement(State.REFUNDED)
    if any(_is_withdrawn(line, receipts) for line in lines):
        return Judgement(State.RECEIPT_WITHDRAWN)
    if not claims and final:
        return Judgement(State.INVOICE_MISSING)
    if not lines or any(not _has_receipt(line, receipts, side) for line in lines):
        return Judgement(State.RECEIPT_MISSING, "" if lines else "nothing was delivered that no other invoice is about")
    if any(line.item.excess for line in lines):
        return Judgement(State.OVER_DELIVERED)
    return _figures(found, receipts, currency, tolerances)


def _figures(  # noqa: PLR0911 - the rules in their order
    found: Match, receipts: Receipts, currency: str | None, same: Tolerances
) -> Judgement:
    claims, lines = found.claims, found.lines
    if other := _other_quantity(lines, receipts):
        return Judgement(State.QUANTITY_DIFFERS, other)
    if not claims:
        return Judgement(State.MATCHED, "nothing is due for it")
    uom = claims[0].uom
    if others := sorted({line.uom for line in lines if line.uom} - {uom}):
        return Judgement(State.QUANTITY_DIFFERS, f"invoiced in {uom}, delivered in {', '.join(others)}")
    quantity = quantity_of(lines, uom)
    if not same.same_quantity(sum(claim.quantity for claim in claims), quantity):
        return Judgement(State.QUANTITY_DIFFERS)
    note = "" if quantity is not None else "the terms document is not imported: quantities are not compared"
    if claims[0].invoice.currency != currency:
        return Judgement(State.AMOUNT_DIFFERS, f"the order is in {currency or 'a token that has no currency here'}")
    amount = sum(claim.invoice.amount for claim in claims)
    final, due = sum(line.item.final for line in lines), sum(line.item.due for line in lines)
    if same.same_money(amount, final):
        paid = sum(line.item.paid for line in lines)
        return Judgement(State.MATCHED if same.same_money(amount, paid) else State.UNPAID, note)
    if same.same_money(amount, due):
        # As the terms say, and something else was decided: released, given back, divided or ruled.
        return Judgement(State.OVERPAID if final > amount else State.UNPAID, note)
    return Judgement(State.AMOUNT_DIFFERS, note)


def _is_withdrawn(line: Line, receipts: Receipts) -> bool:
    """Whether the delivery was agreed on a record that was withdrawn, or every event that tells of it was."""
    own = [one for one in receipts.get(line.item.delivery, ()) if one.milestone == line.item.milestone]
    if any(one.withdrawn_at is not None and one.record_hash in line.item.records for one in own):
        return True
    return bool(own) and all(one.withdrawn_at is not None for one in own)


def _has_receipt(line: Line, receipts: Receipts, side: Side) -> bool:
    """Whether goods stand behind the line. A seller has the receiver's word on chain, the buyer has the event."""
    if line.item.delivery == REST:
        return False
    if not line.is_there or (side is Side.SELLER and line.item.transactions):
        return True
    return line.item.delivery in receipts


def _other_quantity(lines: Sequence[Line], receipts: Receipts) -> str:
    """In words where events tell of another quantity than was agreed on; empty where one tells of this one."""
    for line in lines:
        told = {
            one.quantity for one in receipts.get(line.item.delivery, ())
            if one.milestone == line.item.milestone and one.withdrawn_at is None
        }  # fmt: skip
        if told and line.item.accepted not in told:
            events = ", ".join(map(str, sorted(told)))
            return f"agreed on {line.item.accepted}, events tell of {events} (smallest units)"
    return ""
