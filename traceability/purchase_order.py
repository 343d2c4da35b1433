"""A purchase order as people have it, a CSV or JSON file, becomes the terms document and the order's terms on chain.

One file is one order. In CSV each row is a milestone, and what concerns the whole order stands in the first row (or the
same in all); several values in one cell are separated by `|`. In JSON the same fields stand at the top and in
`milestones`: docs/terms-document.md, section 4. All that is wrong is told at once, and then nothing is made. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from ledger.errors import BadTerms, UnknownParty
from ledger.orders import DURATION_S_MAX, MILESTONES_MAX, NOBODY, Milestone, Split, Terms, check_terms
from traceability.epcis.numbers import plain_number
from traceability.errors import BadPurchaseOrder, BadTermsDocument, OrderProblem
from traceability.order_file import Cell, Sheet, sheet_of
from traceability.order_values import base_units, basis_points, count, duration_s, moment_at
from traceability.terms import (
    DECIMALS_MAX,
    Deduction,
    DeductionUnit,
    DeliveryName,
    MilestoneRule,
    Outcome,
    TermsDocument,
    check_document,
    document_hash,
)

ACCEPT: Final = {"inspecting": ("conformant",)}
"""Dispositions that accept where the file says none, by business step; else those of goods that came in well."""
ACCEPT_USUALLY: Final = ("conformant", "in_progress", "sellable_accessible", "sellable_not_accessible")
REJECT_USUALLY: Final = ("non_conformant", "damaged", "expired", "recalled", "needs_replacement")

_ORDER_NUMBER: Final = re.compile(r"[A-Za-z0-9._~-]{1,80}")
_KEY_DIGITS: Final = {"products": ("01", (8, 12, 13, 14)), "readPoints": ("414", (13,))}
_FIELD_OF: Final = {
    "token": "currency", "fund_by": "fundBy", "attestor_mask": "attestors", "ordered": "quantity", "due_at": "due",
    "grace_s": "grace", "window_s": "window", "arbitration_s": "arbitration", "late_bps": "latePenalty",
    "late_cap_bps": "lateCap", "deduction_cap_bps": "deductionCap", "dispositions": "accept", "field": "deduction",
    "unit": "deductionUnit", "document": "references", "salt": "references",
}  # fmt: skip
"""The file's field that a field of terms or terms document comes from, where it has another name."""
_T = TypeVar("_T")
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class KnownParty:
    """A party of the registry: the account that names it, and its GLN."""

    account: bytes
    gln: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token that orders may be paid in. `code` is its currency code in files."""

    address: bytes
    code: str
    decimals: int


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """What became of the file. `terms.document` is the document's hash."""

    document: TermsDocument
    terms: Terms


Resolve = Callable[[str], KnownParty]
"""The party of a name, GLN or account. Raises UnknownParty."""


def read_purchase_order(
    data: bytes, *, resolve: Resolve, tokens: Sequence[Token], now_at: int, salt: bytes
) -> PurchaseOrder:
    """Terms document and terms of the order in a CSV or JSON file.

    `now_at` is the present in seconds, `salt` 32 random bytes. Raises BadPurchaseOrder with everything that is wrong:
    row, column, field and reason.
    """
    sheet = sheet_of(data)
    reading = _Reading(sheet, resolve, tokens)
    document, terms = reading.order(salt)
    if sheet.problems or document is None or terms is None:
        raise BadPurchaseOrder(sheet.problems)
    try:
        check_document(document)
        check_terms(terms, now_at)
    except (BadTerms, BadTermsDocument) as error:
        steps = re.split(r"[/.\[\]]+", error.field)
        number = int(steps[1]) if steps[0] == "milestones" and len(steps) > 1 and steps[1] else None
        name = steps[2] if number is not None and len(steps) > 2 else steps[0]
        name = _FIELD_OF.get(name, name)
        raise BadPurchaseOrder([sheet.problem(number, name, error.reason)]) from error
    return PurchaseOrder(document, terms)


# -------------------------------------------------------------------------------------------------- what they mean


class _Reading:
    """The fields' values. What is wrong goes to the sheet's problems, and a stand-in goes on, so that all is found."""

    def __init__(self, sheet: Sheet, resolve: Resolve, tokens: Sequence[Token]) -> None:
        self.sheet, self.resolve = sheet, resolve
        self.tokens = {token.code: token for token in tokens}
        self.attestors: list[bytes] = []

    def order(self, salt: bytes) -> tuple[TermsDocument | None, Terms | None]:
        """Document and terms; None where something is missing without which there are none."""
        sheet = self.sheet
        buyer = self._one(None, "buyer", self._party)
        seller = self._one(None, "seller", self._party)
        token = self._one(None, "currency", self._token)
        fund_by = self._one(None, "fundBy", moment_at)
        arbiter = self._one(None, "arbiter", self._party, KnownParty(NOBODY, ""))
        splits = self._all(None, "splits", self._split, ())
        delivery = self._one(None, "delivery", _one_of(DeliveryName), DeliveryName.DESPATCH_ADVICE)
        references = self._all(None, "references", lambda text: _reference(text, buyer))
        if not 1 <= len(sheet.milestones) <= MILESTONES_MAX and not sheet.problems:
            sheet.problems.append(OrderProblem(None, None, "milestones", f"are not 1 to {MILESTONES_MAX}"))
        numbers = range(len(sheet.milestones))
        rules = [self._rule(number) for number in numbers]
        milestones = [self._milestone(number, rules[number], token, buyer) for number in numbers]
        parts = (buyer, seller, token, fund_by, arbiter, splits, delivery, references)
        if sheet.problems or None in parts or None in rules or None in milestones:
            return None, None
        document = TermsDocument(tuple(_there(references)), _there(delivery), salt, tuple(map(_there, rules)))
        terms = Terms(
            _there(buyer).account, _there(seller).account, _there(token).address, document_hash(document),
            _there(arbiter).account, _there(fund_by), tuple(_there(splits)), tuple(self.attestors),
            tuple(map(_there, milestones)),
        )  # fmt: skip
        return document, terms

    def _rule(self, number: int) -> MilestoneRule | None:
        step = self._one(number, "businessStep", str, "receiving")
        products = self._all(number, "products", lambda text: _key_of("products", text))
        uom = self._one(number, "uom", str)
        decimals = self._one(number, "decimals", lambda text: count(text, DECIMALS_MAX), 0)
        places = self._all(number, "readPoints", lambda text: _key_of("readPoints", text))
        accept = self._all(number, "accept", str, ACCEPT.get(step or "", ACCEPT_USUALLY))
        reject = self._all(number, "reject", str, REJECT_USUALLY)
        name = self._one(number, "deduction", str, "")
        unit = self._one(number, "deductionUnit", _one_of(DeductionUnit), DeductionUnit.PERCENT)
        if None in (step, products, uom, decimals, places, accept, reject, name, unit):
            return None
        step, uom, accept, reject = _there(step), _there(uom), _there(accept), _there(reject)
        is_said = [self.sheet.cell(number, name) is not None for name in ("accept", "reject")]
        if all(is_said) and (both := sorted(set(accept) & set(reject))):
            self._wrong(number, "reject", f"has {both[0]}, which is accepted")
        # Who says one of the lists only takes out of the usual other one what stands in it.
        if is_said[0]:
            reject = [word for word in reject if word not in accept]
        else:
            accept = [word for word in accept if word not in reject]
        outcomes = dict.fromkeys(accept, Outcome.ACCEPT) | dict.fromkeys(reject, Outcome.REJECT)
        deduction = Deduction(name, _there(unit)) if name else None
        return MilestoneRule(
            step, tuple(_there(products)), uom, _there(decimals), tuple(_there(places)), outcomes, deduction
        )

    def _milestone(
        self, number: int, rule: MilestoneRule | None, token: Token | None, buyer: KnownParty | None
    ) -> Milestone | None:
        attestors = self._all(number, "attestors", self._party, [buyer] if buyer else [])
        amount = self._one(number, "amount", lambda text: base_units(text, token.decimals if token else 18))
        ordered = self._one(number, "quantity", lambda text: base_units(text, rule.decimals if rule else 18))
        due_at = self._one(number, "due", moment_at)
        grace_s, window_s, arbitration_s = (
            self._one(number, name, _duration, 0) for name in ("grace", "window", "arbitration")
        )
        late, late_cap, deduction_cap = (
            self._one(number, name, basis_points, 0) for name in ("latePenalty", "lateCap", "deductionCap")
        )
        threshold = self._one(number, "threshold", lambda text: count(text, 8), len(attestors or ()) // 2 + 1)
        if late and not late_cap:
            self._wrong(number, "lateCap", "is needed where there is a late penalty: the most that it takes in all")
        if rule and rule.deduction and not deduction_cap:
            self._wrong(number, "deductionCap", "is needed where there is a deduction: the most that it takes")
        times = (due_at, grace_s, window_s, arbitration_s, late, late_cap, deduction_cap)
        if attestors is None or None in (amount, ordered, threshold, *times):
            return None
        if len({party.account for party in attestors}) < len(attestors):
            self._wrong(number, "attestors", "names a party twice")
        mask = sum(1 << self._bit(party.account) for party in dict.fromkeys(attestors))
        return Milestone(_there(amount), _there(ordered), mask, _there(threshold), *map(_there, times))

    def _bit(self, attestor: bytes) -> int:
        if attestor not in self.attestors:
            self.attestors.append(attestor)
        return self.attestors.index(attestor)

    # ------------------------------------------------------------------------------------------------- single values

    def _one(
        self, number: int | None, name: str, read: Callable[[str], _T], default: _T | None = None
    ) -> _T | None:  # fmt: skip
        """The value of a field of one text. None, and a problem, where it is wrong, or missing without a default."""
        cell = self.sheet.cell(number, name)
        if cell is None:
            if default is None:
                self._wrong(number, name, "is missing")
            return default
        return self._read(number, name, cell.value, read)

    def _all(
        self, number: int | None, name: str, read: Callable[[str], _T], default: Sequence[_T] | None = None
    ) -> list[_T] | None:
        """The values of a field of several texts, as `_one`."""
        cell = self.sheet.cell(number, name)
        if cell is None:
            if default is None:
                self._wrong(number, name, "is missing")
                return None
            return list(default)
        values = cell.value if isinstance(cell.value, list) else _parted(cell)
        found = [self._read(number, name, value, read) for value in values]
        return None if None in found else [value for value in found if value is not None]

    def _read(self, number: int | None, name: str, value: Any, read: Callable[[str], _T]) -> _T | None:
        try:
            return read(_text(value))
        except ValueError as wrong:
            self._wrong(number, name, f"{repr(value)[:80]} {wrong}")
        return None

    def _wrong(self, number: int | None, name: str, reason: str) -> None:
        self.sheet.problems.append(self.sheet.problem(number, name, reason))

    def _party(self, text: str) -> KnownParty:
        try:
            return self.resolve(text)
        except UnknownParty as unknown:
            raise ValueError("is no party of the consortium: see `tally party list`") from unknown

    def _token(self, text: str) -> Token:
        if text not in self.tokens:
            known = ", ".join(sorted(self.tokens)) or "none: see [tokens] in node.toml"
            raise ValueError(f"is no currency that orders are paid in here ({known})")
        return self.tokens[text]

    def _split(self, text: str) -> Split:
        name, colon, share = text.rpartition(":")
        if not colon:
            raise ValueError("is no split, as in cooperative: 2.5%")
        return Split(self._party(name.strip()).account, basis_points(share.strip()))


def _there(value: _T | None) -> _T:
    """Assumes that what is missing has been told of and led to nothing before."""
    assert value is not None
    return value


def _one_of(words: type[_Word]) -> Callable[[str], _Word]:
    def read(text: str) -> _Word:
        if text not in set(words):
            raise ValueError(f"is not one of {', '.join(words)}")
        return words(text)

    return read


def _parted(cell: Cell) -> Iterator[Any]:
    if not isinstance(cell.value, str):
        yield cell.value
        return
    yield from (part.strip() for part in cell.value.split("|") if part.strip())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("is no text")
    return plain_number(value)


def _reference(text: str, buyer: KnownParty | None) -> str:
    """A bare number becomes one under its buyer's GLN (CBV 2.0, 8.5.2)."""
    if ":" in text or buyer is None:
        return text
    if not _ORDER_NUMBER.fullmatch(text):
        raise ValueError("is no order number of letters, digits, point, dash and underscore: give a whole URN")
    return f"urn:epcglobal:cbv:bt:{buyer.gln}:{text}"


def _key_of(name: str, text: str) -> str:
    """A GTIN or GLN of digits alone becomes its Digital Link."""
    ai, lengths = _KEY_DIGITS[name]
    if not text.isdecimal() or not text.isascii():
        return text
    if len(text) not in lengths:
        raise ValueError(f"has {len(text)} digits, not {' or '.join(map(str, lengths))}")
    return f"https://id.gs1.org/{ai}/{text.zfill(14) if ai == '01' else text}"


def _duration(text: str) -> int:
    seconds = duration_s(text)
    if seconds > DURATION_S_MAX:
        raise ValueError("is longer than 365 days")
    return seconds
