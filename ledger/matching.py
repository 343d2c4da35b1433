"""Which invoices are about which deliveries of one order: the exact fits first, then what is nearest.

Pure. A delivery may count for several milestones (taken over, then inspected) and is one thing to invoice; one invoice
may be about several deliveries, and several about one. Quantities of one order are integers of one unit (10^-n).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from ledger.invoices import Invoice
from ledger.obligations import Obligation
from ledger.orders import REST

NEAREST_MAX = 4096
"""So many pairs are looked at for the nearest; more are taken in their order."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far two figures may be apart and still be the same: `money` in the token's smallest unit, or a share."""

    money: int = 0
    money_bps: int = 0
    quantity_bps: int = 0

    def same_money(self, one: int, other: int) -> bool:
        """Whether two amounts are the same."""
        if one == other:
            return True
        apart = abs(one - other)
        return apart <= self.money or apart * 10_000 <= self.money_bps * max(one, other)

    def same_quantity(self, one: int | None, other: int | None) -> bool:
        """Whether two quantities are the same; those that can't be compared are."""
        if one is None or other is None or one == other:
            return True
        return abs(one - other) * 10_000 <= self.quantity_bps * max(one, other)

    @property
    def is_exact(self) -> bool:
        """True where money must be the same to the last unit."""
        return self.money == 0 and self.money_bps == 0


EXACT = Tolerances()


class Line(NamedTuple):
    """An item of the order, or a delivery that will become one. `money` is what it is looked for under.

    `quantity` is None where the order's unit is not known here, `uom` then empty. `is_there` is False for what has not
    come yet.
    """

    item: Obligation
    money: int
    quantity: int | None
    uom: str
    is_there: bool


class Claim(NamedTuple):
    """An invoice for the order. `delivery` is what its reference names; `is_doubtful`: not from who is to be paid."""

    invoice: Invoice
    quantity: int
    uom: str
    delivery: bytes | None
    is_doubtful: bool


class Match(NamedTuple):
    """Invoices and the lines that they are about; one of both may be empty."""

    claims: tuple[Claim, ...]
    lines: tuple[Line, ...]


class Figures(NamedTuple):
    """A match in numbers. `invoiced` and `quantity` are the invoices', the others the lines'.

    `accepted` is in the unit `uom`: the invoices', or where there is none the lines'; None where it is not known here.
    """

    invoiced: int
    quantity: int
    uom: str
    accepted: int | None
    final: int
    due: int
    paid: int
    returned: int
    excess: int


def figures(found: Match) -> Figures:
    """The match's sums."""
    claims, lines = found
    uom = claims[0].uom if claims else next((line.uom for line in lines), "")
    items = [line.item for line in lines]
    return Figures(
        sum(claim.invoice.amount for claim in claims), sum(claim.quantity for claim in claims), uom,
        _accepted(lines, uom), sum(item.final for item in items), sum(item.due for item in items),
        sum(item.paid for item in items), sum(item.returned for item in items), sum(item.excess for item in items),
    )  # fmt: skip


def match(
    claims: Sequence[Claim], lines: Sequence[Line], expected: Callable[[], Sequence[Line]], tolerances: Tolerances
) -> Iterator[Match]:
    """Each claim and each line once. Claims come in the order of their dates, lines in that of their agreement.

    `expected` gives deliveries that have counted for one milestone and are still to count for another, or whose events
    were withdrawn before they counted: nobody need invoice them, but an invoice may be about these as well.
    """
    matching = _Matching(list(claims), list(lines), tolerances)
    yield from matching.singles()
    if matching.claims and matching.lines:
        yield from matching.sums(())
        yield from matching.shared()
    if matching.claims:
        yield from matching.sums(expected())
    if matching.claims and matching.lines:
        yield from matching.nearest()
    yield from (Match((claim,), ()) for claim in matching.claims)
    yield from (Match((), group) for group in _groups(matching.lines))


class _Badness(NamedTuple):
    """Sorts first what comes from who is to be paid, then what has the quantity, then what has nearly the money."""

    is_doubtful: bool
    is_poor: bool
    other_quantity: bool
    apart: int
    is_all: bool


class _Matching:
    """What is left to match."""

    def __init__(self, claims: list[Claim], lines: list[Line], tolerances: Tolerances) -> None:
        self.claims, self.lines, self._tolerances = claims, lines, tolerances

    def singles(self) -> Iterator[Match]:
        """One invoice, one line, the same money and quantity."""
        by_money: dict[int, list[Line]] = {}
        for line in self.lines:
            by_money.setdefault(line.money, []).append(line)
        claims, gone = [], set()
        for claim in self.claims:
            candidates = by_money.get(claim.invoice.amount, ()) if self._tolerances.is_exact else self.lines
            for line in candidates:
                if id(line) not in gone and _concerns(claim, line) and self._fits_one(claim, line):
                    gone.add(id(line))
                    yield Match((claim,), (line,))
                    break
            else:
                claims.append(claim)
        self.claims, self.lines = claims, [line for line in self.lines if id(line) not in gone]

    def sums(self, expected: Sequence[Line]) -> Iterator[Match]:
        """One invoice for several lines in a row, or for one delivery's several milestones."""
        for claim in list(self.claims):
            groups = _groups([line for line in [*self.lines, *expected] if _concerns(claim, line)])
            for run in _runs([sum(line.money for line in group) for group in groups], claim.invoice.amount):
                lines = tuple(line for group in groups[run] for line in group)
                if any(line.is_there for line in lines) and self._fits((claim,), lines):
                    yield self._taken((claim,), lines)
                    break

    def shared(self) -> Iterator[Match]:
        """Several invoices in a row for one delivery."""
        for group in _groups(self.lines):
            claims = [claim for claim in self.claims if all(_concerns(claim, line) for line in group)]
            money = sum(line.money for line in group)
            for run in _runs([claim.invoice.amount for claim in claims], money):
                found = tuple(claims[run])
                if self._fits(found, group):
                    yield self._taken(found, group)
                    break

    def nearest(self) -> Iterator[Match]:
        """What fits least badly, one invoice to one delivery, or to all that are left where it is their quantity."""
        groups = _groups(self.lines)
        if len(self.claims) * len(groups) > NEAREST_MAX:
            for claim, group in zip(list(self.claims), groups, strict=False):
                yield self._taken((claim,), group)
            return
        targets = list(groups)
        if len(groups) > 1:
            targets.append(tuple(self.lines))
        pairs = sorted(
            (self._badness(claim, target, is_all=at == len(groups)), number, at)
            for (number, claim), (at, target) in product(enumerate(self.claims), enumerate(targets))
            if all(_concerns(claim, line) for line in target)
        )
        free_claims = dict(enumerate(self.claims))
        free_lines = {id(line) for line in self.lines}
        for badness, number, at in pairs:
            ids = {id(line) for line in targets[at]}
            is_poor_sum = at == len(groups) and badness.is_poor
            if not is_poor_sum and ids <= free_lines and number in free_claims:
                free_lines -= ids
                yield self._taken((free_claims.pop(number),), targets[at])

    def _badness(self, claim: Claim, lines: tuple[Line, ...], *, is_all: bool) -> _Badness:
        money = sum(line.money for line in lines)
        has_quantity = self._tolerances.same_quantity(claim.quantity, _accepted(lines, claim.uom))
        has_money = self._tolerances.same_money(claim.invoice.amount, money)
        apart = abs(claim.invoice.amount - money)
        return _Badness(claim.is_doubtful, not has_quantity and not has_money, not has_quantity, apart, is_all)

    def _fits_one(self, claim: Claim, line: Line) -> bool:
        same = self._tolerances
        has_money = same.same_money(claim.invoice.amount, line.money)
        return has_money and line.uom in ("", claim.uom) and same.same_quantity(claim.quantity, line.quantity)

    def _fits(self, claims: tuple[Claim, ...], lines: tuple[Line, ...]) -> bool:
        same = self._tolerances
        amount, money = sum(claim.invoice.amount for claim in claims), sum(line.money for line in lines)
        if not same.same_money(amount, money):
            return False
        uoms = {claim.uom for claim in claims}
        if len(uoms) > 1 or any(line.uom and line.uom not in uoms for line in lines):
            return False
        return same.same_quantity(sum(claim.quantity for claim in claims), _accepted(lines, claims[0].uom))

    def _taken(self, claims: tuple[Claim, ...], lines: tuple[Line, ...]) -> Match:
        gone = {id(claim) for claim in claims} | {id(line) for line in lines}
        self.claims = [claim for claim in self.claims if id(claim) not in gone]
        self.lines = [line for line in self.lines if id(line) not in gone]
        return Match(claims, lines)


def _accepted(lines: Sequence[Line], uom: str) -> int | None:
    """How much the lines are together in that unit: what counts for several milestones is there once. None: unknown."""
    largest: dict[tuple[int, bytes], int] = {}
    for line in lines:
        if line.quantity is None:
            return None
        if line.uom == uom:
            key = _goods(line)
            largest[key] = max(largest.get(key, 0), line.quantity)
    return sum(largest.values())


def _concerns(claim: Claim, line: Line) -> bool:
    milestone = claim.invoice.milestone
    if milestone is not None and milestone != line.item.milestone:
        return False
    return claim.delivery is None or claim.delivery == line.item.delivery


def _goods(line: Line) -> tuple[int, bytes]:
    """What is one thing to invoice: a delivery in all its milestones, but each milestone's rest by itself."""
    return (line.item.milestone if line.item.delivery == REST else 0), line.item.delivery


def _groups(lines: Sequence[Line]) -> list[tuple[Line, ...]]:
    groups: dict[tuple[int, bytes], list[Line]] = {}
    for line in lines:
        groups.setdefault(_goods(line), []).append(line)
    return [tuple(group) for group in groups.values()]


def _runs(amounts: Sequence[int], total: int) -> Iterator[slice]:
    """The runs of neighbours that sum to `total`, by where they end, each from the earliest on."""
    begins: dict[int, int] = {0: 0}
    reached = 0
    for end, amount in enumerate(amounts, 1):
        reached += amount
        begin = begins.get(reached - total)
        if begin is not None:
            yield slice(begin, end)
        begins.setdefault(reached, end)
