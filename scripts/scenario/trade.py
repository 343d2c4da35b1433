"""The story's orders: who buys what from whom, on which terms, and what the two sides do about it on chain.

Deliveries are not here: the receivers' ordinary events attest them, and the money follows by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from scripts.scenario.diary import Diary, Lot
from scripts.scenario.parties import Party, Place

GRADED, LATE = "PO-N-0917", "PO-N-0918"
"""The importer's orders: one whose quality the inspector judges, one that comes two days late."""
SOLD, DISPUTED, NEVER_DELIVERED = "PO-E-101", "PO-E-104", "PO-E-105"
"""The exporter's orders for parchment."""
PARCHMENT = {"HU-101": SOLD, "HU-104": DISPUTED}
"""Which export lot's parchment is which order's."""
CURRENCY = "XTS"


class Action(StrEnum):
    """What a party does about an order. Attesting, settling and collecting need nobody."""

    PROPOSE = "propose"
    ACCEPT = "accept"
    FUND = "fund"
    TOKENISE = "tokenise"
    SELL = "sell"
    DISPUTE = "dispute"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Step:
    """What `party` does about an order, `at` after the story's start.

    `other` is who buys a receivable, `price` what is paid for it in cents, `payee_bps` what an arbiter gives the payee.
    """

    at: timedelta
    order: str
    party: Party
    action: Action
    other: Party | None = None
    price: int = 0
    payee_bps: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One milestone: goods of these classes, so many of them, for so many cents each.

    `attestor` states by its events of that `step` at `place` what was delivered, or how good it was.
    """

    products: tuple[str, ...]
    quantity: int
    uom: str
    price: int
    attestor: Party
    place: Place
    step: str
    due: datetime
    grace_days: int = 0
    window_days: int = 0
    arbitration_days: int = 0
    late_bps: int = 0
    late_cap_bps: int = 0
    deduction_field: str | None = None
    deduction_cap_bps: int = 0

    @property
    def amount(self) -> int:
        """What the line costs in cents."""
        return self.quantity * self.price

    def as_file(self) -> dict[str, Any]:
        """The milestone as a purchase order file has it (docs/terms-document.md)."""
        return {
            "products": list(self.products),
            "quantity": self.quantity,
            "uom": self.uom,
            "amount": written(self.amount),
            "businessStep": self.step,
            "readPoints": [self.place.sgln],
            "attestors": [self.attestor.gln],
            "due": self.due.isoformat(),
            "grace": f"{self.grace_days}d" if self.grace_days else "0",
            "window": f"{self.window_days}d" if self.window_days else "0",
            "arbitration": f"{self.arbitration_days}d" if self.arbitration_days else "0",
            "latePenalty": f"{self.late_bps} bps",
            "lateCap": f"{self.late_cap_bps} bps",
            "deductionCap": f"{self.deduction_cap_bps} bps",
            **({"deduction": self.deduction_field} if self.deduction_field else {}),
        }


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase order under its buyer's GLN, what makes it worth telling, and who does what about it."""

    number: str
    story: str
    buyer: Party
    seller: Party
    lines: tuple[Line, ...]
    fund_by: datetime
    steps: tuple[Step, ...]
    splits: tuple[tuple[Party, int], ...] = ()
    arbiter: Party | None = None

    @property
    def amount(self) -> int:
        """What the buyer funds, in cents."""
        return sum(line.amount for line in self.lines)

    def as_file(self) -> dict[str, Any]:
        """The order as its buyer hands it in: the JSON of a purchase order file (docs/terms-document.md)."""
        return {
            "buyer": self.buyer.gln,
            "seller": self.seller.gln,
            "currency": CURRENCY,
            "fundBy": self.fund_by.isoformat(),
            "references": [self.number],
            "splits": [f"{party.gln}: {bps} bps" for party, bps in self.splits],
            **({"arbiter": self.arbiter.gln} if self.arbiter else {}),
            "milestones": [line.as_file() for line in self.lines],
        }


@dataclass
class Trade:
    """Takes the orders down as they come up in the story."""

    diary: Diary
    orders: list[Order]

    def order(
        self,
        number: str,
        story: str,
        buyer: Party,
        seller: Party,
        lines: Sequence[Line],
        ordered: datetime,
        *,
        splits: tuple[tuple[Party, int], ...] = (),
        arbiter: Party | None = None,
        later: Sequence[Step] = (),
    ) -> None:
        """An order that is proposed, accepted and funded within two days of `ordered`, and what is done `later`."""
        at = ordered - self.diary.start
        made = [
            Step(at, number, buyer, Action.PROPOSE),
            Step(at + timedelta(hours=5), number, seller, Action.ACCEPT),
            Step(at + timedelta(hours=26), number, buyer, Action.FUND),
        ]
        fund_by = ordered + timedelta(days=3)
        steps = (*made, *later)
        self.orders.append(Order(number, story, buyer, seller, tuple(lines), fund_by, steps, splits, arbiter))


def written(cents: int) -> str:
    """The amount with its two decimals."""
    return f"{cents // 100}.{cents % 100:02}"


def classes(lots: Sequence[Lot]) -> tuple[str, ...]:
    """The lots' classes, as an order names what it wants."""
    return tuple(lot.epc_class for lot in lots)


def kilograms(lots: Sequence[Lot]) -> int:
    """What the lots weigh together."""
    return int(sum(lot.kilograms for lot in lots))
