"""What reconciliation found as JSON values: amounts and quantities as decimal text, names as `0x`.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ledger.hexadecimal import to_hex
from ledger.invoices import Invoice
from ledger.money import Currency
from ledger.reconciliation import Item


def findings(items: Iterable[Item], currencies: Mapping[bytes, Currency]) -> dict[str, list[dict[str, Any]]]:
    """`{"items": [...]}` in the order of the items; amounts in the decimals of the order's token, or the invoice's."""
    by_code = {currency.code: currency for currency in currencies.values()}
    return {"items": [_finding(item, currencies, by_code) for item in items]}


def _finding(item: Item, currencies: Mapping[bytes, Currency], by_code: Mapping[str, Currency]) -> dict[str, Any]:
    currency = None if item.token is None else currencies.get(item.token)
    if currency is None and item.invoice is not None:
        currency = by_code.get(item.invoice.currency)
    invoice = item.invoice
    return {
        "state": item.state.value,
        "invoice": None if invoice is None else invoice.number,
        "order": None if item.order is None else to_hex(item.order),
        "milestone": item.milestones[0] if len(item.milestones) == 1 else None,
        "milestones": list(item.milestones),
        "deliveries": [to_hex(delivery) for delivery in item.deliveries],
        "difference": {
            "money": _amount(item.money, currency),
            "currency": None if currency is None else currency.code,
            "quantity": None if item.quantity is None else item.quantity.text,
            "uom": item.uom or None,
        },
        "expected": _amount(item.expected, currency),
        "paid": _amount(item.paid, currency),
        "invoiced": None if invoice is None else _invoiced(invoice, by_code),
        "events": list(item.events),
        "transactions": [to_hex(one) for one in item.transactions],
        "note": item.note,
        "inOrder": item.is_in_order,
    }


def _invoiced(invoice: Invoice, by_code: Mapping[str, Currency]) -> dict[str, Any]:
    return {
        "row": invoice.row,
        "seller": invoice.seller,
        "order": invoice.order,
        "date": invoice.date.isoformat(),
        "quantity": invoice.quantity.text,
        "uom": invoice.uom,
        "amount": _amount(invoice.amount, by_code.get(invoice.currency)),
        "currency": invoice.currency,
    }


def _amount(amount: int | None, currency: Currency | None) -> str | None:
    """With the currency's decimals; an amount of a token that has no currency here can't be written."""
    return None if amount is None or currency is None else currency.text(amount)
