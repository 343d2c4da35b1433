"""The exporter's invoices, received and issued, with mistakes in them for reconciliation to find."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scripts.scenario.parties import COOPERATIVE, EXPORTER, STATION, Party
from scripts.scenario.trade import CURRENCY, DISPUTED, GRADED, LATE, NEVER_DELIVERED, SOLD, Order, written

PARTY = EXPORTER
COLUMNS = ("invoice", "order", "seller", "quantity", "uom", "amount", "currency", "date")
RULED_BPS = 4_000
LATE_BPS, DEDUCTION_BPS = 300, 1_250
MISTAKEN_CENTS, MISTAKEN_KG = 12_000, 50


@dataclass(frozen=True, slots=True)
class Invoice:
    """One row, so many days after the story's start, and the state in which reconciliation leaves it."""

    number: str
    order: str
    seller: Party
    quantity: int
    cents: int
    day: int
    state: str

    def row(self, start: datetime) -> tuple[str, ...]:
        """The row of the file."""
        date = (start + timedelta(days=self.day)).date().isoformat()
        return (
            self.number, self.order, self.seller.name, str(self.quantity), "KGM", written(self.cents), CURRENCY, date,
        )  # fmt: skip


def invoices(orders: Sequence[Order]) -> list[Invoice]:
    """The exporter's invoices: two are right, six are not."""
    by_number = {order.number: order for order in orders}
    sold, disputed, never = (by_number[number] for number in (SOLD, DISPUTED, NEVER_DELIVERED))
    graded, late = by_number[GRADED], by_number[LATE]
    judged = graded.lines[1].amount * (10_000 - DEDUCTION_BPS) // 10_000
    return [
        _invoice("BLE-0101", sold, sold.amount, 34, "matched"),
        _invoice("BLE-0101", sold, sold.amount, 41, "duplicate invoice"),
        _invoice("BLE-0104", disputed, disputed.amount * RULED_BPS // 10_000, 50, "matched"),
        _invoice("BLE-0105", never, never.amount, 49, "refunded"),
        Invoice("BLE-0110", "PO-E-110", STATION, 400, 208_000, 52, "unknown order"),
        Invoice("CLC-0044", SOLD, COOPERATIVE, sold.lines[0].quantity, sold.amount, 36, "wrong payee"),
        _invoice("EAM-0917", graded, graded.lines[0].amount + judged + MISTAKEN_CENTS, 72, "amount differs"),
        Invoice(
            "EAM-0918", LATE, EXPORTER, late.lines[0].quantity + MISTAKEN_KG,
            late.amount * (10_000 - LATE_BPS) // 10_000, 72, "quantity differs",
        ),
    ]  # fmt: skip


def invoice_file(orders: Sequence[Order], start: datetime) -> str:
    """The file, as a bookkeeping program writes it: CSV with a header."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(each.row(start) for each in invoices(orders))
    return sheet.getvalue()


def _invoice(number: str, order: Order, cents: int, day: int, state: str) -> Invoice:
    return Invoice(number, order.number, order.seller, order.lines[0].quantity, cents, day, state)
