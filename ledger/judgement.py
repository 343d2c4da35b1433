"""The state in which an invoice and what it is about end: one rule after the other, the first that applies.

Pure. docs/finance.md explains each state with an example and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from ledger.matching import Claim, Figures, Line, Match, Tolerances
from ledger.orders import REST
from ledger.receipts import Receipt, Receipts


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


def is_plain(claim: Claim, line: Line, told: Sequence[Receipt], currency: str | None, side: Side) -> bool:
    """True only where every rule of `judge` lets this invoice of this line through, without tolerances: a short cut.

    `told` are the receipts of the line's delivery. Most invoices are plain, and 100,000 of them come a night.
    """
    item, invoice = line.item, claim.invoice
    if (
        invoice.amount != item.paid or item.held or item.excess or claim.is_doubtful or line.quantity != claim.quantity
        or line.uom != claim.uom or invoice.currency != currency or not item.records
    ):  # fmt: skip
        return False
    if not told:
        return side is Side.SELLER
    receipt = told[0]
    return (
        len(told) == 1 and receipt.withdrawn_at is None and receipt.milestone == item.milestone
        and receipt.quantity == item.accepted
    )  # fmt: skip


def judge(  # noqa: PLR0911 - the rules in their order
    found: Match, in_all: Figures, receipts: Receipts, currency: str | None, side: Side, tolerances: Tolerances
) -> Judgement:
    """How a match ends, whose figures are `in_all`. `receipts` are the order's, `currency` is the code of its token.

    Unknown orders and duplicates never come here.
    """
    claims, lines = found
    for claim in claims:
        if claim.is_doubtful:
            return Judgement(
                State.WRONG_PAYEE, "the invoice is not from, or not to be paid to, who is paid for this order"
            )
    for line in lines:
        if line.item.is_open_dispute:
            return Judgement(State.DISPUTED)
    if in_all.final == 0 and in_all.returned:
        return Judgement(State.REFUNDED)
    for line in lines:
        if _is_withdrawn(line, receipts):
            return Judgement(State.RECEIPT_WITHDRAWN)
    if not claims and in_all.final:
        return Judgement(State.INVOICE_MISSING)
    if not lines:
        return Judgement(State.RECEIPT_MISSING, "nothing was delivered that no other invoice is about")
    for line in lines:
        if not _has_receipt(line, receipts, side):
            return Judgement(State.RECEIPT_MISSING)
    if in_all.excess:
        return Judgement(State.OVER_DELIVERED)
    return _compare(found, in_all, receipts, currency, tolerances)


def _compare(  # noqa: PLR0911 - the rules in their order
    found: Match, in_all: Figures, receipts: Receipts, currency: str | None, same: Tolerances
) -> Judgement:
    claims, lines = found
    for line in lines:
        if other := _other_quantity(line, receipts):
            return Judgement(State.QUANTITY_DIFFERS, other)
    if not claims:
        return Judgement(State.MATCHED, "nothing is due for it")
    for line in lines:
        if line.uom not in ("", in_all.uom):
            return Judgement(State.QUANTITY_DIFFERS, f"invoiced in {in_all.uom}, delivered in {line.uom}")
    if not same.same_quantity(in_all.quantity, in_all.accepted):
        return Judgement(State.QUANTITY_DIFFERS)
    note = "" if in_all.accepted is not None else "the terms document is not imported: quantities are not compared"
    if claims[0].invoice.currency != currency:
        return Judgement(State.AMOUNT_DIFFERS, f"the order is in {currency or 'a token that has no currency here'}")
    amount, final = in_all.invoiced, in_all.final
    if same.same_money(amount, final):
        return Judgement(State.MATCHED if same.same_money(amount, in_all.paid) else State.UNPAID, note)
    if same.same_money(amount, in_all.due):
        # As the terms say, and something else was decided: released, given back, divided or ruled.
        return Judgement(State.OVERPAID if final > amount else State.UNPAID, note)
    return Judgement(State.AMOUNT_DIFFERS, note)


def _is_withdrawn(line: Line, receipts: Receipts) -> bool:
    """Whether the delivery was agreed on a record that was withdrawn, or every event that tells of it was."""
    told, stand = 0, 0
    for one in receipts.get(line.item.delivery, ()):
        if one.milestone == line.item.milestone:
            told += 1
            if one.withdrawn_at is None:
                stand += 1
            elif one.record_hash in line.item.records:
                return True
    return told > 0 and stand == 0


def _has_receipt(line: Line, receipts: Receipts, side: Side) -> bool:
    """Whether goods stand behind the line. A seller has the receiver's word on chain, the buyer has the event."""
    if line.item.delivery == REST:
        return False
    if not line.is_there or (side is Side.SELLER and line.item.transactions):
        return True
    return line.item.delivery in receipts


def _other_quantity(line: Line, receipts: Receipts) -> str:
    """In words where events tell of another quantity than was agreed on; empty where one tells of this one."""
    told = []
    for one in receipts.get(line.item.delivery, ()):
        if one.milestone == line.item.milestone and one.withdrawn_at is None:
            if one.quantity == line.item.accepted:
                return ""
            told.append(one.quantity)
    events = ", ".join(map(str, sorted(told)))
    return f"agreed on {line.item.accepted}, events tell of {events} (smallest units)" if told else ""
