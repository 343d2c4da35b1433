"""A finance office of tests: what was traded, the events that tell of receipts, and the invoices that came."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from ledger.hexadecimal import to_hex
from ledger.invoices import Invoice
from ledger.judgement import Side, State
from ledger.matching import EXACT, Tolerances
from ledger.money import Currency, Number
from ledger.obligations import Obligations
from ledger.receipts import Receipt, Unit
from ledger.reconciliation import Document, Item, Knowledge, reconcile
from ledger.record import keccak256
from tests.ledger.trade import BANK, GROWER, RETAILER, ROASTER, SALT, TOKEN, Trade

NAMES = {"highland growers": GROWER, "harbour roasters": ROASTER, "first bank": BANK, "corner shops": RETAILER}
XTS = Currency("XTS", 2)


@dataclass
class Office:
    """The roaster's finance: a trade, its receiving events, its invoices. Quantities are whole kilograms."""

    trade: Trade = field(default_factory=Trade)
    receipts: list[Receipt] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    documents: dict[bytes, Document] = field(default_factory=dict)

    def order(self, *milestones: tuple[int, int], reference: str | None = None, **more: object) -> bytes:
        name = self.trade.order(*milestones, **more)  # type: ignore[arg-type]
        units = tuple(Unit("KGM", 0) for _ in milestones)
        self.documents[name] = Document((reference or f"PO-{len(self.documents)}",), units, SALT)
        return name

    def deliver(
        self, order: bytes, quantity: int, *, milestone: int = 0, note: str = "DA-1", reduction: int = 0
    ) -> bytes:
        """A delivery with the receiving event that it rests on."""
        delivery = self.trade.deliver(order, quantity, milestone=milestone, note=note, reduction=reduction)
        self.receive(order, delivery, quantity, milestone=milestone)
        return delivery

    def receive(self, order: bytes, delivery: bytes, quantity: int, *, milestone: int = 0) -> None:
        record = keccak256(delivery + bytes([milestone]))
        event = f"ni:///sha-256;{record.hex()}"
        self.receipts.append(Receipt(order, milestone, delivery, quantity, "KGM", record, event, self.trade.now_at))

    def withdraw(self, delivery: bytes) -> None:
        self.receipts = [
            one._replace(withdrawn_at=self.trade.now_at) if one.delivery == delivery else one for one in self.receipts
        ]

    def invoice(self, order: bytes | str, quantity: int | Number, amount: int, **more: object) -> Invoice:
        row = len(self.invoices) + 2
        name = order if isinstance(order, str) else to_hex(order)
        day = date(2026, 3, row % 27 + 1)
        invoice = Invoice(
            row,
            f"INV-{row}",
            name,
            "Highland Growers",
            quantity if isinstance(quantity, Number) else Number(quantity, 0),
            "KGM",
            amount,
            "XTS",
            day,
        )._replace(**more)  # type: ignore[arg-type]
        self.invoices.append(invoice)
        return invoice

    def reconcile(
        self,
        party: bytes = ROASTER,
        tolerances: Tolerances = EXACT,
        side: Side | None = None,
    ) -> list[Item]:
        knowledge = Knowledge(NAMES, {TOKEN: XTS}, self.documents)
        obligations = Obligations(self.trade.escrow_logs)
        return reconcile(party, obligations, self.receipts, self.invoices, knowledge, tolerances, side)

    def states(self, party: bytes = ROASTER) -> list[State]:
        return [item.state for item in self.reconcile(party)]

    def only(self) -> Item:
        (item,) = self.reconcile()
        return item
